"""Several domains as one dataset: what digit_domains, digit_five and digit_usps_mnist share."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base import seeds
from mtbkd.contracts.artefacts import TEACHERS, Dataset
from mtbkd.data.images.collections import DIGITS
from mtbkd.data.preprocess import hide_labels

SPLITS = ("train", "val", "test")


class Part(NamedTuple):
    """Images of one domain in one split: x float32 (n, C, S, S) in [-1, 1], label int64 (n,), ids (n,)."""

    domain: str
    split: str
    x: np.ndarray
    label: np.ndarray
    ids: np.ndarray


def joined(
    name: str, parts: Sequence[Part], domains: tuple[str, ...], held_out: str | None, label_share: float, seed: int,
    card: Mapping[str, Any],
) -> Dataset:  # fmt: skip
    """One dataset of all parts; of the domain ``held_out`` only the test images stay, as ood:<domain>, with their labels."""
    kept = [part for part in parts if part.domain != held_out or part.split == "test"]
    split = np.concatenate([np.full(len(p.label), f"ood:{held_out}" if p.domain == held_out else p.split) for p in kept])
    y = np.concatenate([p.label for p in kept])
    hidden = hide_labels(y, split, label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    hidden[split == TEACHERS] = -1
    return Dataset(
        name=name,
        x=np.concatenate([p.x for p in kept])[None],
        y=hidden[None],
        split=split,
        class_names=DIGITS,
        ids=np.concatenate([p.ids for p in kept]),
        domain=np.concatenate([np.full(len(p.label), domains.index(p.domain)) for p in kept]).astype(np.int64)[None],
        domain_names=domains,
        teacher_y=y[None] if (hidden != y).any() else None,
        card={**card, "seed": seed, "simulated": False, "labelled_train": int(((hidden >= 0) & (split == "train")).sum())},
    ).validate()
