"""Which classes are hard, does uncertainty find the errors, and what is left of it on other data?

All methods of an experiment, and its teachers, on the test split and on every ``ood:*`` split. Tables: ``classes`` (scores of
each class of the test split), ``scores`` (by split and measure of uncertainty, see ``mtbkd.evaluation.selective``), ``curves``
(error rate by share answered, first replicate). Shapes: S draws, M examples, K classes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Names
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset
from mtbkd.evaluation import selective
from mtbkd.evaluation.metrics import Score, mean_score, ood_auroc
from mtbkd.evaluation.references import teacher_probs
from mtbkd.evaluation.scoring import Examples
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"draws"})
NAMES_METHODS = ("methods", "main")
TABLES = ("classes", "scores", "curves")
_WHO = ["method", "kind", "replicate"]
_SCORE = ["metric", "value", "se", "n"]
COLUMNS = {
    "classes": [*_WHO, "class", *_SCORE],
    "scores": [*_WHO, "split", "measure", *_SCORE],
    "curves": [*_WHO, "split", "measure", "coverage", "risk"],
}


class Settings(BaseModel):
    """Which methods to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: Names = Field((), description="methods of the experiment; default: all")
    main: str | None = Field(None, description="the method described in text and figures; default: the first with draws")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """The tables, one row a score."""
    methods = settings.methods or inputs.methods
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    for who, dataset, index, prob, at in _probabilities(inputs, methods):
        found = _scored(dataset, index, prob, at)
        for table, own in found.items():
            rows[table] += [{**who, **row} for row in own if table != "curves" or who["replicate"] == 0]
    return {table: pd.DataFrame(rows[table], columns=COLUMNS[table]) for table in TABLES}


def _probabilities(
    inputs: Inputs, methods: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], Dataset, int, np.ndarray, np.ndarray]]:
    """(method, kind and replicate; data and their replicate; draws (S, M, K); their rows (M,)) of students, then teachers."""
    for method in methods:
        for block in inputs.blocks:
            draws, dataset = inputs.draws(method, block), inputs.dataset(block)
            for i, replicate in enumerate(draws.replicates.tolist()):
                kept = draws.prob[i][~draws.diverged[i]]
                if len(kept):
                    who = {"method": method, "kind": "student", "replicate": replicate}
                    yield (
                        who,
                        dataset,
                        min(i, dataset.num_replicates - 1),
                        kept.reshape(-1, *kept.shape[2:]),
                        draws.example_index,
                    )
    first = 0
    for block in dict.fromkeys(map(inputs.data_block, inputs.blocks)):
        dataset = inputs.dataset(block)
        for i in range(dataset.num_replicates):
            for name, (rows, prob) in teacher_probs(inputs.teachers(block), Examples.of(dataset, i), i).items():
                yield {"method": name, "kind": "teacher", "replicate": first + i}, dataset, i, prob[None, rows], rows
        first += dataset.num_replicates


def _scored(dataset: Dataset, index: int, prob: np.ndarray, rows: np.ndarray) -> dict[str, list[dict[str, Any]]]:
    """Rows of the three tables for draws ``prob`` (S, M, K) at ``rows`` of replicate ``index`` of the data."""
    y, split, mean = dataset.y[index, rows], dataset.split[rows], prob.mean(0, dtype=np.float64)
    unsure, wrong, test = selective.uncertainties(prob), mean.argmax(-1) != y, split == "test"
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    own = selective.class_scores(mean[test].argmax(-1), y[test], unsure["mean_deviance"][test], dataset.num_classes)
    found["classes"] = [{"class": dataset.class_names[k], **_row(metric, s)} for (k, metric), s in own.items()]
    mix = dict(enumerate(np.bincount(y[test], minlength=dataset.num_classes) / test.sum()))
    for name in sorted(set(split.tolist()), key=lambda each: (each != "test", each)):
        inside = split == name
        labelled = inside & (y >= 0)
        scores = {("", metric): s for metric, s in _of_split(dataset, index, rows, mean, inside, labelled, mix).items()}
        for measure, value in unsure.items():
            if name != "test":
                scores[measure, "apart_auroc"] = ood_auroc(value[test], value[inside])
            if labelled.any():
                scores |= {(measure, m): s for m, s in selective.error_scores(value[labelled], wrong[labelled]).items()}
                points = zip(*selective.curve(value[labelled], wrong[labelled]), strict=True)
                found["curves"] += [{"split": name, "measure": measure, "coverage": c, "risk": r} for c, r in points]
        found["scores"] += [{"split": name, "measure": measure, **_row(m, s)} for (measure, m), s in scores.items()]
    return found


def _of_split(
    dataset: Dataset, index: int, rows: np.ndarray, mean: np.ndarray, inside: np.ndarray, labelled: np.ndarray,
    mix: dict[int, float],
) -> dict[str, Score]:  # fmt: skip
    """Scores that need no measure; ``hit``: the predicted class is one of the example's, where it may have several."""
    found = {}
    if labelled.any():
        found = selective.shift_scores(mean[labelled], dataset.y[index, rows][labelled], mix)
    if dataset.targets is not None:
        own = dataset.targets[min(index, len(dataset.targets) - 1), rows[inside]]
        found["hit"] = mean_score(own[np.arange(len(own)), mean[inside].argmax(-1)].astype(np.float64))
    return found


def _row(metric: str, score: Score) -> dict[str, Any]:
    return {"metric": metric, **score._asdict()}
