"""Tempered SMC weighs modes that plain chains cannot join, and recovers what is known. S draws, P parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base.errors import ConfigError
from mtbkd.inference import Context, smc
from mtbkd.inference.optimise import Training
from mtbkd.inference.tuning import SHARED_NAMES, shared_of
from mtbkd.posterior.problem import make_problem
from mtbkd.signals import none
from mtbkd.students import linear
from tests.inference.gaussian import Gaussian, gaussian

CONTEXT = Context(seed=5, replicates=(0,), training=Training(steps=50), device="cpu")
SHARE, APART = 0.8, 8.0


@dataclass(frozen=True)
class TwoModes(Gaussian):
    """SHARE N(m, C) + (1 - SHARE) N(m - APART, C): modes that no chain of length thousands crosses."""

    def log_density(self, params: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        right, left = (super(TwoModes, self).log_density(params + shift, units) for shift in (0.0, APART))
        return torch.logaddexp(right + np.log(SHARE), left + np.log(1 - SHARE))

    def gradient(
        self, params: torch.Tensor, units: torch.Tensor, batch: Any, signal_power: float = 1.0,
        keep: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        leaf = params.detach().requires_grad_()
        (grad,) = torch.autograd.grad(self.log_density(leaf, units).sum(), leaf)
        return grad


def fit(target: Gaussian, context: Context = CONTEXT, **settings: Any) -> Any:
    told = {"chains": 4, "particles": 300, "reference_scale": 5.0, **settings}
    chosen = smc.Settings.model_validate(told)
    return smc.run(target, chosen, smc.init(target, chosen, context), context)


def test_mean_covariance_and_evidence_of_a_gaussian_are_recovered() -> None:
    """1,200 particles are worth some 500 draws: 5 errors are .22 of a standard deviation."""
    cov = torch.tensor([[1.0, 0.8], [0.8, 2.0]])
    target = gaussian(torch.tensor([1.0, -2.0]), cov)
    found = fit(target)
    draws = found.params.flatten(0, 2)
    sd = cov.diagonal().sqrt()
    assert ((draws.mean(0) - torch.tensor([1.0, -2.0])) / sd).abs().max() < 0.22
    torch.testing.assert_close(torch.cov(draws.T), cov, rtol=0.2, atol=0.2)
    assert abs(found.sample_stats["log_evidence"].mean()) < 0.3, "a normalised density integrates to one"


@dataclass(frozen=True)
class Unnormalised(Gaussian):
    """exp(-(theta - m)' A (theta - m) / 2) without its constant."""

    def log_density(self, params: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        apart = params.double() - self.mean
        return -0.5 * ((apart @ self.precision) * apart).sum(-1)


@pytest.mark.parametrize("scale", [2.0, 5.0])
def test_the_evidence_of_an_unnormalised_gaussian_is_its_constant(scale: float) -> None:
    """Whatever the reference's scale: (P/2) log 2 pi + log det(C) / 2."""
    cov = torch.tensor([[1.0, 0.8, 0.0], [0.8, 2.0, 0.3], [0.0, 0.3, 0.5]]).double()
    exact = 1.5 * np.log(2 * np.pi) + 0.5 * float(torch.logdet(cov))
    found = fit(Unnormalised(torch.tensor([1.0, -2.0, 0.5]).double(), torch.linalg.inv(cov), 1), reference_scale=scale)
    assert abs(found.sample_stats["log_evidence"].mean() - exact) < 0.3


def test_the_evidence_of_labels_is_what_quadrature_gives() -> None:
    """A linear student of one input and two classes, whose margin is a + b x: its prior's constant is part of the evidence."""
    scale, x, y = 1.5, torch.linspace(-2, 2, 12), torch.tensor([0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1])
    student = linear.build(linear.Settings(), (1,), 2)
    shared = shared_of([{**dict.fromkeys(SHARED_NAMES, 1.0), "prior_scale": scale}], "cpu")
    problem = make_problem(
        student, student.inputs(x.view(1, -1, 1)), y.view(1, -1), torch.tensor([0]), none, none.Settings(), shared
    )
    found = fit(problem, reference_scale=scale).sample_stats["log_evidence"]
    grid = torch.linspace(-14, 14, 400).double()
    a, b = torch.meshgrid(grid, grid, indexing="ij")
    margin = a[..., None] + b[..., None] * x.double()
    log_likelihood = torch.nn.functional.logsigmoid(torch.where(y == 1, margin, -margin)).sum(-1)
    log_prior = -(a**2 + b**2) / (2 * scale**2) - np.log(2 * np.pi * scale**2)
    exact = float(torch.logsumexp((log_likelihood + log_prior).flatten(), 0) + 2 * torch.log(grid[1] - grid[0]))
    assert abs(found.mean() - exact) < 0.2


def test_every_run_gives_both_modes_their_share() -> None:
    target = TwoModes(torch.tensor([4.0, 4.0]).double(), torch.eye(2).double(), 1)
    draws = fit(target).params[0]
    right = (draws[..., 0] > 0).float().mean(-1)
    assert (right - SHARE).abs().max() < 0.15 and abs(right.mean() - SHARE) < 0.08


def test_units_and_runs_are_independent_and_deterministic() -> None:
    target = gaussian(torch.zeros(2), torch.eye(2), units=2)
    context = Context(5, (0, 1), Training(steps=50), "cpu")
    first, again = (fit(target, context, chains=2, particles=50).params for _ in range(2))
    assert torch.equal(first, again)
    assert len({round(float(value), 5) for value in first.mean((2, 3)).flatten()}) == 4


def test_a_particle_without_a_density_is_left_behind() -> None:
    @dataclass(frozen=True)
    class Half(Gaussian):
        def log_density(self, params: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
            return super().log_density(params, units).masked_fill(params[:, 0] < 0, torch.nan)

    draws = fit(Half(torch.zeros(2).double(), torch.eye(2).double(), 1)).params
    assert (draws[..., 0] >= 0).all() and torch.isfinite(draws).all()
    assert abs(draws[..., 0].mean() - np.sqrt(2 / np.pi)) < 0.12


def test_a_target_out_of_reach_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smc, "MAX_TEMPERATURES", 2)
    far = gaussian(torch.full((2,), 50.0), 0.01 * torch.eye(2))
    with pytest.raises(ConfigError, match=r"settings of smc: found reference_scale 1, .* Hint: raise reference_scale"):
        fit(far, chains=1, particles=20, reference_scale=1.0)
