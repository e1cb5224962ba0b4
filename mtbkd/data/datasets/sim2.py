"""Simulation 2 of the paper (arXiv 2605.27967, section 7.2): five Gaussian components in five dimensions.

x | component k ~ N(mu_k, Sigma), Sigma_ij = 0.5^|i-j|, equal shares; p_k(x) is proportional to N(x; mu_k, Sigma).
The label is the component (``component``; the paper's printed accuracies need it) or a draw from p(x) (``sampled``, as its text
says); the joint law of (x, y) is the same. The domain is the component either way, and class k and domain ck agree in name.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, simulation

SIMULATED = True
RAW: tuple[str, ...] = ()
MEANS = np.array([[0, 0, 0, 0, 0], [3, 3, 3, 3, 3], [0, 0, 1, 3, 2], [2, 0, 1, 2, 1], [2, 2, 1, 0, 1]], dtype=np.float64)
COVARIANCE = 0.5 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
SHAPE = Shape(
    features=(5,),
    class_names=tuple(f"{k}" for k in range(1, 6)),
    domain_names=tuple(f"c{k}" for k in range(1, 6)),
)


class Settings(simulation.Sizes):
    """Sizes (totals over the five components; full size: 8,000 per component) and the rule for the label."""

    n_train: simulation.NumExamples = Field(24_000, description="training examples, a multiple of 5")
    n_val: simulation.NumExamples = Field(6_000, description="validation examples, a multiple of 5")
    n_test: simulation.NumExamples = Field(10_000, description="test examples, a multiple of 5")
    n_fresh: int = Field(0, ge=0, le=10_000_000, description="additional test examples beyond the paper's, a multiple of 5")
    label_rule: Literal["component", "sampled"] = Field(
        "component", description="label: the component an example was drawn from, or a draw from its class probabilities"
    )

    @field_validator("n_train", "n_val", "n_test", "n_fresh")
    @classmethod
    def _equal_shares(cls, value: int) -> int:
        if value % 5:
            raise ValueError(f"allowed: a multiple of 5, e.g. {value + 5 - value % 5}: the five components have equal shares")
        return value


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return SHAPE


def class_prob(x: np.ndarray) -> np.ndarray:
    """True class probabilities (..., 5) at x (..., 5): softmax of -|x - mu_k|^2 / 2 in the metric of Sigma^-1."""
    offset = np.asarray(x, dtype=np.float64)[..., None, :] - MEANS
    log_prob = -0.5 * (offset @ np.linalg.inv(COVARIANCE) * offset).sum(-1)
    prob = np.exp(log_prob - log_prob.max(-1, keepdims=True))
    return prob / prob.sum(-1, keepdims=True)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw the replicates ``replicates``: x (R, N, 5), validated; example i of a split comes from component i mod 5."""

    def draw(n: int, x_rng: np.random.Generator, y_rng: np.random.Generator) -> simulation.Sample:
        component = np.arange(n) % 5
        x = (MEANS[component] + x_rng.standard_normal((n, 5)) @ np.linalg.cholesky(COVARIANCE).T).astype(np.float32)
        prob = class_prob(x)
        y = component if settings.label_rule == "component" else simulation.sample_labels(prob, y_rng)
        return simulation.Sample(x, y, component, prob)

    card = {"kind": "sim2", "source": "arXiv 2605.27967, section 7.2", "domains": "the Gaussian component"}
    return simulation.prepare(name, SHAPE, draw, settings, seed, replicates, card)
