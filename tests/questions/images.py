"""A tiny experiment on images with votes, domains and noise, its predictions known: for the questions that read images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.contracts.draws import Draws
from mtbkd.questions.inputs import Inputs
from tests.evaluation.examples import make_dataset as make_table
from tests.evaluation.examples import make_draws, softmax

CLASSES = ("a", "b", "c")


def make_dataset(noise: tuple[float, ...] = (0.0, 0.5, 1.0)) -> Dataset:
    """20 train, 10 val, 60 test images in two domains, and 20 test images a noise level; y is what x says."""
    count, extra = 90, 20 * len(noise)
    split = np.array(["train"] * 20 + ["val"] * 10 + ["test"] * 60 + [f"ood:gamma_{g:g}" for g in noise for _ in range(20)])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, count + extra, 3, 4, 4)).astype(np.float32)
    y = rng.integers(0, 3, (1, count + extra))
    part = np.where(split == "train", "train", "test")
    ids = np.array([f"cifar10-{p}-{i:05d}" for i, p in enumerate(part[:count])] + [f"noisy-{i}" for i in range(extra)])
    domain = (np.arange(count + extra) % 2)[None]
    return Dataset("toy", x, y, split, CLASSES, ids, domain, ("left", "right")).validate()


def teacher(dataset: Dataset, name: str, strength: np.ndarray, **card: Any) -> Logits:
    """Logits of the label with ``strength`` (N,): the larger, the surer."""
    logits = (np.eye(3)[dataset.y[0]] * strength[:, None])[None].astype(np.float32)
    return Logits(name, logits, np.ones(dataset.num_examples, bool), ids_digest(dataset.ids), card).validate(dataset)


def draws_of(
    dataset: Dataset, sharpness: np.ndarray, attrs: dict[str, Any], shape: tuple[int, int], replicates: int = 2
) -> Any:
    """Draws around the label with ``sharpness`` (N,), of the evaluated examples."""
    replicates = 2
    at = np.flatnonzero(~np.isin(dataset.split, ["train", "val"]))
    rng = np.random.default_rng(attrs["seed"])
    centre = (np.eye(3)[dataset.y[0]] * sharpness[:, None])[at]
    prob = softmax(centre + 0.4 * rng.normal(size=(replicates, *shape, len(at), 3))).astype(np.float32)
    base = make_draws(make_table(1, 0), list(range(replicates)), 0.1, attrs, shape)
    return replace(base, prob=prob, example_index=at, probe_prob=prob[:, :, :, :2], probe_index=at[:2]).validate()


def inputs(dataset: Dataset, teachers: list[Logits], draws: dict[str, Draws], raw: Path = Path()) -> Inputs:
    return Inputs.in_memory(name="toy", seed=0, replicates=2, dataset=dataset, teachers=teachers, draws=draws, raw=raw)
