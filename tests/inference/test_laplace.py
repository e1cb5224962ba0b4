"""Laplace: the curvature against automatic differentiation, the mode, and the law where it is known. U units, P parameters."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.base.errors import ConfigError
from mtbkd.inference import Context, laplace
from mtbkd.inference.last_layer import behind_features, last_layer
from mtbkd.inference.optimise import Training
from mtbkd.posterior.density import full_log_posterior, log_posterior
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target
from mtbkd.signals import kd, tip
from mtbkd.students.linear import Linear
from mtbkd.students.mlp import Mlp
from tests.conformance.examples import features_of, names, small
from tests.inference.gaussian import gaussian
from tests.inference.test_pymc import random_problem

CONTEXT = Context(seed=5, replicates=(0, 1), training=Training(steps=300, restarts=1), device="cpu")
SD = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
MEAN = torch.tensor([-1.0, 0.3, 0.0, 2.0], dtype=torch.float64)
COV = 0.8 ** (torch.arange(4).unsqueeze(1) - torch.arange(4)).abs() * SD * SD.unsqueeze(1)
TARGET = gaussian(MEAN, COV, units=2)


def settings(**values: Any) -> laplace.Settings:
    return laplace.Settings.model_validate({"polish": 100, **values})


@dataclass(frozen=True)
class At(Context):
    """A context whose MAP run is over: ``point`` (U, P)."""

    point: torch.Tensor = MEAN

    def mode(self, target: Target, dropout: float = 0.0) -> torch.Tensor:
        return self.point


def state(problem: Problem, start: torch.Tensor, **values: Any) -> laplace.State:
    """``init`` from ``start`` (U, P)."""
    return laplace.init(problem, settings(**values), At(**vars(CONTEXT), point=start))


def value_of(problem: Problem, unit: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """One unit's log-posterior as a function of the vector theta (P,)."""
    units = torch.tensor([unit])
    return lambda theta: log_posterior(problem, theta[None], units, problem.full(units))[0]


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("signal", [tip, kd], ids=["tip", "kd"])
def test_the_hessian_is_that_of_automatic_differentiation(signal: ModuleType, temperature: float) -> None:
    """Forward over reverse mode, and central differences of the closed-form gradient, on a network of 27 parameters."""
    problem = random_problem(signal, Mlp((4, 3, 3)), temperature)
    mean = torch.randn((2, 27), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = laplace.hessian(problem, mean, max_entries=5000)
    step = 1e-6 * torch.eye(27, dtype=torch.float64)
    for unit in range(2):
        expected = torch.func.hessian(value_of(problem, unit))(mean[unit])
        torch.testing.assert_close(found[unit], expected, rtol=1e-9, atol=1e-9)
        units = torch.full((27,), unit)
        both = [problem.gradient(mean[unit] + sign * step, units, problem.full(units)) for sign in (1, -1)]
        torch.testing.assert_close(found[unit], (both[0] - both[1]) / 2e-6, rtol=1e-5, atol=1e-5)


def test_the_hessian_holds_the_between_teacher_term() -> None:
    """Hessian of the mixture = sum_g r_g Hessian_g + Cov_r(gradients), written out on a saturated student (logits = theta)."""
    n, k, lam = 3, 3, 4.0
    generator = torch.Generator().manual_seed(4)
    prob = torch.softmax(torch.randn((1, n, 2, k), generator=generator, dtype=torch.float64) * 2, -1)
    logits = torch.randn((1, n, k), generator=generator, dtype=torch.float64).requires_grad_()
    constants = tip.prepare(prob, torch.full((1, n, 2), 0.5), torch.tensor([lam]), tip.Settings(), None)
    log_q = torch.log_softmax(logits, -1)
    share = tip.responsibilities(log_q, constants, torch.tensor([lam])).detach()[0]
    q = log_q.exp().detach()[0]
    within = -lam * (torch.diag_embed(q) - q.unsqueeze(-1) * q.unsqueeze(-2))
    pull = lam * (prob[0] - q.unsqueeze(1))
    centred = pull - (share.unsqueeze(-1) * pull).sum(1, keepdim=True)
    between = torch.einsum("ng,ngk,ngl->nkl", share, centred, centred)
    reference = torch.func.hessian(lambda z: tip.term(torch.log_softmax(z, -1), constants, torch.tensor([lam])).sum())(logits)
    for i in range(n):
        torch.testing.assert_close(reference[0, i, :, 0, i], within[i] + between[i])
    assert between.abs().max() > 0.1


@pytest.mark.parametrize("curvature", ["full", "diagonal"])
def test_a_gaussian_posterior_is_recovered(curvature: str) -> None:
    """Exactly by ``full``; with variances 1 / Lambda_ii by ``diagonal``."""
    chosen = settings(curvature=curvature, draws=4000)
    start = laplace.init(TARGET, chosen, CONTEXT)
    exact = COV if curvature == "full" else torch.diag(1 / torch.linalg.inv(COV).diagonal())
    torch.testing.assert_close(start.mean, MEAN.expand(2, -1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(start.root @ start.root.mT, exact.expand(2, -1, -1), rtol=1e-6, atol=1e-9)
    fit = laplace.run(TARGET, chosen, start, CONTEXT)
    drawn = torch.cov(fit.params[1, 0].double().T) / (exact.diagonal() * exact.diagonal().unsqueeze(1)).sqrt()
    expected = exact / (exact.diagonal() * exact.diagonal().unsqueeze(1)).sqrt()
    assert (drawn - expected).abs().max() < 5 * (2 / 4000) ** 0.5
    ratio = fit.sample_stats["log_ratio"]
    assert ratio.shape == (2, 1, 4000)
    if curvature == "full":
        assert np.abs(ratio).max() < 1e-5


@pytest.mark.parametrize("curvature", ["full", "last_layer"])
def test_the_mode_is_one(curvature: str, caplog: pytest.LogCaptureFixture) -> None:
    """From far away, on a smooth posterior: the free gradient is gone, measured in posterior standard deviations."""
    problem = random_problem(tip, Linear(4, 3, False), 1.0)
    with caplog.at_level(logging.INFO, "mtbkd.inference.laplace"):
        found = state(problem, torch.full((2, 10), 0.5), curvature=curvature)
    units = problem.members(1)
    grad = problem.gradient(found.mean, units, problem.full(units))
    assert ((grad.unsqueeze(1) @ found.root).squeeze(1).norm(dim=-1) < 1e-4).all()
    assert [r.message.split(":")[0] for r in caplog.records] == ["replicate 0", "replicate 1"]


def test_newton_steps_only_go_up_even_from_a_saddle() -> None:
    problem = random_problem(tip, Mlp((4, 3, 3)), 1.0)
    units, mean = problem.members(1), 0.01 * torch.ones(2, 27, dtype=torch.float64)
    value = full_log_posterior(problem, mean, units)
    for _ in range(5):
        mean = laplace.newton(problem, mean, 1).mean
        value, before = full_log_posterior(problem, mean, units), value
        assert (value >= before).all()


def test_no_direction_is_wider_than_the_prior(caplog: pytest.LogCaptureFixture) -> None:
    """At a point that is no mode of a network the Hessian has negative directions; prior scales 2 and .7, T .4 and 2."""
    problem = random_problem(tip, Mlp((4, 3, 3)), 2.0)
    with caplog.at_level(logging.INFO, "mtbkd.inference.laplace"):
        found = state(problem, torch.randn((2, 27), generator=torch.Generator().manual_seed(1)), polish=0, newton=0)
    widest = torch.linalg.matrix_norm(found.root, ord=2)
    prior = problem.shared.prior_scale * torch.tensor([0.4, 2.0], dtype=torch.float64).sqrt()
    assert (widest <= prior * (1 + 1e-9)).all()
    assert all(int(r.message.split(", ")[1].split(" of ")[0]) > 0 for r in caplog.records)


@pytest.mark.parametrize("name", names("student"))
def test_the_last_layer_has_its_block_of_the_whole_hessian(name: str) -> None:
    """Of every student with a hidden layer; without its last layer a network says nothing, so that none of it is left out."""
    module = registry.part("student", name)
    features = features_of(module)
    student = module.build(small(module), features, 3)
    generator = torch.Generator().manual_seed(1)
    x = student.inputs(torch.randn((1, 15, *features), generator=generator)).double()
    problem = replace(random_problem(tip, Linear(4, 3, False), 1.0), student=student, x=x)
    begin = last_layer(problem)
    if not student.hidden:
        assert begin == 0
        return
    mean = torch.randn((2, student.num_params), generator=generator, dtype=torch.float64)
    block = laplace.hessian(behind_features(problem, mean), mean[:, begin:])
    torch.testing.assert_close(block, laplace.hessian(problem, mean)[:, begin:, begin:])
    mean[:, begin:] = 0
    assert (student.apply(mean, x) == 0).all()


def test_last_layer_draws_move_nothing_else_and_have_no_density_over_all() -> None:
    problem = random_problem(tip, Mlp((4, 3, 3)), 1.0)
    found = state(problem, torch.zeros(2, 27), curvature="last_layer")
    fit = laplace.run(problem, settings(curvature="last_layer"), found, CONTEXT)
    assert found.root.shape == (2, 12, 12)
    assert (fit.params[..., :15].std(2) < 1e-6).all() and (fit.params[..., 15:].std(2) > 1e-2).all()
    assert not fit.sample_stats


def test_too_many_rows_are_refused_with_a_way_out() -> None:
    size = laplace.HESSIAN_LIMIT + 1
    with pytest.raises(ConfigError, match=r"curvature: full of 2,001 parameters; allowed: at most 2,000.*last_layer"):
        laplace.init(gaussian(torch.zeros(size), torch.eye(size)), settings(), CONTEXT)
    assert laplace.max_params(settings()) == 2000 and laplace.max_params(settings(curvature="last_layer")) is None


def test_a_unit_without_a_finite_mode_is_masked_and_spares_the_other() -> None:
    problem, start = random_problem(tip, Linear(4, 3, False), 1.0), torch.zeros(2, 10)
    healthy = laplace.run(problem, settings(), state(problem, start), CONTEXT).params
    start[0, 0] = torch.nan
    beside = laplace.run(problem, settings(), state(problem, start), CONTEXT).params
    assert beside[0].isnan().any(-1).all()
    torch.testing.assert_close(beside[1], healthy[1])
