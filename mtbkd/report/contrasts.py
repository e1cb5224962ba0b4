"""Which methods of an experiment may be compared, and what a paired difference allows us to claim.

Two methods form a pair if they differ in one part only: the signal, the weights or the inference. Differences are paired by
replicate; Holm's correction is over the pairs of one question and metric. ``evaluation.verdict`` decides what may be claimed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mtbkd.evaluation.compare import MIN_FOR_TEST
from mtbkd.evaluation.verdict import ALPHA, Verdict
from mtbkd.report import sharpness
from mtbkd.report.evidence import Evidence, Pair
from mtbkd.report.judgement import MARKS, WARNS
from mtbkd.report.numbers import count
from mtbkd.report.versus import Versus

if TYPE_CHECKING:
    import pandas as pd

METRICS = {"accuracy": "accuracy", "nll": "NLL"}
OF_CALIBRATION = {"nll": "NLL", "ece": "ECE"}
_NAMES = METRICS | OF_CALIBRATION
SAID: dict[Verdict, str] = {"better": "better", "worse": "worse", "open": "no difference can be claimed"}
WEIGHED = ("weights", "weights_settings", "teacher_scaling")  # how teachers are heard
SAMPLER = ("inference", "layers", "stack_chains", "student_scaling")  # how a method draws
SUMMED: dict[Verdict, str] = {"better": "Better", "worse": "Worse", "open": "Inconclusive"}


@dataclass(frozen=True)
class Case:
    """An experiment: its tables, its plan (``asdict`` of ``mtbkd.study.planned.ExperimentPlan``) and published numbers."""

    evidence: Evidence
    planned: Mapping[str, Any]
    versus: Sequence[Versus]

    @property
    def methods(self) -> Mapping[str, Any]:
        """Method -> content of its fit specification."""
        return self.planned["methods"]

    @property
    def labels_only(self) -> str:
        """The method that all others are compared with; "" unless it learns from labels only."""
        reference = self.evidence.reference
        return reference if "labels only" in self.evidence.reference_words else ""

    def scores(self, metric: str) -> dict[str, "pd.Series"]:
        """Student, teacher or ``bayes`` -> its values over replicates on the whole test split."""
        return self.evidence.scores(metric)

    def marked(self, method: str) -> str:
        """The method's name, with a mark if it failed a gate."""
        judged = self.evidence.judgement(method)
        mark = MARKS["failed"] if judged.failed else WARNS if judged.warned else ""
        return f"{method} {mark}".strip()


@dataclass(frozen=True)
class Finding:
    """One sentence with the number behind it: a row of tables/findings.csv.

    Attributes:
        experiment, question, answer: in words.
        value, low, high: the number and its 95 % interval; NaN if the answer is a count without one.
        p: corrected p-value, NaN if nothing was tested.
        n: number of replicates averaged in ``value``, or the total of the count.
        sums_up: the page shows it among the answers as well as in the table.
        metric, method, against, verdict: of one paired comparison; "" where the answer is no such.
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
    metric: str = ""
    method: str = ""
    against: str = ""
    verdict: str = ""

    @classmethod
    def of(cls, case: Case, question: str, answer: str, pair: Pair, sums_up: bool = True) -> Self:
        """What ``answer`` says of one paired comparison."""
        own, about = pair.found, (pair.metric, pair.method, pair.against, pair.verdict)
        name = case.evidence.name
        return cls(name, question, answer, own.difference, own.low, own.high, pair.p_holm, own.n, sums_up, *about)


def pairs(case: Case, asked: Sequence[tuple[str, str]], metric: str) -> list[Pair]:
    """The requested (method, against) pairs that both have the metric, corrected together."""
    return case.evidence.pairs(asked, metric)


def _signal(spec: Mapping[str, Any]) -> str:
    return spec["signal"]["name"]


def _same(a: Mapping[str, Any], b: Mapping[str, Any], *parts: str) -> bool:
    return all(a.get(part) == b.get(part) for part in parts)


def by_signal(methods: Mapping[str, Any], signal: str, against: str) -> list[tuple[str, str]]:
    """Pairs that differ only in the signal: same weights, same inference and inference settings."""
    ours = [(name, spec) for name, spec in methods.items() if _signal(spec) == signal]
    others = [(name, spec) for name, spec in methods.items() if _signal(spec) == against]
    return [(a, b) for a, first in ours for b, second in others if _same(first, second, *WEIGHED, *SAMPLER)]


def by_weights(methods: Mapping[str, Any], against: str = "equal") -> list[tuple[str, str]]:
    """Pairs that differ only in the weights: every other kind vs ``against``."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first["weights"] not in (None, against) and second["weights"] == against
        if _same(first, second, "signal", "teacher_scaling", *SAMPLER)
    ]


def by_teacher_scaling(methods: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs that differ only in whether teachers were calibrated: scaled vs as they are."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first.get("teacher_scaling", "none") != "none" == second.get("teacher_scaling", "none")
        if _same(first, second, "signal", "weights", "weights_settings", *SAMPLER)
    ]


def by_inference(methods: Mapping[str, Any], against: str = "map") -> list[tuple[str, str]]:
    """Pairs that differ only in the inference: every other algorithm vs ``against``, on the same posterior."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first["inference"]["name"] != against == second["inference"]["name"]
        if _same(first, second, "signal", *WEIGHED, "posterior", "student_scaling")
    ]


def by_scaling(methods: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs that differ only in the temperature of the student: scaled vs as fitted."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first.get("student_scaling") and not second.get("student_scaling")
        if _same(first, second, "signal", *WEIGHED, "posterior", "inference", "layers", "stack_chains")
    ]


def against_scaled(methods: Mapping[str, Any], against: str = "map") -> list[tuple[str, str]]:
    """Pairs of a posterior as fitted and a scaled MAP fit, of the same signal and weights."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if second.get("student_scaling") and not first.get("student_scaling")
        if first["inference"]["name"] != against == second["inference"]["name"]
        if _same(first, second, "signal", *WEIGHED, "posterior")
    ]


def by_stacking(methods: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs that differ only in how chains are combined: stacked vs pooled."""
    return [
        (a, b)
        for a, first in methods.items()
        for b, second in methods.items()
        if first.get("stack_chains") and not second.get("stack_chains")
        if _same(first, second, "signal", *WEIGHED, "inference", "posterior", "student_scaling")
    ]


class Split(NamedTuple):
    """A mixture-prior posterior, the log pool's posterior by the same sampler, and the log pool's MAP fit."""

    tip: str
    kd: str
    kd_map: str


def prior_and_sampler(methods: Mapping[str, Any]) -> list[Split]:
    """Cases where the paper changes prior and sampler at once and we also ran the intermediate step."""
    steps = dict(by_signal(methods, "tip", "kd"))
    starts = dict(by_inference(methods))
    return [Split(tip, kd, starts[kd]) for tip, kd in steps.items() if kd in starts]


def told(case: Case, question: str, found: Sequence[Pair], asked: str) -> list[Finding]:
    """A summary of the pairs of one metric with the clearest of each verdict, then one finding per pair; [] without pairs.

    Pairs that were not tuned on the same candidates are listed but not counted; so are pairs that are the same function.

    Args:
        case: the experiment.
        question: what the pairs answer.
        found: the pairs.
        asked: what is compared, as in ``tip vs kd``.
    """
    if len(found) < 2:
        return [_single(case, question, pair, sums_up=True) for pair in found]
    same = [pair for pair in found if same_as_kd(case, pair)]
    fair = [pair for pair in found if pair not in same and not case.evidence.unlike(pair.method, pair.against)]
    groups = {verdict: [pair for pair in fair if pair.verdict == verdict] for verdict in SAID}
    parts = [f"{word}: {_clearest(case, groups[verdict])}." for verdict, word in SUMMED.items()]
    sentence = " ".join([f"{_NAMES[found[0].metric]}, {asked}, {count(len(fair), 'pair')}.", *parts])
    apart = [f"{named(case, p)} ({case.evidence.unlike(p.method, p.against)})" for p in found if p not in (*fair, *same)]
    sentence += f" Not counted because tuned on other candidates: {'; '.join(apart)}." if apart else ""
    one = [f"{named(case, pair)} ({same_as_kd(case, pair)})" for pair in same]
    sentence += f" Not counted because both are kd: {'; '.join(one)}." if one else ""
    most = max(pair.found.n for pair in found)
    smallest = 2 / 2**most * len(found)
    if most >= MIN_FOR_TEST and smallest > ALPHA:
        sentence += f" With so few replicates no p-value can be below {smallest:.2g}, so nothing can be claimed."
    summary = Finding(case.evidence.name, question, _upper(sentence), value=len(groups["better"]), n=len(fair))
    return [summary, *(_single(case, question, pair) for pair in found)]


def _clearest(case: Case, group: Sequence[Pair]) -> str:
    """``2 (largest: a vs b, -0.01 [...])``, or ``none``."""
    if not group:
        return "none"
    most = max(group, key=lambda pair: abs(pair.found.difference))
    return f"{len(group)} ({'largest: ' if len(group) > 1 else ''}{named(case, most)}, {most.numbers})"


def named(case: Case, pair: Pair) -> str:
    return f"{case.marked(pair.method)} vs {case.marked(pair.against)}"


def same_as_kd(case: Case, pair: Pair) -> str:
    """``its responsibilities stay at the weights, mean |r - w| 0.003``: a mixture that equals the kd it is compared with."""
    value = sharpness.of_method(case.evidence.tuning, pair.method)
    if pair.against not in case.methods or _signal(case.methods[pair.against]) != "kd" or not value < sharpness.SAME_AS_KD:
        return ""
    return f"its responsibilities stay at the weights, mean |r - w| {value:.2g}"


def said(case: Case, pair: Pair, words: Mapping[Verdict, str] = SAID) -> str:
    """The verdict in ``words``, with a remark if the two were tuned differently or are the same function."""
    if same := same_as_kd(case, pair):
        return f"{words[pair.verdict]}, but both are kd: {same}"
    other = case.evidence.unlike(pair.method, pair.against)
    return f"{words[pair.verdict]}, but not tuned on the same candidates: {other}" if other else words[pair.verdict]


def _single(case: Case, question: str, pair: Pair, sums_up: bool = False) -> Finding:
    sentence = _upper(f"{_NAMES[pair.metric]}: {named(case, pair)}, {pair.numbers}: {said(case, pair)}.")
    return Finding.of(case, question, sentence, pair, sums_up)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
