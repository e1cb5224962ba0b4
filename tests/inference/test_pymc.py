"""PyMC's model is the torch posterior, and the samplers find what is known in closed form. U units, C chains, D draws.

The closed forms are those of method.md section 7: an intercept-only student with a reference class and a flat prior on its
logits. The flat prior is prior_scale = inf for SGLD; PyMC's model needs a proper one, N(0, 1000^2), whose curvature is 1e-7 of
the likelihood's here. Bounds on means and standard deviations are 5 Monte Carlo errors at the effective sample size given.
"""

import math
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import pytest
import torch
from scipy.special import gammaln, logsumexp

from mtbkd.base.errors import ConfigError
from mtbkd.inference import Context, advi, nuts, sgld
from mtbkd.inference.optimise import Training
from mtbkd.inference.pymc_model import MODES, resolve_backend
from mtbkd.posterior.density import full_log_posterior, gradient
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.posterior.symbolic import build_model, unit_data
from mtbkd.signals import bkd, kd, none, power, tip
from mtbkd.students import Student
from mtbkd.students.linear import Linear
from mtbkd.students.mlp import Mlp

CONTEXT = Context(seed=7, replicates=(0,), training=Training(steps=100, restarts=1), device="cpu")
needs_jax = pytest.mark.skipif(find_spec("numpyro") is None, reason="NO JAX: PyMC's JAX paths stay untested")


def random_problem(signal: ModuleType, student: Student, temperature: float) -> Problem:
    """Two units of 15 examples, three classes and two teachers; labels are missing, teacher 1 has no weight on example 0."""
    generator = torch.Generator().manual_seed(3)
    units, n, k, inputs = 2, 15, 3, 4

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    lam, beta, scale = (torch.tensor(v, dtype=torch.float64) for v in ([0.5, 6.0], [1.0, 0.3], [2.0, 0.7]))
    cold = torch.tensor([0.4, 2.0], dtype=torch.float64) if temperature != 1 else None
    shared = Shared(lam, beta, scale, torch.full_like(lam, 1.5), torch.full_like(lam, temperature), cold)
    weights = torch.softmax(draw(1, n, 2), -1)
    weights[0, 0] = torch.tensor([0.0, 1.0])
    y = torch.randint(-1, k, (units, n), generator=generator)
    teachers = None if signal is none else draw(1, n, 2, k) * 2
    best = torch.tensor([1])
    return make_problem(
        student, draw(units, n, inputs), y, torch.arange(units), signal, signal.Settings(), shared, teachers, weights, best
    )


@pytest.mark.parametrize(("student", "temperature"), [(Linear(4, 3, False), 1.0), (Mlp((4, 5, 3)), 2.0)], ids=["linear", "mlp"])
@pytest.mark.parametrize("signal", [none, kd, tip, bkd, power], ids=lambda s: s.__name__.rpartition(".")[2])
def test_pymc_has_the_log_posterior_and_the_gradient_of_torch(signal: ModuleType, student: Student, temperature: float) -> None:
    problem = random_problem(signal, student, temperature)
    model = build_model(problem)
    density = model.logp_dlogp_function(ravel_inputs=True, mode=MODES[resolve_backend("auto")])
    density.set_extra_values({})
    rng = np.random.default_rng(0)
    for unit in (0, 1, 0):
        pm.set_data(unit_data(problem, unit), model=model)
        for scale in (0.1, 1.0, 10.0):
            theta = rng.normal(size=student.num_params) * scale
            params, units = torch.as_tensor(theta)[None], torch.tensor([unit])
            value, grad = density(theta)
            expected = gradient(problem, params, units, problem.full(units))[0]
            np.testing.assert_allclose(value, full_log_posterior(problem, params, units).item(), rtol=1e-8)
            np.testing.assert_allclose(grad, expected, rtol=1e-8, atol=1e-8)


def intercepts(signal: ModuleType, prob: list[list[float]], counts: list[int], lam: float, scale: float) -> Problem:
    """``counts`` labelled and 10 unlabelled examples without inputs, whose G teachers all say ``prob`` (G, K) everywhere."""
    y = torch.tensor([k for k, count in enumerate(counts) for _ in range(count)] + [-1] * 10)[None]
    teachers = torch.tensor(prob).log().expand(1, y.shape[1], -1, -1)
    one = torch.ones(1)
    weights = torch.tensor([0.3, 0.7] if len(prob) == 2 else [1.0]).expand(1, y.shape[1], -1)
    x = torch.zeros(1, y.shape[1], 0)
    return make_problem(
        Linear(0, len(counts), False), x, y, torch.tensor([0]), signal, signal.Settings(),
        Shared(lam * one, one, scale * one, one, one), teachers, weights, torch.tensor([0]),
    )  # fmt: skip


def dirichlet_mixture(prob: list[list[float]], counts: list[int], lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (K,) of q | data: a mixture of N + 1 Dirichlets, by how many examples side with teacher 0."""
    p, labels = np.array(prob), np.array(counts)
    n = labels.sum() + 10
    if len(p) == 1:
        log_weight, alpha = np.zeros(1), (labels + lam * n * p[0])[None]
    else:
        m = np.arange(n + 1)
        log_b = gammaln(1 + lam * p).sum(-1) - gammaln((1 + lam * p).sum(-1))
        alpha = labels + lam * (np.outer(m, p[0]) + np.outer(n - m, p[1]))
        log_weight = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + m * (math.log(0.3) - log_b[0])
        log_weight += (n - m) * (math.log(0.7) - log_b[1]) + gammaln(alpha).sum(-1) - gammaln(alpha.sum(-1))
    weight, total = np.exp(log_weight - logsumexp(log_weight)), alpha.sum(-1, keepdims=True)
    means = alpha / total
    squares = means * (alpha + 1) / (total + 1)
    mean = weight @ means
    return mean, np.sqrt(weight @ squares - mean**2)


ONE_TEACHER: dict[str, Any] = {"prob": [[0.6, 0.3, 0.1]], "counts": [4, 7, 2], "lam": 0.8}
TWO_TEACHERS: dict[str, Any] = {"prob": [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], "counts": [4, 7, 2], "lam": 1.5}
EXACT = pytest.mark.parametrize(
    ("signal", "case"),
    [
        pytest.param(bkd, ONE_TEACHER, id="one teacher: a Dirichlet"),
        pytest.param(tip, TWO_TEACHERS, id="two teachers: a mixture of Dirichlets"),
    ],
)


def assert_recovers(params: torch.Tensor, case: dict[str, Any], effective: float, bias: float = 0.0) -> None:
    """Mean and sd of q over ``params`` (..., K - 1) within 5 errors of ``effective`` independent draws plus ``bias`` sds."""
    logits = torch.nn.functional.pad(params.double().flatten(0, -2), (1, 0))
    q = torch.softmax(logits, -1).numpy()
    mean, sd = dirichlet_mixture(**case)
    assert (np.abs(q.mean(0) - mean) / sd).max() < 5 / effective**0.5 + bias
    assert np.abs(q.std(0) / sd - 1).max() < 5 / (2 * effective) ** 0.5 + bias


def test_the_closed_form_agrees_with_the_log_posterior_integrated_on_a_grid() -> None:
    """The reference of the tests below, on all logits of a fine grid: no sampler involved."""
    problem = intercepts(tip, **TWO_TEACHERS, scale=math.inf)
    axis = torch.linspace(-3, 3, 101)
    grid = torch.cartesian_prod(axis, axis)
    log_p = full_log_posterior(problem, grid, torch.zeros(len(grid), dtype=torch.int64)).double()
    weight = torch.softmax(log_p, 0)
    q = torch.softmax(torch.nn.functional.pad(grid.double(), (1, 0)), -1)
    mean = weight @ q
    sd = (weight @ (q - mean) ** 2).sqrt()
    np.testing.assert_allclose(np.stack([mean, sd]), dirichlet_mixture(**TWO_TEACHERS), rtol=1e-3)


@EXACT
def test_sgld_recovers_the_exact_posterior(signal: ModuleType, case: dict[str, Any]) -> None:
    """150 chains whose 900 kept steps are some 10 correlation times each; the step's bias is below 4 % of a sd."""
    problem = intercepts(signal, **case, scale=math.inf)
    settings = sgld.Settings(step_size=4e-3, steps=1500, burn_in=600, thin=20, chains=150, batch_size=64)
    start = sgld.State(torch.zeros(150, 2))
    fit = sgld.run(problem, settings, start, CONTEXT)
    assert_recovers(fit.params, case, effective=1000, bias=0.04)


def sample(case: dict[str, Any], signal: ModuleType = tip, **settings: Any) -> Any:
    """Two chains of NUTS from opposite sides."""
    chosen = nuts.Settings(chains=2, **settings)
    start = nuts.State(torch.tensor([[2.0, -2.0], [-2.0, 2.0]]))
    return nuts.run(intercepts(signal, **case, scale=1000.0), chosen, start, CONTEXT)


@EXACT
def test_nuts_recovers_the_exact_posterior(signal: ModuleType, case: dict[str, Any]) -> None:
    fit = sample(case, signal, draws=1500, tune=300)
    assert_recovers(fit.params, case, effective=1500)
    assert fit.params.shape == (1, 2, 1500, 2)
    assert fit.sample_stats["diverging"].shape == fit.sample_stats["energy"].shape == (1, 2, 1500)
    assert not fit.sample_stats["diverging"].any()


@pytest.mark.filterwarnings("ignore:QuadPotentialFullAdapt is an experimental feature")
@pytest.mark.parametrize("sampler", ["pymc", pytest.param("numpyro", marks=[needs_jax, pytest.mark.slow])])
def test_other_implementations_of_nuts_agree(sampler: str) -> None:
    fit = sample(TWO_TEACHERS, sampler=sampler, draws=400, tune=200)
    assert_recovers(fit.params, TWO_TEACHERS, effective=400)
    assert np.isfinite(fit.sample_stats["energy"]).all()


@needs_jax
def test_nuts_runs_on_jax_where_there_is_no_compiler() -> None:
    fit = sample(TWO_TEACHERS, backend="jax", draws=500, tune=200)
    assert_recovers(fit.params, TWO_TEACHERS, effective=400)


def test_auto_takes_the_compiler_that_is_there_and_a_missing_jax_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytensor.config.cxx", "g++")
    assert [resolve_backend(b) for b in ("auto", "jax", "numba")] == ["c", "jax", "numba"]
    monkeypatch.setattr("pytensor.config.cxx", "")
    monkeypatch.setattr("mtbkd.inference.pymc_model.find_spec", lambda name: None)
    assert resolve_backend("auto") == "numba"
    with pytest.raises(ConfigError, match="found backend: jax, which needs jax"):
        resolve_backend("jax")
    monkeypatch.setattr("mtbkd.inference.pymc_model.find_spec", lambda name: object())
    assert resolve_backend("auto") == "jax"


def test_a_chain_that_cannot_start_is_masked_and_spares_the_others() -> None:
    problem = intercepts(tip, **ONE_TEACHER, scale=10.0)
    starts = [torch.tensor([[0.1, 0.2], [other, 0.0]]) for other in (0.3, torch.nan)]
    settings = nuts.Settings(chains=2, draws=20, tune=50)
    healthy, beside = (nuts.run(problem, settings, nuts.State(start), CONTEXT).params[0] for start in starts)
    assert torch.equal(healthy[0], beside[0])
    assert beside[1].isnan().all() and not healthy[1].isnan().any()


@pytest.mark.parametrize(
    ("method", "backend"),
    [("advi", "auto"), ("fullrank_advi", "auto"), pytest.param("advi", "jax", marks=needs_jax)],
)
def test_advi_finds_a_gaussian_posterior_in_every_unit(method: str, backend: str) -> None:
    """The prior alone, of sd .5 and 2 in two units: q has zero mean, the prior's sd and a constant log p - log q."""
    problem = intercepts(kd, **{**ONE_TEACHER, "lam": 0.0}, scale=1.0)
    scale = torch.tensor([0.5, 2.0])
    both = replace(
        problem, y=torch.full_like(problem.y, -1), data_row=torch.tensor([0, 0]),
        constants={name: value.expand(2, *value.shape[1:]) for name, value in problem.constants.items()},
        shared=Shared(*(torch.zeros(2), torch.ones(2), scale, torch.ones(2), torch.ones(2))),
    )  # fmt: skip
    settings = advi.Settings.model_validate({"method": method, "backend": backend, "steps": 1000, "learning_rate": 0.05})
    context = replace(CONTEXT, replicates=(0, 1))
    fit = advi.run(both, settings, advi.State(torch.ones(2, 2)), context)
    sd = fit.params.std(2)[:, 0]
    torch.testing.assert_close(sd, scale[:, None].expand(2, 2), rtol=0.2, atol=0)
    assert (fit.params.mean(2)[:, 0].abs() < 0.35 * scale[:, None]).all()
    assert fit.sample_stats["log_ratio"].std(-1).max() < 0.25
    assert not torch.allclose(fit.params[0] / 0.5, fit.params[1] / 2, rtol=1e-3)


@pytest.mark.parametrize("signal", [none, kd, tip, bkd, power], ids=lambda s: s.__name__.rpartition(".")[2])
def test_minibatches_stand_for_all_examples(signal: ModuleType) -> None:
    """The five minibatches that share out 15 examples have the full log-posterior and gradient as their mean."""
    problem = random_problem(signal, Linear(4, 3, False), 2.0)
    feed = advi.Feed(problem, 3)
    density = feed.model.logp_dlogp_function(ravel_inputs=True, mode=MODES[resolve_backend("auto")])
    density.set_extra_values({})
    theta = np.random.default_rng(0).normal(size=problem.num_params)
    params = torch.as_tensor(theta)[None]
    for unit in (0, 1):
        found = []
        for rows in np.random.default_rng(1).permutation(15).reshape(5, 3):
            for name, value in advi.minibatch(unit_data(problem, unit), rows).items():
                feed.model[name].set_value(value)
            value, grad = density(theta)
            found.append(np.concatenate([[value], grad]))
        units = torch.tensor([unit])
        expected = torch.cat(
            [full_log_posterior(problem, params, units), gradient(problem, params, units, problem.full(units))[0]]
        )
        np.testing.assert_allclose(np.mean(found, 0), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("backend", ["auto", pytest.param("jax", marks=needs_jax)])
def test_advi_finds_the_same_q_from_minibatches(backend: str) -> None:
    """8 of 23 examples a step, against all: means within a tenth of a sd, sds within 10 %, of 4,000 draws each."""
    problem, found = intercepts(tip, **TWO_TEACHERS, scale=10.0), []
    for batch_size in (None, 8):
        given = {"batch_size": batch_size, "backend": backend, "steps": 2500, "learning_rate": 0.03, "draws": 4000}
        fit = advi.run(problem, advi.Settings.model_validate(given), advi.State(torch.zeros(1, 2)), CONTEXT)
        found.append(fit.params[0, 0])
    sd = found[0].std(0)
    assert ((found[1].mean(0) - found[0].mean(0)).abs() / sd).max() < 0.1
    assert (found[1].std(0) / sd - 1).abs().max() < 0.1


def test_a_full_rank_q_is_nearer_than_a_mean_field_one() -> None:
    """log p - log q of the two-teacher posterior, whose logits are correlated, varies less."""
    problem = intercepts(tip, **TWO_TEACHERS, scale=10.0)
    spread = {}
    for method in ("advi", "fullrank_advi"):
        settings = advi.Settings.model_validate({"method": method, "steps": 1200, "learning_rate": 0.05})
        spread[method] = advi.run(problem, settings, advi.State(torch.zeros(1, 2)), CONTEXT).sample_stats["log_ratio"].std()
    assert spread["fullrank_advi"] < 0.8 * spread["advi"]


def test_a_replicate_without_a_finite_mode_is_masked_and_spares_the_others() -> None:
    problem = intercepts(tip, **ONE_TEACHER, scale=10.0)
    both = replace(
        problem, data_row=torch.tensor([0, 0]),
        constants={name: value.expand(2, *value.shape[1:]) for name, value in problem.constants.items()},
        shared=Shared(*(value.expand(2) for value in vars(problem.shared).values() if value is not None)),
    )  # fmt: skip
    context, state = replace(CONTEXT, replicates=(0, 1)), advi.State(torch.tensor([[torch.nan, 0.0], [0.0, 0.0]]))
    fit = advi.run(both, advi.Settings(steps=50), state, context)
    assert fit.params[0].isnan().all() and torch.isfinite(fit.params[1]).all()
    assert np.isfinite(fit.sample_stats["log_ratio"][1]).all()
