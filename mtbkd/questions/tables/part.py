"""One table under one regime of teachers: data, teachers, all students at all numbers of labels, and their scores. One job."""

import logging
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.evaluation.metrics import label_scores
from mtbkd.inference.sharpness import COLUMN
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables import regimes
from mtbkd.questions.tables.aekd import fit_aekd
from mtbkd.questions.tables.choosing import Row
from mtbkd.questions.tables.fitting import Fitted, Study, counts, fit_all
from mtbkd.questions.tables.posteriors import MAP, fit_posteriors
from mtbkd.questions.tables.references import reference_probs, teacher_rows
from mtbkd.questions.tables.spec import Grids, Part
from mtbkd.questions.tables.spec import Part as Spec
from mtbkd.questions.tables.strengths import choices

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
LEVEL = 0.9
PLACE = ("table", "group", "regime")
COLUMNS = {
    "scores": (*PLACE, "labels", "all_labels", "method", "kind", "replicate", "metric", "value"),
    "tuning": (*PLACE, "labels", "all_labels", "method", "replicate", "kappa", "lambda", "no_teacher", "teacher_temperature",
               "prior_scale", COLUMN, "steps", "val_nll", "val_accuracy", "candidates", "at_edge", "falling"),
    "posteriors": (*PLACE, "labels", "method", "inference", "replicate", "passed", "failed", "metric", "value"),
    "strengths": (*PLACE, "labels", "way", "replicate", "kappa", "log_evidence_se", "metric", "value"),
    "teachers": (*PLACE, "teacher", "domain", "rows", "replicate", "accuracy", "n"),
    "sizes": (*PLACE, "rows", "features", "classes", "num_params", "teachers", "students", "test", "labels", "cpu_s",
              "posteriors_cpu_s", "strengths_cpu_s", "memory_mb"),
}  # fmt: skip
MATTERS = 0.01  # nats of loss, below which the test of practical equivalence sees no difference either
GRIDS = ("kappa", "teacher_temperature", "prior_scale")
READ = ("kappa", "lambda", "no_teacher", "teacher_temperature", "prior_scale", COLUMN)


def run(inputs: Inputs, part: Spec) -> dict[str, Frame]:
    """Make data and teachers of ``part``, then ``tables_of_part``: on the CPU, as no GPU outdoes its compiled loops."""
    replicates, inputs = range(inputs.replicates), replace(inputs, device="cpu")
    dataset = regimes.make_dataset(part, inputs.seed, replicates, inputs.raw)
    teachers = regimes.make_teachers(part, dataset, inputs.seed, 0, inputs.raw)
    log.info("%s, %s: data and teachers after %.0f s", part.table, part.regime, time.process_time())
    return tables_of_part(inputs, part, dataset, teachers)


def tables_of_part(inputs: Inputs, part: Part, dataset: Dataset, teachers: Sequence[Logits]) -> dict[str, Frame]:
    """The tables of ``COLUMNS`` of one table under one regime, whose data and teachers are given."""
    replicates = range(inputs.replicates)
    study = Study(part.settings, inputs, dataset, teachers, replicates)
    bench = study.bench("labels")
    rows: dict[str, Rows] = {name: [] for name in COLUMNS}

    def score(labels: int, every: bool, method: str, kind: str, prob: Sequence[np.ndarray]) -> None:
        place = {"labels": labels, "all_labels": every, "method": method, "kind": kind}
        rows["scores"] += [{**place, **row} for row in score_rows(dataset, replicates, prob)]

    for n, every in counts(study, bench).items():
        found = reference_probs(dataset, teachers, bench.order, n, part.settings.grids.teacher_temperature)
        for (method, kind), prob in found.items():
            score(n, every, method, kind, prob)
    for fitted in (*fit_all(study), *(fit_aekd(study) if "aekd" in part.settings.methods else ())):
        score(fitted.labels, fitted.all_labels, fitted.method, "student", fitted.prob)
        rows["tuning"] += tuning_rows(fitted, part.settings.grids)
    point_estimates = time.process_time()
    if part.settings.posteriors.tables:
        rows["posteriors"] = posterior_rows(study)
    posteriors = time.process_time() - point_estimates
    if part.settings.strengths.tables:
        rows["strengths"] = strength_rows(study)
    strengths = time.process_time() - point_estimates - posteriors
    rows["teachers"] = teacher_rows(dataset, teachers, replicates)
    used = counts(study, bench)
    rows["sizes"] = [{
        "rows": int((dataset.split != "").sum()), "features": int(np.prod(dataset.x.shape[2:])), "classes": dataset.num_classes,
        "num_params": bench.student.num_params, "teachers": len(dataset.rows("teachers")), "students": bench.x.shape[1],
        "test": len(dataset.rows("test")), "labels": ", ".join(map(str, used)), "cpu_s": round(point_estimates, 1),
        "posteriors_cpu_s": round(posteriors, 1), "strengths_cpu_s": round(strengths, 1),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }]  # fmt: skip
    place = {"table": part.table, "group": part.group, "regime": part.regime}
    return {
        name: pd.DataFrame([{**place, **row} for row in rows[name]], columns=list(columns)) for name, columns in COLUMNS.items()
    }


def score_rows(dataset: Dataset, replicates: range, prob: Sequence[np.ndarray]) -> Rows:
    """Rows {replicate, metric, value} of test probabilities (M, K), one array a replicate; NaN for a fit that diverged."""
    test, rows = dataset.rows("test"), []
    for r, own in enumerate(prob):
        y = dataset.y[r, test]
        values = {name: score.value for name, score in label_scores(own, y).items()} | {"coverage": coverage(own, y)}
        kept = np.isfinite(own).all()
        rows += [{"replicate": replicates[r], "metric": name, "value": v if kept else np.nan} for name, v in values.items()]
    return rows


def posterior_rows(study: Study) -> Rows:
    """Scores of posterior predictives, and of the MAP of the same student.

    ``passed``: no gate that applies was failed on this split; ``failed`` names those that were. A MAP has no draws to fail.
    """
    rows = []
    for sampled in fit_posteriors(study):
        failed = {r: [gate["gate"] for gate in sampled.gates if gate["replicate"] == r and gate["verdict"] is False]
                  for r in study.replicates}  # fmt: skip
        place = {"labels": sampled.labels, "method": sampled.method}
        for row in score_rows(study.dataset, study.replicates, sampled.mode):
            rows.append({**place, "inference": MAP, **row, "passed": True, "failed": ""})
        for row in score_rows(study.dataset, study.replicates, sampled.prob):
            own = failed[row["replicate"]]
            inference = study.settings.posteriors.inference
            rows.append({**place, "inference": inference, **row, "passed": not own, "failed": ", ".join(own)})
    return rows


def coverage(prob: np.ndarray, y: np.ndarray, level: float = LEVEL) -> float:
    """Share of labels (M,) in the smallest sets of classes that hold ``level`` of the probability (M, K)."""
    own = prob[np.arange(len(y)), y]
    above = np.where(prob > own[:, None], prob, 0).sum(-1)
    return float((above < level).mean())


def strength_rows(study: Study) -> Rows:
    """Scores of every way to choose kappa at every number of labels, with the kappa that it chose."""
    rows: Rows = []
    for labels, way, prob, kappa, error in choices(study):
        told = dict(zip(study.replicates, zip(kappa.tolist(), error.tolist(), strict=True), strict=True))
        for row in score_rows(study.dataset, study.replicates, prob):
            chosen, noise = told[row["replicate"]]
            rows.append({"labels": labels, "way": way, "kappa": chosen, "log_evidence_se": noise, **row})
    return rows


def tuning_rows(fitted: Fitted, grids: Grids) -> Rows:
    """What each replicate chose of how many candidates, which settings lie at an edge of a grid of three or more (``at_edge``),
    and at which of these edges the loss still falls (``falling``)."""
    listed = sum(row["replicate"] == fitted.tuning[0]["replicate"] for row in fitted.tuning)
    place = {"labels": fitted.labels, "all_labels": fitted.all_labels, "method": fitted.method, "candidates": listed}
    told = ("replicate", "steps", "val_nll", "val_accuracy")
    rows = []
    for row in (row for row in fitted.tuning if row["chosen"]):
        own = [each for each in fitted.tuning if each["replicate"] == row["replicate"]]
        edges = [name for name in GRIDS if len({each.get(name) for each in own}) > 1 and _before_edge(row, name, grids)]
        falling = [name for name in edges if _falls(row, name, own, grids)]
        rows.append({**place, **{name: row[name] for name in told}, **{name: row.get(name) for name in READ},
                     "at_edge": ", ".join(edges), "falling": ", ".join(falling)})  # fmt: skip
    return rows


def _before_edge(row: Row, name: str, grids: Grids) -> float | None:
    """The value next to that of ``row`` where this is the first or last of a grid of three or more, else None."""
    grid = sorted(getattr(grids, name))
    if len(grid) < 3:
        return None
    return {grid[0]: grid[1], grid[-1]: grid[-2]}.get(row[name])


def _falls(row: Row, name: str, rows: Rows, grids: Grids) -> bool:
    """Whether the folds prefer the edge of ``row`` to the value next to it, everything else being the same, by what matters."""
    before = _before_edge(row, name, grids)
    rest = [each for each in READ if each not in (name, COLUMN, *(["lambda"] if name == "kappa" else []))]
    edge, inner = (
        {tuple(each.get(other) for other in rest): each["val_nll"] for each in rows if each[name] == value}
        for value in (row[name], before)
    )
    return any(edge[place] < inner[place] - MATTERS for place in edge.keys() & inner.keys())
