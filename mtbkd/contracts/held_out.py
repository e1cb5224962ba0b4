"""Predictions of labelled examples that a student did not learn from: what its prediction sets are calibrated by.

Part of the file of draws. Shapes: R replicates, V held-out examples, F folds, M evaluated examples, K classes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = lazy_import("xarray")

REPLICATE = "replicate"


@dataclass(frozen=True)
class HeldOut:
    """Posterior mean probabilities; NaN where all chains of a replicate diverged.

    Attributes:
        row: int64 (V,), rows of the examples in the dataset; some may have no label in some replicates.
        prob: float32 (R, V, K), by the student that did not learn from the example.
        fold: int64 (V,), the fold of each, 0..F-1, whose student that is.
        test_prob: float32 (R, F, M, K), of the evaluated examples by the student of each fold; None where the one student of
            the draws predicts both.
    """

    row: np.ndarray
    prob: np.ndarray
    fold: np.ndarray
    test_prob: np.ndarray | None = None

    def validate(self, where: object, name: str, replicates: int, examples: int) -> None:
        """Raise ContractError where a shape breaks the contract."""
        v, k = len(self.row), self.prob.shape[-1]
        folds = int(self.fold.max(initial=0)) + 1
        expected = {"prob": (replicates, v, k), "fold": (v,)}
        expected |= {} if self.test_prob is None else {"test_prob": (replicates, folds, examples, k)}
        for array, shape in expected.items():
            if (found := getattr(self, array).shape) != shape:
                raise ContractError(where, f"{name}, {array}", f"shape {found}", f"{shape}")

    def to_dataset(self) -> "xr.Dataset":
        """A group of the file of draws."""
        found = xr.Dataset({
            "prob": ((REPLICATE, "held_out", "class"), self.prob), "fold": (("held_out",), self.fold),
        }, coords={"held_out": self.row})  # fmt: skip
        if self.test_prob is not None:
            found["test_prob"] = ((REPLICATE, "folds", "example", "class"), self.test_prob)
        return found

    @classmethod
    def of(cls, group: "xr.Dataset | None") -> "HeldOut | None":
        """What ``to_dataset`` made; None where the file has none."""
        if group is None:
            return None
        test_prob = group["test_prob"].values if "test_prob" in group else None
        return cls(group["held_out"].values, group["prob"].values, group["fold"].values, test_prob)
