"""Shared by several datasets: stratified splits, hidden labels, standardisation, on plain arrays. N examples, F features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from mtbkd.base.errors import ContractError

LabelShare = Annotated[
    float,
    Field(gt=0, le=1, description="share of the training examples that are labelled; the others have teachers only"),
]


def stratified_split(strata: np.ndarray, shares: Mapping[str, float], rng: np.random.Generator) -> np.ndarray:
    """Assign every example to a split at random, with the same shares in every stratum up to rounding.

    Args:
        strata: int (N,), examples of one value are split by themselves.
        shares: split -> share; they sum to 1. A stratum too small for all splits fills the first ones.

    Returns:
        str (N,), the split of each example.
    """
    names, cuts = list(shares), np.cumsum(list(shares.values()))[:-1]
    split = np.empty(len(strata), dtype=f"<U{max(map(len, names))}")
    for stratum in np.unique(strata):
        rows = rng.permutation(np.flatnonzero(strata == stratum))
        bounds = np.floor(cuts * len(rows) + 0.5).astype(int)
        for name, part in zip(names, np.split(rows, bounds), strict=True):
            split[part] = name
    return split


def hide_labels(y: np.ndarray, split: np.ndarray, share: float, seed: int, where: object) -> np.ndarray:
    """Set the label of all but ``round(share * n)`` of the n labelled training examples to -1.

    For one seed the labelled examples of a smaller share are among those of a larger one, so a curve over shares is paired.

    Args:
        y: int64 (N,).
        split: str (N,).
        where: named in the ContractError that is raised when no label would remain.
    """
    labelled = np.flatnonzero((split == "train") & (y >= 0))
    keep = round(share * len(labelled))
    if keep == 0:
        raise ContractError(where, "label_share", f"{share} of {len(labelled)} training labels, which is none",
                            "a share that leaves at least one label")  # fmt: skip
    hidden = np.random.default_rng(seed).permutation(labelled)[keep:]
    y = y.copy()
    y[hidden] = -1
    return y


@dataclass(frozen=True)
class Scaling:
    """Centre ``mean`` and ``scale`` of columns, both float64 (F,); a scale of 0 marks a column without variation."""

    mean: np.ndarray
    scale: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Centre and scale the columns of ``x`` (N, F): float32; those without variation become 0."""
        varying = self.scale > 0
        scaled = (np.asarray(x, dtype=np.float64) - self.mean) / np.where(varying, self.scale, 1)
        return np.where(varying, scaled, 0).astype(np.float32)

    @classmethod
    def none(cls, num_features: int) -> "Scaling":
        """Leaves every column as it is."""
        return cls(np.zeros(num_features), np.ones(num_features))

    def card(self) -> dict[str, list[float]]:
        """JSON-able, for a dataset's card: students that leave the house scale new examples by it."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}


def scaling(x: np.ndarray, train: np.ndarray) -> Scaling:
    """Mean and standard deviation of the columns of ``x`` (N, F) over the rows ``train`` only.

    A column counts as constant when its deviation is rounding: small beside its largest value, whatever its unit.
    """
    x = np.asarray(x, dtype=np.float64)[train]
    mean, scale = x.mean(0), x.std(0)
    return Scaling(mean, np.where(scale <= 1e-9 * np.abs(x).max(0), 0, scale))
