"""The findings of a study, generated from its numbers: what reproduces, what does not, what helps, and why.

One function per question. Each returns findings only for what an experiment has, so every study gets those it can answer. The
first finding of a question (per metric, if there are several) is a summary; the others are single comparisons.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from mtbkd.base.lazy import pd
from mtbkd.inference.tuning import SHARED_NAMES
from mtbkd.report.contrasts import (
    METRICS,
    OF_CALIBRATION,
    Case,
    Finding,
    against_scaled,
    by_inference,
    by_scaling,
    by_signal,
    by_stacking,
    by_teacher_scaling,
    by_weights,
    named,
    pairs,
    prior_and_sampler,
    said,
    told,
)
from mtbkd.report.grids import advice, at_ends
from mtbkd.report.numbers import NONE, show, show_interval
from mtbkd.report.printed import above_ceiling, ceiling_of, labels_against_printed, printed_order, reproduction
from mtbkd.report.table import Cell, Column, Row, Table, number, text
from mtbkd.report.trust import above_teachers, failed_gates, mean_or_mode, sure_teachers

COLUMNS = tuple(each.name for each in fields(Finding) if each.name != "sums_up")


@dataclass(frozen=True)
class Part:
    """One experiment on the page: what n counts, the questions with their answers, the table of all findings."""

    name: str
    over: str
    answers: Sequence[tuple[str, Sequence[str]]]
    table: Table


def near_ceiling(case: Case) -> list[Finding]:
    """The gap in accuracy between the best student and the ceiling."""
    question, ceiling = "How close do students come to the ceiling?", ceiling_of(case)
    found = pairs(case, [(method, "bayes") for method in case.evidence.students], "accuracy")
    if not found:
        return []
    best = max(found, key=lambda pair: pair.found.difference)
    sentence = (
        f"The true probabilities reach an accuracy of {show(ceiling.mean)}; the closest student is {case.marked(best.method)}, "
        f"{best.numbers}."
    )
    return [Finding.of(case, question, sentence, best)]


def against_labels(case: Case) -> list[Finding]:
    """Every distilled student compared with labels only; corrected as in the table of paired comparisons."""
    question, found = "What beats labels alone?", []
    for metric in METRICS if case.labels_only else ():
        known = [p for m in case.evidence.distilled if (p := case.evidence.compared(m, metric)) is not None]
        found += told(case, question, known, "distilled vs labels alone")
    return found


Asked = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]


def _paired(question: str, words: str, asked: Asked, metrics: Iterable[str] = METRICS) -> Callable[[Case], list[Finding]]:
    """A question about the pairs that ``asked`` finds among an experiment's methods, on each of the ``metrics``."""

    def answer(case: Case) -> list[Finding]:
        between = list(asked(case.methods))
        return [found for metric in metrics for found in told(case, question, pairs(case, between, metric), words)]

    return answer


def split(case: Case) -> list[Finding]:
    """The separate contributions of prior and sampler, where the paper changes both at once."""
    question, found = "Is it the prior or the sampler?", []
    for step in prior_and_sampler(case.methods):
        asked = [(step.tip, step.kd_map), (step.kd, step.kd_map), (step.tip, step.kd)]
        for metric, word in METRICS.items():
            three = pairs(case, asked, metric)
            if len(three) < len(asked):
                continue
            both, sampler, prior = three
            sentence = (
                f"{word}: {named(case, both)}, {both.numbers} ({said(case, both)}). The sampler contributes, "
                f"{named(case, sampler)}: {sampler.numbers} ({said(case, sampler)}). The prior contributes, "
                f"{named(case, prior)}: {prior.numbers} ({said(case, prior)})."
            )
            found.append(Finding.of(case, question, sentence[0].upper() + sentence[1:], both))
    return found


def ends_of_grids(case: Case) -> list[Finding]:
    """Grid edges that validation chose, with the methods: there the grid, not the data, may have determined the value."""
    question, tuning = "Did validation choose a value at the edge of a grid?", case.evidence.tuning
    chosen = {} if tuning is None else at_ends(tuning, [setting for setting in SHARED_NAMES if setting in tuning])
    return [
        Finding(
            case.evidence.name, question, advice(*key, found), sum(e.times for _, e in found), n=sum(e.of for _, e in found)
        )
        for key, found in chosen.items()
    ]


TIP_AND_KD = partial(by_signal, signal="tip", against="kd")
TIP_AND_KD_MEAN = partial(by_signal, signal="tip", against="kd_mean")
POWER_AND_KD = partial(by_signal, signal="power", against="kd")
POWER_AND_TIP = partial(by_signal, signal="power", against="tip")
QUESTIONS: tuple[Callable[[Case], list[Finding]], ...] = (
    reproduction,
    above_ceiling,
    printed_order,
    labels_against_printed,
    near_ceiling,
    against_labels,
    _paired("Linear pool (tip) or log pool (kd)?", "tip vs kd", TIP_AND_KD),
    _paired("Linear pool (tip) or the sharpened mean (kd_mean)?", "tip vs kd_mean", TIP_AND_KD_MEAN),
    _paired("Are power means better than the log pool?", "power vs kd", POWER_AND_KD),
    _paired("Are power means better than the linear pool?", "power vs tip", POWER_AND_TIP),
    _paired("Are other weights better than equal weights?", "other weights vs equal weights", by_weights),
    _paired("Does it help to calibrate the teachers?", "calibrated vs as they are", by_teacher_scaling, OF_CALIBRATION),
    sure_teachers,
    split,
    _paired("Does a posterior predict better than one MAP fit?", "posterior draws vs one fit", by_inference),
    _paired("Does one temperature help a student?", "scaled vs as fitted", by_scaling, OF_CALIBRATION),
    _paired("Does a posterior beat a MAP fit with one temperature?", "posterior vs scaled MAP", against_scaled, OF_CALIBRATION),
    _paired("Do stacked chains predict better than pooled ones?", "stacked vs pooled", by_stacking),
    mean_or_mode,
    above_teachers,
    failed_gates,
    ends_of_grids,
)


def findings(case: Case) -> list[Finding]:
    """All findings of one experiment, question by question."""
    return [found for question in QUESTIONS for found in question(case)]


def study(cases: Iterable[Case]) -> "tuple[list[Part], pd.DataFrame]":
    """What the page shows of each experiment, and tables/findings.csv: one row per finding, see COLUMNS."""
    found = [(case, findings(case)) for case in cases]
    rows = [{name: getattr(each, name) for name in COLUMNS} for _, own in found for each in own]
    return [part(case, own) for case, own in found], pd.DataFrame(rows, columns=list(COLUMNS))


def part(case: Case, found: Sequence[Finding]) -> Part:
    """What the page shows of one experiment, given its findings."""
    name = case.evidence.name
    data = case.planned["data"]
    split_anew = "random splits of one table, each with its own teachers and seeds"
    own, shared = "data sets, each with its own teachers and seeds", "seeds, all on the same data"
    drawn = own if data["simulated"] else split_anew if data["redrawn"] else shared
    answers: dict[str, list[str]] = {}
    for each in found:
        if each.sums_up:
            answers.setdefault(each.question, []).append(each.answer)
    head = [Column("Question"), Column("Answer"), Column("Number", True), Column("95 % interval"), Column("p (Holm)", True)]
    head.append(Column("n", True, "number of replicates, or of values counted"))
    lines = [
        Row([text(each.question), text(each.answer), number(each.value), text(show_interval(each.low, each.high) or NONE),
             number(each.p), Cell(str(each.n), "", each.n)])
        for each in found
    ]  # fmt: skip
    caption = f"{name}: all findings, including single comparisons"
    return Part(name, drawn, list(answers.items()), Table(f"findings-{name}", caption, head, lines, "findings.csv"))
