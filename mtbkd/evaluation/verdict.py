"""Claims from a paired difference: the single rule behind every sentence, table and figure of the report.

A difference is claimed only where its interval over replicates leaves 0 out, the corrected p-value is below ``ALPHA``, and,
where all replicates share one test set, the interval over test examples leaves 0 out as well.
"""

import math
from typing import Literal

from mtbkd.evaluation.intervals import NORMAL

ALPHA = 0.05
Way = Literal["lower", "higher", "open"]
Verdict = Literal["better", "worse", "open"]


def judge(difference: float, low: float, high: float, p_holm: float, se_examples: float = math.nan) -> Way:
    """``lower`` or ``higher`` where the difference can be claimed, ``open`` otherwise.

    Args:
        difference: mean over replicates of method minus reference.
        low, high: its interval over replicates, NaN where there are too few.
        p_holm: its corrected p-value, NaN where there are too few replicates for a test.
        se_examples: its standard error over the test examples that all replicates share, NaN where each has its own.
    """
    return "open" if why_open(difference, low, high, p_holm, se_examples) else "lower" if high < 0 else "higher"


def why_open(difference: float, low: float, high: float, p_holm: float, se_examples: float = math.nan) -> str:
    """Why ``judge`` leaves a difference open, "" where it does not."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "too few replicates for an interval"
    if low <= 0 <= high:
        return "the interval holds 0"
    if not math.isfinite(p_holm):
        return "too few replicates for a test"
    if not p_holm < ALPHA:
        return f"p is not below {ALPHA:g}"
    if abs(difference) <= NORMAL * se_examples:
        return "the interval over test examples holds 0"
    return ""


def beyond(first: tuple[float, float], *others: tuple[float, float]) -> Way:
    """Claims from intervals alone, if replicates are too few for a test; the page shows them next to the verdict.

    ``lower`` or ``higher`` where all ends (low, high) lie on that side of 0; ``others`` may be unknown (NaN), ``first`` not.
    """
    known = [first, *(each for each in others if all(map(math.isfinite, each)))]
    if all(high < 0 for _, high in known):
        return "lower"
    return "higher" if all(low > 0 for low, _ in known) else "open"


def verdict(way: Way, higher_is_better: bool) -> Verdict:
    """What ``way`` means for the method."""
    if way == "open":
        return "open"
    return "better" if (way == "higher") == higher_is_better else "worse"
