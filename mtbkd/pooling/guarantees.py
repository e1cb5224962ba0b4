"""Guarantees of opinion pools: measured values next to their bounds.

log loss: -log q_y <= sum_g w_g (-log p_gy). Jensen's inequality for the linear pool; for the logarithmic one, and power means
    with r in [0, 1], the geometric mean lies below the pool's numerator and the normaliser is at most 1.
unsafe mass: q(U) <= max_g p_g(U), of a designated class set U. Any mixture of the teachers.
safest teacher: q(U) <= min_g p_g(U). Nobody promises it; it can be imposed, which is another thing.
bias: |mean error of q| <= sum_g w_g |mean error of p_g|, class by class, at fixed weights. The triangle inequality.
variance: that of the error of the mean of G teachers is s^2 [rho + (1 - rho) / G], s^2 their mean variance, rho correlation.
perturbation: |A(p, w) - A(p, w')|_1 <= |w - w'|_1.

The case for each is arXiv 2601.09165 (Flouro & Chadwick 2026), whose formal statements were not available: these are ours.
Shapes: N examples, G teachers, K classes. Margins are bound - measured: below 0 the bound is broken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

ROUNDING = 1e-9
GUARANTEES = {
    "log loss": "the pool's loss is at most the weighted mean of the teachers' losses",
    "unsafe mass": "the pool gives the designated classes at most what the least safe teacher gives them",
    "bias": "the pool's mean error is at most the mean of the teachers' mean errors, class by class",
    "variance": "the variance of the pool's error is s\N{SUPERSCRIPT TWO}[rho + (1 - rho)/G]",
    "perturbation": "other weights move the pool by no more than the weights differ",
    "safest teacher": "the pool gives the designated classes at most what the safest teacher gives them",
}
MIXTURES = ("linear", "minimax", "best_single")
# Log-probabilities (N, G, K) and weights (N, G) to pooled probabilities (N, K).
Pool = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Opinions:
    """Teachers' opinions with what is known of the truth.

    Attributes:
        prob: (N, G, K).
        y: (N,).
        truth: (N, K): true class probabilities, or the labels as ones and zeros.
        unsafe: bool (K,), the designated classes.
    """

    prob: np.ndarray
    y: np.ndarray
    truth: np.ndarray
    unsafe: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Equal ones (N, G)."""
        return np.full(self.prob.shape[:2], 1 / self.prob.shape[1])


@dataclass(frozen=True)
class Measured:
    """One guarantee: ``measured`` and ``bound`` (n,), one per example (bias: a class; variance: one)."""

    guarantee: str
    measured: np.ndarray
    bound: np.ndarray

    def row(self) -> dict[str, Any]:
        """Means, the worst margin, and how many of how many broke the bound."""
        margin = self.bound - self.measured
        return {
            "guarantee": self.guarantee, "measured": float(self.measured.mean()), "bound": float(self.bound.mean()),
            "margin": float(margin.mean()), "worst": float(margin.min()),
            "broken": float((margin < -ROUNDING).mean()), "n": len(margin),
        }  # fmt: skip


def proven(guarantee: str, operator: str, r: float | None) -> bool:
    """Is the guarantee a theorem for the operator (``r``: of a power mean)? At equal weights and for all teachers."""
    linear = operator == "linear" or r == 1
    if guarantee == "log loss":
        return linear or operator == "logarithmic" or (r is not None and 0 <= r <= 1)
    if guarantee == "unsafe mass":
        return linear or operator in MIXTURES
    return linear and guarantee != "safest teacher"


def measure(opinions: Opinions, pool: Pool, rng: np.random.Generator) -> Iterator[Measured]:
    """Every guarantee of one operator on the same opinions, at equal weights."""
    prob, weights = opinions.prob, opinions.weights
    q = pool(prob, weights)
    yield log_loss(opinions, q)
    unsafe = prob[..., opinions.unsafe].sum(-1)
    yield Measured("unsafe mass", q[:, opinions.unsafe].sum(-1), unsafe.max(1))
    yield Measured("safest teacher", q[:, opinions.unsafe].sum(-1), unsafe.min(1))
    error, errors = q - opinions.truth, prob - opinions.truth[:, None]
    yield Measured("bias", np.abs(error.mean(0)), np.abs(errors.mean(0)).mean(0))
    yield Measured("variance", error.var(0).mean(keepdims=True), np.atleast_1d(variance_law(errors)))
    other = rng.dirichlet(np.ones(prob.shape[1]), len(prob))
    other += (weights - other) * rng.uniform(0, 1, (len(prob), 1))
    yield Measured("perturbation", np.abs(pool(prob, other) - q).sum(-1), np.abs(other - weights).sum(-1))


def log_loss(opinions: Opinions, q: np.ndarray) -> Measured:
    """The pool's log loss of every example beside the mean of the teachers' losses, in nats."""
    at = np.arange(len(q))
    with np.errstate(divide="ignore"):
        return Measured("log loss", -np.log(q[at, opinions.y]), -np.log(opinions.prob[at, :, opinions.y]).mean(1))


def variance_law(errors: np.ndarray) -> float:
    """s^2 [rho + (1 - rho) / G] of the teachers' ``errors`` (N, G, K): mean over classes, each with its own s^2 and rho."""
    centred, teachers = errors - errors.mean(0), errors.shape[1]
    covariance = np.einsum("ngk,nhk->kgh", centred, centred) / len(errors)
    variance = covariance.trace(axis1=1, axis2=2) / teachers
    if teachers == 1:
        return float(variance.mean())
    common = (covariance.sum((1, 2)) - teachers * variance) / (teachers * (teachers - 1))
    return float((common + (variance - common) / teachers).mean())


def correlated_errors(count: int, teachers: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    """Errors (count, G) of unit variance that correlate pairwise by ``rho`` in [0, 1]."""
    shared, own = rng.normal(size=(count, 1)), rng.normal(size=(count, teachers))
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


def at_random(count: int, teachers: int, classes: int, rng: np.random.Generator) -> Opinions:
    """Uninformative teachers with arbitrary disagreement and a random label: the worst case for a guarantee."""
    prob = rng.dirichlet(np.full(classes, 0.3), (count, teachers)).clip(1e-12)
    y = rng.integers(0, classes, count)
    unsafe = np.arange(classes) == 0
    return Opinions(prob / prob.sum(-1, keepdims=True), y, np.eye(classes)[y], unsafe)
