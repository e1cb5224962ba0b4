"""Shared by all simulations: sizes, replicates, splits, hidden labels, the Bayes ceiling.

Data of replicate r depend on (seed, r) only. Test, validation and training examples are drawn in this order and example by
example, so studies that differ in the number of training examples or labels share the rest. Fresh test examples have
generators of their own: any number of them leaves all others as they are.
Shapes: R replicates, N examples, F features, K classes.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import seeds
from mtbkd.contracts.artefacts import SPLITS, Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.preprocess import LabelShare, hide_labels

NumExamples = Annotated[int, Field(ge=10, le=10_000_000)]


class Sizes(BaseModel):
    """How many examples a simulation draws, and how many of them keep their label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_train: NumExamples = Field(12_000, description="training examples")
    n_val: NumExamples = Field(3_000, description="validation examples")
    n_test: NumExamples = Field(5_000, description="test examples")
    n_fresh: int = Field(
        0, ge=0, le=10_000_000, description="additional test examples beyond the paper's, for less noisy scores"
    )
    label_share: LabelShare = 1.0


class Sample(NamedTuple):
    """n draws from the design: x (n, F), y (n,), domain (n,), all 0 where there are no domains, true_prob (n, K)."""

    x: np.ndarray
    y: np.ndarray
    domain: np.ndarray
    true_prob: np.ndarray


Draw = Callable[[int, np.random.Generator, np.random.Generator], Sample]


def logistic(eta: np.ndarray) -> np.ndarray:
    """Probabilities (..., 2) of two classes whose second one has log-odds ``eta`` (...)."""
    p1 = 1 / (1 + np.exp(-eta))
    return np.stack([1 - p1, p1], axis=-1)


def sample_labels(prob: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw y (n,) from the rows of ``prob`` (n, K) by inversion."""
    u = rng.random((len(prob), 1))
    return (prob.cumsum(-1)[:, :-1] < u).sum(-1)


def prepare(
    name: str, shape: Shape, draw: Draw, settings: Sizes, seed: int, replicates: range, card: Mapping[str, object]
) -> Dataset:
    """Draw every replicate with ``draw(n, generator of x, generator of y)`` and put them into one validated Dataset."""
    sizes = {"train": settings.n_train, "val": settings.n_val, "test": settings.n_test, "fresh": settings.n_fresh}
    split = np.repeat((*SPLITS, "test"), list(sizes.values()))
    drawn = [_replicate(draw, sizes, seed, r) for r in replicates]
    y = np.stack([sample.y for sample in drawn]).astype(np.int64)
    hidden_seeds = [seeds.derive(seed, "data", replicate=r, part="hidden") for r in replicates]
    student_y = np.stack(
        [
            hide_labels(labels, split, settings.label_share, hidden, f"dataset {name}")
            for labels, hidden in zip(y, hidden_seeds, strict=True)
        ]
    )
    true_prob = np.stack([sample.true_prob for sample in drawn]).astype(np.float32)
    bayes = true_prob[:, split == "test"].max(-1).mean(dtype=np.float64)
    return Dataset(
        name=name,
        x=np.stack([sample.x for sample in drawn]).astype(np.float32),
        y=student_y,
        split=split,
        class_names=shape.class_names,
        ids=np.array([f"{s}{i}" for s, n in sizes.items() for i in range(n)]),
        domain=np.stack([sample.domain for sample in drawn]).astype(np.int64) if shape.domain_names else None,
        domain_names=shape.domain_names,
        true_prob=true_prob,
        teacher_y=y if settings.label_share < 1 else None,
        card={
            **card,
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
            "replicates": [replicates[0], replicates[-1]],
            "simulated": True,
            "licence": "none needed (simulated)",
            "labelled_train": round(settings.label_share * settings.n_train),
            "bayes_accuracy": float(bayes),
            "Splits, exact counts": _counts(settings),
        },
    ).validate()


def _counts(settings: Sizes) -> str:
    """The sizes in words."""
    told = f"training {settings.n_train:,}, validation {settings.n_val:,}, test {settings.n_test:,}"
    fresh = f" and {settings.n_fresh:,} fresh test examples, drawn for scoring only" if settings.n_fresh else ""
    return told + fresh


def _replicate(draw: Draw, sizes: dict[str, int], seed: int, replicate: int) -> Sample:
    """One replicate, in the order train, val, test, fresh."""

    def generator(**part: str) -> np.random.Generator:
        return np.random.default_rng(seeds.derive(seed, "data", replicate=replicate, **part))

    x_rng, y_rng = generator(), generator(part="labels")
    parts = {s: draw(sizes[s], x_rng, y_rng) for s in reversed(SPLITS)}
    parts["fresh"] = draw(sizes["fresh"], generator(part="fresh"), generator(part="fresh labels"))
    return Sample(*(np.concatenate(arrays) for arrays in zip(*(parts[s] for s in sizes), strict=True)))
