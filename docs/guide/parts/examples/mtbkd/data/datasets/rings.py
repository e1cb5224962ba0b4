"""Two noisy rings: the class is the ring, the domain the half of the plane.

The radius is 1 + class + noise N(0, ``noise``^2), the angle uniform; P(Y = 1) = 1/2 before x is seen. No paper: an example.
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, simulation

SIMULATED = True
RAW: tuple[str, ...] = ()
SHAPE = Shape(features=(2,), class_names=("inner", "outer"), domain_names=("left", "right"))


class Settings(simulation.Sizes):
    """Sizes, and how far the rings overlap."""

    noise: float = Field(0.4, gt=0, le=10, description="standard deviation of the radius")


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return SHAPE


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw the replicates ``replicates``: x (R, N, 2), validated."""

    def draw(n: int, x_rng: np.random.Generator, y_rng: np.random.Generator) -> simulation.Sample:
        angle, half = x_rng.uniform(0, 2 * np.pi, n), np.full((n, 2), 0.5)
        radius = 1 + simulation.sample_labels(half, x_rng) + settings.noise * x_rng.normal(size=n)
        x = (radius * np.stack([np.cos(angle), np.sin(angle)])).T.astype(np.float32)
        # A negative radius lies on the other side of the centre: both signs have a density there.
        away = np.hypot(*x.T.astype(np.float64))[:, None] * [1, -1]
        log_odds = np.logaddexp.reduce(-(((away - 2) / settings.noise) ** 2) / 2, 1)
        log_odds -= np.logaddexp.reduce(-(((away - 1) / settings.noise) ** 2) / 2, 1)
        prob = simulation.logistic(log_odds)
        return simulation.Sample(x, simulation.sample_labels(prob, y_rng), (x[:, 0] > 0).astype(np.int64), prob)

    card = {"kind": "rings", "source": "an example of mtbkd's documentation", "domains": "halves of the plane"}
    return simulation.prepare(name, SHAPE, draw, settings, seed, replicates, card)
