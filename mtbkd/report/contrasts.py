"""Which methods of an experiment may be set against each other, and what a paired difference allows to say.

Two methods make a pair where they differ in one part only: the signal, the weights or the inference. Differences are taken
replicate by replicate; Holm's correction is over the pairs of one question and metric. A claim needs both an interval
without 0 and a corrected p below .05.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mtbkd.evaluation.compare import MIN_FOR_TEST, Paired, holm, paired
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.report.answers import Evidence, direction
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import MINUS, count, show
from mtbkd.report.versus import Versus

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
METRICS = {"accuracy": "accuracy", "nll": "NLL"}
Verdict = Literal["better", "worse", "open"]
SAID: dict[Verdict, str] = {"better": "better", "worse": "worse", "open": "no difference can be claimed"}
SUMMED: dict[Verdict, str] = {"better": "better", "worse": "worse", "open": "undecided"}


@dataclass(frozen=True)
class Case:
    """An experiment: its tables, its plan (``asdict`` of ``mtbkd.plan.ExperimentPlan``) and its printed numbers."""

    evidence: Evidence
    planned: Mapping[str, Any]
    versus: Sequence[Versus]

    @property
    def methods(self) -> Mapping[str, Any]:
        """Method -> content of its fit's specification."""
        return self.planned["methods"]

    @property
    def labels_only(self) -> str:
        """The method that all others are compared with, "" unless it learns from labels only."""
        reference = self.evidence.reference
        return reference if "labels only" in self.evidence.reference_words else ""

    @cached_property
    def _wide(self) -> "dict[str, pd.DataFrame]":
        m = self.evidence.metrics
        rows = m[(m["split"] == "test") & (m["domain"] == "all")].drop_duplicates(["metric", "replicate", "method"])
        return {
            str(metric): own.pivot(index="replicate", columns="method", values="value")
            for metric, own in rows.groupby("metric")
        }

    def scores(self, metric: str) -> dict[str, "pd.Series"]:
        """Student, teacher or ``bayes`` -> its values over replicates on the whole test split."""
        columns: Any = self._wide[metric].dropna(axis=1, how="all").items() if metric in self._wide else ()
        return {str(name): column for name, column in columns}

    def marked(self, method: str) -> str:
        """The method's name, with a mark where it failed a gate."""
        return f"{method} {MARKS['failed']}" if self.evidence.judgement(method).failed else method


@dataclass(frozen=True)
class Finding:
    """One sentence with the number behind it: a row of tables/findings.csv.

    Attributes:
        experiment, question, answer: in words.
        value, low, high: the number and its 95 % interval; NaN where the answer is a count without one.
        p: corrected p-value, NaN where nothing was tested.
        n: what ``value`` is a mean over (replicates), or counted among.
        sums_up: the page shows it among the answers, not only in the table.
    """

    experiment: str
    question: str
    answer: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    n: int = 0
    sums_up: bool = True


class Pair(NamedTuple):
    """``method`` minus ``against``, of one metric; ``p_holm`` is corrected over the pairs of its question."""

    method: str
    against: str
    metric: str
    found: Paired
    p_holm: float

    @property
    def verdict(self) -> Verdict:
        """Whether the method can be said to be better or worse than what it is set against."""
        way = direction(self.found.low, self.found.high)
        if way not in ("lower", "higher") or not self.p_holm < ALPHA:
            return "open"
        return "better" if (way == "higher") == HIGHER_IS_BETTER[self.metric] else "worse"

    @property
    def numbers(self) -> str:
        """``-0.0100 [-0.0130, -0.0070], n = 10, p = 0.012, d = -1.4``; what is not known is left out."""
        p = f"p = {self.p_holm:.2g}" if math.isfinite(self.p_holm) else "too few replicates for a test"
        d = f"d = {show(self.found.cohen_d, signed=True)}" if math.isfinite(self.found.cohen_d) else ""
        return ", ".join(filter(None, (signed(self.found), f"n = {self.found.n}", p, d)))


def difference(own: "pd.Series", base: "pd.Series") -> Paired:
    """Paired difference of two series over replicates; a base of one value (real data) counts for every replicate."""
    known = base.dropna()
    return paired(np.asarray(own.dropna() - (base if len(known) > 1 else known.iloc[0]), dtype=np.float64))


def pairs(case: Case, asked: Sequence[tuple[str, str]], metric: str) -> list[Pair]:
    """The asked (method, against) of which both have the metric, corrected together."""
    scores = case.scores(metric)
    having = [(a, b) for a, b in asked if a in scores and b in scores]
    found = [difference(scores[a], scores[b]) for a, b in having]
    corrected = holm(np.array([each.p_value for each in found]))
    return [Pair(a, b, metric, each, float(p)) for (a, b), each, p in zip(having, found, corrected, strict=True)]


def _signal(spec: Mapping[str, Any]) -> str:
    return spec["signal"]["name"]


def _same(a: Mapping[str, Any], b: Mapping[str, Any], *parts: str) -> bool:
    return all(a[part] == b[part] for part in parts)


def by_signal(methods: Mapping[str, Any], signal: str, against: str) -> list[tuple[str, str]]:
    """Pairs that differ in the signal: weights and inference, with its settings, are the same."""
    ours = [(name, spec) for name, spec in methods.items() if _signal(spec) == signal]
    others = [(name, spec) for name, spec in methods.items() if _signal(spec) == against]
    return [(a, b) for a, first in ours for b, second in others if _same(first, second, "weights", "inference")]


def by_weights(methods: Mapping[str, Any], against: str = "equal") -> list[tuple[str, str]]:
    """Pairs that differ in the weights: every other kind against ``against``."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first["weights"] not in (None, against) and second["weights"] == against
        if _same(first, second, "signal", "inference")
    ]


def by_inference(methods: Mapping[str, Any], against: str = "map") -> list[tuple[str, str]]:
    """Pairs that differ in the inference: every other algorithm against ``against``, on the same posterior."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first["inference"]["name"] != against == second["inference"]["name"]
        if _same(first, second, "signal", "weights", "posterior")
    ]


class Split(NamedTuple):
    """A mixture-prior posterior, the log pool's by the same sampler, and the log pool's MAP fit."""

    tip: str
    kd: str
    kd_map: str


def prior_and_sampler(methods: Mapping[str, Any]) -> list[Split]:
    """What the paper changes at once, prior and sampler, where the step between is there as well."""
    steps = dict(by_signal(methods, "tip", "kd"))
    starts = dict(by_inference(methods))
    return [Split(tip, kd, starts[kd]) for tip, kd in steps.items() if kd in starts]


def told(case: Case, question: str, found: Sequence[Pair], asked: str) -> list[Finding]:
    """A summary of pairs of one metric, which names the clearest of each kind, then one finding a pair; [] without pairs.

    Args:
        case: the experiment.
        question: what the pairs answer.
        found: the pairs.
        asked: what is set against what, as in ``tip against kd``.
    """
    if len(found) < 2:
        return [_single(case, question, pair, sums_up=True) for pair in found]
    groups = {verdict: [pair for pair in found if pair.verdict == verdict] for verdict in SAID}
    parts = [f"{word} {_clearest(case, groups[verdict])}" for verdict, word in SUMMED.items()]
    sentence = f"{METRICS[found[0].metric]}, {asked}, {count(len(found), 'pair')}: {'; '.join(parts)}."
    most = max(pair.found.n for pair in found)
    smallest = 2 / 2**most * len(found)
    if most >= MIN_FOR_TEST and smallest > ALPHA:
        sentence += f" No p-value can fall below {smallest:.2g} over so few replicates, so nothing can be claimed."
    summary = Finding(case.evidence.name, question, _upper(sentence), value=len(groups["better"]), n=len(found))
    return [summary, *(_single(case, question, pair) for pair in found)]


def _clearest(case: Case, group: Sequence[Pair]) -> str:
    """``2 (largest: a against b, -0.01 [...])``."""
    if not group:
        return "0"
    most = max(group, key=lambda pair: abs(pair.found.difference))
    return f"{len(group)} ({'largest: ' if len(group) > 1 else ''}{named(case, most)}, {most.numbers})"


def named(case: Case, pair: Pair) -> str:
    return f"{case.marked(pair.method)} against {case.marked(pair.against)}"


def _single(case: Case, question: str, pair: Pair, sums_up: bool = False) -> Finding:
    sentence = _upper(f"{METRICS[pair.metric]}: {named(case, pair)}, {pair.numbers}: {SAID[pair.verdict]}.")
    own = pair.found
    return Finding(case.evidence.name, question, sentence, own.difference, own.low, own.high, pair.p_holm, own.n, sums_up)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def signed(found: Paired) -> str:
    """``-0.0012 [-0.0020, -0.0004]``: a difference with its interval, a decimal more where it is small."""
    decimals = 4 if abs(found.difference) < 0.01 else 3
    shown = [round(value, decimals) + 0.0 for value in (found.difference, found.low, found.high)]
    numbers = [(f"{value:+.{decimals}f}" if value else f"{value:.{decimals}f}").replace("-", MINUS) for value in shown]
    known = math.isfinite(found.low) and math.isfinite(found.high)
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]" if known else numbers[0]
