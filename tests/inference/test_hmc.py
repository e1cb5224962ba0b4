"""HMC on all examples gives every mode its share of the mass, and samples students exactly. P parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.inference import Context, hmc, rounds, smc, trajectories
from mtbkd.inference.modes import Modes
from mtbkd.inference.optimise import Training
from mtbkd.inference.rounds import Round
from tests.inference.gaussian import gaussian
from tests.inference.test_scale_free import problem
from tests.inference.test_smc import SHARE, TwoModes

CONTEXT = Context(seed=5, replicates=(0,), training=Training(steps=100, learning_rate=0.2), device="cpu")


def fit(target: Any, context: Context = CONTEXT, **settings: Any) -> Any:
    chosen = hmc.Settings.model_validate({"starts": 2, "warmup": 200, "draws": 400, "rounds": 1, "leapfrogs": 8, **settings})
    return hmc.run(target, chosen, hmc.init(target, chosen, context), context)


def test_mean_and_covariance_of_a_gaussian_are_recovered() -> None:
    """1,600 draws are worth some 1,000: 5 errors are .16 of a standard deviation."""
    cov = torch.tensor([[1.0, 0.8], [0.8, 2.0]])
    found = fit(gaussian(torch.tensor([1.0, -2.0]), cov))
    draws = found.params.flatten(0, 2)
    assert ((draws.mean(0) - torch.tensor([1.0, -2.0])) / cov.diagonal().sqrt()).abs().max() < 0.16
    torch.testing.assert_close(torch.cov(draws.T), cov, rtol=0.2, atol=0.2)
    assert not found.sample_stats["diverging"].any()


@dataclass(frozen=True)
class Spread(TwoModes):
    """Starts on either side."""

    def start(self, seeds: list[int], scale: float = 1.0) -> torch.Tensor:
        return torch.stack([torch.full((2,), 4.0 if i % 2 else -4.0) for i in range(len(seeds))])


def two_modes() -> Spread:
    return Spread(torch.tensor([4.0, 4.0]).double(), torch.eye(2).double(), 1)


def test_every_chain_gives_both_modes_their_share_and_without_jumps_none_does() -> None:
    target = two_modes()
    right = (fit(target, starts=1).params[0, ..., 0] > 0).float().mean(-1)
    assert (right - SHARE).abs().max() < 0.12
    stuck = (fit(target, starts=1, jumps=0).params[0, ..., 0] > 0).float().mean(-1)
    assert set(stuck.tolist()) == {0.0, 1.0}


def test_a_network_s_predictions_are_those_of_tempered_smc() -> None:
    """Two samplers that share no code but the density; five errors, of 8 runs each."""
    target = problem(2, 3, 2)
    context = Context(1, (0,), Training(steps=300), "cpu")
    settings = smc.Settings(chains=8, particles=800, reference_scale=1.5, final_sweeps=10)
    other = smc.run(target, settings, smc.init(target, settings, context), context)
    found = fit(target, context, chains=8, starts=4, warmup=400, draws=1000)

    def said(params: torch.Tensor) -> torch.Tensor:
        """(C, 2 Q): means and squares of P(y = 0) at Q inputs, and of each length, chain by chain."""
        prob = [torch.softmax(target.student.apply(chain, target.x[:, :8]), -1)[..., 0] for chain in params[0]]
        return torch.stack([torch.cat([each.mean(0), each.square().mean(0)]) for each in prob])

    def lengths(params: torch.Tensor) -> torch.Tensor:
        return params[0].square().sum(-1).mean(-1, keepdim=True)

    for of in (said, lengths):
        ours, theirs = of(found.params), of(other.params)
        error = ((ours.var(0) + theirs.var(0)) / 8).sqrt()
        assert ((ours.mean(0) - theirs.mean(0)).abs() / error).max() < 5


def test_chains_go_on_until_they_agree_or_the_rounds_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    once = trajectories.Chains.round

    def counted(chains: Any, draws: int) -> Any:
        lengths.append(chains.count)
        return once(chains, draws)

    monkeypatch.setattr(trajectories.Chains, "round", counted)
    easy = gaussian(torch.zeros(2), torch.eye(2), units=2)
    fit(easy, Context(5, (0, 1), Training(steps=50), "cpu"), rounds=3, warmup=100)
    assert lengths == [2]
    lengths.clear()
    found = fit(two_modes(), starts=1, jumps=0, warmup=60, draws=20, rounds=3)
    assert lengths == [1, 1, 1]
    assert found.params.shape == (1, 4, 20, 2)


def test_a_unit_that_needs_more_rounds_goes_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two units is done after one round, the second after two more; each keeps its own draws."""
    monkeypatch.setattr(rounds, "settled", lambda space, unit, seen: unit == 0 or len(seen) == 2)
    target = gaussian(torch.tensor([3.0, -2.0]), torch.eye(2), units=2)
    context = Context(5, (0, 1), Training(steps=50), "cpu")
    found, alone = (fit(target, context, rounds=count, warmup=100, draws=100) for count in (5, 1))
    assert torch.equal(found.params[0], alone.params[0])
    assert not torch.equal(found.params[1], alone.params[1])
    assert (found.params[1].mean((0, 1)) - torch.tensor([3.0, -2.0])).abs().max() < 0.5


def test_a_round_with_a_divergent_trajectory_becomes_warm_up_and_is_told_if_it_is_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trajectories, "DIVERGED", 1e-3)
    shorter: list[bool] = []

    def improve(chains: Any, at: int, place: Any, diverged: bool, first: bool) -> bool:
        shorter.append(diverged)
        return True

    monkeypatch.setattr(trajectories.Chains, "improve", improve)
    found = fit(gaussian(torch.zeros(2), torch.eye(2)), rounds=3, warmup=60, draws=30)
    assert shorter == [True] * 2
    assert found.sample_stats["diverging"].any()


def test_a_draw_that_is_left_out_still_tells_that_its_trajectory_diverged() -> None:
    zeros = torch.zeros((1, 4))
    diverging = torch.tensor([[True, False, False, False]])
    parts = [
        Round(zeros.unsqueeze(-1) + at, zeros, zeros, diverging if at == 0 else ~diverging & False, zeros) for at in (0, 1)
    ]
    thinned = rounds.thin(parts)
    assert thinned.diverging.tolist() == [[True, False, False, False]]
    assert thinned.place[0, :, 0].tolist() == [0, 0, 1, 1]


def test_em_finds_the_components_of_a_mixture() -> None:
    generator = torch.Generator().manual_seed(2)
    mean, scale = torch.tensor([[-3.0, 0.0], [3.0, 1.0]]).double(), torch.tensor([1.0, 0.5]).double()
    weight, cov = torch.tensor([0.3, 0.7]).double(), scale.view(2, 1, 1) ** 2 * torch.eye(2).double()
    truth = Modes.of(weight, mean, cov)
    past = truth.draw((torch.rand(4_000, generator=generator) < 0.7).long(), generator).unsqueeze(0)
    first = Modes.of(torch.full_like(weight, 0.5), 0.3 * mean, torch.eye(2).double().expand(2, 2, 2))
    found = first.learn(past)
    torch.testing.assert_close(found.weight, weight, rtol=0, atol=0.05)
    torch.testing.assert_close(found.mean, mean, rtol=0, atol=0.15)
    torch.testing.assert_close(found.cov, cov, rtol=0.15, atol=0.05)


def test_units_and_chains_are_independent_and_deterministic() -> None:
    target = gaussian(torch.zeros(2), torch.eye(2), units=2)
    context = Context(5, (0, 1), Training(steps=50), "cpu")
    first, again = (fit(target, context, chains=2, warmup=40, draws=30).params for _ in range(2))
    assert torch.equal(first, again)
    assert len({round(float(value), 5) for value in first.mean((2, 3)).flatten()}) == 4


def test_a_chain_without_a_finite_start_is_lost_alone() -> None:
    target, settings = problem(), hmc.Settings(warmup=40, draws=20, starts=1)
    start = 0.1 * torch.ones((4, target.num_params))
    start[1] = torch.nan
    params = hmc.run(target, settings, hmc.State(start), CONTEXT).params[0]
    assert not torch.isfinite(params[1]).any() and torch.isfinite(params[[0, 2, 3]]).all()
    assert np.ptp(params[0, :, 0].numpy()) > 0
