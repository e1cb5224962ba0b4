"""Findings about trust: teachers where they are confident, students above their teachers, posteriors that failed a gate."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mtbkd.evaluation.compare import Paired, holm, paired
from mtbkd.evaluation.routing import ROUTED
from mtbkd.evaluation.verdict import judge
from mtbkd.report.contrasts import Case, Finding, pairs, told
from mtbkd.report.evidence import corrected, difference, signed
from mtbkd.report.numbers import count, listed, show

TEACHERS = {
    "teachers:best": "students vs the best teacher",
    "teachers:mean": "students vs the mean of the teachers",
    ROUTED: "students vs teachers routed by domain",
}
SURE = "Are teachers right where they are confident?"
MODE = "Posterior mean or the paper's density mode?"
ABOVE = "Are students better than their teachers?"
GATES = "Which posteriors failed a gate?"


def above_teachers(case: Case) -> list[Finding]:
    """Accuracy of every distilled student minus that of the best teacher, the teachers' mean and teachers routed by domain."""
    asked = {word: [(method, teacher) for method in case.evidence.distilled] for teacher, word in TEACHERS.items()}
    return [f for word, each in asked.items() for f in told(case, ABOVE, pairs(case, each, "accuracy"), word)]


class Sure(NamedTuple):
    """A teacher's mean accuracy and entropy by domain, its most confident domain, and its most accurate one."""

    teacher: str
    right: Mapping[str, float]
    unsure: Mapping[str, float]
    surest: str
    best: str


def sure_teachers(case: Case) -> list[Finding]:
    """Each teacher's accuracy on the domain where its entropy is lowest, compared with its best domain."""
    accuracy, entropy = (_by_domain(case, metric) for metric in ("accuracy", "entropy_total"))
    found: list[tuple[Sure, Paired]] = []
    for teacher in [t["name"] for t in case.planned["teachers"]]:
        if teacher not in accuracy or len(accuracy[teacher].columns) < 2:
            continue
        right, unsure = accuracy[teacher].mean().to_dict(), entropy[teacher].mean().to_dict()
        sure = Sure(teacher, right, unsure, min(unsure, key=unsure.__getitem__), max(right, key=right.__getitem__))
        own = accuracy[teacher]
        found.append((sure, paired((own[sure.surest] - own[sure.best]).to_numpy(np.float64), overlap=case.evidence.overlap)))
    tested = np.array([math.nan if sure.surest == sure.best else each.p_value for sure, each in found])
    return [_sure(case, sure, each, float(p)) for (sure, each), p in zip(found, holm(tested), strict=True)]


def _sure(case: Case, sure: Sure, found: Paired, p: float) -> Finding:
    name, surest = case.evidence.name, sure.right[sure.surest]
    text = f"{sure.teacher} is most confident on {sure.surest} (mean entropy {show(sure.unsure[sure.surest])} nats), "
    if sure.surest == sure.best:
        text += f"which is also its best domain: accuracy {show(surest)}, n = {found.n}."
        return Finding(name, SURE, text, surest, n=found.n)
    wrong = judge(found.difference, found.low, found.high, p, found.se_examples) == "lower"
    tested = f"p = {p:.2g}" if math.isfinite(p) else "too few replicates for a test"
    text += (
        f"where its accuracy is {show(surest)}. Its best domain is {sure.best} with {show(sure.right[sure.best])} (entropy "
        f"{show(sure.unsure[sure.best])}). The difference is {signed(found)}, n = {found.n}, {tested}. "
    )
    text += "Entropy weights trust it where it is less accurate." if wrong else "No difference can be claimed."
    return Finding(name, SURE, text, found.difference, found.low, found.high, p, found.n)


def _by_domain(case: Case, metric: str) -> dict[str, Any]:
    """Teacher -> frame of a metric, replicates by domains."""
    m = case.evidence.metrics
    rows = m[(m["kind"] == "teacher") & (m["metric"] == metric) & (m["split"] == "test") & (m["domain"] != "all")]
    return {str(t): own.pivot(index="replicate", columns="domain", values="value") for t, own in rows.groupby("method")}


def mean_or_mode(case: Case) -> list[Finding]:
    """Accuracy of the mode of each class probability's density minus that of the posterior mean, method by method."""
    mean, mode = case.scores("accuracy"), case.scores("accuracy_kde_mode")
    methods = [method for method in case.evidence.students if method in mode]
    both = []
    for m in methods:
        se = case.evidence.se_examples(m, m, "accuracy_kde_mode", "accuracy")
        both.append((m, "its mean", "accuracy", difference(mode[m], mean[m], "accuracy", se, case.evidence.overlap)))
    return told(case, MODE, corrected(both), "mode vs mean")


def failed_gates(case: Case) -> list[Finding]:
    """Methods that claim a posterior and failed a gate, with the gates, and those that could not be judged."""
    having = [method for method in case.evidence.students if case.evidence.posterior.get(method)]
    judged = {method: case.evidence.judgement(method) for method in having}
    failed = [method for method in having if judged[method].failed]
    if not having:
        return []
    each = "; ".join(f"{case.marked(method)}: {case.evidence.why_failed(method)}" for method in failed)
    text = f"{len(failed)} of {count(len(having), 'posterior')}" + (f": {each}." if failed else ".")
    passed = [method for method in having if judged[method].status == "passed"]
    text += f" {listed(passed)} passed every applicable gate." if passed else ""
    for method in (method for method in having if method in case.evidence.stacked):
        text += f" {method} is judged within chains: {case.evidence.stacked[method]}."
    unjudged = [f"{method} ({listed([*judged[method].unjudged])})" for method in having if judged[method].unjudged]
    text += f" Not judged: {listed(unjudged)}." if unjudged else ""
    printed = [method for method in having if method in case.evidence.as_printed]
    text += f" Repeats of a paper's procedure: {listed(printed)}." if printed else ""
    apart = [method for method in case.evidence.students if method in case.evidence.unclaimed]
    text += f" Not counted because they claim no posterior: {listed(apart)}." if apart else ""
    return [Finding(case.evidence.name, GATES, text, value=len(failed), n=len(having))]
