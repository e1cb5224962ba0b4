"""Every signal: a term a training example, of the student's log-probabilities. U units, N examples, G teachers, K classes."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from tests.conformance.examples import names

UNITS, EXAMPLES, TEACHERS, CLASSES = 2, 5, 3, 4
SHARED = {"kappa", "lambda", "beta", "no_teacher", "teacher_temperature", "student_temperature"}
LAM = torch.tensor([0.7, 3.0], dtype=torch.float64)
BEST = torch.tensor([2, 0])


@pytest.fixture(params=names("signal"))
def signal(request: pytest.FixtureRequest) -> ModuleType:
    return registry.part("signal", request.param)


def draw(*shape: int, seed: int) -> torch.Tensor:
    """Points on the simplex (..., last)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(torch.randn(shape, generator=generator, dtype=torch.float64), -1)


def constants_of(signal: ModuleType, prob: torch.Tensor, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    given = weights if signal.NEEDS_WEIGHTS else None
    return signal.prepare(prob, given, LAM, signal.Settings(), BEST)


@pytest.fixture
def prob() -> torch.Tensor:
    return draw(UNITS, EXAMPLES, TEACHERS, CLASSES, seed=0)


@pytest.fixture
def weights() -> torch.Tensor:
    return draw(UNITS, EXAMPLES, TEACHERS, seed=1)


@pytest.fixture
def log_q() -> torch.Tensor:
    return draw(UNITS, EXAMPLES, CLASSES, seed=2).log()


def test_it_uses_settings_that_exist(signal: ModuleType) -> None:
    assert signal.USES <= SHARED


def test_constants_and_terms_are_one_a_unit_and_example(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    constants = constants_of(signal, prob, weights)
    assert all(value.shape[:2] == (UNITS, EXAMPLES) for value in constants.values())
    term = signal.term(log_q, constants, LAM)
    assert term.shape == (UNITS, EXAMPLES) and torch.isfinite(term).all()


def test_examples_do_not_see_each_other(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    constants, some = constants_of(signal, prob, weights), torch.tensor([3, 1])
    batch = {name: value[:, some] for name, value in constants.items()}
    whole = signal.term(log_q, constants, LAM)
    torch.testing.assert_close(signal.term(log_q[:, some], batch, LAM), whole[:, some])


def test_units_do_not_see_each_other(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    constants = constants_of(signal, prob, weights)
    alone = signal.term(log_q[1:], {name: value[1:] for name, value in constants.items()}, LAM[1:])
    torch.testing.assert_close(alone, signal.term(log_q, constants, LAM)[1:])


def test_lambda_matters_exactly_when_it_is_said_to_be_used(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    given = weights if signal.NEEDS_WEIGHTS else None
    terms = [signal.term(log_q, signal.prepare(prob, given, LAM * f, signal.Settings(), BEST), LAM * f) for f in (1, 2)]
    assert torch.allclose(*terms) == ("lambda" not in signal.USES)


def test_numbering_classes_otherwise_changes_nothing(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    order = torch.tensor([2, 0, 3, 1])
    renumbered = signal.term(log_q[..., order], constants_of(signal, prob[..., order], weights), LAM)
    torch.testing.assert_close(renumbered, signal.term(log_q, constants_of(signal, prob, weights), LAM))


def test_listing_weighted_teachers_otherwise_changes_nothing(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    order = torch.tensor([2, 0, 1]) if signal.NEEDS_WEIGHTS else torch.arange(TEACHERS)
    listed = signal.term(log_q, constants_of(signal, prob[:, :, order], weights[:, :, order]), LAM)
    torch.testing.assert_close(listed, signal.term(log_q, constants_of(signal, prob, weights), LAM))


@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_the_gradient_is_finite_for_mild_and_for_certain_students_and_teachers(signal: ModuleType, scale: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = [torch.randn((UNITS, EXAMPLES, *tail), generator=generator) * scale for tail in ((TEACHERS, CLASSES), (CLASSES,))]
    weights = torch.softmax(torch.zeros(UNITS, EXAMPLES, TEACHERS), -1)
    constants = constants_of(signal, torch.softmax(logits[0], -1), weights)
    student = logits[1].requires_grad_()
    term = signal.term(torch.log_softmax(student, -1), constants, LAM.float())
    assert torch.isfinite(term).all()
    if term.requires_grad:
        (grad,) = torch.autograd.grad(term.sum(), student)
        assert torch.isfinite(grad).all()


def test_a_teacher_of_weight_zero_has_no_say(signal: ModuleType, prob: Any, log_q: Any) -> None:
    weights = torch.tensor([0.4, 0.6, 0.0], dtype=torch.float64).expand(UNITS, EXAMPLES, TEACHERS)
    other = prob.clone()
    other[:, :, 2] = prob[:, :, 2].flip(-1)
    if not signal.NEEDS_WEIGHTS:
        other = prob
    torch.testing.assert_close(
        signal.term(log_q, constants_of(signal, other, weights), LAM),
        signal.term(log_q, constants_of(signal, prob, weights), LAM),
    )


def test_the_slope_is_the_derivative_of_the_term(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    constants, free = constants_of(signal, prob, weights), log_q.clone().requires_grad_()
    slope = signal.slope(log_q, constants, LAM)
    term = signal.term(free, constants, LAM)
    (expected,) = torch.autograd.grad(term.sum() + 0 * free.sum(), free)
    torch.testing.assert_close(slope.expand(expected.shape), expected)


def test_the_symbolic_form_agrees(signal: ModuleType, prob: Any, weights: Any, log_q: Any) -> None:
    """PyTensor's arrays have the examples last."""
    import pytensor
    import pytensor.tensor as pt

    constants = constants_of(signal, prob, weights)
    data = {name: pt.as_tensor(value[0].movedim(0, -1).contiguous().numpy()) for name, value in constants.items()}
    variable, lam = pt.dmatrix(), pt.dscalar()
    term = signal.term_symbolic(variable, data, lam)
    compiled = pytensor.function([variable, lam], term, mode="FAST_COMPILE", on_unused_input="ignore")
    expected = signal.term(log_q, constants, LAM)[0]
    np.testing.assert_allclose(compiled(log_q[0].T.numpy(), float(LAM[0])), expected, atol=1e-12)
