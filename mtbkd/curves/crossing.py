"""At how many labels does a student without teachers catch up? Interpolated between label counts, with an interval.

The advantage of a distilled student at n labels is its paired difference to the student without teachers, with the sign that
makes positive good, averaged over replicates. The crossing is where it first falls to zero, by straight lines on log n.
Shapes: R replicates, L label counts, B resamples.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mtbkd.curves.tables import NO_TEACHERS
from mtbkd.evaluation.compare import LEVEL, holm, paired
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.frames import Frame
from mtbkd.lazy import lazy_import

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

RESAMPLES = 2_000
State = Literal["crosses", "always better", "never better", "better later"]
_KEYS = ["curve", "teachers", "transfer", "method", "metric"]


class Crossing(NamedTuple):
    """Where the advantage ends.

    ``state``: ``crosses``; ``always better``, at every count; ``never better``, at none; ``better later``, not at the fewest
    labels but at more. ``labels``: the crossing; inf where the advantage outlasts the range, 0 where there is none at the
    fewest labels. ``low``, ``high``: percentile interval over resampled replicates, with the same meaning of inf and 0, NaN
    below 3 replicates. ``n``: replicates.
    """

    state: State
    labels: float
    low: float
    high: float
    n: int


def crossing(counts: Sequence[int], advantage: np.ndarray, seed: int = 0) -> Crossing:
    """The crossing of paired differences ``advantage`` (R, L) at rising ``counts`` (L,); replicates with NaN are left out."""
    kept = advantage[np.isfinite(advantage).all(1)]
    if not len(kept):
        return Crossing("never better", math.nan, math.nan, math.nan, 0)
    mean, low, high = kept.mean(0), math.nan, math.nan
    if len(kept) >= 3:
        picks = np.random.default_rng(seed).integers(0, len(kept), (RESAMPLES, len(kept)))
        found = np.array([_first_zero(counts, each) for each in kept[picks].mean(1)])
        # Between 0 or inf and a number there is nothing to interpolate.
        low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    return Crossing(_state(mean), _first_zero(counts, mean), float(low), float(high), len(kept))


def _state(mean: np.ndarray) -> State:
    if (mean > 0).all():
        return "always better"
    if (mean <= 0).all():
        return "never better"
    return "crosses" if mean[0] > 0 else "better later"


def _first_zero(counts: Sequence[int], mean: np.ndarray) -> float:
    """Where ``mean`` (L,), positive at first, falls to zero; 0 where it is not positive at first, inf where it never falls."""
    if mean[0] <= 0:
        return 0.0
    fallen = np.flatnonzero(mean <= 0)
    if not len(fallen):
        return math.inf
    after = int(fallen[0])
    share = mean[after - 1] / (mean[after - 1] - mean[after])
    ends = np.log([counts[after - 1], counts[after]])
    return float(np.exp(ends[0] + share * (ends[1] - ends[0])))


def judged_metrics(scores: Frame) -> tuple[str, ...]:
    """What crossings are told of: accuracy, free of the labels' noise where the true probabilities are known, and NLL."""
    known = "accuracy_true_prob" in set(scores["metric"])
    return ("accuracy_true_prob" if known else "accuracy", "nll")


def advantages(scores: Frame) -> Frame:
    """One row a replicate: curve, teachers, transfer, method, metric, kind, labels, replicate, advantage over labels only.

    ``scores`` are the rows of all parts and references of the curves; the ceiling is left out.
    """
    asked = scores[scores["metric"].isin(judged_metrics(scores))]
    alone = asked[asked["teachers"] == NO_TEACHERS]
    place = ["curve", "transfer", "metric", "labels", "replicate"]
    helped = asked[(asked["teachers"] != NO_TEACHERS) & (asked["kind"] != "ceiling")]
    both = helped.merge(alone[[*place, "value"]], on=place, suffixes=("", "_alone"), validate="many_to_one")
    sign = both["metric"].map(lambda name: 1.0 if HIGHER_IS_BETTER[name] else -1.0)
    return both.assign(advantage=sign * (both["value"] - both["value_alone"]))


def crossings(scores: Frame) -> Frame:
    """One row a curve, set of teachers, transfer, method and metric: kind, the fields of ``Crossing``."""
    rows = []
    for keys, own in advantages(scores).groupby(_KEYS, sort=False):
        table = own.pivot(index="replicate", columns="labels", values="advantage")
        found = crossing([int(n) for n in table.columns], table.to_numpy())
        rows.append({**dict(zip(_KEYS, keys, strict=True)), "kind": own["kind"].iloc[0], **found._asdict()})
    return pd.DataFrame(rows, columns=[*_KEYS, "kind", *Crossing._fields])


def differences(scores: Frame) -> Frame:
    """One row a curve, set of teachers, transfer, method, metric and label count: the paired comparison with labels only.

    ``advantage`` with its bootstrap interval ``low``, ``high``, the signed-rank ``p_value`` and ``p_holm``, corrected (Holm)
    over the distilled students and label counts of one set of teachers, transfer and metric.
    """
    rows: list[dict[str, Any]] = []
    for keys, own in advantages(scores).groupby([*_KEYS, "kind", "labels"], sort=False):
        found = paired(own.sort_values("replicate")["advantage"].to_numpy())
        told = {name: getattr(found, name) for name in ("n", "low", "high", "p_value")}
        rows.append({**dict(zip([*_KEYS, "kind", "labels"], keys, strict=True)), "advantage": found.difference, **told})
    table: Frame = pd.DataFrame(rows, columns=[*_KEYS, "kind", "labels", "advantage", "n", "low", "high", "p_value"])
    table["p_holm"] = np.nan
    students = table[table["kind"] == "student"]
    for _, own in students.groupby(["curve", "teachers", "transfer", "metric"], sort=False):
        table.loc[own.index, "p_holm"] = holm(own["p_value"].to_numpy())
    return table
