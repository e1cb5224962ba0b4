"""What a reference summary keeps of the question ``curves``: every score at every number of labels."""

from mtbkd.base.frames import Frame


def scores(found: Frame) -> Frame:
    """Of the table ``scores``: method ("tiny, 20 labels, tip_entropy_map"), metric, replicate, value."""
    labels = found["labels"].astype(str).where(~found["all_labels"].astype(bool), "all") + " labels"
    return found.assign(method=found["curve"] + ", " + labels + ", " + found["method"])[
        ["method", "metric", "replicate", "value"]
    ]
