"""Next-residue distillation: teachers' weights that change along a sequence, with a shift of the mix, and safety both ways.

Reads of the grid of shared settings ``lambda`` and ``prior_scale``; each student chooses on validation sequences.
"""

from typing import Any

from mtbkd.base.device import resolve_device
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import judged, paired
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.residues.spec import DEEPLOC2, Settings

__all__ = ["NEEDS", "TABLES", "Settings", "raw_files", "run"]
NEEDS: frozenset[str] = frozenset()
TABLES = ("bits", "comparisons", "weights", "safety", "tuning")
REFERENCE = "equal", "linear"


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The proteins, where they are asked for."""
    return (DEEPLOC2,) if settings.source == "deeploc2" else ()


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables of all replicates:

    ``bits``: kind (pool, student, teacher, truth), weighting, pool, domain (a kingdom or a mix), bits per residue.
    ``comparisons``: kind, weighting, pool, domain, against (equal weights in the linear pool, or the student without
    teachers), the fields of ``evaluation.compare.Paired``, p_holm over those compared with one reference in one domain,
    and the verdict.
    ``weights``: mean weight of each teacher on the sequences of each kingdom.
    ``safety``: mass on the designated residues, the fields of ``residues.limits.Excess``, price in bits per residue.
    ``tuning``: the settings that each student chose.
    """
    from mtbkd.questions.residues.corpus import read_deeploc2
    from mtbkd.questions.residues.measure import measure
    from mtbkd.questions.residues.models import Fitting

    chains = read_deeploc2(inputs.raw / DEEPLOC2) if settings.source == "deeploc2" else []
    device = resolve_device(inputs.device)
    found = [
        measure(settings, inputs.posterior, Fitting(inputs.training, inputs.seed, replicate, device), chains)
        for replicate in range(inputs.replicates)
    ]
    names = [name for name in TABLES if name != "comparisons"]
    tables = {name: pd.DataFrame([row for each in found for row in getattr(each, name)]) for name in names}
    tables["comparisons"] = comparisons(tables["bits"])
    return tables


def comparisons(bits: Frame) -> Frame:
    """Every pool and student against equal weights in the linear pool, and every student against the one without teachers."""
    from mtbkd.questions.residues.measure import ALONE

    rows: list[dict[str, Any]] = []
    for (kind, domain), own in bits[bits["kind"].isin(["pool", "student"])].groupby(["kind", "domain"], sort=False):
        values = own.pivot(index="replicate", columns=["weighting", "pool"], values="bits")
        for against in (REFERENCE, *([("", ALONE)] if kind == "student" else [])):
            others = [name for name in values.columns if name not in (against, ("", ALONE))]
            tested = [paired((values[name] - values[against]).to_numpy()) for name in others]
            for (weighting, pool), each in zip(others, judged(tested, higher_is_better=False), strict=True):
                name = {"kind": kind, "weighting": weighting, "pool": pool, "domain": domain}
                told = "no teachers" if against[1] == ALONE else ", ".join(against)
                rows.append({**name, "against": told, **each})
    return pd.DataFrame(rows)
