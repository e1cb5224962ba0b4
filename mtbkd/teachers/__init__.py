"""Teachers: one module per family, each giving logits on a dataset (``artefacts.Logits``)."""

import numpy as np

from mtbkd.contracts.artefacts import Dataset


def right(logits: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Float (R, N): 1 where ``logits`` (R or 1, N, K) name the class; NaN where no label is known, hidden ones included."""
    y = dataset.y if dataset.teacher_y is None else dataset.teacher_y
    return np.where(y >= 0, logits.argmax(-1) == y, np.nan)


def accuracy_card(logits: np.ndarray, dataset: Dataset, covered: np.ndarray) -> dict[str, float]:
    """Accuracy of ``logits`` (R, N, K) on the covered splits train (labelled rows), val and test, and on the test's domains."""
    score = right(logits, dataset)
    at = {split: np.broadcast_to(dataset.split == split, score.shape) for split in ("train", "val", "test")}
    labelled = {split: mask & np.isfinite(score) for split, mask in at.items() if covered[dataset.split == split].all()}
    card = {split: float(score[mask].mean()) for split, mask in labelled.items() if mask.any()}
    for code, domain in enumerate(dataset.domain_names if "test" in card else ()):
        rows = labelled["test"] & (dataset.domain == code)
        if rows.any():
            card[f"test/{domain}"] = float(score[rows].mean())
    return card
