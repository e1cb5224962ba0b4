"""The closed forms of the exact cases against integration, independent draws and densities written another way."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import invwishart, multivariate_normal

from mtbkd.inference import nuts
from mtbkd.inference.pymc_model import MODES, resolve_backend
from mtbkd.posterior.problem import Problem, Shared
from mtbkd.posterior.target import Target
from mtbkd.questions.exact import lda
from mtbkd.questions.exact.cases import Case, all_cases
from mtbkd.questions.exact.judge import judge
from mtbkd.questions.exact.published import compare
from mtbkd.questions.exact.spec import Conjugate
from tests.questions.exact.examples import CONTEXT

SETTINGS = Conjugate(examples=60, lam=0.5)
CASES = {case.name: case for case in all_cases(SETTINGS, 3)}
NAMES = pytest.mark.parametrize("name", CASES)


def double(target: Target) -> Target:
    """In double precision; densities follow their argument."""
    if not isinstance(target, Problem):
        return target
    shared = Shared(*(value.double() for value in vars(target.shared).values() if value is not None))
    return replace(
        target, x=target.x.double(), constants={name: value.double() for name, value in target.constants.items()}, shared=shared
    )


def integrated(case: Case, axes: list[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (T,) on a grid."""
    grid = torch.cartesian_prod(*axes).view(-1, len(axes))
    log_p = double(case.target).log_density(grid, torch.zeros(len(grid), dtype=torch.int64))
    weight, values = torch.softmax(log_p, 0), case.measure(grid)
    mean = weight @ values
    return mean.numpy(), (weight @ (values - mean) ** 2).sqrt().numpy()


@NAMES
def test_names_and_numbers_go_together(name: str) -> None:
    case = CASES[name]
    start = case.target.start([1, 2], 1.0)
    assert start.shape == (2, case.target.num_params) and not torch.equal(start[0], start[1])
    assert case.measure(start.double()).shape == (2, len(case.quantities))
    assert case.mean.shape == case.sd.shape == (len(case.quantities),) and (case.sd > 0).all()


@pytest.mark.parametrize("name", ["toy_bimodal", "toy_log_pool"])
def test_the_toy_posteriors_are_those_of_the_papers_figure(name: str) -> None:
    """Prior times likelihood, integrated: equal weights of N(2, 1) and N(6, 1), or N(4, 1); one observation 3.5."""
    case = CASES[name]
    theta = torch.linspace(-6, 14, 40_001, dtype=torch.float64)
    teachers = torch.stack([-0.5 * (theta - m) ** 2 for m in (2.0, 6.0)])
    prior = torch.logsumexp(teachers, 0) if name == "toy_bimodal" else teachers.mean(0)
    weight = torch.softmax(prior - 0.5 * (theta - 3.5) ** 2, 0)
    values = case.measure(theta[:, None])
    mean = weight @ values
    found = np.stack([mean.numpy(), (weight @ (values - mean) ** 2).sqrt().numpy()])
    np.testing.assert_allclose(found, np.stack([case.mean, case.sd]), atol=2e-3)
    np.testing.assert_allclose(integrated(case, [theta]), np.stack([case.mean, case.sd]), atol=2e-3)


@pytest.mark.parametrize("name", ["dirichlet", "dirichlet_mixture"])
def test_the_dirichlet_posteriors_are_the_students_integrated(name: str) -> None:
    case = CASES[name]
    axis = torch.linspace(-5, 5, 401, dtype=torch.float64)
    np.testing.assert_allclose(integrated(case, [axis, axis]), np.stack([case.mean, case.sd]), rtol=1e-4)


def assert_drawn_from(case: Case, draws: torch.Tensor) -> None:
    """Mean and sd of independent draws (S, P) within 5 errors of the closed form; normal-like tails."""
    values = case.measure(draws)
    error = case.sd / len(draws) ** 0.5
    assert (np.abs(values.mean(0).numpy() - case.mean) / error).max() < 5
    assert np.abs(values.std(0).numpy() / case.sd - 1).max() < 5 * (1 / len(draws)) ** 0.5


def test_the_gaussian_has_the_moments_and_the_density_that_it_says() -> None:
    case, generator = CASES["gaussian"], torch.Generator().manual_seed(1)
    origin = torch.zeros(1, dtype=torch.int64)
    precision = -torch.autograd.functional.hessian(
        lambda theta: case.target.log_prob(theta[None]).sum(), torch.zeros(5, dtype=torch.float64)  # type: ignore[attr-defined]
    )  # fmt: skip
    law = torch.distributions.MultivariateNormal(torch.as_tensor(case.mean[:5]), precision_matrix=precision)
    torch.manual_seed(1)
    draws = law.sample((200_000,))
    assert_drawn_from(case, draws)
    probe = torch.randn((20, 5), generator=generator, dtype=torch.float64)
    difference = law.log_prob(probe) - case.target.log_density(probe, origin)
    torch.testing.assert_close(difference, difference[:1].expand(20))


@pytest.fixture(scope="module")
def conjugate() -> tuple[lda.Data, lda.Posterior, lda.Coordinates]:
    data = lda.make_data(60, np.random.default_rng(11))
    known = lda.posterior(data, 0.5)
    return data, known, lda.Coordinates.around(known)


def parameters(theta: torch.Tensor, coordinates: lda.Coordinates) -> tuple[np.ndarray, np.ndarray]:
    """mu (K, d) and Sigma (d, d) of ``theta`` (P,)."""
    values = coordinates.measure(theta[None])[0].numpy()
    cov = np.zeros((lda.DIM, lda.DIM))
    cov[lda.ROWS, lda.COLUMNS] = cov[lda.COLUMNS, lda.ROWS] = values[lda.CLASSES * lda.DIM :]
    return values[: lda.CLASSES * lda.DIM].reshape(lda.CLASSES, lda.DIM), cov


def log_jacobian(theta: torch.Tensor, coordinates: lda.Coordinates) -> float:
    """log |d (mu, Sigma) / d theta|, numerically."""
    matrix = torch.autograd.functional.jacobian(lambda t: coordinates.measure(t[None])[0], theta)
    return float(torch.linalg.slogdet(torch.as_tensor(matrix))[1])


def test_the_conjugate_density_is_the_weighted_likelihood_and_the_law_in_closed_form(conjugate) -> None:
    """Up to one constant each: from the raw examples with the prior |Sigma|^-(d + 1 + K)/2, and from scipy's densities."""
    data, known, coordinates = conjugate
    weights = np.eye(2)[data.y] + 0.5 * data.prob
    generator, differences = torch.Generator().manual_seed(0), []
    for scale in (0.1, 1.0, 1.0, 2.0):
        theta = scale * torch.randn(coordinates.centre.size, generator=generator, dtype=torch.float64)
        mean, cov = parameters(theta, coordinates)
        likelihood = sum((weights[:, k] * multivariate_normal.logpdf(data.x, mean[k], cov)).sum() for k in range(2))
        raw = likelihood - 0.5 * (lda.DIM + 1 + 2) * np.linalg.slogdet(cov)[1]
        closed = invwishart.logpdf(cov, known.nu, known.scatter) + sum(
            multivariate_normal.logpdf(mean[k], known.mean[k], cov / known.weight[k]) for k in range(2)
        )
        ours = coordinates.log_prob(theta[None]).item() - log_jacobian(theta, coordinates)
        differences.append([ours - raw, ours - closed])
    assert np.ptp(differences, axis=0).max() < 1e-7
    assert known.nu == 60 * 1.5


def test_the_conjugate_moments_are_those_of_independent_draws(conjugate) -> None:
    """100,000 draws by scipy: bounds of 5 errors, the sd's widened by the heavier tails of an inverse Wishart."""
    _, known, _ = conjugate
    mu, cov = known.draws(100_000, np.random.default_rng(2))
    values = np.concatenate([mu.reshape(len(mu), -1), cov[:, lda.ROWS, lda.COLUMNS]], 1)
    mean, sd = known.moments()
    assert (np.abs(values.mean(0) - mean) / sd).max() < 5 / 100_000**0.5
    assert np.abs(values.std(0) / sd - 1).max() < 7 / (2 * 100_000) ** 0.5


@NAMES
def test_pymc_has_the_density_and_the_gradient_of_torch(name: str) -> None:
    target, rng = double(CASES[name].target), np.random.default_rng(0)
    density = target.pymc_model().logp_dlogp_function(ravel_inputs=True, mode=MODES[resolve_backend("auto")])
    density.set_extra_values({})
    units = torch.zeros(1, dtype=torch.int64)
    values = []
    for scale in (0.1, 1.0, 3.0):
        theta = torch.as_tensor(rng.normal(size=(1, target.num_params))) * scale
        value, gradient = density(theta[0].numpy())
        np.testing.assert_allclose(gradient, target.gradient(theta, units, target.full(units))[0], rtol=1e-8, atol=1e-8)
        values.append((float(value), target.log_density(theta, units).item()))
    constant = values[0][0] - values[0][1]
    np.testing.assert_allclose([v for v, _ in values], [v + constant for _, v in values], rtol=1e-8)


@NAMES
def test_nuts_recovers_what_is_known(name: str) -> None:
    """Two chains; the toy with two humps mixes five times worse than the others."""
    rows = judge(CASES[name], nuts, nuts.Settings(chains=2, draws=2500 if "toy" in name else 1000, tune=300), CONTEXT)
    assert {row["verdict"] for row in rows} == {"recovers"}, rows
    assert max(row["rhat"] for row in rows) < 1.05


def test_the_conjugate_student_reaches_what_can_be_reached() -> None:
    """No classifier is better than the true probabilities, and the linear student cannot reach the quadratic teacher."""
    rows = compare(Conjugate(examples=400, lam=1.0), 1)
    mean = {
        key: np.mean([row["value"] for row in rows if (row["quantity"], row["column"]) == key])
        for key in {(row["quantity"], row["column"]) for row in rows}
    }
    assert mean["accuracy", "bayes"] == pytest.approx(0.837, abs=0.002)  # method.md, section 7
    assert mean["mae_p", "qda_teacher"] < mean["mae_p", "bkd"] and mean["accuracy", "lda"] < mean["accuracy", "bayes"]
    assert 0.93 < mean["coverage@0.95", "bkd"] < 0.96
