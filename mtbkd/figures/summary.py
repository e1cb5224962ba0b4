"""Means over replicates with their intervals, by method."""

from mtbkd.evaluation.intervals import REAL, Interval, Range, interval
from mtbkd.frames import Frame


def by_method(rows: Frame, column: str = "value", within: Range = REAL) -> dict[str, Interval]:
    """``interval`` of ``column`` for each method in ``rows``, in their order."""
    return {str(method): interval(group[column], within) for method, group in rows.groupby("method", sort=False)}
