"""What the scores of the methods say: paired differences, and ranks."""

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import compare
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.questions.baselines.contest import REFERENCE

PLAIN = "aver"  # equal weights: what a weighting must beat


def comparisons(scores: Frame, seeds_only: bool, overlap: float) -> "pd.DataFrame":
    """Every method against labels alone and against equal weights, paired over replicates; see ``compare``."""
    present = set(scores["method"])
    both = [reference for reference in (REFERENCE, PLAIN) if reference in present]
    parts = [compare(scores, reference, seeds_only, overlap=overlap) for reference in both]
    return pd.concat(parts, ignore_index=True)


def ranks(scores: Frame) -> "pd.DataFrame":
    """Mean rank of every student over replicates by metric, 1 the best, ties shared: method, metric, rank, replicates."""
    students = scores[(scores["kind"] == "student") & scores["metric"].isin(HIGHER_IS_BETTER)]
    rows = []
    for metric, own in students.groupby("metric", sort=False):
        values = own.pivot(index="replicate", columns="method", values="value").dropna()
        placed = values.rank(axis=1, ascending=not HIGHER_IS_BETTER[str(metric)])
        told = {"metric": metric, "replicates": len(values)}
        rows += [{"method": method, "rank": placed[method].mean(), **told} for method in own["method"].unique()]
    return pd.DataFrame(rows, columns=["method", "metric", "rank", "replicates"])
