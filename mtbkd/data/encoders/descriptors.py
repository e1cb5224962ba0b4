"""Fixed numbers that describe a protein chain: composition, ends, dipeptides and ProtParam's scalars.

Ambiguous and rare residues (B, O, U, X, Z) are accepted. They count in the length and hold their place in the ends, but not
in any composition or dipeptide, and the charges are those of the chain without them.
Shapes: N chains, L residues of one chain, F features.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.explain import distinct
from mtbkd.data.sequences import AMBIGUOUS, RESIDUES, codes

LICENCE = "none: computed by Biopython from the chain alone"
BATCH = 256, 10**9
HEAD, TAIL = 60, 30  # residues at the N and C terminus, where most sorting signals lie
SCALARS = (
    "log_length", "weight_per_residue", "gravy", "aromaticity", "instability", "aliphatic_index", "helix", "turn", "sheet",
    "isoelectric_point", "charge_ph7_per_residue",
)  # fmt: skip
WATER = 18.0153  # lost with every peptide bond
AROMATIC, HELIX, TURN, SHEET = "FWY", "EMALK", "NPGSD", "VIYFWLT"
ALIPHATIC = {"A": 1.0, "V": 2.9, "I": 3.9, "L": 3.9}  # Ikai 1980, per percent of the chain
Group = Literal["chain", "head", "tail", "pairs", "scalars"]
GROUPS: dict[Group, tuple[str, ...]] = {
    "chain": tuple(f"chain_{a}" for a in RESIDUES),
    "head": tuple(f"head_{a}" for a in RESIDUES),
    "tail": tuple(f"tail_{a}" for a in RESIDUES),
    "pairs": tuple(f"pair_{a}{b}" for a in RESIDUES for b in RESIDUES),
    "scalars": SCALARS,
}
FEATURES = tuple(name for group in GROUPS.values() for name in group)
_UNKNOWN = len(RESIDUES)
_WITHOUT_AMBIGUOUS = str.maketrans("", "", AMBIGUOUS)


class Settings(BaseModel):
    """Which descriptors; the whole chain is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: Annotated[tuple[Group, ...], AfterValidator(distinct)] = Field(
        tuple(GROUPS), min_length=1,
        description="composition of the chain and of its ends, its 400 dipeptides, ProtParam scalars",
    )  # fmt: skip

    @property
    def columns(self) -> list[int]:
        """Columns of FEATURES, in their order."""
        wanted = {name for group in self.groups for name in GROUPS[group]}
        return [column for column, name in enumerate(FEATURES) if name in wanted]


def raw_files(settings: Settings) -> tuple[str, ...]:
    """None."""
    return ()


def names(settings: Settings) -> list[str]:
    """The descriptors."""
    return [FEATURES[column] for column in settings.columns]


def prepared(settings: Settings, chain: str) -> str:
    """The whole chain."""
    return chain


def load(settings: Settings, raw: Path) -> Settings:
    """There are no weights."""
    return settings


def encode(encoder: Settings, chains: Sequence[str]) -> np.ndarray:
    """Describe clean chains: float32 (N, F)."""
    return features(chains)[:, encoder.columns].astype(np.float32)


def features(chains: Sequence[str]) -> np.ndarray:
    """Describe clean chains: float64 (N, F), the columns of ``FEATURES``."""
    read = [codes(chain) for chain in chains]
    chain, head, tail = (
        np.stack([_residues(code[part]) for code in read]) for part in (slice(None), slice(HEAD), slice(-TAIL, None))
    )
    pairs = np.stack([_pairs(code) for code in read])
    shares = [_share(counts) for counts in (chain, head, tail, pairs)]
    log_length = np.log([len(chain) for chain in chains])
    return np.column_stack([*shares, log_length, _linear_scalars(chain, pairs), _charges(chains)])


def _residues(code: np.ndarray) -> np.ndarray:
    """Counts (20,) of the known residues in ``code`` (L,)."""
    return np.bincount(code, minlength=_UNKNOWN + 1)[:_UNKNOWN]


def _pairs(code: np.ndarray) -> np.ndarray:
    """Counts (400,) of the neighbours (first, second) whose residues are both known."""
    first, second = code[:-1].astype(np.intp), code[1:].astype(np.intp)
    known = (first < _UNKNOWN) & (second < _UNKNOWN)
    return np.bincount(first[known] * _UNKNOWN + second[known], minlength=_UNKNOWN**2)


def _share(counts: np.ndarray) -> np.ndarray:
    """Rows of ``counts`` (N, ...) divided by their sum; zeros where that is zero."""
    return counts / np.maximum(1, counts.sum(-1, keepdims=True))


def _linear_scalars(residues: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """ProtParam's numbers (N, 8) that are sums over residues (N, 20) or pairs (N, 400), from Biopython's tables."""
    from Bio.Data.IUPACData import protein_weights
    from Bio.SeqUtils.ProtParamData import DIWV, kd

    share, length = _share(residues), residues.sum(-1)
    weight = share @ [protein_weights[a] for a in RESIDUES] - WATER * (length - 1) / length
    instability = 10 * (pairs @ [DIWV[a][b] for a in RESIDUES for b in RESIDUES]) / length
    aliphatic = 100 * share @ [ALIPHATIC.get(a, 0.0) for a in RESIDUES]
    gravy = share @ [kd[a] for a in RESIDUES]
    aromaticity, helix, turn, sheet = (share @ [float(a in kind) for a in RESIDUES] for kind in (AROMATIC, HELIX, TURN, SHEET))
    return np.column_stack([weight, gravy, aromaticity, instability, aliphatic, helix, turn, sheet])


def _charges(chains: Sequence[str]) -> list[tuple[float, float]]:
    """Isoelectric point and charge per residue at pH 7 (N, 2); they need a search, so chain by chain."""
    from Bio.SeqUtils.IsoelectricPoint import IsoelectricPoint

    known = [chain.translate(_WITHOUT_AMBIGUOUS) for chain in chains]
    points = [IsoelectricPoint(chain) for chain in known]
    return [(point.pi(), point.charge_at_pH(7.0) / len(chain)) for point, chain in zip(points, known, strict=True)]
