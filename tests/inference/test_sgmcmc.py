"""The stochastic-gradient samplers find what is known exactly, say what they lose, and keep what they are told to keep.

U units, C chains, D draws, P parameters. Bounds on means and standard deviations are 5 Monte Carlo errors at the effective
sample size given, plus the bias of the step in posterior standard deviations, which is computed or stated with each case.
"""

import logging
import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import stats

from mtbkd.bench.problems import CASES, make
from mtbkd.inference import Context, csgld, langevin, psgld, sghmc, sgld
from mtbkd.inference.noise import Normals
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.posterior.target import full_gradient
from mtbkd.signals import bkd, none, tip
from mtbkd.students.linear import Linear
from tests.inference.gaussian import Gaussian, gaussian
from tests.inference.test_pymc import ONE_TEACHER, TWO_TEACHERS, assert_recovers, intercepts

CONTEXT = Context(seed=11, replicates=(0,), training=Training(steps=100, restarts=1), device="cpu")
SAMPLERS: dict[ModuleType, dict[str, Any]] = {
    sgld: {"step_size": 1.0, "burn_in": 600},
    sghmc: {"step_size": 0.1, "friction": 0.1, "burn_in": 600},
    psgld: {"burn_in": 600},
    csgld: {"step_size": 2.0, "cycles": 3, "explore": 0.25},
}
# A step of SGLD, times what makes the others' as long: eta = alpha tau; tau / G at the posterior's own G.
EVERY = pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda module: module.__name__.rpartition(".")[2])


def draw(sampler: ModuleType, target: Any, step_size: float, chains: int, **other: Any) -> torch.Tensor:
    """Draws (U, C, D, P) from chains that start at 0."""
    sizes = {**SAMPLERS[sampler], "steps": 1800, "thin": 20, "chains": chains, **other}
    settings = sampler.Settings(**{**sizes, "step_size": sizes.get("step_size", 1.0) * step_size})
    start = sampler.State(torch.zeros(target.num_units * chains, target.num_params))
    return sampler.run(target, settings, start, CONTEXT).params


@EVERY
def test_every_sampler_recovers_a_correlated_gaussian(sampler: ModuleType) -> None:
    """Precisions .625 and 2.5 along the axes; 300 chains of 1,200 kept steps, 80 steps a correlation time of the slower axis.

    A step of .02 makes the sd 1.3 % too large; cyclical SGLD leaves the mode, where exploration ends, in its first draws.
    """
    mean, cov = torch.tensor([1.0, -2.0]), torch.tensor([[1.0, 0.6], [0.6, 1.0]])
    params = draw(sampler, gaussian(mean, cov), 0.025 if sampler is psgld else 0.02, 300).double().flatten(0, 2)
    bias, effective = 0.06 if sampler is csgld else 0.02, 2000
    assert (params.mean(0) - mean).abs().max() < 5 / effective**0.5 + 0.01
    assert (params.std(0) - 1).abs().max() < 5 / (2 * effective) ** 0.5 + bias
    assert abs(torch.corrcoef(params.T)[0, 1].item() - 0.6) < 5 * (1 - 0.6**2) / effective**0.5 + bias


@EVERY
@pytest.mark.parametrize(("signal", "case"), [(bkd, ONE_TEACHER), (tip, TWO_TEACHERS)], ids=["Dirichlet", "mixture"])
def test_every_sampler_recovers_the_exact_posterior(sampler: ModuleType, signal: ModuleType, case: dict[str, Any]) -> None:
    """With minibatches; 150 chains whose kept steps are some 10 correlation times each."""
    problem = intercepts(signal, **case, scale=math.inf)
    step_size = 6e-4 if sampler is psgld else 4e-3
    assert_recovers(draw(sampler, problem, step_size, 150, steps=1500), case, effective=1000, bias=0.05)


def test_a_sampler_of_twice_the_temperature_is_told_apart() -> None:
    """The bounds above are no empty ones: draws sqrt 2 too wide break them."""
    problem = intercepts(bkd, **ONE_TEACHER, scale=math.inf)
    params = draw(sgld, problem, 4e-3, 150)
    with pytest.raises(AssertionError):
        assert_recovers(params.mean() + (params - params.mean()) * 2**0.5, ONE_TEACHER, effective=1000, bias=0.05)


def test_a_decreasing_step_ends_with_less_bias_than_the_constant_one_it_starts_as() -> None:
    """Precision 1: a step tau makes the variance 1 / (1 - tau / 2), a third too large at tau = .5 and 5 % at the floor, .1."""
    target, found = gaussian(torch.zeros(1), torch.eye(1)), {}
    for decay in (0.0, 0.6):
        decreasing = {"decay": decay, "decay_offset": 20.0, "floor": 0.1}
        found[decay] = draw(sgld, target, 0.5, 400, steps=1000, **decreasing).var().item()
    error = 5 * (2 / 3000) ** 0.5
    assert found[0.0] == pytest.approx(1 / 0.75, abs=error * 1.4) and found[0.6] == pytest.approx(1 / 0.95, abs=error)


def test_the_decreasing_step_is_that_of_the_paper_down_to_its_floor() -> None:
    a, b, gamma = 0.3, 50.0, 0.55
    settings = sgld.Settings(step_size=a * b**-gamma, decay=gamma, decay_offset=b, floor=1e-2)
    step = np.array([1, 2, 100, 10_000])
    np.testing.assert_allclose(settings.step_at(step), np.maximum(1e-2, a * (b + step - 1) ** -gamma))
    assert (sgld.Settings(step_size=1e-5).step_at(step) == 1e-5).all()


def test_the_momentum_has_the_variance_of_the_closed_form() -> None:
    """The variance 1 / (1 - eta / (2 (2 - alpha))) of the docstring, at an eta of 1 and strong friction: 1.5."""
    target = gaussian(torch.zeros(1), torch.eye(1))
    params = draw(sghmc, target, 10.0, 400, steps=1000, friction=0.5)
    assert params.var().item() == pytest.approx(1 / (1 - 1 / 3), rel=5 * (2 / 3000) ** 0.5)


def test_the_preconditioner_brings_wide_directions_in_as_fast_as_narrow_ones_allow() -> None:
    """Sds of .1 and 1, starts 3 sds away; both samplers take steps of 5 % of what the narrow direction bears.

    G is the sd, so that the wide one settles in some 100 steps; SGLD needs 1,000, more than its burn-in.
    """
    sd = torch.tensor([0.1, 1.0])
    target = gaussian(3 * sd, torch.diag(sd**2))
    params = {module: draw(module, target, step, 300)[0].flatten(0, 1) for module, step in ((psgld, 0.01), (sgld, 0.001))}
    error = {module: ((value.mean(0) - 3 * sd) / sd).abs() for module, value in params.items()}
    assert error[psgld].max() < 0.1 and error[sgld][0] < 0.1 < 0.5 < error[sgld][1]
    assert (params[psgld].std(0) / sd - 1).abs().max() < 0.1


def test_exploration_is_without_noise_and_the_sampling_stage_with_it() -> None:
    """From the mode, nine noiseless steps stay there; the tenth adds noise of variance 2 tau_10."""
    target = gaussian(torch.zeros(2), torch.eye(2))
    settings = csgld.Settings(step_size=0.1, steps=10, cycles=1, explore=0.9, thin=1, chains=1000)
    params = csgld.run(target, settings, csgld.State(torch.zeros(1000, 2)), CONTEXT).params
    assert params.shape == (1, 1000, 1, 2)
    assert params.var().item() == pytest.approx(2 * settings.step_at(np.array([10]))[0], rel=5 * (2 / 2000) ** 0.5)


def test_cycles_start_with_the_full_step_and_draws_come_from_their_sampling_stages() -> None:
    settings = csgld.Settings(step_size=0.2, steps=1000, cycles=4, explore=0.4, thin=10)
    np.testing.assert_allclose(settings.step_at(np.array([1, 251, 501, 751])), 0.2)
    assert settings.step_at(np.array([250]))[0] < 1e-5
    kept = np.array(settings.kept())
    places, cycles = settings.place(kept), (kept - 1) // 250
    assert (places >= 0.4).all() and np.bincount(cycles).tolist() == [15] * 4


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        (sgld, {"steps": 100, "burn_in": 60, "thin": 50}, "burn_in 60 [+] thin 50 leave no draw of 100 steps"),
        (csgld, {"steps": 100, "cycles": 4, "thin": 40}, "fewer than a draw a cycle"),
    ],
)
def test_settings_that_leave_no_draws_are_refused(module: ModuleType, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        module.Settings(**settings)


class Slope(Gaussian):
    """A density whose gradient is 1."""

    def gradient(self, params: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        return torch.ones_like(params)


def test_thinning_keeps_the_steps_that_it_says() -> None:
    """A density of slope 1 makes its parameters the number of the step: which are kept, in which order, for which chain."""
    target = Slope(torch.zeros(3), torch.eye(3), num_units=2)
    settings = langevin.BurnIn(steps=47, burn_in=11, thin=5, chains=4)
    start = (torch.arange(8) / 8).unsqueeze(1).expand(8, 3).contiguous()
    moves = langevin.Moves(np.ones(47), np.zeros(47))
    params = langevin.simulate("test", target, settings, settings.kept(), start, CONTEXT, moves).params
    assert params.dtype == torch.float32 and params.shape == (2, 4, 7, 3)
    expected = torch.arange(16, 47, 5) + torch.arange(8).view(2, 4, 1) / 8
    assert torch.equal(params, expected.unsqueeze(-1).expand(2, 4, 7, 3).float())
    assert torch.equal(start[:, 0], torch.arange(8) / 8)


def two_units(scale: float) -> Problem:
    """The one-teacher posterior with a prior of sd ``scale`` in the first unit and of 1 in the second."""
    problem = intercepts(bkd, **ONE_TEACHER, scale=1.0)
    one = torch.ones(2)
    return replace(
        problem, data_row=torch.tensor([0, 0]), shared=Shared(0.8 * one, one, torch.tensor([scale, 1.0]), one, one),
        constants={name: value.expand(2, *value.shape[1:]).contiguous() for name, value in problem.constants.items()},
    )  # fmt: skip


@EVERY
def test_a_step_that_is_too_large_is_reported_and_spares_the_other_chains(
    sampler: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """A step of .004 is 2,000 times what a prior of sd .001 bears; pSGLD's frozen at once, before it can adapt to it."""
    step_size, other = (6e-4, {"burn_in": 1}) if sampler is psgld else (4e-3, {})
    with caplog.at_level(logging.WARNING):
        beside, alone = (draw(sampler, two_units(scale), step_size, 3, steps=700, **other) for scale in (1e-3, 1.0))
    assert beside[0, :, -1].isnan().all() and torch.isfinite(alone).all()
    assert torch.equal(beside[1], alone[1])
    (record,) = caplog.records
    name = sampler.__name__.rpartition(".")[2]
    assert record.getMessage().startswith(f"{name}: 3 of 6 chains became non-finite, the first between steps 1 and 100.")
    assert "reduce step_size from" in record.getMessage()


class Counting(Problem):
    """A posterior that counts its gradients; having one of its own, it is not compiled."""

    calls = 0

    def gradient(self, *arguments: Any, **named: Any) -> torch.Tensor:
        type(self).calls += 1
        return super().gradient(*arguments, **named)


def test_a_run_without_a_chain_left_stops(caplog: pytest.LogCaptureFixture) -> None:
    problem = Counting(**vars(intercepts(bkd, **ONE_TEACHER, scale=1e-3)))
    with caplog.at_level(logging.WARNING):
        params = draw(sgld, problem, 4e-3, 3)
    assert Counting.calls == 2 * langevin.WATCH + 1 and params.isnan().all()
    assert "none was left at step 100 of 1800, so it stopped" in caplog.text


def test_normals_are_normal_independent_and_the_same_for_any_number_of_threads() -> None:
    """600,001 numbers: one step a block, in slices of odd lengths; 9,376 words start the runs of a slice of 75,001."""
    blocks, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            source = Normals((600_001,), 5, "cpu")
            blocks.append([source.draw()[0].clone() for _ in range(2)])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(*blocks, strict=True))
    z = torch.stack(blocks[0]).double().numpy()
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs((z**4).mean() - 3) < 5 * (96 / z.size) ** 0.5 and 4.5 < np.abs(z).max() < 5.43
    slices = z[0, :75_000], z[0, 75_001:150_001]
    runs = slices[0][: 9_376 * 7].reshape(7, 9_376)
    pairs = [(z[0], z[1]), (z[0, 1:], z[0, :-1]), slices, *((runs[lag:], runs[:-lag]) for lag in range(1, 7))]
    for one, other in pairs:
        assert abs((one * other).mean()) < 5 / one.size**0.5
        assert abs(((one**2 - 1) * (other**2 - 1)).mean()) < 5 * 2 / one.size**0.5


def test_draws_are_the_same_for_any_number_of_threads() -> None:
    """40,960 activations of a layer are enough for torch to share them out."""
    problem, threads, found = make(CASES[1]), torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(draw(sgld, problem, 1e-5, 64, steps=60, burn_in=20))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


def test_successive_draws_of_a_block_are_different_numbers() -> None:
    source = Normals((2, 3), 5, "cpu")
    drawn = torch.cat([source.draw(7).clone() for _ in range(15)])[:100]
    assert drawn.unique().numel() == 600
    assert not torch.equal(drawn[0], Normals((2, 3), 6, "cpu").draw()[0])


class Uncompiled(Problem):
    compiled = None


def logistic(kind: type[Problem]) -> Problem:
    """3,000 labels of a linear student; a minibatch of 8 heats a step of 1e-4 to about 12."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn((1, 3000, 3), generator=generator)
    y = (torch.rand((1, 3000), generator=generator) < torch.sigmoid(x.sum(-1))).long()
    one = torch.ones(1)
    shared = Shared(one, one, one, one, one)
    return kind(**vars(make_problem(Linear(3, 2, False), x, y, torch.zeros(1, dtype=torch.int64), none, None, shared)))


def configurational_temperature(problem: Problem, params: torch.Tensor) -> float:
    """-E[(theta - c) . grad log pi] / P of draws (1, C, D, P), 1 for those of the posterior; c is each chain's mean."""
    flat, away = params.flatten(0, 2), (params - params.mean(2, keepdim=True)).flatten(0, 2)
    slope = full_gradient(problem, flat, problem.members(len(flat)))
    return -float((away.double() * slope.double()).sum(-1).mean()) / problem.num_params


@pytest.mark.parametrize("kind", [Problem, Uncompiled], ids=["compiled", "torch"])
@pytest.mark.parametrize(("sampler", "settings"), [
    (sgld, {"step_size": 1e-4, "burn_in": 1000}), (sghmc, {"step_size": 1e-5, "burn_in": 1000}),
    (psgld, {"step_size": 1.6e-5, "burn_in": 1000}), (csgld, {"step_size": 5e-5, "cycles": 3, "explore": 0.25}),
])  # fmt: skip
def test_control_variates_take_the_heat_of_minibatches_away(sampler: ModuleType, settings: dict[str, Any], kind: Any) -> None:
    problem, context = logistic(kind), replace(CONTEXT, training=Training(steps=500, batch_size=64))
    assert bool(problem.compiled) == (kind is Problem)
    sizes, found = {"steps": 3000, "thin": 10, "chains": 8, "batch_size": 8}, {}
    for on in (True, False):
        of = sampler.Settings(**sizes, **settings, control_variates=on)
        found[on] = configurational_temperature(
            problem, sampler.run(problem, of, sampler.init(problem, of, context), context).params
        )
    assert abs(found[True] - 1) < (0.2 if sampler is csgld else 0.12)  # a cycle begins anew
    assert found[False] > found[True] + 0.3
