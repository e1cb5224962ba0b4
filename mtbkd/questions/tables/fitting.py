"""Every student at every number of labels: tuned inside the labels, fitted on all of them, probabilities on the test split.

The engine is that of label-count curves (``mtbkd.questions.curves.fitting``). With n labels every method sees the same n
labels, the same folds and the same unlabelled examples, and is tuned in the same way (``mtbkd.questions.tables.choosing``):

1. teacher temperature, kappa and prior scale one after another, as far as it reads them, at lambda = kappa and without the
   component of no teacher;
2. methods with ``after`` start from what that method chose, and tune lambda x no_teacher there.

Self-training hears the labels-only student that the same labels gave: in a fold, one that did not see what the fold keeps out.
Shapes: R replicates, F folds, P positions of the label order, n labels, M test examples, G teachers, K classes.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.grids import AS_KAPPA
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.inference.tuning import candidates
from mtbkd.questions.curves.budget import budgets
from mtbkd.questions.curves.fitting import Bench, Rows, choose, context_of, judged, predict_test, refit
from mtbkd.questions.curves.spec import Spec
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables.choosing import Judge, Row, middle, search, winners
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.spec import Settings

log = logging.getLogger(__name__)

AXES = ("teacher_temperature", "kappa", "prior_scale")
AS_KNOWN = (AS_KAPPA, 0.0)  # lambda and no_teacher of the method that another one starts from
PLAIN = {"student_temperature": [1.0], "temperature": [1.0]}


class Fitted(NamedTuple):
    """A method at a number of labels: test probabilities (M, K) of every replicate, and its candidates."""

    method: str
    labels: int
    all_labels: bool
    prob: list[np.ndarray]
    tuning: Rows


@dataclass(frozen=True)
class Study:
    """What all methods on one table have in common."""

    settings: Settings
    inputs: Inputs
    dataset: Dataset
    teachers: Sequence[Logits]
    replicates: range

    def axes(self, reads: frozenset[str]) -> dict[str, tuple[float, ...]]:
        """The grids of what is tuned, as far as a method ``reads`` it, in that order."""
        return {name: getattr(self.settings.grids, name) for name in AXES if name in reads | {"prior_scale"}}

    def start(self, reads: frozenset[str]) -> Row:
        """The candidate in the middle of all grids."""
        middles = {name: (middle(getattr(self.settings.grids, name)),) for name in AXES}
        fixed = {"lambda": (AS_KAPPA,), "beta": (1.0,), "no_teacher": (0.0,), **PLAIN}
        return {**candidates({**middles, **fixed}, reads)[0], "steps": self.inputs.training.steps}

    def bench(self, name: str, inference: Mapping[str, Any] | None = None) -> Bench:
        """The engine's bench of method ``name``."""
        method, inputs = METHODS[name], self.inputs
        fit = {
            "method": name, "dataset": self.dataset.name, "student": inputs.student, "signal": {"name": method.signal},
            "weights": method.weights, "inference": inference or {"name": "map"}, "posterior": {},
            "training": inputs.training.model_dump(), "output": {}, "seed": inputs.seed, "device": inputs.device,
        }  # fmt: skip
        asked = {"curve": inputs.name, "teachers": method.teachers, "fit": fit, "steps": (inputs.training.steps,)}
        rest = {"labels": self.settings.labels, "folds": self.settings.folds, "transfer": (True,)}
        bench = Bench.of(Spec.model_validate({**asked, **rest}), self.dataset, self.teachers, self.replicates)
        bench = replace(bench, enough=self.settings.validation)
        if method.teachers == "uniform":
            assert bench.logits is not None
            bench = replace(bench, logits=torch.zeros_like(bench.logits))
        return bench


def fit_all(study: Study) -> Iterator[Fitted]:
    """All compiled methods of the settings at all numbers of labels, labels alone first."""
    asked = {"labels", *(METHODS[name].after for name in study.settings.methods), *study.settings.methods}
    benches = {
        name: study.bench(name) for name, method in METHODS.items() if name in asked and method.signal in registry.SIGNALS
    }
    for n, every in counts(study, benches["labels"]).items():
        chosen: dict[str, Rows] = {}
        for name, bench in benches.items():
            prob, chosen[name] = _fit(study, name, bench, n, chosen)
            yield Fitted(name, n, every, prob, chosen[name])


def counts(study: Study, bench: Bench) -> dict[int, bool]:
    """The numbers of labels that leave unlabelled examples, and all of them; whether it is all."""
    if bench.order.labelled < (folds := study.settings.folds):
        where, allowed = f"question {study.inputs.name} on {study.dataset.name}", f"at least {folds}, one for each fold"
        raise ContractError(where, "labels", bench.order.labelled, allowed, "lower folds, or leave the table out")
    asked = [n for n in study.settings.labels if n == "all" or n < bench.order.labelled]
    return budgets(asked or ["all"], bench.order.labelled, study.inputs.name)


def left_over(study: Study, bench: Bench, n: int) -> int:
    """Unlabelled examples that students with n labels see."""
    return min(study.settings.transfer, bench.x.shape[1] - n)


def _fit(study: Study, name: str, bench: Bench, n: int, chosen: Mapping[str, Rows]) -> tuple[list[np.ndarray], Rows]:
    """Test probabilities and candidates of method ``name``."""
    transfer = left_over(study, bench, n) if METHODS[name].teachers != "none" else 0
    bench = heard(study, name, bench, n, chosen)
    rows = rounds(study, name, partial(judged, bench, n, transfer), chosen)
    prob = predict_test(bench, refit(bench, winners(rows), n, transfer))
    log.info("%s, %d labels: %d candidates", name, n, len(rows) // len(bench.replicates))
    return prob, rows


def heard(study: Study, name: str, bench: Bench, n: int, chosen: Mapping[str, Rows]) -> Bench:
    """``bench`` with the teachers and weights of method ``name`` that depend on the n labels."""
    method = METHODS[name]
    if method.weigh:
        assert bench.logits is not None
        known = torch.where(torch.arange(bench.y.shape[1], device=bench.y.device) < n, bench.y, -1)
        return replace(bench, weights=method.weigh(bench.logits, known))
    return taught_by_itself(study, bench, n, winners(chosen["labels"])) if method.teachers == "own" else bench


def rounds(study: Study, name: str, judge: Judge, chosen: Mapping[str, Rows]) -> Rows:
    """All candidates of method ``name`` with what the folds say of them, the best one of every replicate chosen.

    Args:
        study: what the methods have in common.
        name: of the method.
        judge: tells the loss of candidates, one of each replicate in every list.
        chosen: method -> its candidates at the same number of labels, for methods with ``after``.
    """
    grids, method, number = study.settings.grids, METHODS[name], len(study.replicates)
    if not method.after:
        return search(study.start(method.reads), study.axes(method.reads), number, judge)
    start = winners(chosen[method.after])
    pairs = [(lam, share) for lam in grids.lam for share in grids.no_teacher]
    known = start if AS_KNOWN in pairs else []
    listed = [[_sharper(row, *pair) for row in start] for pair in pairs if pair != AS_KNOWN]
    return choose(known + (judge(listed) if listed else []), number)


def _sharper(row: Row, lam: float | str, no_teacher: float) -> Row:
    return {**row, "lambda": row["kappa"] if lam == AS_KAPPA else lam, "no_teacher": no_teacher}


def taught_by_itself(study: Study, bench: Bench, n: int, chosen: Rows) -> Bench:
    """``bench`` with one teacher: the labels-only student with the settings ``chosen``, fitted on all labels and on every fold.

    Its logits (R (1 + F), P, 1, K), those of all labels first.
    """
    folds, alone = study.settings.folds, study.bench("labels")
    units = [{**row, "fold": fold} for row in chosen for fold in range(-1, folds)]
    # A unit on all labels has no gap, so that it cannot share a target with those of folds.
    whole, parts = (refit_units(alone, [u for u in units if (u["fold"] < 0) == is_whole], n) for is_whole in (True, False))
    params = torch.cat([whole[:, None], parts.view(len(chosen), folds, -1)], 1)
    with torch.no_grad():
        logits = [alone.student.apply(own, bench.x[r : r + 1]) for r, own in enumerate(params)]
    taught = torch.cat(logits).unsqueeze(2)
    return replace(bench, logits=taught, weights=torch.ones_like(taught[..., 0]), by_fold=True)


def refit_units(bench: Bench, units: Rows, n: int) -> "torch.Tensor":
    """MAP parameters (U, P) of ``units`` on their labels alone."""
    context = context_of(
        bench, [unit["row"] for unit in units], bench.spec.fit.training.steps, bench.spec.fit.training.restarts
    )
    return context.mode(bench.target(units, n, 0))
