"""At how many labels does a student without teachers catch up? Interpolated between label counts, with an interval.

The advantage of a distilled student at n labels is its paired difference to the student without teachers, with the sign that
makes positive good, averaged over replicates. The crossing is where it first falls to zero, by straight lines on log n; it is
stated only where the advantage at the fewest labels is decided. A set of teachers that know nothing, where a curve has one, is
a control: the others are credited only with what is decided against the same method with that set, too. Shapes: R replicates,
L label counts.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import holm, paired
from mtbkd.evaluation.intervals import MIN_FOR_INTERVAL, interval
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of, range_of_difference
from mtbkd.evaluation.verdict import Verdict, judge, verdict
from mtbkd.questions.curves.spec import NO_TEACHERS

STEPS = 50  # points between two label counts at which the interval of the advantage is taken
State = Literal["crosses", "always better", "never better", "better later", "undecided"]
_KEYS = ["curve", "teachers", "transfer", "method", "metric"]


class Crossing(NamedTuple):
    """Where the advantage ends.

    ``state``: ``crosses`` and ``always better`` (at every count), where the student is decidedly better at the fewest labels;
    ``never better`` and ``better later`` (decidedly, at more), where it is decidedly worse there; ``undecided`` where neither
    is. ``labels``: the crossing; inf where the advantage outlasts the range, 0 where the student is worse at the fewest
    labels, NaN where that is undecided. ``low``, ``high``: where the ends of the advantage's 95 % interval fall to zero, with
    the same meaning of inf and 0, NaN below 3 replicates. ``n``: replicates.
    """

    state: State
    labels: float
    low: float
    high: float
    n: int


def crossing(counts: Sequence[int], advantage: np.ndarray, verdicts: Sequence[Verdict]) -> Crossing:
    """The crossing of paired differences ``advantage`` (R, L) at rising ``counts`` (L,); replicates with NaN are left out.

    The interval is all numbers of labels at which Student's interval of the interpolated advantage holds zero.

    Args:
        counts, advantage: positive is better.
        verdicts: (L,) what the advantage at each count allows to say.
    """
    kept = advantage[np.isfinite(advantage).all(1)]
    state = _state(kept.mean(0) if len(kept) else np.full(len(counts), np.nan), verdicts)
    if len(kept) < MIN_FOR_INTERVAL:
        return Crossing(state, math.nan, math.nan, math.nan, len(kept))
    grid = np.unique(np.concatenate([np.geomspace(*ends, STEPS) for ends in pairwise(counts)] + [np.array(counts, float)]))
    between = np.array([np.interp(np.log(grid), np.log(counts), each) for each in kept])
    ends = np.array([interval(each)[1:3] for each in between.T])
    labels = math.nan if state == "undecided" else _first_zero(counts, kept.mean(0))
    return Crossing(state, labels, _first_zero(grid, ends[:, 0]), _first_zero(grid, ends[:, 1]), len(kept))


def _state(mean: np.ndarray, verdicts: Sequence[Verdict]) -> State:
    if verdicts[0] == "better":
        return "always better" if (mean > 0).all() else "crosses"
    if verdicts[0] == "worse":
        return "better later" if "better" in verdicts else "never better"
    return "undecided"


def _first_zero(counts: Sequence[float] | np.ndarray, mean: np.ndarray) -> float:
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


def crossings(scores: Frame, differing: Frame) -> Frame:
    """One row a curve, set of teachers, transfer, method and metric: kind, the fields of ``Crossing``.

    ``differing`` as ``differences`` returns them, whose column ``pays`` says where a crossing can be stated.
    """
    verdicts = {keys: rows.sort_values("labels")["pays"].tolist() for keys, rows in differing.groupby(_KEYS)}
    rows = []
    for keys, own in advantages(scores).groupby(_KEYS, sort=False):
        table = own.pivot(index="replicate", columns="labels", values="advantage")
        found = crossing([int(n) for n in table.columns], table.to_numpy(), verdicts[keys])
        rows.append({**dict(zip(_KEYS, keys, strict=True)), "kind": own["kind"].iloc[0], **found._asdict()})
    return pd.DataFrame(rows, columns=[*_KEYS, "kind", *Crossing._fields])


def differences(scores: Frame, controls: Sequence[str] = ()) -> Frame:
    """One row a curve, set of teachers, transfer, method, metric and label count: the paired comparison with labels only.

    ``advantage`` with its interval ``low``, ``high``, what could be detected (``detectable``), the signed-rank ``p_value`` and
    ``p_holm``, corrected (Holm) over the students (of teachers: the methods) and label counts of one set of teachers,
    transfer and metric, and the ``verdict`` on it. The same with the suffix ``_control`` against the first of ``controls``,
    sets of uninformed teachers, with the same method; missing for the controls themselves and for teachers without a student.
    ``pays``: the verdict, and open where better than labels only is not decidedly better than the control.
    """
    found = advantages(scores)
    table = _compared(found)
    if not controls:
        return table.assign(pays=table["verdict"])
    table = table.merge(_compared(over_control(found, controls)), "left", [*_KEYS, "kind", "labels"], suffixes=("", "_control"))
    smoothing = (table["verdict"] == "better") & table["verdict_control"].isin(["open", "worse"])
    return table.assign(pays=table["verdict"].mask(smoothing, "open"))


def over_control(found: Frame, controls: Sequence[str]) -> Frame:
    """Rows of ``advantages`` of students, less the advantage that the same method has with the first of ``controls``."""
    students = found[found["kind"] == "student"]
    place = ["curve", "transfer", "method", "metric", "labels", "replicate"]
    alone = students.loc[students["teachers"] == controls[0], [*place, "advantage"]]
    others = students[~students["teachers"].isin(controls)]
    both = others.merge(alone, on=place, suffixes=("", "_alone"), validate="many_to_one")
    return both.assign(advantage=both["advantage"] - both["advantage_alone"])


def _compared(found: Frame) -> Frame:
    rows: list[dict[str, Any]] = []
    told = ("n", "low", "high", "detectable", "p_value")
    for keys, own in found.groupby([*_KEYS, "kind", "labels"], sort=False):
        named = dict(zip([*_KEYS, "kind", "labels"], keys, strict=True))
        within = range_of_difference(str(named["metric"]))
        each = paired(own.sort_values("replicate")["advantage"].to_numpy(), within=within)
        rows.append({**named, "advantage": each.difference, **{name: getattr(each, name) for name in told}})
    table: Frame = pd.DataFrame(rows, columns=[*_KEYS, "kind", "labels", "advantage", *told])
    table["p_holm"] = np.nan
    for _, own in table.groupby(["curve", "teachers", "transfer", "metric", "kind"], sort=False):
        table.loc[own.index, "p_holm"] = holm(own["p_value"].to_numpy())
    judged = table[["advantage", "low", "high", "p_holm"]].to_numpy(float)
    table["verdict"] = [verdict(judge(*each), higher_is_better=True) for each in judged]
    return table


def summary(scores: Frame) -> Frame:
    """Mean and interval over replicates of every score."""
    keys = ["curve", "teachers", "transfer", "method", "kind", "labels", "metric"]
    rows = []
    for values, own in scores.groupby(keys, sort=False):
        found = interval(own["value"], range_of(str(own["metric"].iloc[0])))
        told = {"mean": found.mean, "mean_low": found.low, "mean_high": found.high, "replicates": found.n}
        rows.append({**dict(zip(keys, values, strict=True)), **told})
    return pd.DataFrame(rows)
