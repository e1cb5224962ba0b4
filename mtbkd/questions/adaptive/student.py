"""The smallest student for the theorems: softmax regression on features, distilled from a weighted pool.

Shapes: R runs, N inputs, F features, V tokens; parameters (F, V - 1), the last logit is 0.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.pooling.adaptive.evidence import Evidence
from mtbkd.pooling.adaptive.operators import OPERATORS

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = lazy_import("scipy.optimize")

INPUTS, TOKENS = 4, 3


@dataclass(frozen=True)
class Task:
    """Distillation with cross-entropy and a ridge penalty.

    Attributes:
        features: (N, F).
        teachers: (N, G, V), their distributions.
        weights: (N, G).
        ridge: of ridge / 2 |theta|^2.
    """

    features: np.ndarray
    teachers: np.ndarray
    weights: np.ndarray
    ridge: float

    @property
    def target(self) -> np.ndarray:
        """q (N, V)."""
        return np.einsum("ng,ngv->nv", self.weights, self.teachers)

    def log_prob(self, theta: np.ndarray, rows: "np.ndarray | slice" = slice(None)) -> np.ndarray:
        """log p (..., N, V) of parameters (..., F, V - 1)."""
        logits = self.features[rows] @ theta
        logits = np.concatenate([logits, np.zeros((*logits.shape[:-1], 1))], -1)
        return logits - np.logaddexp.reduce(logits, -1, keepdims=True)

    def kl(self, theta: np.ndarray) -> np.ndarray:
        """Mean KL(q || p) over inputs (...), nats."""
        return (self.target * (np.log(self.target) - self.log_prob(theta))).sum(-1).mean(-1)

    def loss(self, theta: np.ndarray) -> np.ndarray:
        """Mean cross-entropy with the penalty (...)."""
        cross = -(self.target * self.log_prob(theta)).sum(-1).mean(-1)
        return cross + self.ridge / 2 * (theta**2).sum((-2, -1))

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Of the loss (F, V - 1)."""
        error = (np.exp(self.log_prob(theta)) - self.target)[:, :-1]
        return self.features.T @ error / len(self.features) + self.ridge * theta

    def optimum(self) -> np.ndarray:
        """theta* (F, V - 1)."""
        shape = (self.features.shape[1], self.teachers.shape[-1] - 1)

        def loss(flat: np.ndarray) -> float:
            return float(self.loss(flat.reshape(shape)))

        def slope(flat: np.ndarray) -> np.ndarray:
            return self.gradient(flat.reshape(shape)).ravel()

        found = optimize.minimize(loss, np.zeros(shape).ravel(), jac=slope, method="BFGS", options={"gtol": 1e-11})
        return found.x.reshape(shape)

    def curvature(self, theta: np.ndarray) -> float:
        """The smallest eigenvalue of the Hessian."""
        p = np.exp(self.log_prob(theta))[:, :-1]
        inner = np.einsum("nv,vw->nvw", p, np.eye(p.shape[1])) - p[:, :, None] * p[:, None]
        hessian = np.einsum("nf,nvw,ng->fvgw", self.features, inner, self.features) / len(p)
        size = theta.size
        return float(np.linalg.eigvalsh(hessian.reshape(size, size) + self.ridge * np.eye(size))[0])


def task(operator: str, realisable: bool, ridge: float, rng: np.random.Generator) -> Task:
    """Two random teachers of four inputs; a feature for each input, or only one and a constant."""
    teachers = rng.dirichlet(np.full(TOKENS, 2.0), (INPUTS, 2)) * 0.9 + 0.1 / TOKENS
    nothing = np.zeros((INPUTS, 2))
    weights = np.exp(OPERATORS[operator].log_weights(Evidence("token", teachers, nothing, nothing, np.zeros(INPUTS))))
    features = np.eye(INPUTS) if realisable else np.stack([np.ones(INPUTS), np.linspace(-1, 1, INPUTS)], 1)
    return Task(features, teachers, weights, ridge)


def reweighted(of: Task, weights: np.ndarray) -> Task:
    """The same with other weights (N, G)."""
    return replace(of, weights=weights)
