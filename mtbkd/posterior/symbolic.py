"""The log-posterior of mtbkd.posterior.density as a PyMC model, for the algorithms that PyMC brings (nuts, advi).

One flat vector ``theta`` ~ N(0, s^2 I), one potential for the labels, one for the teachers. All that differs between units
is ``pm.Data``, so that a model is compiled once and only its data are swapped; tests hold value and gradient against the
torch posterior. Arrays have the examples last: sums over a few teachers or classes are slow along the last axis.
Shapes: U units, N training examples, G teachers, K classes, P parameters.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.posterior.observed import Observed

if TYPE_CHECKING:
    import pymc as pm
else:
    pm = lazy_import("pymc")
special = lazy_import("pytensor.tensor.special")

_SHARED = ("lam", "beta", "prior_scale", "student_temperature")
_SIGNAL = "signal_"  # prefix of the signal's constants among the model's data


def unit_data(problem: Observed, unit: int) -> dict[str, np.ndarray]:
    """The data of one unit, by their names in the model: float64 arrays on the CPU, the examples last except in ``x``.

    ``labels`` (K, N) is one-hot, a column of zeros where unlabelled: its product with log q needs no indexing.
    """
    shared_rows = problem.x.shape[0] == 1, problem.y.shape[0] == 1
    row = int(problem.data_row[unit])
    x, y = (part[0 if one else row] for part, one in zip((problem.x, problem.y), shared_rows, strict=True))
    data = {_SIGNAL + name: value[unit].movedim(0, -1) for name, value in problem.constants.items()}
    data |= {name: getattr(problem.shared, name)[unit] for name in _SHARED}
    if problem.shared.temperature is not None:
        data["temperature"] = problem.shared.temperature[unit]
    classes = np.arange(_num_classes(problem))[:, None]
    arrays = {name: np.array(value.cpu().double().numpy(), order="C") for name, value in ({"x": x} | data).items()}
    return arrays | {"labels": (y.cpu().numpy() == classes).astype(float)}


def _num_classes(problem: Observed) -> int:
    origin = problem.x.new_zeros((1, problem.student.num_params))
    return problem.student.apply(origin, problem.x[:1, :1]).shape[-1]


def build_model(problem: Observed) -> "pm.Model":
    """The model of the first unit; ``pm.set_data(unit_data(problem, u), model=model)`` makes it that of unit u."""
    with pm.Model() as model:
        # Shapes known to the compiler halve the graph.
        data: dict[str, Any] = {name: pm.Data(name, v, shape=v.shape) for name, v in unit_data(problem, 0).items()}
        theta = pm.Normal("theta", 0.0, data["prior_scale"], shape=problem.student.num_params)
        logits = problem.student.apply_symbolic(theta, data["x"]).T
        log_q = special.log_softmax(logits, axis=0)
        pm.Potential("label_term", (data["labels"] * log_q).sum())
        if problem.has_signal:
            if not problem.student_at_one:
                log_q = special.log_softmax(logits / data["student_temperature"], axis=0)
            constants = {name: data[_SIGNAL + name] for name in problem.constants}
            teacher = problem.signal.term_symbolic(log_q, constants, data["lam"])
            pm.Potential("signal_term", data["beta"] * teacher.sum())
        if "temperature" in data:
            pm.Potential("tempering", (1 / data["temperature"] - 1) * model.logp())
    return model
