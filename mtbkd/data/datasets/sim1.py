"""Simulation 1 of the paper (arXiv 2605.27967, section 7.1): two features, two classes, three domains.

eta = -0.5 + 0.1 x1 + 0.8 x1^2 - 0.8 x2^2, P(Y = 1) = sigmoid(eta), x1 ~ U(-3, 3.5), x2 ~ U(-3, 3).
The paper names three domains b1, b2, b3 but prints no borders; ours are thirds of the range of one feature. Its teachers'
rows do not tell x1 from x2; its students' rows do: what it prints for them in b1 is more than any classifier reaches on the
first third of x1.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, simulation

SIMULATED = True
RAW: tuple[str, ...] = ()
SHAPE = Shape(features=(2,), class_names=("0", "1"), domain_names=("b1", "b2", "b3"))
FEATURES = ("x1", "x2")
LOW, HIGH = np.array([-3.0, -3.0]), np.array([3.5, 3.0])


class Settings(simulation.Sizes):
    """Sizes (the paper draws 20,000 examples and prints no split) and the feature that the domains divide."""

    domain_axis: Literal["x2", "x1"] = Field("x2", description="the domains are thirds of this feature's range")


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return SHAPE


def class_prob(x: np.ndarray) -> np.ndarray:
    """True class probabilities (..., 2) at x (..., 2)."""
    x1, x2 = np.moveaxis(np.asarray(x, dtype=np.float64), -1, 0)
    eta = -0.5 + 0.1 * x1 + 0.8 * x1**2 - 0.8 * x2**2
    return simulation.logistic(eta)


def domain_of(x: np.ndarray, axis: str = "x2") -> np.ndarray:
    """Domain codes (...) at x (..., 2): the third of the range of feature ``axis``."""
    column = FEATURES.index(axis)
    third = (HIGH[column] - LOW[column]) / 3
    return np.clip((x[..., column] - LOW[column]) // third, 0, 2).astype(np.int64)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw the replicates ``replicates``: x (R, N, 2), validated."""

    def draw(n: int, x_rng: np.random.Generator, y_rng: np.random.Generator) -> simulation.Sample:
        x = (LOW + (HIGH - LOW) * x_rng.random((n, 2))).astype(np.float32)
        prob = class_prob(x)
        return simulation.Sample(x, simulation.sample_labels(prob, y_rng), domain_of(x, settings.domain_axis), prob)

    domains = f"thirds of the range of {settings.domain_axis}"
    card = {"kind": "sim1", "source": "arXiv 2605.27967, section 7.1", "domains": domains}
    return simulation.prepare(name, SHAPE, draw, settings, seed, replicates, card)
