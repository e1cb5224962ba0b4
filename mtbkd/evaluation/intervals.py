"""95 % intervals of means: over replicates and over test examples, inside the range that the quantity can take.

Student's t for means over replicates: a percentile bootstrap of 3 to 10 values that is called 95 % covers 77 to 91 %.
Shapes: n replicates or examples.
"""

import math
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
NORMAL = 1.959964  # standard deviations to either side that hold 95 %
MIN_FOR_INTERVAL = 3


class Range(NamedTuple):
    """What values a quantity can take; ``share`` marks proportions, whose intervals are made on the logit scale."""

    low: float = -math.inf
    high: float = math.inf
    share: bool = False


REAL, POSITIVE, UNIT, SHARE, GAP = Range(), Range(0), Range(0, 1), Range(0, 1, True), Range(-1, 1)


class Interval(NamedTuple):
    """Mean of ``n`` finite values and the ends of its interval (NaN if there is none)."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Iterable[float], within: Range = REAL, overlap: float = 0.0) -> Interval:
    """Mean over replicates (n,) with Student's interval, none below 3; non-finite values are left out.

    ``overlap``: test over training examples where replicates are random splits of one data set, see ``standard_error``.
    """
    kept = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)
    n = len(kept)
    mean = float(kept.mean()) if n else math.nan
    if n < MIN_FOR_INTERVAL:
        return Interval(mean, math.nan, math.nan, n)
    half = quantile(n, (1 + LEVEL) / 2) * standard_error(kept, overlap)
    return Interval(mean, *_inside(mean, half, within), n)


def overlap_of_splits(test: float, rows: float) -> float:
    """Test over all other rows of random splits of one table: these teach somebody, students, their tuning, or teachers."""
    return test / (rows - test)


def standard_error(values: np.ndarray, overlap: float = 0.0) -> float:
    """Of the mean of values (n,): sd sqrt(1 / n + overlap).

    Random splits of one data set share most of their examples, so that the mean over them varies more than the mean of
    independent replicates. ``overlap``, test over training examples of a split, is the correction of Nadeau and Bengio
    (2003), Inference for the generalization error, Machine Learning 52; 0 for independent replicates.
    """
    return float(values.std(ddof=1)) * math.sqrt(1 / len(values) + overlap)


def over_examples(mean: float, se: float, n: int, within: Range = REAL) -> Interval:
    """Mean of ``n`` examples with standard error ``se``; a share of 0 or 1, which has none, gets Wilson's interval."""
    if within.share and se == 0 and mean in (within.low, within.high) and n:
        far = NORMAL**2 / (n + NORMAL**2)
        return Interval(mean, *((0.0, far) if mean == 0 else (1 - far, 1.0)), n)
    return Interval(mean, *_inside(mean, NORMAL * se, within), n)


@cache
def quantile(n: int, level: float) -> float:
    """Student's t of n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, level))


def _inside(mean: float, half: float, within: Range) -> tuple[float, float]:
    """``mean`` -+ ``half`` inside the range: shares by the delta method on the logit scale, all else cut at the ends."""
    if within.share and 0 < mean < 1:
        middle, reach = math.log(mean / (1 - mean)), half / (mean * (1 - mean))
        return _logistic(middle - reach), _logistic(middle + reach)
    return max(mean - half, within.low), min(mean + half, within.high)


def _logistic(x: float) -> float:
    return (1 + math.tanh(x / 2)) / 2
