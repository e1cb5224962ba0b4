"""One method at every number of labels: tuned by cross-validation inside the labels, fitted on all of them, scored on test.

With a budget of n labels nothing else of the labelled data is seen: the shared settings and the optimiser's steps are chosen by
the mean loss on held-out labels over the folds, each replicate choosing for itself, the same way for every method. A fold's
held-out examples leave the fit altogether, also where other examples stay as an unlabelled transfer set. The candidates are
fitted as MAP from one start each (``training.restarts`` for the final fit), all replicates, folds and candidates together.
Shapes: R replicates, F folds, P positions of the label order, n labels, G teachers, K classes, U units, M test examples.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.inference import Context
from mtbkd.inference.sharpness import COLUMN, sharpness
from mtbkd.inference.tuning import best, candidates, held_out_scores
from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.budget import budgets, held_out
from mtbkd.questions.curves.spec import Spec
from mtbkd.questions.curves.tables import frame, score_rows
from mtbkd.questions.inputs import Inputs
from mtbkd.students import Student

log = logging.getLogger(__name__)

# (bench, n, transfer, candidates, steps) -> mean loss and accuracy of each candidate on the labels that folds keep out.
Judge = Callable[["Bench", int, int, Rows, int], tuple[np.ndarray, np.ndarray]]


def fit_curve(spec: Spec, dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> tuple[Rows, Rows]:
    """Rows of scores and of tuning (``tables.COLUMNS``) of one method at every budget of labels.

    A student without teachers has the same rows with and without the transfer set, which tells it nothing; so has every
    method where no example is left for that set.

    Args:
        spec: the settings.
        dataset: with R = len(replicates), or R = 1 (real data).
        teachers: unused by the ``none`` signal.
        replicates: their numbers.

    Raises:
        ContractError: more labels are asked for than there are, or teachers do not cover the examples.
    """
    bench = Bench.of(spec, dataset, teachers, replicates)
    scores: Rows = []
    tuning: Rows = []
    for n, every in budgets(spec.labels, bench.order.labelled, f"curve {spec.curve}").items():
        usable = bench.logits is not None and bench.x.shape[1] > n
        for transfer in dict.fromkeys(asked and usable for asked in spec.transfer):
            without = bench.x.shape[1] - n if transfer else 0
            chosen = tune(bench, n, without, grid(bench))
            scored = _score(bench, refit(bench, [row for row in chosen if row["chosen"]], n, without))
            log.info("%s, teachers %s, %d labels, transfer %s: done", spec.fit.method, spec.teachers, n, transfer)
            for asked in spec.transfer:
                if (asked and usable) == transfer:
                    place = {"labels": n, "all_labels": every, "transfer": asked}
                    scores += [{**row, **place} for row in scored]
                    tuning += [{**row, **place} for row in chosen]
    return scores, tuning


def grid(bench: Bench) -> list[Rows]:
    """Candidates of every replicate, all the same: the grid of what the signal reads, at every number of steps."""
    spec = bench.spec
    listed = candidates(spec.fit.posterior, registry.part("signal", spec.fit.signal.name).USES)
    return [[{**c, "steps": steps} for _ in bench.replicates] for steps in spec.steps for c in listed]


def tune(bench: Bench, n: int, transfer: int, listed: Sequence[Rows], judge: "Judge | None" = None) -> Rows:
    """Choose between candidates by cross-validation inside the n labels, each replicate for itself.

    Args:
        bench: what all budgets share.
        n: labels.
        transfer: examples without label that every fit sees.
        listed: candidates, each with one {setting: value, steps: number} a replicate.
        judge: fits that the engine does not know, in place of MAP under the bench's signal.

    Returns:
        One row a candidate and replicate: settings, steps, replicate, row, val_nll, val_accuracy, chosen (one a replicate).
    """
    if len(listed) == 1:
        return [{**row, "val_nll": None, "val_accuracy": None, "chosen": True} for row in placed(bench, listed)]
    return choose(judged(bench, n, transfer, listed, judge), len(bench.replicates))


def placed(bench: Bench, listed: Sequence[Rows]) -> Rows:
    """The candidates ``listed`` one after another, each with its replicate's number and position."""
    return [{**own, "row": r, "replicate": bench.replicates[r]} for each in listed for r, own in enumerate(each)]


def judged(bench: Bench, n: int, transfer: int, listed: Sequence[Rows], judge: "Judge | None" = None) -> Rows:
    """The candidates of ``tune`` with val_nll and val_accuracy, before any is chosen."""
    rows = placed(bench, listed)
    nll, accuracy = np.empty((2, len(rows)))
    for steps in dict.fromkeys(row["steps"] for row in rows):
        at = [i for i, row in enumerate(rows) if row["steps"] == steps]
        nll[at], accuracy[at] = (judge or _held_out)(bench, n, transfer, [rows[i] for i in at], steps)
    told = zip(nll.tolist(), accuracy.tolist(), strict=True)
    return [{**row, "val_nll": loss, "val_accuracy": share} for row, (loss, share) in zip(rows, told, strict=True)]


def choose(rows: Rows, replicates: int) -> Rows:
    """``rows`` of ``judged``, of so many replicates, with ``chosen``: the lowest loss of each replicate."""
    nll = np.array([row["val_nll"] for row in rows]).reshape(-1, replicates)
    won = np.arange(len(nll))[:, None] == best(nll)
    return [{**row, "chosen": chosen} for row, chosen in zip(rows, won.ravel().tolist(), strict=True)]


def _held_out(bench: Bench, n: int, transfer: int, rows: Rows, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over folds of loss and accuracy (both (len(rows),)) on the labels that each fold keeps out."""
    folds, number = bench.judging_folds(n), len(bench.replicates)
    units = [{**row, "fold": f} for row in rows for f in range(folds)]
    kept = held_out(n, bench.spec.folds)[:folds]
    features = bench.order.take(bench.dataset.x, n)[:, kept].reshape(number * folds, kept.shape[1], *bench.dataset.x.shape[2:])
    labels = bench.order.take(bench.dataset.y, n)[:, kept].reshape(number * folds, kept.shape[1])
    target = bench.target(units, n, transfer)
    at = torch.tensor([unit["row"] * folds + unit["fold"] for unit in units], device=bench.device)
    params = context_of(bench, [unit["row"] for unit in units], steps, restarts=1).mode(target)
    nll, accuracy = held_out_scores(replace(target, data_row=at), params.unsqueeze(1), features, labels)
    target.release()
    return nll.reshape(-1, folds).mean(-1), accuracy.reshape(-1, folds).mean(-1)


def context_of(bench: Bench, rows: Sequence[int], steps: int, restarts: int) -> Context:
    training = bench.spec.fit.training.model_copy(update={"steps": steps, "restarts": restarts})
    return Context(bench.spec.fit.seed, tuple(bench.replicates[r] for r in rows), training, bench.device)


def refit(bench: Bench, chosen: Rows, n: int, transfer: int) -> "dict[int, torch.Tensor]":
    """Position of the replicate -> parameters (S, P) of its draws, fitted on all n labels with what the replicate chose.

    Where they have a mixture, the rows ``chosen`` are given the sharpness of its responsibilities.
    """
    module, named = registry.part("inference", bench.spec.fit.inference.name), bench.spec.fit.inference
    settings, found = module.Settings.model_validate(named.settings), {}
    for steps in dict.fromkeys(row["steps"] for row in chosen):
        own = [row for row in chosen if row["steps"] == steps]
        units = [{**row, "fold": -1} for row in own]
        target = bench.target(units, n, transfer).joint()
        context = context_of(bench, [unit["row"] for unit in units], steps, bench.spec.fit.training.restarts)
        result = module.run(target, settings, module.init(target, settings, context), context)
        for row, value in zip(own, sharpness(target, result.params), strict=False):
            row[COLUMN] = value
        target.budget.release()
        found |= {unit["row"]: params.flatten(0, 1) for unit, params in zip(units, result.params, strict=True)}
    return found


def _score(bench: Bench, params: "dict[int, torch.Tensor]") -> Rows:
    """Scores of the mean over draws of the class probabilities on the test split."""
    dataset, test, rows = bench.dataset, bench.dataset.rows("test"), []
    for r, prob in enumerate(predict_test(bench, params)):
        at = bench.order.data[r]
        true_prob = None if dataset.true_prob is None else dataset.true_prob[at, test].astype(np.float64)
        rows += [{**row, "replicate": bench.replicates[r]} for row in score_rows(prob, dataset.y[at, test], true_prob)]
    return rows


def predict_test(bench: Bench, params: "dict[int, torch.Tensor]") -> list[np.ndarray]:
    """Mean over draws of the class probabilities (M, K) on the test split, of every replicate."""
    dataset, test, found = bench.dataset, bench.dataset.rows("test"), []
    for r, at in enumerate(bench.order.data):
        x = bench.student.inputs(torch.as_tensor(dataset.x[at : at + 1, test], device=bench.device))
        found.append(mean_prob(bench.student, params[r].to(bench.device), x))
    return found


def mean_prob(student: Student, params: "torch.Tensor", x: "torch.Tensor", max_values: int = 20_000_000) -> np.ndarray:
    """Mean class probabilities (M, K) of draws ``params`` (S, P) at ``x`` (1, M, *inputs), in chunks that bound the memory.

    Draws that diverged are left out; NaN where all did.
    """
    params = params[torch.isfinite(params).all(-1)]
    chunk = max(1, max_values // (x.shape[1] * max((*student.hidden, 16))))
    with torch.no_grad():
        parts = [torch.softmax(student.apply(part, x), -1).double().sum(0) for part in params.split(chunk)]
    empty = torch.full(student.apply(params.new_zeros((1, student.num_params)), x).shape[1:], torch.nan)
    return (torch.stack(parts).sum(0) / len(params)).cpu().numpy() if len(params) else empty.numpy()


def run(inputs: Inputs, spec: Spec) -> dict[str, Frame]:
    """One method at every number of labels, on one block."""
    teachers = inputs.teachers() if inputs.logits else []
    scores, tuning = fit_curve(spec, inputs.dataset(), teachers, block_range(inputs.blocks[0]))
    fit = spec.fit
    place = {"curve": spec.curve, "teachers": spec.teachers, "method": fit.method}
    parts = {"signal": fit.signal.name, "weights": fit.weights or "", "inference": fit.inference.name, "kind": "student"}
    return {
        "scores": frame("scores", [{**place, **parts, **row} for row in scores]),
        "tuning": frame("tuning", [{**place, **{k: v for k, v in row.items() if k != "row"}} for row in tuning]),
    }
