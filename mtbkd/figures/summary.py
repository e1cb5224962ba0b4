"""Means over replicates with their intervals: the one way in which figures and tables summarise. Shapes: n replicates."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mtbkd.frames import Frame

LEVEL = 0.95
NORMAL = 1.959964  # standard deviations to either side that hold 95 %


class Interval(NamedTuple):
    """Mean of ``n`` finite values and the ends of its interval (NaN below two values)."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Iterable[float]) -> Interval:
    """Mean over replicates (n,) with Student's 95 % interval; values that are not finite are left out."""
    kept = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)
    n = len(kept)
    if n < 2:
        return Interval(float(kept.mean()) if n else math.nan, math.nan, math.nan, n)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + LEVEL) / 2) * kept.std(ddof=1) / math.sqrt(n))
    return Interval(float(kept.mean()), float(kept.mean() - half), float(kept.mean() + half), n)


def by_method(rows: Frame, column: str = "value") -> dict[str, Interval]:
    """``interval`` of ``column`` for each method in ``rows``, in their order."""
    return {str(method): interval(group[column]) for method, group in rows.groupby("method", sort=False)}
