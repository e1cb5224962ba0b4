"""One method at every number of labels: tuned by cross-validation inside the labels, fitted on all of them, scored on test.

With a budget of n labels nothing else of the labelled data is seen: the shared settings and the optimiser's steps are chosen by
the mean loss on held-out labels over the folds, each replicate choosing for itself, the same way for every method. A fold's
held-out examples leave the fit altogether, also where other examples stay as an unlabelled transfer set. The candidates are
fitted as MAP from one start each (``training.restarts`` for the final fit), all replicates, folds and candidates together.
Shapes: R replicates, F folds, P positions of the label order, n labels, G teachers, K classes, U units, M test examples.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.inference import Context
from mtbkd.inference.sharpness import COLUMN, sharpness
from mtbkd.inference.tuning import best, candidates, held_out_scores, shared_of
from mtbkd.pooling import context as weighing
from mtbkd.posterior.problem import adjusted, make_problem
from mtbkd.questions.curves.budget import Order, budgets, fold_size, held_out, label_order
from mtbkd.questions.curves.spec import Spec
from mtbkd.questions.curves.tables import frame, score_rows
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.inputs import Inputs
from mtbkd.students import Student

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
# (bench, n, transfer, candidates, steps) -> mean loss and accuracy of each candidate on the labels that folds keep out.
Judge = Callable[["Bench", int, int, Rows, int], tuple[np.ndarray, np.ndarray]]
# What the signal's constants depend on, the data apart.
READ_BY_CONSTANTS = ("lambda", "no_teacher", "teacher_temperature")


@dataclass(frozen=True)
class Bench:
    """What all budgets share; tensors in the label order: ``x`` (R, P, *inputs), ``y`` (R, P), ``logits`` (R, P, G, K).

    ``by_fold``: teachers that learnt from the labels at hand differ by fold: ``logits`` and ``weights`` have 1 + F rows a
    replicate, the first for fits on all labels.
    ``enough``: the first folds that together keep out so many labels judge candidates, the others do not; None: all judge.
    """

    spec: Spec
    student: Student
    dataset: Dataset
    order: Order
    replicates: tuple[int, ...]
    device: str
    x: "torch.Tensor"
    y: "torch.Tensor"
    logits: "torch.Tensor | None"
    weights: "torch.Tensor | None"
    by_fold: bool = False
    enough: int | None = None

    @classmethod
    def of(cls, spec: Spec, dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> "Bench":
        """Raises ContractError where a teacher does not cover the training and validation splits."""
        fit, order, device = spec.fit, label_order(dataset, spec.fit.seed, replicates), resolve_device(spec.fit.device)
        module = registry.part("student", fit.student.architecture)
        settings = module.Settings.model_validate(fit.student.settings)
        student = module.build(settings, dataset.x.shape[2:], dataset.num_classes)
        x = student.inputs(torch.as_tensor(order.take(dataset.x), device=device)).contiguous()
        y = torch.as_tensor(order.take(dataset.y), device=device)
        logits = weights = None
        if fit.signal.name != "none":
            inside = np.isin(dataset.split, ("train", "val"))
            missing = [t.teacher for t in teachers if not t.covered[inside].all()]
            if missing or not teachers:
                raise ContractError(f"curve {spec.curve}, method {fit.method}", "teachers", f"no logits of {missing or 'any'}",
                                    "teachers that cover the training and validation splits")  # fmt: skip
            taken = order.take(stack_logits(list(teachers)))
            logits = torch.as_tensor(taken, device=device)
            if fit.weights is not None:
                if wanted := weighing.needs(fit.weights):
                    raise ContractError(f"curve {spec.curve}, method {fit.method}", "weights",
                                        f"'{fit.weights}', which look at {' and '.join(sorted(wanted))}",
                                        "weights of probabilities alone, as the number of labels varies")  # fmt: skip
                prob = torch.softmax(torch.as_tensor(taken, dtype=torch.float64), -1).numpy()
                weights = torch.as_tensor(registry.part("weights", fit.weights).weights(prob), dtype=x.dtype, device=device)
        return cls(spec, student, dataset, order, tuple(replicates), device, x, y, logits, weights)

    def judging_folds(self, n: int) -> int:
        """How many folds judge candidates."""
        folds = self.spec.folds
        return folds if self.enough is None else min(folds, -(-self.enough // max(1, fold_size(n, folds))))

    def target(self, units: Rows, n: int, transfer: int) -> Budget:
        """The posterior of ``units`` {setting: value, row: position of the replicate, fold: its number or -1 for none}.

        ``transfer``: how many of the examples behind the first n stay, without label.
        """
        rows = torch.tensor([unit["row"] for unit in units], device=self.device)
        folds = torch.tensor([unit["fold"] for unit in units], device=self.device)
        width = fold_size(n, self.spec.folds) if (folds >= 0).any() else 0
        table, constants = self._constants(units, n)
        signal = registry.part("signal", self.spec.fit.signal.name)
        shared = adjusted(signal, shared_of(units, self.device))
        return Budget(
            self.student, self.x, self.y, rows, signal, constants, shared, bool((shared.student_temperature == 1).all()),
            table, n, folds * width, width, transfer,
        )  # fmt: skip

    def _constants(self, units: Rows, n: int) -> "tuple[torch.Tensor, dict[str, torch.Tensor]]":
        """Each unit's row (U,) of the signal's constants, and these: one row a replicate and value of what they depend on."""
        keys = [(self._taught(unit), *(unit.get(name) for name in READ_BY_CONSTANTS)) for unit in units]
        distinct = list(dict.fromkeys(keys))
        table = torch.tensor([distinct.index(key) for key in keys], device=self.device)
        if self.logits is None:
            return table, {}
        first = {key: unit for key, unit in reversed(list(zip(keys, units, strict=True)))}
        rows = torch.tensor([key[0] for key in distinct], device=self.device)
        name, settings = self.spec.fit.signal.name, self.spec.fit.signal.settings
        signal = registry.part("signal", name)
        problem = make_problem(
            self.student, self.x, self.y, rows, signal, signal.Settings.model_validate(settings),
            shared_of([first[key] for key in distinct], self.device), self.logits, self.weights, self._best_teacher(n),
        )  # fmt: skip
        return table, problem.constants

    def _taught(self, unit: Mapping[str, Any]) -> int:
        """The row of the teachers' logits that ``unit`` reads."""
        return unit["row"] * (1 + self.spec.folds) + 1 + unit["fold"] if self.by_fold else unit["row"]

    def _best_teacher(self, n: int) -> "torch.Tensor":
        """Position (R,) of the teacher that is right on most of the n labels."""
        assert self.logits is not None
        if self.by_fold:
            return torch.zeros(len(self.logits), dtype=torch.int64, device=self.device)
        return (self.logits[:, :n].argmax(-1) == self.y[:, :n, None]).double().mean(1).argmax(-1)


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
