"""Paired comparisons of methods over replicates: methods share a replicate's data, teachers and seeds.

Shapes: n replicates that both methods finished, m comparisons.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset
from mtbkd.evaluation.intervals import MIN_FOR_INTERVAL, REAL, Range, interval, overlap_of_splits, quantile, standard_error
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of_difference
from mtbkd.evaluation.verdict import Way, judge, verdict

MIN_FOR_TEST = 6
POWER = 0.8
OVERLAP = "splits of one table, whose test sets overlap: corrected resampled t"
Row = Mapping[str, Any]
_GROUP = ["split", "domain", "metric"]


class Paired(NamedTuple):
    """Method minus reference.

    ``low``, ``high``: Student's 95 % interval of the mean difference (NaN below 3 replicates); ``p_value``: two-sided
    Wilcoxon signed rank (NaN below 6); ``cohen_d``: mean over standard deviation of the differences; ``rank_biserial``:
    (sum of positive ranks - sum of negative ranks) / their total, -1..1; ``detectable``: the difference that n such
    replicates find with power .8, (t_.975 + t_.80) standard errors; ``se_examples``: standard error of the difference over
    the test examples that all replicates share, NaN where each replicate has examples of its own.
    """

    n: int
    difference: float
    low: float
    high: float
    p_value: float
    cohen_d: float
    rank_biserial: float
    detectable: float
    se_examples: float
    note: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row that has every field among its columns."""
        return cls(**{name: row[name] for name in cls._fields})


def paired(differences: np.ndarray, se_examples: float = math.nan, within: Range = REAL, overlap: float = 0.0) -> Paired:
    """Compare from the differences (n,), one per replicate; NaN marks a replicate that one of the two lost.

    ``se_examples`` as in ``Paired``; ``within``: what values a difference can take; ``overlap``: as for
    ``intervals.standard_error``, which ``low``, ``high`` and ``detectable`` then follow.
    """
    kept = differences[np.isfinite(differences)]
    n, lost = len(kept), len(differences) - len(kept)
    notes = [f"{lost} missing"] if lost else []
    if n < MIN_FOR_TEST:
        notes.append("too few replicates")
    found, p_value, cohen_d, detectable = interval(kept, within, overlap), math.nan, math.nan, math.nan
    if n >= MIN_FOR_INTERVAL:
        spread = kept.std(ddof=1)
        cohen_d = float(kept.mean() / spread) if spread > 0 else math.nan
        detectable = (quantile(n, 0.975) + quantile(n, POWER)) * standard_error(kept, overlap)
    if n >= MIN_FOR_TEST:
        from scipy.stats import wilcoxon

        tested: Any = wilcoxon(kept) if kept.any() else None
        p_value = float(tested.pvalue) if tested else 1.0
    effects = (p_value, cohen_d, rank_biserial(kept), detectable, se_examples)
    return Paired(n, found.mean, found.low, found.high, *effects, "; ".join(notes))


def rank_biserial(differences: np.ndarray) -> float:
    """Matched-pairs rank-biserial correlation of the non-zero differences; NaN when there is none."""
    kept = differences[differences != 0]
    if not len(kept):
        return math.nan
    ordered = np.sort(np.abs(kept))
    ranks = (np.searchsorted(ordered, np.abs(kept), "left") + np.searchsorted(ordered, np.abs(kept), "right") + 1) / 2
    return float((np.sign(kept) * ranks).sum() / ranks.sum())


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (m,); NaN stays NaN and is not counted."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted


def judged(found: Sequence[Paired], higher_is_better: bool) -> list[dict[str, Any]]:
    """The fields of each comparison with p_holm, corrected over all of them, and its verdict (``evaluation.verdict``)."""
    adjusted = holm(np.array([each.p_value for each in found]))
    ways: list[Way] = [judge(f.difference, f.low, f.high, p, f.se_examples) for f, p in zip(found, adjusted, strict=True)]
    return [
        {**each._asdict(), "p_holm": float(p), "verdict": verdict(way, higher_is_better)}
        for each, p, way in zip(found, adjusted, ways, strict=True)
    ]


def compare(
    metrics: "pd.DataFrame", reference: str, seeds_only: bool = False, se_examples: Callable[[Row], float] | None = None,
    overlap: float = 0.0,
) -> "pd.DataFrame":  # fmt: skip
    """Every student against the ``reference`` method, for the metrics that rank methods, by split and domain.

    Holm's correction is over the methods compared on one metric, split and domain.

    Args:
        metrics: rows of metrics.parquet of one experiment.
        reference: a method of it.
        seeds_only: the replicates share one data set, so that a difference speaks of seeds, not of new data.
        se_examples: gives ``Paired.se_examples`` of a row with method, reference, split, domain and metric.
        overlap: ``overlap_of`` the data.

    Returns:
        one row per comparison: method, reference, split, domain, metric, higher_is_better, overlap, the fields of Paired,
        p_holm, verdict (``verdict.judge``).
    """
    students = metrics[(metrics["kind"] == "student") & metrics["metric"].isin(HIGHER_IS_BETTER)]
    rows = []
    groups: Any = students.groupby(_GROUP, sort=False)
    for keys, group in groups:
        values = group.pivot(index="replicate", columns="method", values="value")
        if reference not in values:
            continue
        others = [method for method in values if method != reference]
        within, higher = range_of_difference(keys[-1]), HIGHER_IS_BETTER[keys[-1]]
        where = {**dict(zip(_GROUP, keys, strict=True)), "reference": reference, "higher_is_better": higher, "overlap": overlap}
        found = []
        for method in others:
            se = se_examples({**where, "method": method}) if se_examples else math.nan
            found.append(paired((values[method] - values[reference]).to_numpy(), se, within, overlap))
        for method, row in zip(others, judged(found, higher), strict=True):
            notes = [row["note"], resolution(row["n"], len(others)), "same data, different seeds" if seeds_only else ""]
            notes.append(OVERLAP if overlap else "")
            row["note"] = "; ".join(filter(None, notes))
            rows.append({"method": method, **where, **row})
    columns = ["method", "reference", *_GROUP, "higher_is_better", "overlap", *Paired._fields[:-1], "p_holm", "verdict", "note"]
    return pd.DataFrame(rows, columns=columns)


def overlap_of(dataset: Dataset) -> float:
    """``intervals.overlap_of_splits`` where replicates are random splits of one table, 0 where they are not."""
    if not dataset.card.get("resampled"):
        return 0.0
    return overlap_of_splits(len(dataset.rows("test")), int((dataset.split != "").sum()))


def resolution(n: int, comparisons: int) -> str:
    """A warning where even n differences of one sign stay above .05 after the correction."""
    smallest = 2 / 2**n * comparisons
    return f"p_holm cannot fall below {smallest:.2g}" if n >= MIN_FOR_TEST and smallest > 0.05 else ""
