"""How should the strength of the teachers be chosen? One small posterior at several kappas, and ways to choose among them.

A linear student hears its teachers at every kappa of a grid; all else is fixed. Sequential Monte Carlo gives the posterior of
each and the evidence of the labels. All ways predict by the same draws and differ in the choice alone: the loss of MAP fits on
one fold of the labels (``validation``) or on all (``cross_validation``), the highest evidence, or an average by evidence.
Shapes: A candidates, R replicates, M test examples, K classes.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.inference import evidence, smc
from mtbkd.inference.tuning import best
from mtbkd.questions.curves.fitting import Bench, Rows, context_of, judged, mean_prob
from mtbkd.questions.tables.fitting import PLAIN, Study, counts, left_over

STUDENT = {"architecture": "linear", "settings": {"features": "raw"}}
WAYS = ("validation", "cross_validation", "evidence", "evidence_average")


def choices(study: Study) -> Iterator[tuple[int, str, list[np.ndarray], np.ndarray, np.ndarray]]:
    """(labels, way, test probabilities (M, K) of every replicate, geometric mean (R,) of kappa, error of the evidence (R,))."""
    asked = study.settings.strengths
    settings = study.settings.model_copy(update={"labels": asked.labels, "transfer": asked.transfer})
    linear = replace(study, settings=settings, inputs=replace(study.inputs, student=STUDENT))
    bench = linear.bench(asked.method)
    for n in (n for n, every in counts(linear, bench).items() if not every):
        transfer = left_over(linear, bench, n)
        prob, found = weighed(linear, bench, n, transfer)
        shape = (len(asked.kappa), len(bench.replicates))
        kappa, value, error = np.log(asked.kappa)[:, None], found.value.reshape(shape), found.error.reshape(shape)
        for way, weight in (_by_loss(linear, bench, n, transfer) | _by_evidence(value)).items():
            mixed = np.einsum("ar,armk->rmk", weight, prob)
            yield n, way, list(mixed), np.exp((weight * kappa).sum(0)), (weight * error).sum(0)


def _rows(study: Study, bench: Bench) -> list[Rows]:
    """The candidates, each with one row a replicate."""
    asked = study.settings.strengths
    fixed = {"teacher_temperature": asked.teacher_temperature, "prior_scale": asked.prior_scale, "no_teacher": 0.0, "beta": 1.0}
    fixed |= {name: grid[0] for name, grid in PLAIN.items()} | {"steps": study.inputs.training.steps}
    return [[{**fixed, "kappa": kappa, "lambda": kappa} for _ in bench.replicates] for kappa in asked.kappa]


def weighed(study: Study, bench: Bench, n: int, transfer: int) -> tuple[np.ndarray, evidence.Evidence]:
    """Test probabilities (A, R, M, K) of the posterior of every candidate, and its evidence."""
    settings = smc.Settings.model_validate(study.settings.strengths.settings)
    prob, parts, test = [], [], study.dataset.rows("test")
    for own in _rows(study, bench):
        units = [{**row, "row": r, "fold": -1} for r, row in enumerate(own)]
        target = bench.target(units, n, transfer).joint()
        found = evidence.evidence_of(target, settings, context_of(bench, [*range(len(own))], 1, 1))
        target.budget.release()
        parts.append(found)
        for r, at in enumerate(bench.order.data):
            x = bench.student.inputs(torch.as_tensor(study.dataset.x[at : at + 1, test], device=bench.device))
            prob.append(mean_prob(bench.student, found.params[r].flatten(0, 1).to(bench.device), x))
    value, error = (np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "error"))
    shaped = np.stack(prob).reshape(len(parts), len(bench.replicates), *prob[0].shape)
    return shaped, evidence.Evidence(value, error, parts[-1].params)


def _by_loss(study: Study, bench: Bench, n: int, transfer: int) -> dict[str, np.ndarray]:
    """Weights (A, R) of the two ways that hold labels out: 1 for the candidate with the lowest loss."""
    folds = {"validation": replace(bench, enough=1), "cross_validation": replace(bench, enough=None)}
    found = {}
    for way, own in folds.items():
        rows = judged(own, n, transfer, _rows(study, own))
        nll = np.array([row["val_nll"] for row in rows]).reshape(-1, len(bench.replicates))
        found[way] = (np.arange(len(nll))[:, None] == best(nll)).astype(float)
    return found


def _by_evidence(value: np.ndarray) -> dict[str, np.ndarray]:
    weight = evidence.weights(value)
    return {"evidence": (weight == weight.max(0)).astype(float), "evidence_average": weight}
