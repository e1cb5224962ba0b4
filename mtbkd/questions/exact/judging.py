"""One method on every case and on the simulated data sets: one job of the question ``exact``."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base import registry
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.inference import Context
from mtbkd.questions.exact import sbc
from mtbkd.questions.exact.cases import all_cases
from mtbkd.questions.exact.judge import judge
from mtbkd.questions.exact.spec import Spec
from mtbkd.questions.inputs import Inputs

# Columns of the three tables, so that each has them all even where nothing could be measured.
COLUMNS = {
    "cases": (
        "method", "inference", "case", "quantity", "exact_mean", "exact_sd", "mean", "sd", "mean_error", "sd_ratio",
        "mean_allowance", "sd_allowance", "tolerance", "ess", "rhat", "khat", "seconds", "verdict", "note",
    ),
    "sbc": (
        "method", "inference", "quantity", "datasets", "draws", "p_uniform", "shift", "p_shift", "spread", "p_spread",
        "verdict", "note",
    ),
    "ranks": ("method", "inference", "quantity", "dataset", "rank", "draws"),
}  # fmt: skip
TEXT = ("method", "inference", "case", "quantity", "verdict", "note")


def judge_method(spec: Spec) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables ``cases``, ``sbc`` and ``ranks``."""
    module = registry.part("inference", spec.inference)
    settings = module.Settings.model_validate(spec.settings)
    context = Context(spec.seed, (0,), spec.training, "cpu")
    cases = [row for case in all_cases(spec.conjugate, spec.seed) for row in judge(case, module, settings, context)]
    calibration, ranks = sbc.calibrate(spec.sbc_datasets, module, settings, context)
    named = {"method": spec.method, "inference": spec.inference}
    found = {"cases": cases, "sbc": calibration, "ranks": ranks}
    return {name: [named | row for row in rows] for name, rows in found.items()}


def tables(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Frame]:
    """The tables; numbers that are missing are NaN."""
    frames = {name: pd.DataFrame(list(own), columns=list(COLUMNS[name])) for name, own in rows.items()}
    return {name: f.astype(dict.fromkeys([c for c in f.columns if c not in TEXT], "float64")) for name, f in frames.items()}


def run(inputs: Inputs, spec: Spec) -> dict[str, Frame]:
    """Judge one method."""
    return tables(judge_method(spec))
