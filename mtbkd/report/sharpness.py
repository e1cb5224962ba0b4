"""Does a mixture prior differ from kd? How far responsibilities move from the weights (``mtbkd.inference.sharpness``)."""

import math
from collections.abc import Sequence

from mtbkd.base.frames import Frame
from mtbkd.inference.sharpness import COLUMN
from mtbkd.report.numbers import show
from mtbkd.report.table import Cell, Column, Row, Table, text

SAME_AS_KD = 0.02  # below this, the difference is not measurable: .016 at lambda = .05 and two equal weights
HINT = (
    "mean distance between the responsibilities and the weights of the mixture, |r - w|, over examples and teachers; 0 is kd; "
    f"with equal weights |r - 1/G|; marked below {SAME_AS_KD:g}"
)


def of_method(tuning: Frame | None, method: str) -> float:
    """Mean over replicates; NaN for a method without a mixture."""
    if tuning is None or COLUMN not in tuning:
        return math.nan
    return float(tuning.loc[tuning["method"] == method, COLUMN].astype(float).mean())


def cell(value: float) -> Cell:
    """The value, marked if the mixture equals kd; "not a mixture" for NaN."""
    if math.isnan(value):
        return text("not a mixture")
    same = value < SAME_AS_KD
    return Cell(show(value), "same as kd" * same, value, "warn" if same else "")


def curve_table(name: str, tuning: Frame, counts: Sequence[int]) -> Table | None:
    """The value at every number of labels, from the tuning rows of a label curve; None without a mixture."""
    if COLUMN not in tuning or tuning[COLUMN].isna().all():
        return None
    known = tuning.assign(**{COLUMN: tuning[COLUMN].astype(float)}).dropna(subset=[COLUMN])
    rows = []
    for (teachers, method, transfer), own in known.groupby(["teachers", "method", "transfer"], sort=False):
        mean = own.groupby("labels")[COLUMN].mean()
        used = text("kept unlabelled" if transfer else "dropped")
        rows.append(Row([text(teachers), text(method), used, *(cell(float(mean.get(n, math.nan))) for n in counts)]))
    head = [Column("Teachers"), Column("Method"), Column("Other examples")]
    head += [Column(f"{n:,} labels", True, HINT) for n in counts]
    return Table(f"sharpness-{name}", f"{name}: how strongly the mixture selects between teachers, mean |r - w|", head, rows)
