"""Cases: a density, and the exact mean and standard deviation of named functions of its parameters (method.md, section 7).

Shapes: S draws, P parameters, T quantities, K classes, G teachers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from mtbkd.base.lazy import lazy_import, torch
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.posterior.target import Target
from mtbkd.questions.exact.case import Case
from mtbkd.questions.exact.density import Density
from mtbkd.questions.exact.lda import conjugate_lda
from mtbkd.questions.exact.spec import Conjugate
from mtbkd.signals import bkd, tip
from mtbkd.students.linear import Linear

pt = lazy_import("pytensor.tensor")

# Proper for every algorithm, and flat: its curvature is below 1e-6 of the likelihoods' here.
FLAT_PRIOR = 1000.0


def gaussian() -> Case:
    """N(m, C) in five dimensions, C_ij = s_i s_j .7^|i-j|; the sum shows whether correlations are kept."""
    mean, scale = np.array([1.0, -1.0, 0.5, 0.0, 2.0]), np.array([0.6, 0.8, 1.0, 1.2, 1.4])
    lag = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    cov = np.outer(scale, scale) * 0.7**lag
    precision = np.linalg.inv(cov)

    def log_prob(theta: "torch.Tensor") -> "torch.Tensor":
        centred = theta - torch.as_tensor(mean).to(theta)
        return -0.5 * ((centred @ torch.as_tensor(precision).to(theta)) * centred).sum(-1)

    def symbolic(theta: Any) -> Any:
        return -0.5 * pt.dot(theta - mean, pt.dot(precision, theta - mean))

    return Case(
        "gaussian", "a correlated normal distribution of five parameters", Density(log_prob, symbolic, mean, scale),
        (*(f"theta[{i}]" for i in range(1, 6)), "sum"), lambda draws: torch.cat([draws, draws.sum(-1, keepdim=True)], -1),
        np.append(mean, mean.sum()), np.sqrt(np.append(cov.diagonal(), cov.sum())),
    )  # fmt: skip


# The paper's Fig. 2: teachers N(2, 1) and N(6, 1), equal weights; data of mean 3.5 and precision 1.
TEACHERS, DATA_MEAN = np.array([2.0, 6.0]), 3.5


def normal_mixture(
    weight: np.ndarray, mean: np.ndarray, sd: float, valley: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (3,) of theta, 1{theta > valley's middle} and 1{theta in the valley} under sum_m weight_m N(mean_m, sd^2)."""

    def below(cut: float) -> float:
        return float(weight @ np.array([0.5 * math.erfc((m - cut) / (sd * math.sqrt(2))) for m in mean]))

    centre = float(weight @ mean)
    spread = math.sqrt(float(weight @ (mean - centre) ** 2) + sd**2)
    shares = np.array([1 - below(sum(valley) / 2), below(valley[1]) - below(valley[0])])
    return np.append(centre, shares), np.append(spread, np.sqrt(shares * (1 - shares)))


def _toy(name: str, description: str, weight: np.ndarray, mean: np.ndarray) -> Case:
    """theta ~ sum_m weight_m N(mean_m, 1/2); the share in the valley tells two humps from one of the same mean and sd."""
    middle, log_weight = float(TEACHERS.mean() + DATA_MEAN) / 2, np.log(weight)
    low, high = middle - 0.5, middle + 0.5

    def log_prob(theta: "torch.Tensor") -> "torch.Tensor":
        return torch.logsumexp(torch.as_tensor(log_weight).to(theta) - (theta - torch.as_tensor(mean).to(theta)) ** 2, -1)

    def symbolic(theta: Any) -> Any:
        return pt.logsumexp(log_weight - (theta - mean) ** 2)

    def measure(draws: "torch.Tensor") -> "torch.Tensor":
        return torch.cat([draws, (draws > middle).to(draws), ((draws > low) & (draws < high)).to(draws)], -1)

    density = Density(log_prob, symbolic, np.array([DATA_MEAN]), np.array([1.0]))
    names = ("theta", f"share above {middle:g}", f"share in {low:g}..{high:g}")
    return Case(name, description, density, names, measure, *normal_mixture(weight, mean, math.sqrt(0.5), (low, high)))


def toy_bimodal() -> Case:
    """Linear pool: component g is N((m_g + 3.5) / 2, 1/2) with a weight proportional to N(3.5; m_g, 2)."""
    weight = np.exp(-0.25 * (DATA_MEAN - TEACHERS) ** 2)
    description = "two teachers who disagree, pooled linearly (the paper's Fig. 2): two humps"
    return _toy("toy_bimodal", description, weight / weight.sum(), (TEACHERS + DATA_MEAN) / 2)


def toy_log_pool() -> Case:
    """Logarithmic pool: the prior is N(4, 1), the posterior N(3.75, 1/2)."""
    description = "the same two teachers, pooled logarithmically: one normal distribution"
    return _toy("toy_log_pool", description, np.ones(1), (TEACHERS.mean(keepdims=True) + DATA_MEAN) / 2)


COUNTS, UNLABELLED = (4, 7, 2), 10


@dataclass(frozen=True)
class Intercepts(Linear):
    """A linear student without inputs; ``Linear`` scales its starting points by their number."""

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        return scale * torch.randn(self.num_params, generator=generator)


def intercepts(
    signal: ModuleType, prob: Sequence[Sequence[float]], weights: Sequence[float], lam: float, scale: float = FLAT_PRIOR
) -> Target:
    """Posterior of a softmax student without inputs whose G teachers say ``prob`` (G, K) of every example."""
    y = torch.tensor([k for k, count in enumerate(COUNTS) for _ in range(count)] + [-1] * UNLABELLED)[None]
    teachers = torch.tensor(prob).log().expand(1, y.shape[1], -1, -1)
    one = torch.ones(1)
    shared = Shared(lam * one, one, scale * one, one, one)
    return make_problem(
        Intercepts(0, len(COUNTS), False), torch.zeros(1, y.shape[1], 0), y, torch.tensor([0]), signal, signal.Settings(),
        shared, teachers, torch.tensor(weights).expand(1, y.shape[1], -1), torch.tensor([0]),
    )  # fmt: skip


def _class_probabilities(draws: "torch.Tensor") -> "torch.Tensor":
    return torch.softmax(torch.nn.functional.pad(draws, (1, 0)), -1)


def dirichlet() -> Case:
    """One teacher: q | data ~ Dir(counts + lambda N p); no + 1, as the prior is flat in the logits."""
    prob, lam = [[0.6, 0.3, 0.1]], 0.8
    alpha = np.array(COUNTS) + lam * (sum(COUNTS) + UNLABELLED) * np.array(prob[0])
    mean = alpha / alpha.sum()
    return Case(
        "dirichlet", "class probabilities, one teacher: a Dirichlet distribution", intercepts(bkd, prob, [1.0], lam),
        tuple(f"q[{k}]" for k in range(1, 4)), _class_probabilities, mean, np.sqrt(mean * (1 - mean) / (alpha.sum() + 1)),
    )  # fmt: skip


def mixture_of_dirichlets(prob: np.ndarray, weights: np.ndarray, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N + 1,) and parameters (N + 1, K) of q | data with two teachers, by how many examples side with the first.

    The product over N examples of sum_g w_g Dir(q; 1 + lambda p_g) expands into N + 1 distinct terms.
    """
    from scipy.special import gammaln, softmax

    n = sum(COUNTS) + UNLABELLED
    first = np.arange(n + 1)
    log_beta = gammaln(1 + lam * prob).sum(-1) - gammaln((1 + lam * prob).sum(-1))
    alpha = np.array(COUNTS) + lam * (np.outer(first, prob[0]) + np.outer(n - first, prob[1]))
    log_weight = gammaln(n + 1) - gammaln(first + 1) - gammaln(n - first + 1)
    log_weight += first * (np.log(weights[0]) - log_beta[0]) + (n - first) * (np.log(weights[1]) - log_beta[1])
    log_weight += gammaln(alpha).sum(-1) - gammaln(alpha.sum(-1))
    return softmax(log_weight), alpha


def dirichlet_mixture() -> Case:
    """Two teachers who say the same of every example."""
    prob, weights, lam = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], [0.3, 0.7], 1.5
    weight, alpha = mixture_of_dirichlets(np.array(prob), np.array(weights), lam)
    total = alpha.sum(-1, keepdims=True)
    mean = weight @ (alpha / total)
    square = weight @ (alpha * (alpha + 1) / (total * (total + 1)))
    return Case(
        "dirichlet_mixture", "class probabilities, two teachers: a mixture of 24 Dirichlet distributions",
        intercepts(tip, prob, weights, lam), tuple(f"q[{k}]" for k in range(1, 4)), _class_probabilities, mean,
        np.sqrt(square - mean**2),
    )  # fmt: skip


def all_cases(conjugate: Conjugate, seed: int) -> list[Case]:
    """Every case, in the order of the report; ``seed`` draws the data of the conjugate one."""
    return [gaussian(), toy_bimodal(), toy_log_pool(), dirichlet(), dirichlet_mixture(), conjugate_lda(conjugate, seed)]
