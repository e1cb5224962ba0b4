"""Choose the shared settings (lambda, beta, prior scale, temperatures) on validation data, never on test data."""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.artefacts import Dataset
from mtbkd.inference import Context
from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem, label_term

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
        One row a candidate and replicate: the settings, ``replicate``, ``val_nll``, ``chosen`` (one a replicate).
    """
    grids = [posterior[name] if name in uses | ALWAYS_USED else posterior[name][:1] for name in SHARED_NAMES]
    candidates = [dict(zip(SHARED_NAMES, values, strict=True)) for values in itertools.product(*grids)]
    units = [{**c, "replicate": r} for c in candidates for r in context.replicates]
    if len(candidates) == 1:
        return [{**unit, "val_nll": None, "chosen": True} for unit in units]
    problem = make(units)
    repeated = Context(context.seed, context.replicates * len(candidates), context.training, context.device)
    params = repeated.mode(problem)
    nll = _val_nll(problem, params, dataset)
    log.info("tuned %d candidates x %d replicates", len(candidates), len(context.replicates))
    table = np.nan_to_num(nll.reshape(len(candidates), -1), nan=np.inf)
    winner = table.argmin(0)
    number = len(context.replicates)
    return [
        {**unit, "val_nll": float(nll[i]), "chosen": bool(winner[i % number] == i // number)} for i, unit in enumerate(units)
    ]


def _val_nll(problem: Problem, params: "torch.Tensor", dataset: Dataset) -> np.ndarray:
    """Mean negative log-likelihood (U,) of the validation labels."""
    rows = dataset.rows("val")
    x = problem.student.inputs(torch.as_tensor(dataset.x[:, rows], device=params.device))
    y = torch.as_tensor(dataset.y[:, rows], device=params.device)
    values = []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            logits = problem.student.apply(params[unit : unit + 1], x[row : row + 1])
            log_q = torch.log_softmax(logits, -1)
            values.append(-label_term(log_q, y[row : row + 1]).mean())
    return torch.stack(values).cpu().double().numpy()
