"""One temperature for a student (Guo, Pleiss, Sun and Weinberger 2017): every logit divided by T, chosen by validation labels.

T minimises the negative log-likelihood of the mean prediction, (1/S) sum_s softmax(f_s / T), on the validation examples. The
last layer of each draw is divided by T, so that all that is made of the weights predicts so. The draws are then no draws of the
posterior: the gates judge them as they were, but `calibration` the scaled predictions.
Shapes: U units, C chains, S draws, P parameters, V validation examples.
"""

import logging
import math

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference.last_layer import last_layer
from mtbkd.posterior.problem import Problem

optimize = lazy_import("scipy.optimize")
log = logging.getLogger(__name__)

ATTRIBUTE = "scaled_by"  # of draws: the temperatures
MOST = 20.0  # T lies between 1 / MOST and MOST
CLOSE = 1e-3  # largest difference of a logit from the one asked for, relative to the largest


def scaled(
    problem: Problem, kept: "torch.Tensor", dataset: Dataset, device: str
) -> "tuple[torch.Tensor, list[float]]":  # fmt: skip
    """Draws ``kept`` (U, C, S, P) with their logits divided by one temperature a unit, and these (U,).

    Raises:
        ContractError: no validation label; a student whose last layer does not make its logits.
    """
    rows = dataset.rows("val")
    if not len(rows):
        raise ContractError(f"dataset {dataset.name}", "validation examples", "none", "some, whose labels choose a temperature",
                            "set student_scaling: false")  # fmt: skip
    x = problem.student.inputs(torch.as_tensor(dataset.x[:, rows], device=device))
    found, begins, temperatures = kept.clone(), last_layer(problem), []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            finite = torch.isfinite(kept[unit]).all(-1).all(-1)
            own = kept[unit][finite].flatten(0, 1).to(device)
            logits = problem.student.apply(own, x[row : row + 1]) if len(own) else own.new_zeros(1, 1, 1)
            t = _temperature(logits.double().cpu().numpy(), dataset.y[row, rows]) if len(own) else math.nan
            found[unit, ..., begins:] /= t
            _check(problem, found[unit][finite].flatten(0, 1)[:1].to(device), x[row : row + 1], logits[:1] / t)
            temperatures.append(t)
    log.info("logits divided by %s", ", ".join(f"{t:.3g}" for t in temperatures))
    return found, temperatures


def _temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """T of the smallest negative log-likelihood of the labels ``y`` (V,) under the mean of draws ``logits`` (S, V, K)."""

    def loss(log_t: float) -> float:
        z = logits / math.exp(log_t)
        log_q = z[:, np.arange(len(y)), y] - np.logaddexp.reduce(z, -1)
        return float(-np.logaddexp.reduce(log_q, 0).mean())

    reach = math.log(MOST)
    return math.exp(optimize.minimize_scalar(loss, bounds=(-reach, reach), method="bounded", options={"xatol": 1e-4}).x)


def _check(problem: Problem, params: "torch.Tensor", x: "torch.Tensor", expected: "torch.Tensor") -> None:
    """Raise ContractError unless ``params`` (1, P) give the logits ``expected`` (1, V, K) at ``x`` (1, V, ...)."""
    if not len(params):
        return
    off = float((problem.student.apply(params, x) - expected).abs().max())
    if not off <= CLOSE * max(1.0, float(expected.abs().max())):
        raise ContractError("student_scaling", "student", "a last layer that does not make the logits",
                            "a student that ends in a dense layer", "set student_scaling: false")  # fmt: skip
