"""What a trained teacher says of the rows that it learnt from: by fits that did not see them, as stacking needs it (Wolpert
1992). Without that it is right on nearly all of them, and students copy a certainty that new rows do not deserve.
"""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mtbkd.base.folds import stratified_folds
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset

Folds = Annotated[
    int | None,
    Field(ge=2, le=100, description="cross-fitting: number of folds, each predicted by a fit to the others, of training rows "
                                    "shared with the student; default: no cross-fitting"),
]  # fmt: skip


def cross_fitted(
    fit: Callable[[np.ndarray, int], np.ndarray], seen: np.ndarray, y: np.ndarray, folds: int | None, dataset: Dataset,
    seed: int,
) -> np.ndarray:  # fmt: skip
    """Logits (R, N, K): of all rows by one fit, and of the rows learnt from by the fits to the other folds.

    Args:
        fit: (rows to learn from, bool (R, N); base of its seeds) to logits (R, N, K).
        seen: bool (R, N), the rows to learn from.
        y: int (R, N), their labels, by which folds are stratified.
        folds: F, or None for one fit alone. Rows of the split ``teachers``, which no student sees, need none.
        dataset: whose rows these are.
        seed: base of the seeds.
    """
    logits = fit(seen, seed)
    if not _needed(folds, dataset):
        return logits
    assert folds is not None
    fold = np.full(seen.shape, -1)
    for r, own in enumerate(seen):
        fold[r, own] = stratified_folds(y[r, own], folds, seed)
    for f in range(folds):
        inside = fold == f
        logits = np.where(inside[..., None], fit(seen & ~inside, derive(seed, "fold", fold=f)), logits)
    return logits


def folds_card(folds: int | None, dataset: Dataset) -> dict[str, Any]:
    """What a card says of a teacher's training rows; {} where they are the student's and learnt by heart."""
    split = dataset.teachers_split
    if split != "train":
        return {"seen": [split]}
    if not _needed(folds, dataset):
        return {}
    told = f"predictions for training rows are out-of-fold ({folds} folds)"
    return {"seen": [split], "out_of_fold": [split], "learnt": told}


def _needed(folds: int | None, dataset: Dataset) -> bool:
    return folds is not None and dataset.teachers_split == "train"
