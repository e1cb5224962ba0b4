"""What a reference summary keeps of the question ``curves``: every score of every student at every number of labels."""

from mtbkd.base.frames import Frame


def scores(found: Frame) -> Frame:
    """Of the table ``scores``: method ("few, forests, 20 labels, transfer, tip_entropy_map"), metric, replicate, value."""
    rows = found[found["kind"] == "student"]
    labels = rows["labels"].astype(str).where(~rows["all_labels"].astype(bool), "all") + " labels"
    transfer = rows["transfer"].map({True: "transfer", False: "no transfer"})
    parts = zip(rows["curve"], rows["teachers"], labels, transfer, rows["method"], strict=True)
    return rows[["metric", "replicate", "value"]].assign(method=list(map(", ".join, parts)))
