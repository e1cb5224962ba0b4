"""The first three simulated designs of BKD (Fang et al., ICML 2024, Table 4): two classes, no domains.

P(Y = 1) = sigmoid(eta):
    S1  eta = 2 - 2 x1 + x2, x1 ~ U(-4, 6), x2 ~ U(-4, 4); 10,000 examples.
    S2  eta = 1 - 2 x1 + x2 - x3 - x4 / 2 + 2 x5, x1 and x5 ~ U(-2, 4), x2 and x3 ~ U(-4, 4), x4 ~ U(0, 2); 10,000 examples.
    S3  eta = 2 exp(x1) + x2^2 / 2 + 5 sin(x3 x4) + (x5 + ... + x10) / 2 - 3, x ~ N(0, Sigma) in 20 dimensions with
        Sigma_ij = 0.8^|i-j|; 20,000 examples.
The fourth design, S4, is ``sim2``. BKD divides its examples 7:3:1; read here as training, validation and test.
Shapes: n examples, F features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, simulation

SIMULATED = True
RAW: tuple[str, ...] = ()
SHARES = (7, 3, 1)
Draw = Callable[[int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Design:
    """One row of the table.

    Attributes:
        features: F.
        examples: of all splits together, as the paper draws them.
        draw: (n, generator) -> x (n, F).
        log_odds: x (..., F) -> eta (...).
    """

    features: int
    examples: int
    draw: Draw
    log_odds: Callable[[np.ndarray], np.ndarray]

    @property
    def sizes(self) -> dict[str, int]:
        """The paper's sizes in whole examples: n_train, n_val, n_test."""
        cuts = np.round(self.examples * np.cumsum((0, *SHARES)) / sum(SHARES)).astype(int)
        return dict(zip(("n_train", "n_val", "n_test"), np.diff(cuts).tolist(), strict=True))


def _uniform(*ranges: tuple[float, float]) -> Draw:
    low, high = np.array(ranges, dtype=np.float64).T
    return lambda n, rng: low + (high - low) * rng.random((n, len(low)))


def _normal(features: int, correlation: float) -> Draw:
    root = np.linalg.cholesky(correlation ** np.abs(np.subtract.outer(np.arange(features), np.arange(features))))
    return lambda n, rng: rng.standard_normal((n, features)) @ root.T


def _curved(x: np.ndarray) -> np.ndarray:
    smooth = 2 * np.exp(x[..., 0]) + 0.5 * x[..., 1] ** 2 + 5 * np.sin(x[..., 2] * x[..., 3])
    return smooth + 0.5 * x[..., 4:10].sum(-1) - 3


DESIGNS = {
    "S1": Design(2, 10_000, _uniform((-4, 6), (-4, 4)), lambda x: 2 + x @ [-2, 1]),
    "S2": Design(5, 10_000, _uniform((-2, 4), (-4, 4), (-4, 4), (0, 2), (-2, 4)), lambda x: 1 + x @ [-2, 1, -1, -0.5, 2]),
    "S3": Design(20, 20_000, _normal(20, 0.8), _curved),
}


class Settings(simulation.Sizes):
    """The design; sizes are the paper's where they are left out."""

    design: Literal["S1", "S2", "S3"] = Field("S1", description="row of BKD's Table 4; its S4 is the dataset kind sim2")
    n_train: simulation.NumExamples = Field(DESIGNS["S1"].sizes["n_train"], description="training examples; 12,727 in S3")
    n_val: simulation.NumExamples = Field(DESIGNS["S1"].sizes["n_val"], description="validation examples; 5,455 in S3")
    n_test: simulation.NumExamples = Field(DESIGNS["S1"].sizes["n_test"], description="test examples; 1,818 in S3")

    @model_validator(mode="before")
    @classmethod
    def _sizes_of_the_design(cls, content: Any) -> Any:
        known = isinstance(content, dict) and content.get("design", "S1") in DESIGNS
        return {**DESIGNS[content.get("design", "S1")].sizes, **content} if known else content


def describe(settings: Settings) -> Shape:
    """Shape and classes, known before any data exist."""
    return Shape(features=(DESIGNS[settings.design].features,), class_names=("0", "1"))


def class_prob(x: np.ndarray, design: str) -> np.ndarray:
    """True class probabilities (..., 2) at x (..., F) of ``design``."""
    return simulation.logistic(DESIGNS[design].log_odds(np.asarray(x, dtype=np.float64)))


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw the replicates ``replicates``: x (R, N, F), validated."""

    def draw(n: int, x_rng: np.random.Generator, y_rng: np.random.Generator) -> simulation.Sample:
        x = DESIGNS[settings.design].draw(n, x_rng).astype(np.float32)
        prob = class_prob(x, settings.design)
        return simulation.Sample(x, simulation.sample_labels(prob, y_rng), np.zeros(n, np.int64), prob)

    source = f"BKD: Fang et al., ICML 2024 (PMLR 235), Table 4, design {settings.design}"
    return simulation.prepare(name, describe(settings), draw, settings, seed, replicates, {"kind": "bkd", "source": source})
