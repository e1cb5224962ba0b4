"""The closed-form gradient that samplers use is the derivative of the log-posterior."""

import math
from types import ModuleType

import pytest
import torch

from mtbkd.posterior.density import gradient, log_posterior
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.signals import bkd, kd, none, power, tip
from mtbkd.students.mlp import Mlp

UNITS, EXAMPLES, TEACHERS, CLASSES = 3, 20, 2, 4


@pytest.mark.parametrize("signal", [none, kd, tip, bkd, power], ids=lambda s: s.__name__.rpartition(".")[2])
@pytest.mark.parametrize(("student_temperature", "tempered"), [(1.0, False), (2.0, False), (1.0, True)])
def test_closed_form_gradient_equals_automatic_differentiation(
    signal: ModuleType, student_temperature: float, tempered: bool
) -> None:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    student = Mlp((3, 6, CLASSES))
    y = torch.randint(-1, CLASSES, (UNITS, EXAMPLES), generator=generator)
    lam, beta = torch.tensor([0.5, 2, 8], dtype=torch.float64), torch.tensor([1, 0.3, 0.02], dtype=torch.float64)
    scale = torch.tensor([1, math.inf, 0.5], dtype=torch.float64)
    temperature = torch.tensor([1, 0.2, 3], dtype=torch.float64) if tempered else None
    shared = Shared(lam, beta, scale, torch.full_like(lam, 2.0), torch.full_like(lam, student_temperature), temperature)
    logits = None if signal is none else draw(UNITS, EXAMPLES, TEACHERS, CLASSES)
    weights = torch.softmax(draw(UNITS, EXAMPLES, TEACHERS), -1)
    settings = signal.Settings(teacher=1) if signal is bkd else signal.Settings()
    x = draw(UNITS, EXAMPLES, 3)
    problem = make_problem(student, x, y, torch.arange(UNITS), signal, settings, shared, logits, weights)
    params, units = draw(UNITS, student.num_params).requires_grad_(), problem.members(1)
    value = log_posterior(problem, params, units, problem.full(units), signal_power=0.7)
    (automatic,) = torch.autograd.grad(value.sum(), params)
    closed_form = gradient(problem, params, units, problem.full(units), signal_power=0.7)
    torch.testing.assert_close(closed_form, automatic, rtol=1e-12, atol=1e-12)
