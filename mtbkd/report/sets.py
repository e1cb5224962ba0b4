"""How the page reports prediction sets: coverage, worst domain and size of credible and conformal ones."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval
from mtbkd.evaluation.scoring import ALL
from mtbkd.evaluation.sets import CREDIBLE, CROSS, SPLIT
from mtbkd.report.evidence import Evidence
from mtbkd.report.glossary import LOWER
from mtbkd.report.numbers import NONE, count, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, number, text
from mtbkd.report.titles import of_metrics

USUAL = 0.9
WORSE = 0.05  # how far the coverage of a domain may lie below the level before it is marked
NAMES = {"credible": "Credible", "threshold": "Threshold", "aps": "APS", "raps": "RAPS"}
SHOWN = ((CREDIBLE, CREDIBLE), ("threshold", SPLIT), ("aps", SPLIT))  # in the first table


class Summary(NamedTuple):
    """One method's sets of one kind, form and level, over replicates.

    ``low`` and ``high``: Student's interval of the coverage over replicates, NaN for two; where replicates share their test
    examples, or there is but one, the exact interval over these, averaged over replicates. ``worst``: the lowest mean
    coverage of a domain, ``where`` its name; NaN and "" without domains.
    """

    coverage: float
    low: float
    high: float
    worst: float
    where: str
    size: float
    one: float
    tuned: bool
    guaranteed: float

    @property
    def words(self) -> str:
        """Below the coverage: its interval, and whether the promise is approximate."""
        return "; ".join(filter(None, (show_interval(self.low, self.high), "tuned" if self.tuned else "")))


Key = tuple[str, str, str, float]


def summaries(sets: Frame, shared: bool) -> dict[Key, Summary]:
    """(method, kind, form, level) -> summary of the test split; ``shared``: all replicates have the same test examples."""
    test: Any = sets[sets["split"] == "test"].groupby(["method", "kind", "form", "level"], sort=False)
    return {key: _summary(own, shared) for key, own in test}


def _summary(own: Frame, shared: bool) -> Summary:
    whole, domains = own[own["domain"] == ALL], own[own["domain"] != ALL]
    by_domain = domains.groupby("domain")["coverage"].mean()
    where = str(by_domain.idxmin()) if len(by_domain) else ""
    found = interval(whole["coverage"].tolist(), SHARE)
    low, high = found.low, found.high
    if shared or len(whole) == 1:
        low, high = (float(whole[name].mean()) for name in ("coverage_low", "coverage_high"))
    size, one, proved = (float(whole[name].astype(float).mean()) for name in ("size", "one", "guaranteed"))
    worst = float(by_domain.min()) if where else math.nan
    return Summary(found.mean, low, high, worst, where, size, one, bool(whole["tuned"].any()), proved)


def _shared(evidence: Evidence) -> bool:
    return evidence.example_scores is not None and len(evidence.example_scores) > 0


def shown_level(sets: Frame) -> float:
    """The level of the first table: 0.9 if there, otherwise the lowest."""
    levels = sorted(sets["level"].unique())
    return USUAL if USUAL in levels else float(levels[0])


def sentences(evidence: Evidence, sets: Frame) -> list[str]:
    """For how many methods credible and APS sets clearly miss the level, by their intervals; [] without conformal sets."""
    if not (sets["form"] != CREDIBLE).any():
        return []
    level, found, told = shown_level(sets), summaries(sets, _shared(evidence)), []
    for form, name in (
        (CREDIBLE, "Credible sets"),
        (SPLIT, "Split conformal sets (APS)"),
        (CROSS, "Cross-conformal sets (APS)"),
    ):
        own = [e for (_, kind, of, at), e in found.items() if (of, at) == (form, level) and kind in (CREDIBLE, "aps")]
        if own:
            short, long = sum(each.high < level for each in own), sum(each.low > level for each in own)
            sentence = f"{name} cover clearly too little for {short or 'none'} of {count(len(own), 'method')}."
            told.append(sentence + (f" They cover clearly too much for {long}." if long else ""))
    return told


def sets_table(evidence: Evidence, sets: Frame) -> Table | None:
    """One row per method at one level: coverage, worst domain and size of the usual kinds; None without sets."""
    if not len(sets):
        return None
    level, found, titles = shown_level(sets), summaries(sets, _shared(evidence)), of_metrics(evidence.metrics)
    known = {key[1:3] for key in found}
    kinds = [each for each in SHOWN if each in known]
    head = [Column("Method", hint="its name in the configuration below")]
    for kind, form in kinds:
        group = NAMES[kind] + (f", {form}" if form != CREDIBLE else "")
        head.append(Column("Coverage", True, f"share of sets that hold the label; promised {level:.0%}", group=group))
        head.append(Column("Worst domain", True, "mean coverage in the domain where it is lowest", group=group))
        head.append(Column("Size", True, "mean number of classes in a set", LOWER, group=group))
    rows = []
    for method in dict.fromkeys(key[0] for key in found):
        cells = [text(titles.get(method, method), method)]
        for kind, form in kinds:
            cells += _cells(found.get((method, kind, form, level)), level)
        rows.append(Row(cells, data=evidence.kin(method)))
    caption = f"{evidence.name}: sets that should hold the label in {level:.0%} of the test examples"
    return Table(f"sets-{evidence.name}", caption, head, rows, "sets.csv")


def _cells(own: Summary | None, level: float) -> Sequence[Cell]:
    if own is None:
        return [text(NONE)] * 3
    mark = "bad" if own.high < level else ""
    worst = Cell(show(own.worst), own.where, own.worst, "bad" if own.worst < level - WORSE else "")
    return [Cell(show(own.coverage), own.words, own.coverage, mark), worst, number(own.size)]


def all_sets_table(evidence: Evidence, sets: Frame) -> Table | None:
    """One row per method, kind, form and level; None without sets."""
    if not len(sets):
        return None
    head = [
        Column("Method"), Column("Sets"), Column("Level", True), Column("Coverage", True),
        Column("Proved", True, "coverage that is proved, on average over calibrating and new examples"),
        Column("Worst domain", True), Column("Size", True, "mean number of classes in a set", LOWER),
        Column("One class", True, "share of sets with a single class"),
    ]  # fmt: skip
    rows = []
    for (method, kind, form, level), own in summaries(sets, _shared(evidence)).items():
        coverage, worst, size = _cells(own, level)
        name = text(NAMES[kind] + (f", {form}" if form != CREDIBLE else ""))
        cells = [text(method), name, number(level), coverage, number(own.guaranteed), worst, size, number(own.one)]
        rows.append(Row(cells, data=evidence.kin(method)))
    caption = f"{evidence.name}: all kinds of prediction sets at all levels"
    return Table(f"all-sets-{evidence.name}", caption, head, rows, "sets.csv")
