"""Choose the shared settings (lambda, beta, prior scale, temperatures) on validation data, never on test data."""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.artefacts import Dataset
from mtbkd.density import label_term
from mtbkd.inference import Context
from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem, Shared

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

log = logging.getLogger(__name__)

SHARED_NAMES = ("lambda", "beta", "prior_scale", "teacher_temperature", "student_temperature", "temperature")
# Read by the posterior itself, whatever the signal.
ALWAYS_USED = frozenset({"prior_scale", "temperature"})


def tune(
    posterior: Mapping[str, Sequence[float]],
    uses: frozenset[str],
    make: Callable[[Sequence[dict[str, Any]]], Problem],
    dataset: Dataset,
    context: Context,
) -> list[dict[str, Any]]:
    """Fit all candidates of all replicates as MAP in one batch and choose by validation NLL.

    Args:
        posterior: candidates of every shared setting.
        uses: the settings that the signal reads; the others keep their first candidate. The prior's scale is always tuned.
        make: the problem of given units.
        dataset: whose validation labels decide.
        context: seeds, replicates, optimiser.

    Returns:
        One row a candidate and replicate: the settings, ``replicate``, ``val_nll``, ``val_accuracy`` (both None where there
        is nothing to choose), ``chosen`` (one a replicate).
    """
    listed = candidates(posterior, uses)
    units = [{**c, "replicate": r} for c in listed for r in context.replicates]
    if len(listed) == 1:
        return [{**unit, "val_nll": None, "val_accuracy": None, "chosen": True} for unit in units]
    problem = make(units)
    repeated = Context(context.seed, context.replicates * len(listed), context.training, context.device)
    rows = dataset.rows("val")
    nll, accuracy = held_out_scores(problem, repeated.mode(problem), dataset.x[:, rows], dataset.y[:, rows])
    log.info("tuned %d candidates x %d replicates", len(listed), len(context.replicates))
    won = np.arange(len(listed))[:, None] == best(nll.reshape(len(listed), -1))
    scores = zip(nll.tolist(), accuracy.tolist(), won.ravel().tolist(), strict=True)
    return [
        {**unit, "val_nll": loss, "val_accuracy": share, "chosen": chosen}
        for unit, (loss, share, chosen) in zip(units, scores, strict=True)
    ]


def candidates(posterior: Mapping[str, Sequence[float]], uses: frozenset[str]) -> list[dict[str, float]]:
    """The grid of the shared settings that a signal reads; the others keep their first value."""
    grids = [posterior[name] if name in uses | ALWAYS_USED else posterior[name][:1] for name in SHARED_NAMES]
    return [dict(zip(SHARED_NAMES, values, strict=True)) for values in itertools.product(*grids)]


def shared_of(units: Sequence[Mapping[str, Any]], device: str) -> Shared:
    """The shared settings of ``units``, one {setting: value, ...} each."""
    columns = {name: torch.tensor([unit[name] for unit in units], device=device) for name in SHARED_NAMES}
    tempered = columns.pop("temperature")
    return Shared(columns.pop("lambda"), **columns, temperature=None if (tempered == 1).all() else tempered)


def best(nll: np.ndarray) -> np.ndarray:
    """Position (R,) of the candidate with the lowest loss, of ``nll`` (candidates, R); a fit that diverged never wins."""
    return np.nan_to_num(nll, nan=np.inf).argmin(0)


def held_out_scores(
    problem: Problem, params: "torch.Tensor", features: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean negative log-likelihood and accuracy (both (U,), NaN for a fit that diverged) on labels kept out of the fit.

    Args:
        problem: whose ``data_row`` says which row of ``features`` is each unit's.
        params: (U, P).
        features: (D, V, ...), V held-out examples, D rows of the problem's data.
        labels: int (D, V).
    """
    x = problem.student.inputs(torch.as_tensor(features, device=params.device))
    y = torch.as_tensor(labels, device=params.device)
    losses, rights = [], []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            log_q = torch.log_softmax(problem.student.apply(params[unit : unit + 1], x[row : row + 1]), -1)
            losses.append(-label_term(log_q, y[row : row + 1]).mean())
            rights.append((log_q.argmax(-1) == y[row]).double().mean())
    nll, accuracy = (torch.stack(values).cpu().double().numpy() for values in (losses, rights))
    return nll, np.where(np.isfinite(nll), accuracy, np.nan)
