"""Every signal enters every form of the posterior: torch, PyMC and compiled, and these agree.

U units, N examples, G teachers, K classes, P parameters.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.posterior.density import full_log_posterior, gradient
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.questions.multilabel.target import make_bernoulli
from mtbkd.signals import none, tip
from mtbkd.students.linear import Linear
from tests.conformance.examples import names

UNITS, EXAMPLES, TEACHERS, CLASSES, INPUTS = 2, 20, 3, 4, 3
STUDENT = Linear(INPUTS, CLASSES, False)


def without_constants() -> ModuleType:
    """A signal that needs nothing of the teachers' probabilities: lambda times the student's entropy-like sum of log q."""
    module: Any = ModuleType("plain")
    module.USES, module.NEEDS_WEIGHTS, module.Settings = frozenset({"lambda", "beta"}), False, none.Settings
    module.prepare = lambda prob, weights, lam, settings, best: {}
    module.term = lambda log_q, constants, lam: lam.unsqueeze(-1) * log_q.sum(-1)
    module.slope = lambda log_q, constants, lam: lam.view(-1, 1, 1).expand(log_q.shape)
    module.term_symbolic = lambda log_q, constants, lam: lam * log_q.sum(0)
    return module


@pytest.fixture(params=[*names("signal"), pytest.param(None, id="without_constants")])
def signal(request: pytest.FixtureRequest) -> ModuleType:
    return registry.part("signal", request.param) if request.param else without_constants()


def posterior(
    signal: ModuleType, student_temperature: float = 1.0, dtype: torch.dtype = torch.float32, teacher_temperature: float = 1.0
) -> Problem:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype)

    y = torch.randint(-1, CLASSES, (UNITS, EXAMPLES), generator=generator)
    x, logits = draw(UNITS, EXAMPLES, INPUTS), 3 * draw(UNITS, EXAMPLES, TEACHERS, CLASSES)
    weights = torch.softmax(draw(UNITS, EXAMPLES, TEACHERS), -1)
    lam, one = torch.tensor([0.7, 3.0], dtype=dtype), torch.ones(UNITS, dtype=dtype)
    shared = Shared(lam, 0.5 * one, one, teacher_temperature * one, student_temperature * one)
    settings, best = signal.Settings(), torch.tensor([2, 0])
    return make_problem(STUDENT, x, y, torch.arange(UNITS), signal, settings, shared, logits, weights, best)


def params_of(problem: Problem) -> torch.Tensor:
    return torch.randn(UNITS, problem.num_params, generator=torch.Generator().manual_seed(2)).to(problem.x.dtype)


def differs_where_there_is_a_signal(signal: ModuleType, on: Any, off: Any) -> None:
    """Clearly in every unit, or not at all for the signal of no teachers."""
    gap = np.abs(np.asarray(on) - np.asarray(off)).reshape(UNITS, -1).max(1)
    assert (gap == 0).all() if signal is none else (gap > 1e-2).all()


@pytest.mark.parametrize("student_temperature", [1.0, 2.0])
def test_density_and_gradient_of_torch_have_the_signal(signal: ModuleType, student_temperature: float) -> None:
    on, off = (posterior(each, student_temperature, torch.float64) for each in (signal, none))
    params, units = params_of(on), on.members(1)
    differs_where_there_is_a_signal(signal, *(full_log_posterior(each, params, units) for each in (on, off)))
    differs_where_there_is_a_signal(signal, *(gradient(each, params, units, each.full(units)) for each in (on, off)))


def test_density_and_gradient_of_pymc_have_the_signal_and_are_those_of_torch(signal: ModuleType) -> None:
    pm = pytest.importorskip("pymc")
    problem, found = posterior(signal, 2.0, torch.float64), {}
    params, units = params_of(problem), problem.members(1)
    for each in (signal, none):
        other = posterior(each, 2.0, torch.float64)
        model = other.pymc_model()
        density = model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
        density.set_extra_values({})
        rows = []
        for unit in range(UNITS):
            pm.set_data(other.pymc_data(unit), model=model)
            rows.append(density(params[unit].numpy()))
        found[each] = np.array([value for value, _ in rows]), np.array([grad for _, grad in rows])
    for on, off in zip(found[signal], found[none], strict=True):
        differs_where_there_is_a_signal(signal, on, off)
    np.testing.assert_allclose(found[signal][0], full_log_posterior(problem, params, units), rtol=1e-8)
    np.testing.assert_allclose(found[signal][1], gradient(problem, params, units, problem.full(units)), rtol=1e-8, atol=1e-8)


def test_a_compiled_form_has_the_signal_and_is_that_of_torch(signal: ModuleType) -> None:
    on, off = posterior(signal), posterior(none)
    assert off.compiled is not None
    assert (on.compiled is not None) == (signal is none or hasattr(signal, "mixture"))
    if on.compiled is None:
        return
    params, units = params_of(on), on.members(1)
    density, slope = on.compiled.log_density(params, units), on.compiled.full_gradient(params, units)
    differs_where_there_is_a_signal(signal, density, off.compiled.log_density(params, units))
    differs_where_there_is_a_signal(signal, slope, off.compiled.full_gradient(params, units))
    torch.testing.assert_close(density, full_log_posterior(on, params, units), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(slope, gradient(on, params, units, on.full(units)), rtol=1e-4, atol=1e-4)


def test_a_temperature_below_one_sharpens_the_teachers_of_every_signal(signal: ModuleType) -> None:
    sharp, plain = (posterior(signal, teacher_temperature=t) for t in (0.25, 1.0))
    params, units = params_of(sharp), sharp.members(1)
    found, expected = (gradient(each, params, units, each.full(units)) for each in (sharp, plain))
    assert torch.isfinite(found).all() and torch.isfinite(sharp.log_density(params, units)).all()
    assert torch.equal(found, expected) == (signal is none or not sharp.constants)


def test_the_mixture_is_the_slope_wherever_a_signal_has_both(signal: ModuleType) -> None:
    if not hasattr(signal, "mixture"):
        return
    problem = posterior(signal, dtype=torch.float64)
    shape = UNITS, EXAMPLES, CLASSES
    log_q = torch.log_softmax(torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64), -1)
    lam, (prob, log_scale, power, *_) = problem.shared.lam, signal.mixture(problem.constants)
    assert log_scale is not None or prob.shape[2] == 1
    score = power * lam.view(-1, 1, 1) * (prob * log_q.unsqueeze(2)).sum(-1)
    share = torch.softmax(score if log_scale is None else log_scale + score, -1)
    mixed = lam.view(-1, 1, 1) * (share.unsqueeze(-1) * prob).sum(2)
    torch.testing.assert_close(mixed, signal.slope(log_q, problem.constants, lam))


def test_students_of_several_labels_have_a_signal_without_constants() -> None:
    one = torch.ones(1, dtype=torch.float64)
    x = torch.randn(1, EXAMPLES, INPUTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (x[..., :2] > 0).double()
    logits, student = torch.zeros(EXAMPLES, TEACHERS, 2, dtype=torch.float64), Linear(INPUTS, 2, False)
    on, off = (
        make_bernoulli(student, x, y, torch.tensor([0]), each, Shared(one, one, one, one, one), logits)
        for each in (without_constants(), none)
    )
    params, units = torch.ones(1, on.num_params, dtype=torch.float64), on.members(1)
    assert abs(on.log_density(params, units) - off.log_density(params, units)).item() > 1
    gap = on.gradient(params, units, on.full(units)) - off.gradient(params, units, off.full(units))
    assert gap.abs().max() > 1


def test_a_signal_of_teachers_without_logits_is_refused() -> None:
    one, x = torch.ones(1), torch.zeros(1, EXAMPLES, INPUTS)
    y, row = torch.zeros(1, EXAMPLES, dtype=torch.int64), torch.tensor([0])
    with pytest.raises(ContractError, match=r"signal tip.*teacher_logits"):
        make_problem(STUDENT, x, y, row, tip, tip.Settings(), Shared(one, one, one, one, one))
