"""Which examples are labelled, and which of them each fold keeps out.

Labels come from the training and validation splits together: whoever has n labels pays for validation out of them. The order
is drawn once a replicate, the same for all methods, teachers and curves, and the first n of it are labelled, so that a larger
budget holds every smaller one. Shapes: R replicates, P training and validation examples, n labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset


@dataclass(frozen=True)
class Order:
    """Rows of the dataset in the order in which they are labelled.

    Attributes:
        rows: int (R, P), those that have a label first.
        labelled: how many have one in every replicate.
        data: int (R,), position of each replicate in the dataset's arrays.
    """

    rows: np.ndarray
    labelled: int
    data: np.ndarray

    def take(self, array: np.ndarray, count: int | None = None) -> np.ndarray:
        """Entries (R, count or P, ...) of ``array`` (R or 1, N, ...), a dataset's or a teacher's, in this order."""
        rows = self.data if array.shape[0] > 1 else np.zeros_like(self.data)
        return array[rows[:, None], self.rows[:, :count]]


def label_order(dataset: Dataset, seed: int, replicates: Sequence[int]) -> Order:
    """The order of ``replicates``; with real data (one data set for all) each replicate labels other examples.

    Args:
        dataset: with R = len(replicates), or R = 1.
        seed: base seed; a replicate's order depends on it and its number alone.
        replicates: their numbers.
    """
    inside = np.flatnonzero(np.isin(dataset.split, ("train", "val")))
    data = np.arange(len(replicates)) if dataset.num_replicates > 1 else np.zeros(len(replicates), np.int64)
    rows, counts = [], []
    for at, replicate in zip(data, replicates, strict=True):
        shuffled = np.random.default_rng(derive(seed, "curve labels", replicate=replicate)).permutation(inside)
        known = dataset.y[at, shuffled] >= 0
        rows.append(np.concatenate([shuffled[known], shuffled[~known]]))
        counts.append(int(known.sum()))
    return Order(np.stack(rows), min(counts), data)


def budgets(asked: Sequence[int | str], labelled: int, where: str) -> dict[int, bool]:
    """Label counts in rising order; the value says whether it is all of them (``all`` or the same number).

    Raises:
        ContractError: more labels are asked for than there are.
    """
    most = max((n for n in asked if isinstance(n, int)), default=0)
    if most > labelled:
        raise ContractError(where, "labels", most, f"at most {labelled}, the labelled training and validation examples",
                            "'all' stands for all of them")  # fmt: skip
    return {n: n == labelled for n in sorted({labelled if n == "all" else int(n) for n in asked})}


def fold_size(n: int, folds: int) -> int:
    """Labels that each fold keeps out: n / folds, rounded down; the few left over are never kept out."""
    return n // folds


def held_out(n: int, folds: int) -> np.ndarray:
    """Positions (folds, n // folds) in the order that each fold keeps out."""
    return np.arange(folds * fold_size(n, folds)).reshape(folds, -1)
