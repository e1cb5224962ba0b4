"""Choose the shared settings by the evidence of the training labels, which needs no label held out.

    log p(y | kappa) = log Z(labels, kappa) - log Z(no labels, kappa)

The teachers' term is no normalised prior: the constant of the posterior alone would compare candidates by the mass of their
prior, not by how well they foresee the labels. So sequential Monte Carlo (``mtbkd.inference.smc``) runs twice, the second time
with every label hidden, from the same particles (method.md, 10.5); the constant of its reference cancels. Candidates must share
one relation of lambda to kappa: across several the evidence prefers beta = 1, although another sharpness may predict better.
Shapes: U units, C independent runs of each, R replicates.
"""

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.inference import Context
from mtbkd.inference.tuning import Make, Rows
from mtbkd.posterior.problem import Problem
from mtbkd.signals import none

if TYPE_CHECKING:
    from mtbkd.inference import smc

log = logging.getLogger(__name__)

AT_ONCE = 40_000  # particles, which bounds the memory
NOISE = 0.5  # nats: with a larger Monte Carlo error of the evidence, the choice is told to be uncertain
# As good as the defaults for a normalising constant, which needs no final moves at the target.
FAST = {"particles": 100, "sweeps": 2, "leapfrogs": 4, "final_sweeps": 1}


class Evidence(NamedTuple):
    """log p(y | settings) in nats and its Monte Carlo standard error, both (U,), NaN error of a single run; and draws (U, C, D,
    P) of the posterior, which come with it."""

    value: np.ndarray
    error: np.ndarray
    params: "torch.Tensor"


def tune(make: Make, units: Rows, context: Context, settings: "smc.Settings") -> Rows:
    """``units`` with their evidence and its weight; the highest of each replicate is chosen.

    Args:
        make, units, context: as for ``mtbkd.inference.tuning.validated``; ``make`` is asked for some units at a time.
        settings: of the sequential Monte Carlo.

    Returns:
        ``units`` with ``log_evidence``, ``log_evidence_se`` (nats), ``evidence_weight`` (the probability of a candidate given
        the labels, where all are equally likely before), ``val_nll`` and ``val_accuracy`` (None) and ``chosen``.
    """
    number = len({unit["replicate"] for unit in units})
    # Candidate by candidate: strong teachers take many more tempering steps than weak ones, who would wait for them.
    at_once = min(number, max(1, AT_ONCE // (settings.chains * settings.particles)))
    parts = []
    for first in range(0, len(units), at_once):
        at = slice(first, first + at_once)
        parts.append(evidence_of(make(units[at]), settings, replace(context, replicates=context.replicates[at])))
    value, error = (np.concatenate(each) for each in zip(*((part.value, part.error) for part in parts), strict=True))
    weight = weights(value.reshape(-1, number))
    won = np.arange(len(weight))[:, None] == weight.argmax(0)
    if (noisy := error.reshape(-1, number)[won]).max() > NOISE:
        log.warning("warning: the evidence has a Monte Carlo error of up to %.2g nats; raise particles or chains", noisy.max())
    told = zip(units, value.tolist(), error.tolist(), weight.ravel().tolist(), won.ravel().tolist(), strict=True)
    return [
        {**unit, "val_nll": None, "val_accuracy": None, "log_evidence": v, "log_evidence_se": e, "evidence_weight": w,
         "chosen": chosen}
        for unit, v, e, w, chosen in told
    ]  # fmt: skip


def weights(value: np.ndarray) -> np.ndarray:
    """softmax (candidates, R) of log-evidences over the candidates; 0 where there is no number.

    Raises:
        ContractError: a replicate without any number.
    """
    known = np.nan_to_num(value, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)
    if np.isneginf(known.max(0)).any():
        raise ContractError("tuned_on: evidence", "log-evidence", "no number for any candidate", "a number for one at least",
                            "leave out extreme values of kappa, lambda and prior_scale, or tune on validation")  # fmt: skip
    shifted = np.exp(known - known.max(0))
    return shifted / shifted.sum(0)


def evidence_of(problem: Problem, settings: "smc.Settings", context: Context) -> Evidence:
    """The evidence of all labels of ``problem`` under each unit's settings, with the jackknife's error over the C runs."""
    with_labels, params = constants(problem, settings, context)
    # Without teachers the prior is the Gaussian, whose integral is 1.
    without = 0 * with_labels if problem.signal is none else constants(hidden(problem), settings, context)[0]
    runs = with_labels.shape[1]
    if runs < 2:
        return Evidence(_mean(with_labels) - _mean(without), np.full(len(with_labels), math.nan), params)
    left_out = np.stack([_mean(np.delete(with_labels, c, 1)) - _mean(np.delete(without, c, 1)) for c in range(runs)])
    return Evidence(_mean(with_labels) - _mean(without), np.sqrt((runs - 1) * left_out.var(0)), params)


def _mean(log_z: np.ndarray) -> np.ndarray:
    """Logarithm (U,) of the mean of the runs' constants, which are unbiased; their logarithms (U, C) are not."""
    return np.logaddexp.reduce(log_z, 1) - math.log(log_z.shape[1])


def constants(problem: Problem, settings: "smc.Settings", context: Context) -> "tuple[np.ndarray, torch.Tensor]":
    """log Z (U, C) of every run, and its draws (U, C, D, P)."""
    smc = registry.part("inference", "smc")
    found = smc.run(problem, settings, smc.init(problem, settings, context), context)
    problem.release()
    return found.sample_stats["log_evidence"][..., 0], found.params


def hidden(problem: Problem) -> Problem:
    """``problem`` with every label hidden: the prior that its teachers and the Gaussian make."""
    return Problem(
        problem.student, problem.x, torch.full_like(problem.y, -1), problem.data_row, problem.signal, problem.constants,
        problem.shared, problem.student_at_one,
    )  # fmt: skip
