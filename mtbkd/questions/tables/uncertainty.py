"""What the posteriors of the question ``tables`` say: is a posterior better than its MAP, and do teachers improve it?

Only draws that passed all their gates count, so that each comparison is over the splits on which both sides did.
Shapes: n splits.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import Paired, judged, paired
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of_difference
from mtbkd.questions.tables.verdicts import LABELS

TABLE = "uncertainty"
METRICS = ("nll", "accuracy", "ece", "coverage", "aurc")
PLACE = ["table", "group", "regime", "labels"]
# What a posterior is compared with: the MAP of the same method, or the posterior of labels alone.
MAP, NO_TEACHERS = "map", "no_teachers"
COMPARISONS = (MAP, NO_TEACHERS)
COLUMNS = [*PLACE, "method", "inference", "comparison", "metric", "fits", "passed", "value", "reference_value",
           "higher_is_better", *Paired._fields[:-1], "p_holm", "verdict", "note"]  # fmt: skip


def uncertainty(posteriors: Frame, overlap: Mapping[str, float]) -> Frame:
    """Every posterior against its MAP and against the posterior of labels alone, on every table and metric.

    Args:
        posteriors: the table of ``mtbkd.questions.tables.part``.
        overlap: table -> as for ``intervals.standard_error``.

    Returns:
        one row a comparison: COLUMNS. ``value`` and ``reference_value`` are means over the n splits compared; ``passed`` of
        ``fits`` passed their gates. Holm's correction is over all tables and methods of a comparison and metric. Coverage has
        no verdict, as neither end of it is better.
    """
    wide = _by_split(posteriors)
    rows = [row for comparison in COMPARISONS for metric in METRICS for row in _compared(wide, comparison, metric, overlap)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _compared(wide: Frame, comparison: str, metric: str, overlap: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """The rows of one comparison and metric."""
    pairs = list(_pairs(wide, comparison, metric))
    within, judges = range_of_difference(metric), metric in HIGHER_IS_BETTER
    higher = HIGHER_IS_BETTER.get(metric, False)
    differences = [(own["own"] - own["other"]).to_numpy() for _, own in pairs]
    found = [
        paired(each, math.nan, within, overlap[where["table"]]) for each, (where, _) in zip(differences, pairs, strict=True)
    ]
    for (where, own), row in zip(pairs, judged(found, higher), strict=True):
        value, other = own[["own", "other"]].dropna().mean()
        told = {"comparison": comparison, "metric": metric, "fits": len(own), "passed": int(own["passed"].sum())}
        means = {"value": value, "reference_value": other, "higher_is_better": higher}
        yield {**where, **told, **means, **row, "verdict": row["verdict"] if judges else ""}


def _by_split(posteriors: Frame) -> Frame:
    """A row a method, split and metric: ``own`` of the posterior, NaN unless it passed, and ``map``."""
    keys = [*PLACE, "method", "replicate", "metric"]
    drawn = posteriors[posteriors["inference"] != MAP]
    modes = posteriors[posteriors["inference"] == MAP].rename(columns={"value": MAP})[[*keys, MAP]]
    wide = drawn.assign(own=drawn["value"].where(drawn["passed"].astype(bool))).merge(modes, on=keys, validate="1:1")
    labels = wide.loc[wide["method"] == LABELS, [*keys, "own"]].drop(columns="method").rename(columns={"own": NO_TEACHERS})
    return wide.merge(labels, on=[key for key in keys if key != "method"], how="left")


def _pairs(wide: Frame, comparison: str, metric: str) -> Iterator[tuple[dict[str, Any], Frame]]:
    """(where, splits with the columns own and other) of every method that has something to be compared with."""
    rows = wide[(wide["metric"] == metric) & ((comparison == MAP) | (wide["method"] != LABELS))]
    for key, own in rows.groupby([*PLACE, "method", "inference"], sort=False):
        if own[comparison].notna().any():
            yield dict(zip([*PLACE, "method", "inference"], key, strict=True)), own.assign(other=own[comparison])
