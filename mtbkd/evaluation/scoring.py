"""From draws at some examples of one replicate to the rows of the tables.

A point estimate, a teacher or the true probabilities are draws with S = 1; what needs several draws (coverage,
epistemic entropy, kernel density modes) then has no rows. Shapes: S draws, M examples, K classes, A levels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import Dataset
from mtbkd.evaluation import metrics, predict
from mtbkd.evaluation.coverage import by_size, coverage
from mtbkd.evaluation.deviance import Uncertainty, decompose
from mtbkd.evaluation.metrics import mean_score

CURVE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
ALL = "all"


@dataclass(frozen=True)
class Examples:
    """Some examples of one replicate.

    ``row`` int (M,) in the dataset, ``id`` and ``split`` str (M,), ``y`` int (M,) with -1 for unlabelled, ``domain``
    str (M,) or None, ``true_prob`` (M, K) or None.
    """

    row: np.ndarray
    id: np.ndarray
    split: np.ndarray
    y: np.ndarray
    domain: np.ndarray | None
    true_prob: np.ndarray | None

    @classmethod
    def of(cls, dataset: Dataset, index: int) -> "Examples":
        """All examples of the dataset's replicate at position ``index``."""
        domain = None if dataset.domain is None else np.array(dataset.domain_names)[dataset.domain[index]]
        true_prob = None if dataset.true_prob is None else dataset.true_prob[index]
        return cls(np.arange(dataset.num_examples), dataset.ids, dataset.split, dataset.y[index], domain, true_prob)

    def take(self, rows: np.ndarray) -> "Examples":
        """The examples at ``rows``."""
        domain = None if self.domain is None else self.domain[rows]
        true_prob = None if self.true_prob is None else self.true_prob[rows]
        return Examples(self.row[rows], self.id[rows], self.split[rows], self.y[rows], domain, true_prob)

    def evaluated(self) -> np.ndarray:
        """Rows of the splits that methods are judged on: test and ood:*."""
        return np.flatnonzero((self.split == "test") | np.char.startswith(self.split.astype(str), "ood:"))

    @cached_property
    def groups(self) -> list[tuple[str, str, np.ndarray]]:
        """(split, domain, mask (M,)): every split, as a whole (``all``) and by domain."""
        found = []
        for split in sorted(set(self.split.tolist()), key=lambda name: (name != "test", name)):
            inside = self.split == split
            found.append((split, ALL, inside))
            for domain in [] if self.domain is None else sorted(set(self.domain[inside].tolist())):
                found.append((split, domain, inside & (self.domain == domain)))
        return found


@dataclass(frozen=True)
class Scored:
    """What every table needs of one replicate, by example.

    Attributes:
        examples: the M examples.
        draws: S.
        mean: (M, K) posterior mean.
        mode: (M,) class of the largest kernel density mode, None below 20 draws.
        mode_prob: (M, K) those modes, None below 20 draws or where no true probabilities are known.
        uncertainty: each (M,).
        levels: (A,) the requested ones and those of the curve, rising.
        covered, expected: (M, A) empirical and self-expected coverage; NaN where unlabelled.
        nearest: (M, B) nearest-step coverage at the requested levels, rising; NaN where unlabelled.
        shared_sd: split -> (A,), see ``coverage.Coverage``.
    """

    examples: Examples
    draws: int
    mean: np.ndarray
    mode: np.ndarray | None
    mode_prob: np.ndarray | None
    uncertainty: Uncertainty
    levels: np.ndarray
    covered: np.ndarray
    expected: np.ndarray
    nearest: np.ndarray
    shared_sd: dict[str, np.ndarray]


def score(prob: np.ndarray, examples: Examples, levels: Sequence[float] = ()) -> Scored:
    """Evaluate draws ``prob`` (S, M, K) at ``examples``."""
    draws, count, _ = prob.shape
    every = np.array(sorted({*levels, *CURVE_LEVELS})) if draws > 1 else np.empty(0)
    covered, expected = np.full((2, count, len(every)), np.nan)
    nearest = np.full((count, int(np.isin(every, levels).sum())), np.nan)
    shared_sd = {}
    for split, domain, mask in examples.groups:
        rows = np.flatnonzero(mask & (examples.y >= 0))
        if domain == ALL and len(rows) and len(every):
            found = coverage(prob[:, _span(rows)], examples.y[rows], every, every[np.isin(every, levels)])
            covered[rows], expected[rows], shared_sd[split], nearest[rows] = found
    mode, mode_prob = None, None
    if draws >= predict.MIN_DRAWS:
        mode_prob = None if examples.true_prob is None else predict.kde_mode(prob)
        mode = predict.kde_prediction(prob) if mode_prob is None else mode_prob.argmax(-1)
    mean = predict.posterior_mean(prob)
    return Scored(examples, draws, mean, mode, mode_prob, decompose(prob), every, covered, expected, nearest, shared_sd)


def _span(rows: np.ndarray) -> slice | np.ndarray:
    """A slice where the rows are neighbours: indexing with it copies nothing."""
    return slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else rows


def metric_rows(scored: Scored, levels: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Rows {split, domain, metric, value, se, n}; ``levels`` are those of the coverage metrics."""
    rows, of_labels, of_examples = [], _of_labels(scored, levels), _of_examples(scored)
    for split, domain, mask in scored.examples.groups:
        labelled, found = mask & (scored.examples.y >= 0), {}
        if labelled.any():
            found |= {name: mean_score(each[labelled]) for name, each in of_labels.items()}
            found |= metrics.whole_scores(scored.mean[labelled], scored.examples.y[labelled])
        found |= {name: mean_score(each[mask]) for name, each in of_examples.items()}
        if split.startswith("ood:") and domain == ALL:
            total = scored.uncertainty.entropy_total
            found["ood_auroc"] = metrics.ood_auroc(total[scored.examples.split == "test"], total[mask])
        rows.extend({"split": split, "domain": domain, "metric": name, **s._asdict()} for name, s in found.items())
    return rows


def contributions(scored: Scored, levels: Sequence[float] = ()) -> dict[str, np.ndarray]:
    """What each example adds (M,) to the scores that are means over examples; NaN where one needs a label that is unknown."""
    return _of_labels(scored, levels) | _of_examples(scored)


def _of_labels(scored: Scored, levels: Sequence[float]) -> dict[str, np.ndarray]:
    y, labelled = scored.examples.y, scored.examples.y >= 0
    known = metrics.label_contributions(scored.mean[labelled], y[labelled])
    if scored.mode is not None:
        known["accuracy_kde_mode"] = (scored.mode == y)[labelled].astype(np.float64)
    for b, level in enumerate(sorted(set(levels)) if scored.draws > 1 else ()):
        a = int(np.searchsorted(scored.levels, level))
        covered, expected = scored.covered[labelled, a], scored.expected[labelled, a]
        known |= {f"coverage@{level:g}": covered, f"coverage_self@{level:g}": expected}
        known |= {f"coverage_gap@{level:g}": covered - expected, f"coverage_nearest@{level:g}": scored.nearest[labelled, b]}
    found = {name: np.full(len(y), np.nan) for name in known}
    for name, each in known.items():
        found[name][labelled] = each
    return found


def _of_examples(scored: Scored) -> dict[str, np.ndarray]:
    true_prob, found = scored.examples.true_prob, {}
    if true_prob is not None:
        found |= metrics.truth_contributions(scored.mean, true_prob)
        if scored.mode_prob is not None:
            found["mse_prob_kde_mode"] = metrics.truth_contributions(scored.mode_prob, true_prob)["mse_prob"]
    needs_draws = {"entropy_expected", "entropy_epistemic"}
    unsure = scored.uncertainty._asdict()
    return found | {name: each for name, each in unsure.items() if scored.draws > 1 or name not in needs_draws}


def curve_rows(scored: Scored) -> list[dict[str, Any]]:
    """Rows {split, domain, level, coverage, coverage_se, coverage_self, gap, gap_se, n}; none for one draw."""
    rows = []
    for split, domain, mask in scored.examples.groups:
        labelled = mask & (scored.examples.y >= 0)
        for a, level in enumerate(scored.levels) if labelled.any() else ():
            covered, expected = scored.covered[labelled, a], scored.expected[labelled, a]
            empirical, gap = mean_score(covered), mean_score(covered - expected)
            rows.append({
                "split": split, "domain": domain, "level": float(level), "coverage": empirical.value,
                "coverage_se": empirical.se, "coverage_self": float(expected.mean()), "gap": gap.value,
                "gap_se": gap.se, "n": gap.n,
            })  # fmt: skip
    return rows


def size_rows(scored: Scored, levels: Sequence[float]) -> list[dict[str, Any]]:
    """How coverage would be known from fewer test examples: one row per level and size; none for one draw.

    Rows {level, size, subsets, coverage, coverage_se, coverage_self, gap, gap_se} and, over the random subsets of that size,
    the 5 % and 95 % quantiles coverage_low, coverage_high, gap_low, gap_high. Standard errors are clustered by example.
    """
    rows = np.flatnonzero((scored.examples.split == "test") & (scored.examples.y >= 0))
    if not len(rows) or not len(scored.levels):
        return []
    at = np.flatnonzero(np.isin(scored.levels, levels))
    covered, expected = scored.covered[np.ix_(rows, at)], scored.expected[np.ix_(rows, at)]
    parts = np.stack([covered, covered - expected, expected])  # (3, M, B)
    spread = parts.std(1, ddof=1) if len(rows) > 1 else np.full((3, len(at)), np.nan)
    found = []
    for size, means in by_size(parts.swapaxes(0, 1)).items():
        low, high = np.quantile(means, (0.05, 0.95), axis=0)
        for b, level in enumerate(scored.levels[at]):
            row = {"level": float(level), "size": size, "subsets": len(means), "coverage_self": float(means[:, 2, b].mean())}
            for i, name in enumerate(("coverage", "gap")):
                row |= {name: float(means[:, i, b].mean()), f"{name}_se": float(spread[i, b] / math.sqrt(size))}
                row |= {f"{name}_low": float(low[i, b]), f"{name}_high": float(high[i, b])}
            found.append(row)
    return found


def reliability_rows(scored: Scored) -> list[dict[str, Any]]:
    """Rows {split, domain, bin, confidence, accuracy, se, n} of the labelled examples of each whole split."""
    rows = []
    for split, domain, mask in scored.examples.groups:
        labelled = mask & (scored.examples.y >= 0)
        if domain != ALL or not labelled.any():
            continue
        bins = metrics.reliability(scored.mean[labelled], scored.examples.y[labelled])
        for b, (confidence, accuracy, n) in enumerate(zip(*bins, strict=True)):
            place = {"split": split, "domain": domain, "bin": b}
            se = math.sqrt(accuracy * (1 - accuracy) / n)
            rows.append({**place, "confidence": confidence, "accuracy": accuracy, "se": se, "n": int(n)})
    return rows


def example_columns(scored: Scored) -> Mapping[str, Any]:
    """Columns (M,) of examples.parquet; ``correct`` is None where unlabelled, epistemic entropy NaN for one draw."""
    examples, prediction = scored.examples, scored.mean.argmax(-1)
    correct = np.where(examples.y >= 0, prediction == examples.y, None)
    several = 1.0 if scored.draws > 1 else math.nan
    columns = {
        "row": examples.row, "id": examples.id, "split": examples.split,
        "domain": "" if examples.domain is None else examples.domain, "y": examples.y, "prediction": prediction,
        "correct": correct, "max_prob": scored.mean.max(-1),
    }  # fmt: skip
    unsure = scored.uncertainty._asdict()
    unsure |= {name: unsure[name] * several for name in ("entropy_expected", "entropy_epistemic")}
    return columns | unsure
