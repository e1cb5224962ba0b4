"""Two runs of one study: which scores moved beyond the noise of their replicates.

Where both runs drew the same data and seeds, a replicate of one belongs to the same replicate of the other, and the paired
differences are tested (Student's t). Otherwise the replicates of the two are independent samples (Welch's t). Holm's
correction is over all scores that can be tested: the chance that any is called moved, where none is, is at most 5 %. Values
without any spread, as accuracies on few test examples often are, are tested by the share of permutations that look like it.
Shapes: n and m replicates.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.compare import holm
from mtbkd.evaluation.intervals import LEVEL, MIN_FOR_INTERVAL
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.evaluation.verdict import ALPHA

Way = Literal["higher", "lower", "within noise", "too few replicates", "the same"]
MOVED: tuple[Way, ...] = ("higher", "lower")
EQUAL = 1e-9  # relative: a smaller difference is one of rounding
COVERAGE = "coverage@"


class Change(NamedTuple):
    """The difference of two samples, second minus first, with its 95 % interval and p-value (NaN below 3 replicates)."""

    difference: float
    low: float
    high: float
    p_value: float


SAME = Change(0.0, 0.0, 0.0, math.nan)  # in every pair of replicates: nothing to test


class Moved(NamedTuple):
    """One score in both runs: ``n`` replicates of each, of those that were finished; ``way``: the verdict."""

    experiment: str
    method: str
    metric: str
    first: float
    second: float
    n: tuple[int, int]
    paired: bool
    change: Change
    p_holm: float
    way: Way

    @property
    def better(self) -> bool | None:
        """Whether the second run is better; None where the score has no better end or did not move."""
        if self.way not in MOVED or self.metric not in HIGHER_IS_BETTER:
            return None
        return (self.way == "higher") == HIGHER_IS_BETTER[self.metric]


def paired_change(differences: np.ndarray) -> Change:
    """Of the differences (n,), second minus first, one a replicate."""
    n, mean = len(differences), float(differences.mean())
    if n < MIN_FOR_INTERVAL:
        return Change(mean, math.nan, math.nan, math.nan)
    if _equal(differences):
        return _by_permutation(mean, 2**n)
    return _by_t(mean, float(differences.std(ddof=1)) / math.sqrt(n), n - 1)


def unpaired_change(first: np.ndarray, second: np.ndarray) -> Change:
    """Of two independent samples (n,) and (m,), their variances not assumed equal (Welch)."""
    mean = float(second.mean() - first.mean())
    if min(len(first), len(second)) < MIN_FOR_INTERVAL:
        return Change(mean, math.nan, math.nan, math.nan)
    if _equal(first) and _equal(second):
        apart = not _equal(np.concatenate([first, second]))
        return _by_permutation(mean if apart else 0.0, math.comb(len(first) + len(second), len(first)))
    parts = [float(each.var(ddof=1)) / len(each) for each in (first, second)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, (first, second), strict=True))
    return _by_t(mean, math.sqrt(sum(parts)), freedom)


def _equal(values: np.ndarray) -> bool:
    """Whether values (n,) differ by rounding at most."""
    return bool(np.ptp(values) <= EQUAL * np.abs(values).max())


def _by_permutation(mean: float, permutations: int) -> Change:
    """Of values without spread: two of the permutations, of signs or of samples, are as far apart; no interval."""
    return Change(mean, math.nan, math.nan, min(1.0, 2 / permutations) if mean else 1.0)


def _by_t(mean: float, error: float, freedom: float) -> Change:
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Change(mean, mean - half, mean + half, float(2 * t.sf(abs(mean) / error, freedom)))


def moved(first: Mapping[str, Frame], second: Mapping[str, Frame], paired: Mapping[str, bool]) -> list[Moved]:
    """Every score on the whole test split that both runs have.

    Args:
        first, second: experiment -> rows of its metrics.parquet.
        paired: experiment -> whether both runs drew the same data and seeds.
    """
    found = [
        _score(name, key, own, theirs[key], paired[name])
        for name in first if name in second
        for theirs in [_samples(second[name])]
        for key, own in _samples(first[name]).items() if key in theirs
    ]  # fmt: skip
    adjusted = holm(np.array([each.change.p_value for each in found]))
    return [each._replace(p_holm=float(p), way=_way(each, float(p))) for each, p in zip(found, adjusted, strict=True)]


def of_test(metrics: Frame) -> Frame:
    """The scores on the whole test split among the rows of metrics.parquet: method, metric, replicate, value."""
    rows = metrics[(metrics["domain"] == "all") & ((metrics["split"] == "test") | (metrics["metric"] == "ood_auroc"))]
    rows = rows[rows["metric"].isin(list(HIGHER_IS_BETTER)) | rows["metric"].str.startswith(COVERAGE)]
    return rows[["method", "metric", "replicate", "value"]]


def _samples(metrics: Frame) -> dict[tuple[str, str], dict[int, float]]:
    """(method, metric) -> replicate -> value."""
    rows = of_test(metrics)
    rows = rows[np.isfinite(rows["value"].astype(float))]
    groups: Any = rows.groupby(["method", "metric"], sort=False)
    return {key: dict(zip(own["replicate"], own["value"].astype(float), strict=True)) for key, own in groups}


def _score(
    experiment: str, key: tuple[str, str], first: Mapping[int, float], second: Mapping[int, float], paired: bool
) -> Moved:
    shared = [replicate for replicate in first if replicate in second]
    if paired and shared:
        one, two = (np.array([each[replicate] for replicate in shared]) for each in (first, second))
        differences = _rounded(two - one, one)
        change = paired_change(differences) if differences.any() else SAME
    else:
        paired, one, two = False, np.array(list(first.values())), np.array(list(second.values()))
        change = unpaired_change(one, two)
    means = float(one.mean()), float(two.mean())
    return Moved(experiment, *key, *means, (len(one), len(two)), paired, change, math.nan, "within noise")


def _rounded(differences: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The differences (n,) with those of rounding as 0."""
    return np.where(np.abs(differences) <= EQUAL * np.abs(values), 0.0, differences)


def _way(each: Moved, p_holm: float) -> Way:
    if each.change is SAME:
        return "the same"
    if not math.isfinite(p_holm):
        return "too few replicates"
    if p_holm >= ALPHA:
        return "within noise"
    return "higher" if each.change.difference > 0 else "lower"
