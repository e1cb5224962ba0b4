"""Paired comparisons of methods over replicates: methods share a replicate's data, teachers and seeds.

Shapes: n replicates that both methods finished, m comparisons.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.lazy import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

MIN_FOR_INTERVAL, MIN_FOR_TEST = 3, 6
RESAMPLES = 10_000
LEVEL = 0.95
_GROUP = ["split", "domain", "metric"]


class Paired(NamedTuple):
    """Method minus reference.

    ``low``, ``high``: bootstrap percentile interval of the mean difference (NaN below 3 replicates); ``p_value``:
    two-sided Wilcoxon signed rank (NaN below 6); ``cohen_d``: mean over standard deviation of the differences;
    ``rank_biserial``: (sum of positive ranks - sum of negative ranks) / their total, -1..1.
    """

    n: int
    difference: float
    low: float
    high: float
    p_value: float
    cohen_d: float
    rank_biserial: float
    note: str


def paired(differences: np.ndarray, seed: int = 0) -> Paired:
    """Compare from the differences (n,), one a replicate; NaN marks a replicate that one of the two lost."""
    kept = differences[np.isfinite(differences)]
    n, lost = len(kept), len(differences) - len(kept)
    notes = [f"{lost} lost"] if lost else []
    if n < MIN_FOR_TEST:
        notes.append("too few replicates")
    low = high = p_value = cohen_d = math.nan
    if n >= MIN_FOR_INTERVAL:
        resampled = kept[_resamples(n, seed)].mean(1)
        low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        spread = kept.std(ddof=1)
        cohen_d = float(kept.mean() / spread) if spread > 0 else math.nan
    if n >= MIN_FOR_TEST:
        from scipy.stats import wilcoxon

        tested: Any = wilcoxon(kept) if kept.any() else None
        p_value = float(tested.pvalue) if tested else 1.0
    mean = float(kept.mean()) if n else math.nan
    return Paired(n, mean, float(low), float(high), p_value, cohen_d, rank_biserial(kept), "; ".join(notes))


@lru_cache(maxsize=4)
def _resamples(n: int, seed: int) -> np.ndarray:
    """Bootstrap indices (10,000, n)."""
    return np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))


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


def compare(metrics: "pd.DataFrame", reference: str, seeds_only: bool = False, seed: int = 0) -> "pd.DataFrame":
    """Every student against the ``reference`` method, for the metrics that rank methods, by split and domain.

    Holm's correction is over the methods compared on one metric, split and domain.

    Args:
        metrics: rows of metrics.parquet of one experiment.
        reference: a method of it.
        seeds_only: the replicates share one data set, so that a difference speaks of seeds, not of new data.
        seed: of the bootstrap.

    Returns:
        one row a comparison: method, reference, split, domain, metric, higher_is_better, the fields of Paired, p_holm.
    """
    students = metrics[(metrics["kind"] == "student") & metrics["metric"].isin(HIGHER_IS_BETTER)]
    rows = []
    groups: Any = students.groupby(_GROUP, sort=False)
    for keys, group in groups:
        values = group.pivot(index="replicate", columns="method", values="value")
        if reference not in values:
            continue
        others = [method for method in values if method != reference]
        found = [paired((values[method] - values[reference]).to_numpy(), seed) for method in others]
        corrected = holm(np.array([each.p_value for each in found]))
        where = {**dict(zip(_GROUP, keys, strict=True)), "higher_is_better": HIGHER_IS_BETTER[keys[-1]]}
        for method, each, p_holm in zip(others, found, corrected, strict=True):
            notes = [each.note, _resolution(each.n, len(others)), "same data, other seeds" if seeds_only else ""]
            result = {**each._asdict(), "p_holm": p_holm, "note": "; ".join(filter(None, notes))}
            rows.append({"method": method, "reference": reference, **where, **result})
    columns = ["method", "reference", *_GROUP, "higher_is_better", *Paired._fields[:-1], "p_holm", "note"]
    return pd.DataFrame(rows, columns=columns)


def _resolution(n: int, comparisons: int) -> str:
    """A warning where even n differences of one sign stay above .05 after the correction."""
    smallest = 2 / 2**n * comparisons
    return f"p_holm cannot fall below {smallest:.2g}" if n >= MIN_FOR_TEST and smallest > 0.05 else ""
