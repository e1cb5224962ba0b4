"""What a way to choose the strength of teachers gains on cross-validation, table by table. Shapes: n splits."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import Paired, judged, paired
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of_difference
from mtbkd.questions.tables.verdicts import select

TABLE = "strength_gains"
REFERENCE = "cross_validation"
METRICS = ("nll", "accuracy")
WAYS = {
    REFERENCE: "cross-validation",
    "validation": "validation (one fold)",
    "evidence": "evidence",
    "evidence_average": "average by evidence",
}
PLACE = ["table", "group", "regime", "labels"]
COLUMNS = [*PLACE, "way", "metric", "value", "reference_value", "higher_is_better", *Paired._fields[:-1], "p_holm", "verdict",
           "note"]  # fmt: skip


def strength_gains(strengths: Frame, overlap: Mapping[str, float]) -> Frame:
    """Every way against cross-validation on every table, number of labels and metric.

    Args:
        strengths: the table of ``mtbkd.questions.tables.part``.
        overlap: table -> as for ``intervals.standard_error``.

    Returns:
        One row a comparison: COLUMNS; Holm's correction is over all tables, labels and ways of a metric.
    """
    rows = [row for metric in METRICS for row in _compared(select(strengths, metric=metric), metric, overlap)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _compared(rows: Frame, metric: str, overlap: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    wide = rows.pivot_table(index=[*PLACE, "replicate"], columns="way", values="value", dropna=False, sort=False)
    pairs = [
        (dict(zip(PLACE, key, strict=True)), way, own)
        for key, own in (wide.dropna(how="all").groupby(PLACE, sort=False) if len(rows) else ())
        for way in WAYS
        if way in own and way != REFERENCE
    ]
    within = range_of_difference(metric)
    found = [
        paired((own[way] - own[REFERENCE]).to_numpy(), math.nan, within, overlap[place["table"]]) for place, way, own in pairs
    ]
    for (place, way, own), row in zip(pairs, judged(found, HIGHER_IS_BETTER[metric]), strict=True):
        means = {"value": own[way].mean(), "reference_value": own[REFERENCE].mean()}
        yield {**place, "way": way, "metric": metric, **means, "higher_is_better": HIGHER_IS_BETTER[metric], **row}
