"""The temperature of draws whose heat is known, and the gate that reads it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtbkd.inference.convergence import GATES, Claim, judge
from mtbkd.inference.temperature import measured_draws, temperatures, two_errors
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.questions.exact.cases import gaussian
from mtbkd.signals import none
from mtbkd.students.linear import Linear

CASE = gaussian()
COV = np.outer(*[[0.6, 0.8, 1.0, 1.2, 1.4]] * 2) * 0.7 ** np.abs(np.subtract.outer(range(5), range(5)))
INDEPENDENT, CHAINS = Claim("independent", True), Claim("chains", True)


def draws(count: int, chains: int = 1, scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    """Exact draws (1, C, D, 5) of the case, stretched about its mean."""
    noise = np.random.default_rng(seed).multivariate_normal(np.zeros(5), COV, (1, chains, count))
    return torch.as_tensor(CASE.mean[:5] + scale * noise, dtype=torch.float32)


def verdict(values: np.ndarray, claim: Claim = INDEPENDENT, draws: int = 400, lost: tuple[int, ...] = ()) -> dict:
    """The gate's row for temperatures (1, C, S)."""
    rng, shape = np.random.default_rng(0), (1, values.shape[1], draws)
    diverged = np.zeros(shape[:2], bool)
    diverged[0, list(lost)] = True
    rows = judge(claim, rng.normal(size=shape), rng.dirichlet([2, 2], (*shape, 2)), {"temperature": values}, diverged)
    return next(row for row in rows if row["gate"] == "temperature")


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize(("scale", "expected"), [(1.0, 1.0), (2.0, 4.0), (0.5, 0.25), (1e-3, 1e-6)])
def test_gaussian_draws_have_the_square_of_their_stretch(chains: int, scale: float, expected: float) -> None:
    found = temperatures(CASE.target, draws(400, chains, scale), "cpu")
    assert found.shape == (1, chains, min(400, measured_draws(5) // chains))
    assert abs(found.mean() - expected) < 2 * two_errors(found[0])
    row = verdict(found, CHAINS if chains > 1 else INDEPENDENT)
    assert row["verdict"] is (scale == 1.0) and row["value"] == pytest.approx(found.mean())
    assert row["verdict"] or row["note"] == GATES["temperature"].advice


def test_the_estimate_is_unbiased_and_its_error_covers_it() -> None:
    """Over 200 repetitions; a chain of few effective draws does not seem cool."""
    found = np.array([temperatures(CASE.target, draws(60, 2, seed=s), "cpu")[0] for s in range(200)])
    assert abs(found.mean() - 1) < 4 * found.mean((1, 2)).std() / 200**0.5
    assert np.mean([abs(each.mean() - 1) < two_errors(each) for each in found]) > 0.88
    blocks = np.array([
        temperatures(CASE.target, draws(8, seed=s).repeat_interleave(15, 2), "cpu").mean() for s in range(400)
    ])  # fmt: skip
    assert abs(blocks.mean() - 1) < 4 * blocks.std() / 400**0.5


def logistic(scale: float, temperature: float | None) -> Problem:
    """Two classes told by one input: two parameters."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 40, 1, generator=generator)
    y = (x[..., 0] + torch.randn(1, 40, generator=generator) > 0).long()
    one = torch.ones(1)
    heat = None if temperature is None else temperature * one
    shared = Shared(one, one, scale * one, one, one, heat)
    return make_problem(Linear(1, 2, False), x, y, torch.tensor([0]), none, none.Settings(), shared)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("scale", "temperature"), [(1.0, None), (float("inf"), None), (1.0, 0.25), (1.0, 3.0)])
def test_exact_draws_are_at_one_with_a_flat_prior_and_a_tempered_posterior(
    scale: float, temperature: float | None, compiled: bool
) -> None:
    problem = logistic(scale, temperature)
    grid = torch.cartesian_prod(torch.linspace(-3, 9, 161), torch.linspace(-4, 4, 161))
    weight = torch.softmax(problem.log_density(grid, torch.zeros(len(grid), dtype=torch.int64)).double(), 0)
    chosen = torch.multinomial(weight, 4000, True, generator=torch.Generator().manual_seed(1))
    if not compiled:
        problem.__dict__["compiled"] = None
    exact = grid[chosen].view(40, 1, 100, 2)
    many = replace_units(problem, 40)
    found = temperatures(many, exact, "cpu")
    assert abs(found.mean() - 1) < 2.5 * two_errors(found[:, 0])
    centre = exact.mean(2, keepdim=True)
    assert temperatures(many, centre + 2 * (exact - centre), "cpu").mean() > 2


def replace_units(problem: Problem, units: int) -> Problem:
    """The same posterior so many times."""
    shared = Shared(*(None if each is None else each.expand(units).contiguous() for each in vars(problem.shared).values()))
    copied = replace(problem, data_row=torch.zeros(units, dtype=torch.int64), shared=shared)
    if problem.compiled is None:
        copied.__dict__["compiled"] = None
    return copied


def test_draws_that_jump_among_modes_are_measured_within_them() -> None:
    """Copies of the same density a hundred deviations away leave the temperature as it is; one c for all would not."""
    here, far = draws(400, 2), torch.tensor([0, 100.0])
    modes = np.random.default_rng(0).integers(2, size=(1, 2, 400))
    at = far[torch.as_tensor(modes)].unsqueeze(-1)

    class Copies:
        num_params, num_examples, hidden, members = 5, 1, (), CASE.target.members
        full = CASE.target.full

        def gradient(self, params: torch.Tensor, units: torch.Tensor, batch: object) -> torch.Tensor:
            back = params - 100 * (params[:, :1] > 50)
            return CASE.target.gradient(back, units, CASE.target.full(units))

    told = temperatures(Copies(), here + at, "cpu", modes)  # pyright: ignore[reportArgumentType]
    assert abs(told.mean() - 1) < 2 * two_errors(told[0]) < 0.3
    assert two_errors(temperatures(Copies(), here + at, "cpu")[0]) > 0.5  # pyright: ignore[reportArgumentType]


def test_lost_chains_are_left_out() -> None:
    params = draws(400, 4)
    params[0, 2, 50:] = torch.nan
    found = temperatures(CASE.target, params, "cpu")
    assert np.isnan(found[0, 2]).all() and np.isfinite(found[0, [0, 1, 3]]).all()
    row = verdict(found, CHAINS, lost=(2,))
    assert row["verdict"] is True and np.isfinite(row["value"])
    assert verdict(found, CHAINS)["verdict"] is False  # not marked as lost


def test_an_error_too_large_to_tell_is_no_pass() -> None:
    noisy = np.random.default_rng(0).normal(1.1, 3, (1, 4, 25))
    row = verdict(noisy, CHAINS)
    assert row["verdict"] is False and "too few draws to tell" in row["note"]


def test_without_a_temperature_a_claim_is_not_judged_and_no_claim_is_not_asked() -> None:
    rng, diverged = np.random.default_rng(0), np.zeros((1, 1), bool)
    values = rng.normal(size=(1, 1, 400)), rng.dirichlet([2, 2], (1, 1, 400, 2)), {}, diverged
    rows = {claim: next(r for r in judge(Claim("independent", claim), *values) if r["gate"] == "temperature")
            for claim in (True, False)}  # fmt: skip
    assert (rows[True]["verdict"], rows[True]["judged"]) == (None, False)
    assert (rows[False]["verdict"], rows[False]["judged"]) == (None, True)


def test_the_worst_temperature_is_the_one_farthest_from_one() -> None:
    assert GATES["temperature"].worst(np.array([0.2, 1.5, np.nan])) == 0.2
    assert GATES["rhat"].worst(np.array([1.0, 1.5])) == 1.5 and GATES["ess_bulk"].worst(np.array([100, 900.0])) == 100
