"""Candidates of the shared settings (strength, sharpness, prior scale, temperatures), and their choice by validation labels.

The other ways to choose are ``mtbkd.inference.folds`` and ``mtbkd.inference.evidence``; none sees test data.
"""

import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mtbkd.base.grids import AS_KAPPA
from mtbkd.base.lazy import torch
from mtbkd.base.progress import stage
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference import Context
from mtbkd.posterior.density import label_term
from mtbkd.posterior.problem import Problem, Shared

log = logging.getLogger(__name__)

SHARED_NAMES = (
    "kappa", "lambda", "beta", "no_teacher", "prior_scale", "teacher_temperature", "student_temperature", "temperature",
)  # fmt: skip
# Read by the posterior itself, whatever the signal.
ALWAYS_USED = frozenset({"prior_scale", "temperature"})
STRENGTH = ("kappa", "lambda", "beta")
UNUSED = (1.0,)
Rows = list[dict[str, Any]]
# Draws (U, S, P) of a problem's units.
DrawsOf = Callable[[Problem, Context], "torch.Tensor"]
Make = Callable[[Rows], Problem]
# Chooses among units: their problem, the units {shared setting: value, ..., replicate}, and what each is fitted by.
Way = Callable[[Make, Rows, Context], Rows]
# What rows of tuning say beside the settings themselves.
TOLD = ("replicate", "val_nll", "val_accuracy", "log_evidence", "log_evidence_se", "evidence_weight", "chosen")


def tune(
    posterior: Mapping[str, Sequence[Any]],
    uses: frozenset[str],
    make: Make,
    dataset: Dataset,
    context: Context,
    way: Way | None = None,
) -> Rows:
    """Choose among all candidates, every replicate for itself.

    Args:
        posterior: candidates of every shared setting.
        uses: the settings that the signal reads; the others keep their first candidate. The prior's scale is always tuned.
        make: the problem of given units.
        dataset: whose validation labels decide where no ``way`` is given.
        context: seeds, replicates, optimiser.
        way: how to choose; None: by the validation loss of one MAP fit a unit.

    Returns:
        One row per candidate and replicate: the settings, ``replicate``, ``val_nll``, ``val_accuracy`` (both None where there
        is nothing to choose, or no label is held out), ``chosen`` (one a replicate); by evidence also what it is.
    """
    listed = candidates(posterior, uses)
    units = [{**each, "replicate": r} for each in listed for r in context.replicates]
    if len(listed) == 1:
        return [{**unit, "val_nll": None, "val_accuracy": None, "chosen": True} for unit in units]
    repeated = Context(context.seed, context.replicates * len(listed), context.training, context.device)
    with stage(f"tuning, {len(listed)} candidates"):
        found = (way or partial(validated, draws=map_fit, dataset=dataset))(make, units, repeated)
    log.info("tuned %d candidates x %d replicates", len(listed), len(context.replicates))
    return found


def validated(make: Make, units: Rows, context: Context, draws: DrawsOf, dataset: Dataset) -> Rows:
    """``units`` with their loss on the validation labels of ``dataset``; the lowest of each replicate is chosen.

    Args:
        make: the problem of given units.
        units: {shared setting: value, ..., replicate} each, candidate by candidate, every replicate of each.
        context: of every unit.
        draws: fits the problem, its draws (U, S, P); their mean predicts.
        dataset: whose validation labels decide.
    """
    problem, rows = make(units), dataset.rows("val")
    return chosen_by(units, *held_out_scores(problem, draws(problem, context), dataset.x[:, rows], dataset.y[:, rows]))


def chosen_by(units: Rows, nll: np.ndarray, accuracy: np.ndarray) -> Rows:
    """``units`` with ``val_nll``, ``val_accuracy`` (both (U,)) and ``chosen``: the lowest loss of each replicate."""
    number = len({unit["replicate"] for unit in units})
    won = np.arange(len(units) // number)[:, None] == best(nll.reshape(-1, number))
    told = zip(units, nll.tolist(), accuracy.tolist(), won.ravel().tolist(), strict=True)
    return [{**unit, "val_nll": loss, "val_accuracy": share, "chosen": chosen} for unit, loss, share, chosen in told]


def read_settings(posterior: Mapping[str, Sequence[Any]], uses: frozenset[str]) -> dict[str, Sequence[Any]]:
    """The candidates of every setting: all of those that a signal reads, the first of the others.

    Where kappa is given, beta follows from it and lambda; a signal without a mixture has no sharpness and reads kappa alone.
    """
    used = uses | ALWAYS_USED
    by_kappa = "kappa" in posterior and "kappa" in used
    left_out = {"beta"} if by_kappa else {"kappa"}
    left_out |= {"no_teacher"} if "no_teacher" not in used else set()
    left_out |= {"lambda"} if by_kappa and "no_teacher" not in used else set()
    unread = UNUSED if "kappa" in posterior else None
    return {name: grid if name in used else unread or grid[:1] for name, grid in posterior.items() if name not in left_out}


def map_fit(problem: Problem, context: Context) -> "torch.Tensor":
    """The mode of every unit as its one draw, (U, 1, P)."""
    return context.mode(problem).unsqueeze(1)


def candidates(posterior: Mapping[str, Sequence[Any]], uses: frozenset[str]) -> list[dict[str, float]]:
    """The grid of the shared settings that a signal reads, each candidate once; the others keep one value."""
    read = read_settings(posterior, uses)
    rest = [name for name in SHARED_NAMES if name in read and name not in STRENGTH]
    return [
        {**strength, **dict(zip(rest, values, strict=True))}
        for strength in strengths(read)
        for values in itertools.product(*(read[name] for name in rest))
    ]


def strengths(read: Mapping[str, Sequence[Any]]) -> list[dict[str, float]]:
    """Candidates {lambda, beta} or {kappa, lambda} of the teachers' term, each once, of what ``read_settings`` returns."""
    if "kappa" not in read:
        return [{"lambda": lam, "beta": beta} for lam in read["lambda"] for beta in read["beta"]]
    sharp = read.get("lambda", (AS_KAPPA,))
    pairs = dict.fromkeys((kappa, kappa if lam == AS_KAPPA else lam) for kappa in read["kappa"] for lam in sharp)
    return [{"kappa": kappa, "lambda": lam} for kappa, lam in pairs]


def count(posterior: Mapping[str, Sequence[Any]], uses: frozenset[str]) -> int:
    """How many ``candidates`` there are, without listing them."""
    read = read_settings(posterior, uses)
    return len(strengths(read)) * math.prod(len(grid) for name, grid in read.items() if name not in STRENGTH)


def shared_of(units: Sequence[Mapping[str, Any]], device: str) -> Shared:
    """The shared settings of ``units``, one {setting: value, ...} each."""

    def column(name: str) -> "torch.Tensor":
        return torch.tensor([unit[name] for unit in units], device=device)

    kappa, none = (column(name) if name in units[0] else None for name in ("kappa", "no_teacher"))
    lam, tempered = column("lambda"), column("temperature")
    return Shared(
        lam, column("beta") if kappa is None else kappa / lam, column("prior_scale"), column("teacher_temperature"),
        column("student_temperature"), None if (tempered == 1).all() else tempered, none, kappa,
    )  # fmt: skip


def best(nll: np.ndarray) -> np.ndarray:
    """Position (R,) of the candidate with the lowest loss, of ``nll`` (candidates, R); a fit that diverged never wins."""
    return np.nan_to_num(nll, nan=np.inf).argmin(0)


def held_out_scores(
    problem: Problem, params: "torch.Tensor", features: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean negative log-likelihood and accuracy (both (U,), NaN for a fit that diverged) on labels kept out of the fit.

    Args:
        problem: whose ``data_row`` says which row of ``features`` is each unit's.
        params: (U, S, P), draws whose mean probability predicts.
        features: (D, V, ...), V held-out examples, D rows of the problem's data.
        labels: int (D, V).
    """
    x = problem.student.inputs(torch.as_tensor(features, device=params.device))
    return scores_at(problem, params, x, torch.as_tensor(labels, device=params.device))


def scores_at(problem: Problem, params: "torch.Tensor", x: "torch.Tensor", y: "torch.Tensor") -> tuple[np.ndarray, np.ndarray]:
    """``held_out_scores`` at ``x`` (D, V, ...) that has passed the student's ``inputs``, of labels ``y`` (D, V)."""
    losses, rights = [], []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            log_q = torch.log_softmax(problem.student.apply(params[unit], x[row : row + 1]), -1)
            log_q = torch.logsumexp(log_q, 0, keepdim=True) - math.log(len(log_q))
            losses.append(-label_term(log_q, y[row : row + 1]).mean())
            rights.append((log_q.argmax(-1) == y[row]).double().mean())
    nll, accuracy = (torch.stack(values).cpu().double().numpy() for values in (losses, rights))
    return nll, np.where(np.isfinite(nll), accuracy, np.nan)
