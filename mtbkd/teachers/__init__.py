"""Teachers: one module a family, each giving logits on a dataset (``artefacts.Logits``)."""

import numpy as np

from mtbkd.artefacts import Dataset


def accuracy_card(logits: np.ndarray, dataset: Dataset, covered: np.ndarray) -> dict[str, float]:
    """Accuracy of ``logits`` (R, N, K) on the covered val and test splits and on the test split's domains."""
    right = (logits.argmax(-1) == dataset.y).astype(float)
    at = {split: np.broadcast_to(dataset.split == split, right.shape) for split in ("val", "test")}
    card = {split: float(right[mask].mean()) for split, mask in at.items() if covered[dataset.split == split].all()}
    for code, domain in enumerate(dataset.domain_names if "test" in card else ()):
        rows = at["test"] & (dataset.domain == code)
        if rows.any():
            card[f"test/{domain}"] = float(right[rows].mean())
    return card
