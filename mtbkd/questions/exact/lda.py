"""Conjugate Bayesian distillation: a quadratic discriminant teacher, a linear discriminant student (BKD, appendix C.5).

The student is generative: x | class k ~ N(mu_k, Sigma). Example i counts w_ik = y_ik + lambda p_ik times for class k, the
teacher being lambda further pseudo-examples. With the prior |Sigma|^-(d + 1 + K)/2 the posterior is

    Sigma ~ InvWishart(S, nu), nu = n (1 + lambda);   mu_k | Sigma ~ N(mubar_k, Sigma / M_k),   M_k = sum_i w_ik,

mubar_k and S the weighted means and the weighted scatter about them. Not the teacher-informed posterior of posterior.py: a
joint law of x and y, which is why it has a closed form. Shapes: n examples, d features, K classes, S draws, E members.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.seeds import derive
from mtbkd.questions.exact.case import Case
from mtbkd.questions.exact.density import Density
from mtbkd.questions.exact.spec import Conjugate

pt = lazy_import("pytensor.tensor")

DIM, CLASSES = 4, 2
LAG = np.abs(np.subtract.outer(np.arange(DIM), np.arange(DIM)))
MEANS = np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3 / 2, 2 / 3]])
COVS = np.stack([0.7**LAG, 0.4**LAG])
ROWS, COLUMNS = np.tril_indices(DIM)
DIAGONAL = np.flatnonzero(ROWS == COLUMNS)


class Data(NamedTuple):
    """``x`` (n, d), labels ``y`` (n,), the teacher's ``prob`` (n, K), the ``teacher`` itself."""

    x: np.ndarray
    y: np.ndarray
    prob: np.ndarray
    teacher: "Discriminant"


@dataclass(frozen=True)
class Discriminant:
    """Normal classes: ``share`` (K,), ``mean`` (K, d), ``cov`` (K, d, d)."""

    share: np.ndarray
    mean: np.ndarray
    cov: np.ndarray

    def prob(self, x: np.ndarray) -> np.ndarray:
        """Class probabilities (n, K) at ``x`` (n, d)."""
        from scipy.special import softmax

        centred = x[:, None] - self.mean
        distance = np.einsum("nkd,kde,nke->nk", centred, np.linalg.inv(self.cov), centred)
        return softmax(np.log(self.share) - 0.5 * np.linalg.slogdet(self.cov)[1] - 0.5 * distance, axis=1)


TRUTH = Discriminant(np.full(CLASSES, 1 / CLASSES), MEANS, COVS)


def sample(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``n`` examples of the stated design, classes equally frequent: x (n, d), y (n,)."""
    y = rng.integers(0, CLASSES, n)
    noise = rng.standard_normal((n, DIM))
    return MEANS[y] + np.einsum("nij,nj->ni", np.linalg.cholesky(COVS)[y], noise), y


def make_data(n: int, rng: np.random.Generator) -> Data:
    """A training set and the quadratic discriminant that is fitted to it by maximum likelihood."""
    x, y = sample(n, rng)
    groups = [x[y == k] for k in range(CLASSES)]
    cov = np.stack([np.cov(group.T, bias=True) for group in groups])
    teacher = Discriminant(np.bincount(y, minlength=CLASSES) / n, np.stack([g.mean(0) for g in groups]), cov)
    return Data(x, y, teacher.prob(x), teacher)


@dataclass(frozen=True)
class Posterior:
    """``nu``, ``scatter`` S (d, d), ``weight`` M (K,), ``mean`` mubar (K, d)."""

    nu: float
    scatter: np.ndarray
    weight: np.ndarray
    mean: np.ndarray

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and sds (K d + d (d + 1) / 2,) of the mu_k, t-distributed, and of Sigma's lower triangle."""
        free = self.nu - DIM - 1
        mean, variance = self.scatter / free, np.outer(self.scatter.diagonal(), self.scatter.diagonal())
        variance = ((free + 2) * self.scatter**2 + free * variance) / ((free + 1) * free**2 * (free - 2))
        of_mu = np.sqrt(mean.diagonal() / self.weight[:, None])
        pairs = [(self.mean, of_mu), (mean[ROWS, COLUMNS], np.sqrt(variance[ROWS, COLUMNS]))]
        means, sds = (np.concatenate([np.ravel(part) for part in parts]) for parts in zip(*pairs, strict=True))
        return means, sds

    def draws(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Independent draws of mu (S, K, d) and Sigma (S, d, d)."""
        from scipy.stats import invwishart

        cov = np.asarray(invwishart.rvs(self.nu, self.scatter, count, rng)).reshape(count, DIM, DIM)
        noise = rng.standard_normal((count, CLASSES, DIM)) / np.sqrt(self.weight)[:, None]
        return self.mean + np.einsum("sij,skj->ski", np.linalg.cholesky(cov), noise), cov


def posterior(data: Data, lam: float) -> Posterior:
    """The closed form; ``lam`` 0 leaves the teacher out."""
    weights = np.eye(CLASSES)[data.y] + lam * data.prob
    total = weights.sum(0)
    mean = weights.T @ data.x / total[:, None]
    centred = data.x[:, None] - mean
    return Posterior(len(data.x) * (1 + lam), np.einsum("nk,nki,nkj->ij", weights, centred, centred), total, mean)


@dataclass(frozen=True)
class Coordinates:
    """Real coordinates theta: the mu_k, then Sigma's Cholesky factor L row by row with logarithms on its diagonal.

    Each is shifted and divided by about its posterior sd, so that step sizes mean the same as in the other cases.
    """

    posterior: Posterior
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def around(cls, known: Posterior) -> "Coordinates":
        """Centred at the posterior means."""
        factor = np.linalg.cholesky(known.scatter / known.nu)
        diagonal = factor.diagonal()
        entries = np.where(ROWS == COLUMNS, np.log(np.maximum(factor, 1e-300))[ROWS, COLUMNS], factor[ROWS, COLUMNS])
        spread = np.where(ROWS == COLUMNS, 1 / np.sqrt(2 * known.nu), diagonal[ROWS] / np.sqrt(known.nu))
        of_mu = known.moments()[1][: CLASSES * DIM]
        return cls(known, np.concatenate([known.mean.ravel(), entries]), np.concatenate([of_mu, spread]))

    def density(self) -> Density:
        """The target."""
        size = len(self.centre)
        return Density(self.log_prob, self.symbolic, np.zeros(size), np.ones(size))

    def _weight_of_diagonal(self) -> np.ndarray:
        """What the log-density has for each log L_ii (d,), i from 0.

        The likelihood gives -nu, the prior -(d + 1 + K); dSigma / dL has the determinant 2^d prod_i L_ii^(d - i) and the
        logarithm one more L_ii.
        """
        return -(self.posterior.nu + DIM + 1 + CLASSES) + DIM + 1 - np.arange(DIM)

    def log_prob(self, theta: "torch.Tensor") -> "torch.Tensor":
        """Log-density (E,) of ``theta`` (E, P).

        sum_ik w_ik log N(x_i; mu_k, Sigma) is written through M, mubar and S = C C^T: with A = L^-1 it is
        -nu log |L| - (|A C|^2 + sum_k M_k |A (mubar_k - mu_k)|^2) / 2.
        """
        known = self.posterior

        def constant(value: np.ndarray) -> "torch.Tensor":
            return torch.as_tensor(value).to(theta)

        values = constant(self.centre) + constant(self.scale) * theta
        mean, entries = values[:, : CLASSES * DIM].unflatten(1, (CLASSES, DIM)), values[:, CLASSES * DIM :]
        log_diagonal = entries[:, torch.as_tensor(DIAGONAL)]
        spread = torch.where(torch.as_tensor(ROWS == COLUMNS), entries.exp(), entries)
        factor = theta.new_zeros(len(theta), DIM * DIM).index_copy(1, torch.as_tensor(ROWS * DIM + COLUMNS), spread)
        offset = (mean - constant(known.mean)).mT * constant(np.sqrt(known.weight))
        columns = torch.cat([constant(np.linalg.cholesky(known.scatter)).expand(len(theta), -1, -1), offset], -1)
        solved = torch.linalg.solve_triangular(factor.unflatten(1, (DIM, DIM)), columns, upper=False)
        return log_diagonal @ constant(self._weight_of_diagonal()) - 0.5 * solved.square().sum((-1, -2))

    def symbolic(self, theta: Any) -> Any:
        """The same in PyTensor, of ``theta`` (P,)."""
        known, values = self.posterior, self.centre + self.scale * theta
        mean, entries = values[: CLASSES * DIM].reshape((CLASSES, DIM)), values[CLASSES * DIM :]
        spread = pt.where(ROWS == COLUMNS, pt.exp(entries), entries)
        factor = pt.set_subtensor(pt.zeros((DIM, DIM))[ROWS, COLUMNS], spread)
        offset = (mean - known.mean).T * np.sqrt(known.weight)
        columns = pt.concatenate([np.linalg.cholesky(known.scatter), offset], axis=1)
        solved = pt.linalg.solve_triangular(factor, columns, lower=True, b_ndim=2)
        return pt.dot(entries[DIAGONAL], self._weight_of_diagonal()) - 0.5 * (solved**2).sum()

    def measure(self, draws: "torch.Tensor") -> "torch.Tensor":
        """Draws (S, P) -> mu and Sigma's lower triangle (S, T)."""
        values = torch.as_tensor(self.centre) + torch.as_tensor(self.scale) * draws.double()
        entries = values[:, CLASSES * DIM :]
        entries = torch.where(torch.as_tensor(ROWS == COLUMNS), entries.exp(), entries)
        factor = entries.new_zeros(len(draws), DIM, DIM)
        factor[:, ROWS, COLUMNS] = entries
        return torch.cat([values[:, : CLASSES * DIM], (factor @ factor.mT)[:, ROWS, COLUMNS]], -1)


def _names() -> Iterator[str]:
    yield from (f"mu_{k}[{j}]" for k in range(1, CLASSES + 1) for j in range(1, DIM + 1))
    yield from (f"Sigma[{i + 1},{j + 1}]" for i, j in zip(ROWS, COLUMNS, strict=True))


def conjugate_lda(settings: Conjugate, seed: int) -> Case:
    """The posterior of one training set."""
    known = posterior(make_data(settings.examples, np.random.default_rng(derive(seed, "conjugate"))), settings.lam)
    coordinates = Coordinates.around(known)
    description = "class means and covariance of a linear discriminant student with a quadratic teacher (BKD, appendix C.5)"
    return Case("conjugate_lda", description, coordinates.density(), tuple(_names()), coordinates.measure, *known.moments())
