"""The log-posterior of mtbkd.posterior as a PyMC model, for the algorithms that PyMC brings (nuts.py, advi.py).

One flat vector ``theta`` ~ N(0, s^2 I), one potential for the labels, one for the teachers. Everything that differs between
units is ``pm.Data``, so that a model is compiled once and only its data are swapped. Tests hold value and gradient against
the torch posterior. Shapes: U units, N training examples, G teachers, K classes, P parameters.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem

if TYPE_CHECKING:
    import pymc as pm
    import pytensor.tensor as pt
else:
    pm = lazy_import("pymc")
    pt = lazy_import("pytensor.tensor")

CONSTANT = "signal_"  # prefix of the signal's constants among the model's data


def unit_data(problem: Problem, unit: int) -> dict[str, np.ndarray]:
    """The data of one unit, by their names in the model: float64 arrays on the CPU.

    ``labels`` (N, K) is one-hot, a row of zeros where unlabelled: a product with log q needs no indexing in any backend.
    """
    row = int(problem.data_row[unit])
    y = problem.y[row if problem.y.shape[0] > 1 else 0].cpu().numpy()
    x = problem.x[row if problem.x.shape[0] > 1 else 0]
    data = {name: getattr(problem.shared, name)[unit] for name in ("lam", "beta", "prior_scale", "student_temperature")}
    data |= {CONSTANT + name: value[unit] for name, value in problem.constants.items()}
    arrays = {name: value.detach().cpu().double().numpy() for name, value in ({"x": x} | data).items()}
    return arrays | {"labels": (y[:, None] == np.arange(_num_classes(problem))).astype(float)}


def _num_classes(problem: Problem) -> int:
    return problem.student.apply(problem.x.new_zeros((1, problem.student.num_params)), problem.x[:1, :1]).shape[-1]


def build_model(problem: Problem) -> "pm.Model":
    """The model of the problem's first unit; ``pm.set_data(unit_data(problem, u), model)`` makes it that of unit u."""
    values = unit_data(problem, 0)
    with pm.Model() as model:
        data: dict[str, Any] = {name: pm.Data(name, value) for name, value in values.items()}
        theta = pm.Normal("theta", 0.0, data["prior_scale"], shape=problem.student.num_params)
        logits = problem.student.apply_symbolic(theta, data["x"])
        log_q = pt.special.log_softmax(logits, axis=-1)
        pm.Potential("label_term", (data["labels"] * log_q).sum())
        if problem.constants:
            constants = {name: data[CONSTANT + name] for name in problem.constants}
            tempered = log_q
            if bool((problem.shared.student_temperature != 1).any()):
                tempered = pt.special.log_softmax(logits / data["student_temperature"], axis=-1)
            teacher = problem.signal.term_symbolic(tempered, constants, data["lam"])
            pm.Potential("signal_term", data["beta"] * teacher.sum())
    return model
