"""A score as the report states it: mean, interval, and what the interval is over; and how numbers are written."""

import math
from typing import Any, Literal, NamedTuple

from mtbkd.figures.summary import NORMAL, interval
from mtbkd.frames import Frame

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
Basis = Literal["replicates", "examples", ""]


class Estimate(NamedTuple):
    """Mean and 95 % interval over ``n`` replicates, or, where there is one value, over the test examples behind it."""

    mean: float
    low: float
    high: float
    n: int
    basis: Basis

    @property
    def known(self) -> bool:
        return math.isfinite(self.mean)


UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0, "")


def estimate(rows: Frame) -> Estimate:
    """The estimate from one method's rows of one metric, split and domain, one row a replicate."""
    found = interval(rows["value"])
    if found.n >= 2:
        return Estimate(found.mean, found.low, found.high, found.n, "replicates")
    if found.n == 0:
        return UNKNOWN
    se = float(rows.loc[rows["value"].notna(), "se"].iloc[0])
    half = NORMAL * se
    return Estimate(found.mean, found.mean - half, found.mean + half, 1, "examples" if math.isfinite(se) else "")


def estimates(metrics: Frame, split: str = "test") -> dict[tuple[str, str, str], Estimate]:
    """(method, metric, domain) -> estimate."""
    groups: Any = metrics[metrics["split"] == split].groupby(["method", "metric", "domain"], sort=False)
    return {key: estimate(rows) for key, rows in groups}


def show(value: float, signed: bool = False) -> str:
    """Three decimals, fewer for large numbers; a real minus sign; an en dash where there is no number."""
    if value is None or not math.isfinite(value):
        return NONE
    decimals = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def show_interval(low: float, high: float, signed: bool = False) -> str:
    """``[low, high]``, or nothing where it is not known."""
    known = math.isfinite(low) and math.isfinite(high)
    return f"[{show(low, signed)}, {show(high, signed)}]" if known else ""


def show_estimate(e: Estimate, signed: bool = False) -> str:
    """``mean [low, high]``."""
    return f"{show(e.mean, signed)} {show_interval(e.low, e.high, signed)}".strip()


def listed(items: list[str]) -> str:
    """``a, b and c``."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)


def count(n: int, one: str, many: str = "") -> str:
    """``1 student``, ``3 students``."""
    return f"{n} {one if n == 1 else many or one + 's'}"
