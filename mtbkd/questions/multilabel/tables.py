"""The tables of students with several labels. Shapes: R replicates, N examples, M of a split, G teachers, K locations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.base.seeds import derive
from mtbkd.evaluation.compare import paired
from mtbkd.questions.multilabel import scores
from mtbkd.questions.multilabel.data import Task

ALL, TEST = "all", "test"
MEAN, BEST = "teachers:mean", "teachers:best"
FORECAST_BINS = 10
RESAMPLES = 500
_PLACE = ["split", "domain", "location", "metric"]
COLUMNS = {
    "scores": ["method", "kind", "signal", "weights", "inference", "replicate", *_PLACE, "value", "n"],
    "differences": ["method", "reference", *_PLACE, "higher_is_better", "n", "difference", "low", "high",
                    "low_examples", "high_examples", "note"],
    "thresholds": ["method", "kind", "replicate", "location", "threshold", "val_positives"],
    "calibration": ["method", "kind", "replicate", "split", "bin", "forecast", "share", "n"],
    "experts": ["chosen_by", "split", "domain", "teacher", "mean_weight", "top_share", "n"],
    "labels": ["split", "domain", "location", "positives", "n", "labelled"],
    "teachers": ["teacher", "examples", "val_examples", "prior_scale", "val_nll", "chosen"],
    "tuning": ["signal", "weights", "lambda", "beta", "prior_scale", "teacher_temperature", "student_temperature",
               "temperature", "val_nll", "chosen"],
    "gates": ["method", "gate", "replicate", "value", "threshold", "verdict", "note", "judged"],
}  # fmt: skip
TABLES = tuple(COLUMNS)
OPTIONAL = ("kappa", "no_teacher")

Rows = list[dict[str, Any]]
Pairs = Sequence[tuple[str, str]]


def frame(name: str, rows: Rows) -> Frame:
    """The rows of a table with its columns in their order; ``tuning`` also has OPTIONAL settings that the study gives."""
    given = [setting for setting in OPTIONAL if any(setting in row for row in rows)] if name == "tuning" else []
    return pd.DataFrame(rows, columns=[*COLUMNS[name][:2], *given, *COLUMNS[name][2:]])


@dataclass(frozen=True)
class Forecast:
    """Probabilities of one student or teacher.

    Attributes:
        method: its name.
        parts: {kind, signal, weights, inference}; kind is student or teacher.
        prob: (R, N, K), finite on the validation split and all scored ones; NaN in a replicate that diverged.
    """

    method: str
    parts: Mapping[str, str]
    prob: np.ndarray

    def decisions(self, task: Task) -> np.ndarray:
        """Thresholds (R, K) with the largest MCC on the validation split; NaN in a replicate that diverged."""
        val = task.dataset.rows("val")
        known = [np.isfinite(prob[val]).all() for prob in self.prob]
        lost = np.full(len(task.locations), math.nan)
        found = zip(self.prob, known, strict=True)
        return np.stack([scores.best_thresholds(prob[val], task.truth[val]) if ok else lost for prob, ok in found])


def scored(task: Task, forecast: Forecast, thresholds: np.ndarray) -> Rows:
    """Rows of ``scores``: overall ones for every split and domain, those of single locations for whole splits."""
    rows = []
    for replicate, prob in enumerate(forecast.prob):
        for split, domain, at in task.parts():
            p, t = prob[at], task.truth[at]
            place = {"method": forecast.method, **forecast.parts, "replicate": replicate, "split": split, "domain": domain}
            if not np.isfinite(p).all():
                continue
            single = scores.location_scores(p, t, thresholds[replicate])
            found = [(ALL, name, v, len(at)) for name, v in scores.overall_scores(p, t, thresholds[replicate], single).items()]
            if domain == ALL:
                counts = t.sum(0)
                found += [
                    (location, name, float(values[k]), int(counts[k]))
                    for name, values in single.items()
                    for k, location in enumerate(task.locations)
                ]
            rows += [{**place, "location": o, "metric": m, "value": v, "n": n} for o, m, v, n in found]
    return rows


def threshold_rows(task: Task, forecast: Forecast, thresholds: np.ndarray) -> Rows:
    """Rows of ``thresholds``."""
    positives = task.truth[task.dataset.rows("val")].sum(0)
    place = {"method": forecast.method, "kind": forecast.parts["kind"]}
    return [
        {**place, "replicate": r, "location": location, "threshold": row[k], "val_positives": int(positives[k])}
        for r, row in enumerate(thresholds.tolist())
        for k, location in enumerate(task.locations)
    ]


def calibration(task: Task, forecast: Forecast) -> Rows:
    """Rows of ``calibration``: all pairs of example and location of a split in ten bins of equal width."""
    edges, rows = np.arange(1, FORECAST_BINS) / FORECAST_BINS, []
    place = {"method": forecast.method, "kind": forecast.parts["kind"]}
    for replicate, prob in enumerate(forecast.prob):
        for split, _, at in (part for part in task.parts() if part[1] == ALL):
            if not np.isfinite(prob[at]).all():
                continue
            found = zip(*scores.bins(prob[at].ravel(), task.truth[at].ravel(), edges), strict=True)
            for forecast_mean, share, n in found:
                index = min(int(forecast_mean * FORECAST_BINS), FORECAST_BINS - 1)
                rows.append({**place, "replicate": replicate, "split": split, "bin": index,
                             "forecast": forecast_mean, "share": share, "n": int(n)})  # fmt: skip
    return rows


def differences(
    scores_table: Frame, pairs: Pairs, intervals: Mapping[tuple[str, str, str, str], Sequence[float]], note: str
) -> Rows:
    """Rows of ``differences``: a student minus another, paired by replicate.

    Args:
        scores_table: the table ``scores``.
        pairs: (method, reference) each.
        intervals: (method, reference, split, domain) -> interval over resampled examples of the difference in ``macro_mcc``.
        note: what replicates differ by.
    """
    better = {**scores.HIGHER_IS_BETTER, **dict.fromkeys(scores.BY_LOCATION, True)}
    table = scores_table.pivot(index=_PLACE, columns=["method", "replicate"], values="value")
    rows = []
    for method, reference in pairs:
        if method not in table.columns.levels[0] or reference not in table.columns.levels[0]:
            continue
        gap: Any = table[method] - table[reference]
        for place, values in zip(gap.index, gap.to_numpy(float), strict=True):
            if not np.isfinite(values).any():
                continue
            found, where = paired(values), dict(zip(_PLACE, place, strict=True))
            both = where["location"] == ALL and where["metric"] == "macro_mcc"
            low, high = intervals.get((method, reference, *place[:2]), (math.nan,) * 2) if both else (math.nan,) * 2
            rows.append({"method": method, "reference": reference, **where, "higher_is_better": better[where["metric"]],
                         "n": found.n, "difference": found.difference, "low": found.low, "high": found.high,
                         "low_examples": low, "high_examples": high,
                         "note": "; ".join(filter(None, (found.note, note)))})  # fmt: skip
    return rows


def resampled_differences(
    task: Task,
    forecasts: Mapping[str, Forecast],
    thresholds: Mapping[str, np.ndarray],
    pairs: Pairs,
    seed: int,
) -> dict[tuple[str, str, str, str], tuple[float, float]]:
    """95 % intervals of the differences in ``macro_mcc`` (mean over replicates) over resampled examples of a split.

    Methods are resampled together; a location without examples in a resample is left out of its mean.
    """
    intervals = {}
    for split, domain, at in task.parts():
        rng = np.random.default_rng(derive(seed, "resampling", split=split, domain=domain))
        times = rng.multinomial(len(at), np.full(len(at), 1 / len(at)), RESAMPLES).astype(np.float32)
        named = {name for pair in pairs for name in pair}
        drawn = {name: _resampled_mcc(task, forecasts[name].prob[:, at], thresholds[name], at, times) for name in named}
        for method, reference in pairs:
            gap = drawn[method] - drawn[reference]
            if np.isfinite(gap).any():
                low, high = np.nanquantile(gap, [0.025, 0.975])
                intervals[method, reference, split, domain] = (float(low), float(high))
    return intervals


def _resampled_mcc(task: Task, prob: np.ndarray, thresholds: np.ndarray, at: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Macro MCC (B,) of each resample, mean over the finite replicates of ``prob`` (R, M, K); ``times`` (B, M)."""
    truth = task.truth[at]
    kept = scores.judged(truth)
    if not kept.any():
        return np.full(len(times), math.nan)
    found = []
    for p, cut in zip(prob[:, :, kept], thresholds[:, kept], strict=True):
        if np.isfinite(p).all():
            present, t = p >= cut, truth[:, kept]
            cells = ((present, t), (present, ~t), (~present, t), (~present, ~t))
            tp, fp, fn, tn = (times @ (a & b).astype(np.float32) for a, b in cells)
            value = scores.correlation(tp, fp, fn, tn)
            value[(tp + fn == 0) | (tn + fp == 0)] = math.nan
            found.append(np.nanmean(value, 1))
    return np.mean(found, 0) if found else np.full(len(times), math.nan)


def expert_rows(chosen_by: str, split: str, task: Task, rows: np.ndarray, teachers: Sequence[str], weights: np.ndarray) -> Rows:
    """Rows of ``experts``: by domain, the mean of each teacher's ``weights`` (m, K, G) and how often it has the largest."""
    dataset, found = task.dataset, []
    codes = np.zeros(len(rows), int) if dataset.domain is None else dataset.domain[0, rows]
    top = weights.argmax(-1)
    for code, domain in enumerate(dataset.domain_names or (ALL,)):
        own = codes == code
        if own.any():
            found += [
                {"chosen_by": chosen_by, "split": split, "domain": domain, "teacher": teacher, "n": int(own.sum()),
                 "mean_weight": float(weights[own, :, g].mean()), "top_share": float((top[own] == g).mean())}
                for g, teacher in enumerate(teachers)
            ]  # fmt: skip
    return found


def label_rows(task: Task) -> Rows:
    """Rows of ``labels``: how many examples of each part have each location; ``labelled``: of how many the student knows."""
    dataset = task.dataset
    parts = [("train", ALL, task.train), ("val", ALL, dataset.rows("val")), *task.parts()]
    return [
        {"split": split, "domain": domain, "location": location, "positives": int(task.truth[at, k].sum()), "n": len(at),
         "labelled": int(task.seen.sum(1)[0]) if split == "train" else len(at)}
        for split, domain, at in parts
        for k, location in enumerate(task.locations)
    ]  # fmt: skip
