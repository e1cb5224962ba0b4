"""Simulation 1 of the paper (arXiv 2605.27967, section 7.1): two features, two classes, three domains.

eta = -0.5 + 0.1 x1 + 0.8 x1^2 - 0.8 x2^2, P(Y = 1) = sigmoid(eta), x1 ~ U(-3, 3.5), x2 ~ U(-3, 3).
The paper names three domains b1, b2, b3 but prints no borders; thirds of x2 come nearest to its teachers' accuracies.
"""

from pathlib import Path

import numpy as np

from mtbkd.artefacts import Dataset
from mtbkd.datasets import Shape, simulation

SIMULATED = True
RAW: tuple[str, ...] = ()
SHAPE = Shape(features=(2,), class_names=("0", "1"), domain_names=("b1", "b2", "b3"))
LOW, HIGH = np.array([-3.0, -3.0]), np.array([3.5, 3.0])


class Settings(simulation.Sizes):
    """Sizes only: the design has no free parameter. The paper draws 20,000 examples and prints no split."""


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return SHAPE


def class_prob(x: np.ndarray) -> np.ndarray:
    """True class probabilities (..., 2) at x (..., 2)."""
    x1, x2 = np.moveaxis(np.asarray(x, dtype=np.float64), -1, 0)
    eta = -0.5 + 0.1 * x1 + 0.8 * x1**2 - 0.8 * x2**2
    p1 = 1 / (1 + np.exp(-eta))
    return np.stack([1 - p1, p1], axis=-1)


def domain_of(x: np.ndarray) -> np.ndarray:
    """Domain codes (...) at x (..., 2): the third of the range of x2."""
    third = (HIGH[1] - LOW[1]) / 3
    return np.clip((x[..., 1] - LOW[1]) // third, 0, 2).astype(np.int64)


def draw(n: int, x_rng: np.random.Generator, y_rng: np.random.Generator) -> simulation.Sample:
    """n independent examples of the design."""
    x = (LOW + (HIGH - LOW) * x_rng.random((n, 2))).astype(np.float32)
    prob = class_prob(x)
    return simulation.Sample(x, simulation.sample_labels(prob, y_rng), domain_of(x), prob)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw the replicates ``replicates``: x (R, N, 2), validated."""
    card = {"kind": "sim1", "source": "arXiv 2605.27967, section 7.1", "domains": "thirds of the range of x2"}
    return simulation.prepare(name, SHAPE, draw, settings, seed, replicates, card)
