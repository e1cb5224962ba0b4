"""Full Bayes over the weights of the teachers, against quadrature in NumPy over both parameters and the weight.

A student of two parameters and two teachers, one of whom the labels contradict. N examples, C components.
"""

from dataclasses import replace

import numpy as np
import pytensor.tensor as pt
import pytest
import torch
from pytensor import function
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import gammaln

from mtbkd.inference import Context, Fit, nuts_weights
from mtbkd.inference.optimise import Training
from mtbkd.inference.tuning import SHARED_NAMES, shared_of
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.signals import tip
from mtbkd.students import linear

N, SCALE, LAMBDA, KAPPA = 16, 1.5, 2.0, 2.0
X = np.linspace(-2, 2, N)
ONES = 1 / (1 + np.exp(-np.stack([3 * X, np.full(N, -0.2)], 1)))  # a sure teacher and one that says next to nothing
PROB = np.stack([1 - ONES, ONES], -1)
Y = np.where(np.arange(N) % 2 == 0, (X > 0).astype(np.int64), -1)
CONTEXT = Context(1, (0,), Training.model_validate({"steps": 100, "restarts": 1}), "cpu")
GRID = np.linspace(-7, 7, 57)
SHARES = (np.arange(40) + 0.5) / 40


def problem(no_teacher: float = 0.0) -> Problem:
    units = [
        {**dict.fromkeys(SHARED_NAMES, 1.0), "prior_scale": SCALE, "kappa": KAPPA, "lambda": LAMBDA, "no_teacher": no_teacher}
    ]
    student, x = linear.build(linear.Settings.model_validate({}), (1,), 2), torch.tensor(X, dtype=torch.float32).view(1, -1, 1)
    logits, weights = torch.tensor(np.log(PROB), dtype=torch.float32)[None], torch.full((1, N, 2), 0.5)
    return make_problem(student, student.inputs(x), torch.tensor(Y)[None], torch.tensor([0]), tip, tip.Settings(),
                        shared_of(units, "cpu"), logits, weights)  # fmt: skip


def log_student() -> np.ndarray:
    """log q (A, A, N, K) on the grid of the two parameters."""
    margin = GRID[:, None, None] + GRID[None, :, None] * X
    return np.stack([-np.logaddexp(0, margin), -np.logaddexp(0, -margin)], -1)


def log_joint(share: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of prior and likelihood on the grid, the weight of the first teacher being ``share``."""
    log_q = log_student()
    alpha = 1 + LAMBDA * PROB
    log_f = gammaln(alpha.sum(-1)) - gammaln(alpha).sum(-1) + LAMBDA * np.einsum("ngk,abnk->abng", PROB, log_q)
    term = np.logaddexp(np.log(share) + log_f[..., 0], np.log(1 - share) + log_f[..., 1]).sum(-1) * KAPPA / LAMBDA
    gaussian = -(GRID[:, None] ** 2 + GRID**2) / (2 * SCALE**2) - np.log(2 * np.pi * SCALE**2) + 2 * np.log(GRID[1] - GRID[0])
    likelihood = np.where(Y == 1, log_q[..., 1], np.where(Y == 0, log_q[..., 0], 0)).sum(-1)
    return term + gaussian, likelihood


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    """log Z without labels and with them, (2, shares)."""
    pairs = [log_joint(share) for share in SHARES]
    without = [np.logaddexp.reduce(prior.ravel()) for prior, _ in pairs]
    return np.array([without, [np.logaddexp.reduce((prior + likelihood).ravel()) for prior, likelihood in pairs]])


def moments(log_density: np.ndarray) -> tuple[float, float]:
    density = np.exp(log_density - log_density.max())
    mean = (density * SHARES).sum() / density.sum()
    return float(mean), float(np.sqrt((density * (SHARES - mean) ** 2).sum() / density.sum()))


@pytest.fixture(scope="module")
def fitted() -> tuple[nuts_weights.Weighted, Fit]:
    settings = nuts_weights.Settings.model_validate({"chains": 2, "draws": 300, "tune": 250, "designs": 8, "particles": 60})
    of = problem()
    weighted = nuts_weights.Weighted.of(of, 0, settings, CONTEXT)
    return weighted, nuts_weights.run(of, settings, nuts_weights.init(of, settings, CONTEXT), CONTEXT)


def test_the_mass_of_a_prior_is_what_quadrature_gives_at_every_weight(
    fitted: tuple[nuts_weights.Weighted, Fit], exact: np.ndarray
) -> None:
    mass = fitted[0].mass
    assert mass is not None
    weights = np.stack([SHARES, 1 - SHARES], -1)[:, None]
    np.testing.assert_allclose(mass.log_z(weights), exact[0], atol=0.4)
    assert np.ptp(exact[0]) > 1, "Z must matter"
    assert mass.effective(weights).min() > 100, "the corners included"


def test_the_margin_of_a_weight_is_that_of_quadrature_and_not_the_one_without_the_priors_mass(
    fitted: tuple[nuts_weights.Weighted, Fit], exact: np.ndarray
) -> None:
    right, wrong = moments(exact[1] - exact[0]), moments(exact[1])
    fit = fitted[1]
    weight = fit.sample_stats["weight_0_0"]
    assert weight.shape == (1, 2, 300) and fit.params.shape == (1, 2, 300, 2)
    bound = 4 * right[1] / np.sqrt(100)  # 100 independent draws, four errors
    assert abs(weight.mean() - right[0]) < bound < abs(wrong[0] - right[0]) / 2
    assert weight.std() == pytest.approx(right[1], rel=0.25)
    np.testing.assert_allclose(weight + fit.sample_stats["weight_0_1"], 1, rtol=1e-6)
    assert np.quantile(fit.sample_stats["particles"], 0.05) > 100


def test_the_weight_behind_labels_ranks_uniformly_in_its_posterior_and_not_without_the_mass(
    fitted: tuple[nuts_weights.Weighted, Fit],
) -> None:
    """Simulation-based calibration (Talts et al. 2018) with the method's Z, all else on the grid."""
    mass, rng = fitted[0].mass, np.random.default_rng(0)
    assert mass is not None
    log_z = mass.log_z(np.stack([SHARES, 1 - SHARES], -1)[:, None])
    prior = np.exp(np.stack([log_joint(share)[0].ravel() for share in SHARES]))
    log_q = log_student()[:, :, Y >= 0].reshape(prior.shape[1], -1, 2)
    ranks: dict[str, list[float]] = {"with": [], "without": []}
    for at in rng.integers(len(SHARES), size=400):
        theta = log_q[rng.choice(len(log_q), p=prior[at] / prior[at].sum())]
        y = rng.random(len(theta)) < np.exp(theta[:, 1])
        joint = prior @ np.exp(np.where(y, log_q[..., 1], log_q[..., 0]).sum(-1))
        for name, posterior in (("with", joint / np.exp(log_z)), ("without", joint)):
            ranks[name].append(float((posterior[:at].sum() + rng.random() * posterior[at]) / posterior.sum()))
    assert stats.kstest(ranks["with"], "uniform").pvalue > 0.01
    assert stats.kstest(ranks["without"], "uniform").pvalue < 1e-6


def test_weights_of_domains_and_of_no_teacher_are_drawn_by_name() -> None:
    of = replace(problem(no_teacher=0.2), domain=torch.tensor([[0] * 8 + [2] * 8]))
    settings = nuts_weights.Settings.model_validate({"designs": 4, "particles": 20})
    weighted = nuts_weights.Weighted.of(of, 0, settings, CONTEXT)
    assert (weighted.size, weighted.domains, weighted.teachers) == (3, 2, 2)
    assert weighted.mass is not None and weighted.mass.domain.tolist() == [0] * 8 + [1] * 8
    at = np.array([[0.3, -0.4, 1.2], [0.0, 0.0, 0.0]])
    weights = weighted.weights(at)
    np.testing.assert_allclose(weights.sum(-1), 1)
    np.testing.assert_allclose(weights[1], [[0.25, 0.25, 0.5]] * 2)
    here = pt.dvector()
    log_weights = weighted.log_weights(here)
    model = function([here], [log_weights, weighted.log_z(log_weights)], mode=Mode("py", "fast_compile"))
    for row, own, log_z in zip(at, weights, weighted.mass.log_z(weights), strict=True):
        found = model(row)
        assert found is not None
        np.testing.assert_allclose(np.exp(found[0]), own, rtol=1e-6)
        np.testing.assert_allclose(found[1], log_z)
