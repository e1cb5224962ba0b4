"""Choose the shared settings (strength, sharpness, prior scale, temperatures) on validation data, never on test data."""

import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
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


def tune(
    posterior: Mapping[str, Sequence[Any]],
    uses: frozenset[str],
    make: Callable[[Sequence[dict[str, Any]]], Problem],
    dataset: Dataset,
    context: Context,
    fit: "Callable[[Problem, Context], torch.Tensor] | None" = None,
) -> list[dict[str, Any]]:
    """Fit all candidates of all replicates in one batch and choose by validation NLL.

    Args:
        posterior: candidates of every shared setting.
        uses: the settings that the signal reads; the others keep their first candidate. The prior's scale is always tuned.
        make: the problem of given units.
        dataset: whose validation labels decide.
        context: seeds, replicates, optimiser.
        fit: gives draws (U, S, P), whose mean predicts; None: one MAP fit a unit.

    Returns:
        One row per candidate and replicate: the settings, ``replicate``, ``val_nll``, ``val_accuracy`` (both None where there
        is nothing to choose), ``chosen`` (one a replicate).
    """
    listed = candidates(posterior, uses)
    units = [{**c, "replicate": r} for c in listed for r in context.replicates]
    if len(listed) == 1:
        return [{**unit, "val_nll": None, "val_accuracy": None, "chosen": True} for unit in units]
    problem = make(units)
    repeated = Context(context.seed, context.replicates * len(listed), context.training, context.device)
    rows = dataset.rows("val")
    with stage(f"tuning, {len(listed)} candidates"):
        found = (fit or map_fit)(problem, repeated)
    nll, accuracy = held_out_scores(problem, found, dataset.x[:, rows], dataset.y[:, rows])
    log.info("tuned %d candidates x %d replicates", len(listed), len(context.replicates))
    won = np.arange(len(listed))[:, None] == best(nll.reshape(len(listed), -1))
    scores = zip(nll.tolist(), accuracy.tolist(), won.ravel().tolist(), strict=True)
    return [
        {**unit, "val_nll": loss, "val_accuracy": share, "chosen": chosen}
        for unit, (loss, share, chosen) in zip(units, scores, strict=True)
    ]


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
    y = torch.as_tensor(labels, device=params.device)
    losses, rights = [], []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            log_q = torch.log_softmax(problem.student.apply(params[unit], x[row : row + 1]), -1)
            log_q = torch.logsumexp(log_q, 0, keepdim=True) - math.log(len(log_q))
            losses.append(-label_term(log_q, y[row : row + 1]).mean())
            rights.append((log_q.argmax(-1) == y[row]).double().mean())
    nll, accuracy = (torch.stack(values).cpu().double().numpy() for values in (losses, rights))
    return nll, np.where(np.isfinite(nll), accuracy, np.nan)
