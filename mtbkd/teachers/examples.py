"""Training rows of a teacher: those of the split ``teachers`` if the dataset has it, otherwise the training split."""

import numpy as np

from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset


def seen_examples(dataset: Dataset, domain: str | None, exposure: float, seed: int, first_replicate: int) -> np.ndarray:
    """Rows that a specialist learns from, bool (R, N): its domain's, and a random share ``exposure`` of the others'."""
    rows = np.broadcast_to(dataset.split == dataset.teachers_split, dataset.y.shape)
    if domain is None:
        return rows
    if dataset.domain is None or domain not in dataset.domain_names:
        known = ", ".join(dataset.domain_names) or "none: the dataset has no domains"
        raise ContractError(f"teacher on {dataset.name}", "domain", domain, known, nearest(domain, dataset.domain_names))
    own = dataset.domain == dataset.domain_names.index(domain)
    draws = [np.random.default_rng(derive(seed, "exposure", replicate=first_replicate + r)) for r in range(len(own))]
    exposed = np.stack([rng.random(own.shape[1]) < exposure for rng in draws])
    return rows & (own | exposed)


def labels_of(dataset: Dataset) -> np.ndarray:
    """Labels (R, N) that teachers learn from, those hidden from students included; -1 where there is none."""
    return dataset.y if dataset.teacher_y is None else dataset.teacher_y


def labelled_examples(
    name: str, dataset: Dataset, domain: str | None, exposure: float, seed: int, first_replicate: int
) -> np.ndarray:
    """``seen_examples`` with a label; ContractError if teacher ``name`` has fewer than two in a replicate."""
    seen = seen_examples(dataset, domain, exposure, seed, first_replicate) & (labels_of(dataset) >= 0)
    if (seen.sum(1) < 2).any():
        raise ContractError(f"teacher {name} on {dataset.name}", "training examples", int(seen.sum(1).min()), "at least 2",
                            "raise exposure or choose another domain")  # fmt: skip
    return seen
