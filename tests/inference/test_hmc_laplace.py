"""HMC in the coordinates of the Laplace approximation: exact also where posteriors are narrow, skewed or lost."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.inference import Context, hmc_laplace, rounds
from mtbkd.inference.optimise import Training
from mtbkd.posterior.target import Target
from tests.inference.gaussian import Gaussian, gaussian

TRAINING = Training.model_validate({"steps": 100, "learning_rate": 0.2})
CONTEXT = Context(seed=5, replicates=(0,), training=TRAINING, device="cpu")


def fit(target: Target, **settings: Any) -> Any:
    chosen = hmc_laplace.Settings.model_validate({"warmup": 100, "draws": 500, "thin": 1, **settings})
    return hmc_laplace.run(target, chosen, hmc_laplace.init(target, chosen, CONTEXT), CONTEXT)


def test_a_gaussian_a_hundred_times_narrower_one_way_is_recovered_in_few_trajectories() -> None:
    """2,000 draws are worth 1,000 or more: 5 errors are .16 of a standard deviation."""
    cov = torch.tensor([[1.0, 0.9999], [0.9999, 1.0]])
    draws = fit(gaussian(torch.tensor([1.0, -2.0]), cov)).params.flatten(0, 2)
    assert (draws.mean(0) - torch.tensor([1.0, -2.0])).abs().max() < 0.16
    along, across = (torch.tensor([1.0, sign]) / 2**0.5 for sign in (1, -1))
    for direction in (along, across):
        assert abs(float((draws @ direction).var() / (direction @ cov @ direction)) - 1) < 0.25


@dataclass(frozen=True)
class Skewed(Gaussian):
    """The logarithm of an exponential variable in one coordinate, whose curvature at the mode says too little."""

    def log_density(self, params: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        x = params[:, 0].double()
        return x - x.exp()

    def gradient(
        self, params: torch.Tensor, units: torch.Tensor, batch: Any, signal_power: float = 1.0,
        keep: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        return 1 - params.exp()


def skewed() -> Skewed:
    return Skewed(torch.zeros(1).double(), torch.eye(1).double(), 1)


def test_draws_are_those_of_the_posterior_and_not_of_its_approximation() -> None:
    """Mean and variance of log Exp(1) are -.577 and pi^2 / 6; the Laplace approximation has 0 and 1."""
    draws = fit(skewed(), draws=2000).params.flatten()
    assert abs(float(draws.mean()) + np.euler_gamma) < 0.12
    assert abs(float(draws.var()) - np.pi**2 / 6) < 0.3


def test_a_lost_start_leaves_its_chain_without_numbers_and_the_others_whole() -> None:
    target, chosen = skewed(), hmc_laplace.Settings.model_validate({"warmup": 20, "draws": 10, "thin": 1})
    state = hmc_laplace.init(target, chosen, CONTEXT)
    place = state.place.clone()
    place[1] = torch.nan
    found = hmc_laplace.run(target, chosen, state._replace(place=place), CONTEXT).params
    assert torch.isnan(found[0, 1]).all() and torch.isfinite(found[0, [0, 2, 3]]).all()


def test_thinned_draws_are_every_other_one_of_the_same_chains() -> None:
    every, half = (fit(skewed(), draws=draws, thin=thin) for draws, thin in ((40, 1), (20, 2)))
    assert torch.equal(half.params, every.params[:, :, 1::2])
    np.testing.assert_array_equal(half.sample_stats["energy"], every.sample_stats["energy"][..., 1::2])


def test_replicates_are_sampled_side_by_side() -> None:
    both = Gaussian(torch.tensor([1.0, -2.0]).double(), torch.eye(2).double(), 2)
    chosen, context = hmc_laplace.Settings.model_validate({"warmup": 50, "draws": 400}), replace(CONTEXT, replicates=(0, 1))
    found = hmc_laplace.run(both, chosen, hmc_laplace.init(both, chosen, context), context).params
    assert found.shape == (2, 4, 400, 2)
    assert (found.mean((1, 2)) - torch.tensor([1.0, -2.0])).abs().max() < 0.2


def test_a_unit_whose_chains_differ_goes_on_alone_and_keeps_every_other_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Gaussian(torch.tensor([1.0, -2.0]).double(), torch.eye(2).double(), 2)
    chosen, context = (
        hmc_laplace.Settings.model_validate({"draws": 200, "thin": 1, "rounds": 6}),
        replace(CONTEXT, replicates=(0, 1)),
    )
    state = hmc_laplace.init(both, chosen, context)
    once = hmc_laplace.run(both, chosen.model_copy(update={"rounds": 1}), state, context).params
    monkeypatch.setattr(rounds, "settled", lambda space, unit, seen: unit == 0 or len(seen) == 2)
    found = hmc_laplace.run(both, chosen, state, context).params
    assert torch.equal(found[0], once[0])
    assert torch.equal(found[1, :, :100], once[1, :, 1::2])
    assert (found[1, :, 100:].mean((0, 1)) - torch.tensor([1.0, -2.0])).abs().max() < 0.3


def test_draws_start_again_with_shorter_steps_where_a_trajectory_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of the energy of .1 count as divergent here, which shorter steps come to avoid."""
    monkeypatch.setattr(hmc_laplace, "DIVERGED", 0.1)
    target = gaussian(torch.zeros(2), torch.eye(2))
    first, last = (fit(target, draws=200, rounds=count).sample_stats["diverging"] for count in (1, 12))
    assert first.any()
    assert not last.any()


def gradients(monkeypatch: pytest.MonkeyPatch, length: float | None) -> int:
    """How many gradients 100 trajectories of at most that length take."""
    asked, slope = [], hmc_laplace.Chains._slope
    with monkeypatch.context() as patch:
        patch.setattr(hmc_laplace.Chains, "_slope", lambda chains, place: asked.append(1) or slope(chains, place))
        fit(gaussian(torch.zeros(2), torch.eye(2)), draws=50, warmup=50, length=length)
    return len(asked)


def test_trajectories_are_no_longer_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are between .1 and 1.5: a length of .1 is one gradient, and one of 100 any number."""
    assert gradients(monkeypatch, 0.1) == 101
    assert gradients(monkeypatch, 100.0) == gradients(monkeypatch, None) > 400
