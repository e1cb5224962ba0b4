"""Choose the shared settings by cross-validation inside the training labels, which needs no validation labels.

The labels of every replicate are dealt at random to ``FOLDS`` folds of one size; what remains of them always trains. A fold's
examples leave the fit altogether, also their teachers' term, as in label curves (``mtbkd.questions.curves.fitting``).
Shapes: U units, D rows of data, F folds, N training examples, n labels, V = n // F held-out labels a fold.
"""

from dataclasses import replace

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.inference import Context
from mtbkd.inference.tuning import DrawsOf, Make, Rows, chosen_by, scores_at
from mtbkd.posterior.problem import Problem

FOLDS = 5


def tune(make: Make, units: Rows, context: Context, draws: DrawsOf) -> Rows:
    """``units`` with their mean loss over the folds; the lowest of each replicate is chosen.

    Args:
        make, units, context, draws: as for ``mtbkd.inference.tuning.validated``.

    Raises:
        ContractError: fewer labels than folds.
    """
    problem = make(units)
    out = torch.as_tensor(dealt(problem.y.cpu().numpy(), context), device=problem.x.device)
    parts = without(problem, out)
    row = torch.arange(len(out), device=out.device).view(-1, 1, 1)
    x, y = (each[row, out].flatten(0, 1) for each in (problem.x.expand(len(out), *problem.x.shape[1:]), problem.y))
    found = draws(parts, replace(context, replicates=tuple(r for r in context.replicates for _ in range(FOLDS))))
    nll, accuracy = (each.reshape(-1, FOLDS).mean(-1) for each in scores_at(parts, found, x, y))
    return chosen_by(units, nll, accuracy)


def dealt(y: np.ndarray, context: Context) -> np.ndarray:
    """Positions (D, F, V) of the labels that each fold keeps out, of ``y`` (D, N), -1 where there is no label."""
    labels = int((y >= 0).sum(1).min())
    if labels < FOLDS:
        raise ContractError("tuned_on: cross_validation", "labels", labels, f"at least {FOLDS}, one for each fold",
                            "tuned_on: evidence needs no label held out")  # fmt: skip
    found = []
    for replicate, own in zip(context.replicates, y, strict=False):
        rng = np.random.default_rng(derive(context.seed, "folds", replicate=replicate))
        found.append(rng.permutation(np.flatnonzero(own >= 0))[: labels // FOLDS * FOLDS].reshape(FOLDS, -1))
    return np.stack(found)


def without(problem: Problem, out: "torch.Tensor") -> Problem:
    """U F units, unit by unit, each ``problem``'s without the examples at ``out`` (D, F, V) of its row."""
    kept = torch.ones((*out.shape[:2], problem.num_examples), dtype=torch.bool, device=out.device).scatter_(2, out, False)
    index = kept.nonzero()[:, 2].view(len(out) * FOLDS, -1)
    row = torch.arange(len(out), device=out.device).repeat_interleave(FOLDS).unsqueeze(1)
    x = problem.x.expand(len(out), *problem.x.shape[1:])[row, index]
    rows = (problem.data_row.unsqueeze(1) * FOLDS + torch.arange(FOLDS, device=out.device)).flatten()
    of = torch.arange(problem.num_units, device=out.device).repeat_interleave(FOLDS)
    constants = {name: examples_last(value[of.unsqueeze(1), index[rows]]) for name, value in problem.constants.items()}
    return replace(
        problem, x=x.contiguous(), y=problem.y[row, index].contiguous(), data_row=rows, constants=constants,
        shared=problem.shared.take(of),
    )  # fmt: skip
