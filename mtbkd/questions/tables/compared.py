"""What a reference summary keeps of the question ``tables``: each score as its mean over tables, one number a random split."""

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import TESTED, with_level
from mtbkd.questions.tables.verdicts import at_labels


def scores(found: Frame) -> Frame:
    """Of the table ``scores``: method ("clusters, 60 labels, tip_equal"), metric, replicate, value; NaN if a table has it."""
    rows = with_level(found[found["metric"].isin(TESTED)])
    named = rows.assign(method=rows["regime"] + ", " + rows["level"].map(at_labels) + ", " + rows["method"])
    means = named.groupby(["method", "metric", "replicate"], sort=False)["value"].agg(lambda values: values.to_numpy().mean())
    return means.reset_index()
