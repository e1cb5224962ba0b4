"""Scores as the report states them (mean, interval, basis of the interval), and number formatting."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import REAL, Range, interval, over_examples
from mtbkd.evaluation.metrics import range_of

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
Basis = Literal["replicates", "examples", ""]


class Estimate(NamedTuple):
    """Mean and 95 % interval over ``n`` replicates or, for a single replicate, over its test examples.

    If several replicates share their test examples, ``low`` and ``high`` cover seeds only, and ``low_examples`` and
    ``high_examples`` cover the test examples; NaN otherwise.
    """

    mean: float
    low: float
    high: float
    n: int
    basis: Basis
    low_examples: float = math.nan
    high_examples: float = math.nan

    @property
    def known(self) -> bool:
        return math.isfinite(self.mean)


UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0, "")


def estimate(rows: Frame) -> Estimate:
    """The estimate from one method's rows of one metric, split and domain, one row per replicate."""
    within = range_of(str(rows["metric"].iloc[0])) if len(rows) and "metric" in rows else REAL
    return _estimate(_columns(rows), np.arange(len(rows)), within)


Columns = dict[str, np.ndarray]


def _columns(rows: Frame) -> Columns:
    """What an estimate is made of: of rows that lack one, NaN; they come as arrays as taking rows of a frame is slow."""
    names = ("value", "se", "se_examples", "n")
    return {each: np.asarray(rows[each], np.float64) if each in rows else np.full(len(rows), np.nan) for each in names}


def _estimate(columns: Columns, at: np.ndarray, within: Range) -> Estimate:
    """Of the rows at the places ``at`` (R,)."""
    values = columns["value"][at]
    found = interval(values.tolist(), within)
    if found.n == 0:
        return UNKNOWN
    first, several = at[~np.isnan(values)][0], found.n > 1
    se, n = float(columns["se_examples" if several else "se"][first]), columns["n"][first]
    examples = over_examples(found.mean, se, int(np.nan_to_num(n)), within)[1:3] if math.isfinite(se) else (math.nan, math.nan)
    if several:
        return Estimate(*found, "replicates", *examples)
    return Estimate(found.mean, *examples, 1, "examples" if math.isfinite(se) else "")


def estimates(metrics: Frame, split: str = "test") -> dict[tuple[str, str, str], Estimate]:
    """(method, metric, domain) -> estimate."""
    rows = metrics[metrics["split"] == split]
    columns = _columns(rows)
    return {key: _estimate(columns, at, range_of(key[1])) for key, at in places(rows)}


def places(rows: Frame) -> list[tuple[tuple[str, str, str], np.ndarray]]:
    """(method, metric, domain) with the places (R,) of its rows, in the order in which they first appear."""
    found: Any = rows.groupby(["method", "metric", "domain"], sort=False).indices
    return sorted(found.items(), key=lambda each: each[1][0])


def show(value: float, signed: bool = False) -> str:
    """Three decimals, fewer for large numbers; a real minus sign; an en dash for a missing number."""
    if value is None or not math.isfinite(value):
        return NONE
    decimals = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def show_interval(low: float, high: float, signed: bool = False) -> str:
    """``[low, high]``, or nothing if unknown."""
    known = math.isfinite(low) and math.isfinite(high)
    return f"[{show(low, signed)}, {show(high, signed)}]" if known else ""


def show_estimate(e: Estimate, signed: bool = False) -> str:
    """``mean [low, high]``; ``mean [low, high] over seeds, [low, high] over test examples`` if replicates share these."""
    text = f"{show(e.mean, signed)} {show_interval(e.low, e.high, signed)}".strip()
    examples = show_interval(e.low_examples, e.high_examples, signed)
    seeds = " over seeds," if math.isfinite(e.low) else ""
    return f"{text}{seeds} {examples} over test examples" if examples else text


def listed(items: list[str]) -> str:
    """``a, b and c``."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)


def settings_words(settings: Mapping[str, Any]) -> str:
    """``steps 300 and label share 1``."""
    return listed([f"{key.replace('_', ' ')} {setting(value)}" for key, value in settings.items()]) or "the configured settings"


def setting(value: Any) -> str:
    """A setting as people write it: ``1`` for 1.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def count(n: int, one: str, many: str = "") -> str:
    """``1 student``, ``3 students``."""
    return f"{n} {one if n == 1 else many or one + 's'}"
