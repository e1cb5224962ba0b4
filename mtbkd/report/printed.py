"""Findings about published numbers: how many reproduce, which are impossible, and how labels alone compare."""

from collections import Counter
from collections.abc import Sequence

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.evaluation.intervals import MIN_FOR_INTERVAL
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.report.contrasts import Case, Finding, Verdict, named, pairs, said, told
from mtbkd.report.numbers import Estimate, count, estimate, show, show_estimate
from mtbkd.report.versus import (
    ABOVE_CEILING,
    COMPATIBLE,
    COUNTED,
    FITTED,
    NOT_STATED,
    Replicates,
    Versus,
    as_printed,
    half_width,
)

REPRODUCES = "Do the published numbers reproduce?"
SAID = {"better": "better than published", "worse": "worse", "open": "compatible, within the prediction interval of one run"}
ORDER = "Does the best published student remain the best?"
ORDERED: dict[Verdict, str] = {
    "better": "better, as published",
    "worse": "worse, contrary to the published order",
    "open": "no difference can be claimed",
}
IMPOSSIBLE = "Which published numbers exceed the Bayes ceiling?"
LABELS = "How do labels alone compare with the published students?"
WORDS = {"acc_overall": "accuracy", "mse_p": "squared error of p", "mae_p": "absolute error of p"}


def reproduction(case: Case) -> list[Finding]:
    """Counts of verdicts over all published numbers and over those of students."""
    name, found = case.evidence.name, []
    for whose, rows in (("published", case.versus), ("published student", [v for v in case.versus if not _teacher(v)])):
        if rows:
            counts = Counter(v.verdict for v in rows)
            judged = sum(counts[verdict] for verdict in COUNTED)
            # A published number may be compared with several of our methods.
            single = {(v.printed.quantity, v.printed.column) for v in rows if v.verdict in COUNTED}
            asked = count(len(single), f"{whose} number")
            asked = asked if judged == len(single) else f"{count(judged, 'comparison')} with {asked}"
            listed = ". ".join(f"{verdict[0].upper()}{verdict[1:]}: {counts[verdict] or 'none'}" for verdict in COUNTED)
            apart = "; ".join(f"{verdict}: {n}" for verdict, n in counts.most_common() if verdict not in COUNTED)
            text = f"{asked} can be judged. {listed}."
            text += f" Not counted: {apart}." if apart else ""
            found.append(Finding(name, REPRODUCES, text, value=counts[COMPATIBLE], n=judged))
    return found


def above_ceiling(case: Case) -> list[Finding]:
    """Each published number above the Bayes ceiling, with the ceiling and its interval."""
    found = []
    for v in case.versus:
        if v.verdict != ABOVE_CEILING:
            continue
        ceiling = ceiling_of(case, v.domain)
        where = "the whole test split" if v.domain == "all" else f"domain {v.domain}"
        text = (
            f"Published for {v.printed.column} on {where}: {v.printed.value:g}. The true probabilities reach "
            f"{show_estimate(ceiling)}, n = {ceiling.n}; {v.why}."
        )
        excess = [v.printed.value - end for end in (ceiling.mean, ceiling.high, ceiling.low)]
        found.append(Finding(case.evidence.name, IMPOSSIBLE, text, *excess, n=ceiling.n))
    return found


def ceiling_of(case: Case, domain: str = "all") -> Estimate:
    """Bayes accuracy on the test labels over replicates."""
    m = case.evidence.metrics
    return estimate(
        m[(m["kind"] == "ceiling") & (m["metric"] == "accuracy") & (m["split"] == "test") & (m["domain"] == domain)]
    )


def labels_against_printed(case: Case) -> list[Finding]:
    """The labels-only student compared with every published student number on the whole test split."""
    if not case.labels_only:
        return []
    found: list[Finding] = []
    scores = case.evidence.metrics[case.evidence.metrics["method"] == case.labels_only]
    for quantity, words in WORDS.items():
        # A published column may be compared with several of our methods.
        printed = {v.printed.column: v for v in case.versus if v.printed.quantity == quantity and _beside_labels(v)}
        metric = as_printed(published.METRIC_OF[quantity], set(scores["metric"]))
        own = case.evidence.whole(metric, "student")
        rows = own[own["method"] == case.labels_only]
        if printed and rows["value"].notna().sum() >= MIN_FOR_INTERVAL:
            found += _beside(case, metric, words, rows, list(printed.values()))
    return found


def _beside(case: Case, metric: str, words: str, rows: Frame, printed: Sequence[Versus]) -> list[Finding]:
    """The summary, then one finding per published number, with its prediction interval."""
    name, higher, ours = case.evidence.name, HIGHER_IS_BETTER[metric], estimate(rows)
    runs = Replicates.of(rows["value"], float(rows["n"].mean()))
    verdicts = [against(runs, v, metric) for v in printed]
    best = (max if higher else min)(printed, key=lambda v: v.printed.value).printed
    better, worse, level = (verdicts.count(verdict) for verdict in ("better", "worse", "open"))
    text = (
        f"Labels alone ({case.labels_only}) reach {words} {show_estimate(ours)}, n = {ours.n}. They are better than "
        f"{better} of {count(len(printed), 'published student number')}. Worse: {worse or 'none'}; "
        f"compatible: {level or 'none'}. The best published one is {best.value:g} ({best.column})."
    )
    found = [Finding(name, LABELS, text, ours.mean, ours.low, ours.high, n=ours.n)]
    for v, verdict in zip(printed, verdicts, strict=True):
        number = v.printed
        half = half_width(runs, number, metric, v.test_size)
        ends = [ours.mean - number.value - half, ours.mean - number.value + half]
        text = f"Published for {number.column}, {words}: {number.value:g}; "
        text += f"labels alone reach {show(ours.mean)}: {SAID[verdict]}."
        found.append(Finding(name, LABELS, text, ours.mean - number.value, *ends, n=ours.n, sums_up=False))
    return found


def printed_order(case: Case) -> list[Finding]:
    """The most accurate published student, paired with every other published student that we ran."""
    ran = {v.method: v.printed for v in case.versus if v.metric == "accuracy" and v.method and _beside_labels(v)}
    if len(ran) < 2:
        return []
    best = max(ran, key=lambda method: ran[method].value)
    found = pairs(case, [(best, method) for method in ran if ran[method].column != ran[best].column], "accuracy")
    summary = told(case, ORDER, found, f"{ran[best].column}, the best published, vs the other published students")
    single = []
    for pair in found:
        first, other = ran[best], ran[pair.against]
        text = (
            f"Published: {first.column} is {first.value - other.value:.3g} above {other.column}. Ours: {named(case, pair)}, "
            f"{pair.numbers}: {said(case, pair, ORDERED)}."
        )
        single.append(Finding.of(case, ORDER, text, pair, len(found) == 1))
    return [*(summary[:1] if len(found) > 1 else []), *single]


def against(ours: Replicates, v: Versus, metric: str) -> Verdict:
    """Our runs compared with a published one, by its prediction interval."""
    difference = ours.mean - v.printed.value
    if abs(difference) <= half_width(ours, v.printed, metric, v.test_size):
        return "open"
    return "better" if (difference > 0) == HIGHER_IS_BETTER[metric] else "worse"


def _teacher(v: Versus) -> bool:
    return published.is_teacher(v.printed.column)


def _beside_labels(v: Versus) -> bool:
    """A published student number on the whole test split that is possible, uses the same data and was not fitted to."""
    return v.domain == "all" and not _teacher(v) and v.verdict not in (NOT_STATED, ABOVE_CEILING, FITTED)
