"""The tables of the page that compare students on many data sets; the sentences are in ``report.questions.tables``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mtbkd.base.frames import Frame
from mtbkd.evaluation.equivalence import ROPE
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.evaluation.over_tables import levels_of, overlaps, with_level
from mtbkd.questions.tables.verdicts import (
    CONTROL,
    LABELS,
    SHARPENED,
    at_labels,
    champion,
    few,
    gain,
    groups_of,
    regime_title,
    select,
    title,
)
from mtbkd.report.numbers import NONE, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, number, text

METRICS = {"nll": "NLL", "accuracy": "accuracy"}
HEADS = {"nll": "NLL", "accuracy": "Accuracy"}
MARKS = {"better": "good", "worse": "bad"}
NLL = {"metric": "nll"}  # of rows, for the page's filter
COVERAGE = "coverage of the smallest class sets with at least 90 % probability; should be at least .9"
UNCERTAINTY = {"nll": "NLL", "ece": "ECE", "coverage": "coverage", "aurc": "AURC"}


@dataclass(frozen=True)
class View:
    """What is read of one question.

    Attributes:
        name: of the question.
        scores, per_table, found, placed: its tables scores (with ``level``), comparisons, overall and ranks.
        sizes, tuning, teachers, uncertainty, strengths, strength_gains: its tables.
        chosen_on: the group on which defaults were chosen.
        reported: the groups that test them.
        best: the variant of tip that did best on ``chosen_on``, None where there is none.
        level: the number of labels at which one is told.
    """

    name: str
    scores: Frame
    per_table: Frame
    found: Frame
    placed: Frame
    sizes: Frame
    tuning: Frame
    teachers: Frame
    uncertainty: Frame
    strengths: Frame
    strength_gains: Frame
    chosen_on: str
    reported: Sequence[str]
    best: str | None
    level: str

    @classmethod
    def of(cls, name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Self:
        per_table, found, placed = (tables[table] for table in ("comparisons", "overall", "ranks"))
        chosen_on, reported = groups_of(settings["groups"], set(per_table["group"]))
        own = ("sizes", "tuning", "teachers", "uncertainty", "strengths", "strength_gains")
        rest = {table: tables[table] for table in own}
        best, level = champion(placed, chosen_on), few(levels_of(found))
        return cls(name, with_level(tables["scores"]), per_table, found, placed, **rest,
                   chosen_on=chosen_on, reported=reported, best=best, level=level)  # fmt: skip

    @property
    def shown(self) -> list[str]:
        """The students that have a column, labels alone first."""
        known = set(self.found["method"]) | set(self.found["reference"])
        best = [self.best] if self.best else []
        wanted = dict.fromkeys([LABELS, CONTROL, "bkd_best", "kd_equal", SHARPENED, "tip_equal", *best])
        return [method for method in wanted if method in known]


def outcome(row: Mapping[str, Any]) -> str:
    """What a comparison over tables allows to say, in a word or two."""
    if row["verdict"] == "open":
        return "equivalent" if row["practical"] == "equivalent" else "open"
    small = f", by less than {ROPE[row['metric']]:g}" if row["practical"] == "equivalent" else ""
    return f"{row['verdict']}{small}"


def gain_text(row: Mapping[str, Any]) -> str:
    """``+0.312 [+0.210, +0.414]``."""
    middle, low, high = gain(row)
    return f"{show(middle, True)} {show_interval(low, high, True)}".strip()


def gain_cell(row: Mapping[str, Any]) -> Cell:
    """A gain over tables, its interval, the verdict, and on how many tables it is decided alone."""
    middle, low, high = gain(row)
    sides = [f"{row[f'tables_{word}']} of {row['n']} tables {word} alone" for word in MARKS if row[f"tables_{word}"]]
    below = [show_interval(low, high, True), outcome(row), *sides]
    return Cell(show(middle, True), "; ".join(filter(None, below)), middle, MARKS.get(row["verdict"], ""))


def gains_table(view: View, group: str, metric: str) -> Table:
    """Every regime and number of labels; the gain of the students shown over labels alone, over the tables of ``group``."""
    hint = (
        f"gain in {METRICS[metric]} over labels alone, mean over tables, positive is better; below: 95 % interval over tables"
    )
    methods = [method for method in view.shown if method != LABELS]
    head = [
        Column("Teachers"),
        Column("Labels", True),
        Column("Tables", True),
        *(Column(title(m), True, hint, method=m) for m in methods),
    ]
    rows = []
    for (regime, level), own in _cells(select(view.found, group=group, metric=metric, reference=LABELS)):
        by_method = {row["method"]: row for row in own.to_dict("records")}
        cells = [gain_cell(by_method[m]) if m in by_method else text(NONE) for m in methods]
        rows.append(Row([text(regime_title(regime)), text(level), number_of(own["n"].max()), *cells], data={"metric": metric}))
    caption = f"{HEADS[metric]} gained over labels alone, over tables {group}"
    return Table(f"{view.name}-gains-{group}-{metric}", caption, head, rows)


def number_of(value: float) -> Cell:
    """A count."""
    return Cell(f"{value:.0f}", "", float(value))


def _cells(rows: Frame) -> list[tuple[tuple[str, str], Frame]]:
    """(regime, level) -> its rows, regimes as they come, few labels first."""
    regimes, levels = list(dict.fromkeys(rows["regime"])), levels_of(rows)
    found = [((regime, level), select(rows, regime=regime, level=level)) for regime in regimes for level in levels]
    return [(key, own) for key, own in found if len(own)]


def edge_table(view: View, group: str) -> Table:
    """The variant of tip that is reported against kd on the sharpened mean."""
    head = [Column("Teachers"), Column("Labels", True), Column("Tables", True)]
    for metric, word in HEADS.items():
        hint = "mean over tables, positive is better; below: 95 % interval over tables"
        head.append(Column(f"{word} gained", True, hint, metric=metric))
        region = f"posterior probability that a new table shows a difference within \N{PLUS-MINUS SIGN}{ROPE[metric]:g}"
        hint = f"{region} (same) or beyond; Bayesian signed-rank test"
        head.append(Column(f"{word}: better / same / worse", True, hint, metric=metric))
    rows = []
    for (regime, level), own in _cells(select(view.found, group=group, reference=SHARPENED, method=view.best)):
        cells = []
        for metric in METRICS:
            found = select(own, metric=metric).to_dict("records")
            cells += [gain_cell(found[0]), _probabilities(found[0])] if found else [text(NONE)] * 2
        rows.append(Row([text(regime_title(regime)), text(level), number_of(own["n"].max()), *cells]))
    caption = f"{title(view.best or '')} vs {title(SHARPENED)}, over tables {group}"
    return Table(f"{view.name}-edge-{group}", caption, head, rows)


def _probabilities(row: Mapping[str, Any]) -> Cell:
    ends = [row["prob_lower"], row["prob_higher"]]
    worse, better = ends if row["higher_is_better"] else ends[::-1]
    told = " / ".join("\N{EN DASH}" if math.isnan(p) else f"{p:.2f}" for p in (better, row["prob_equivalent"], worse))
    return Cell(told, "", better)


def scores_table(view: View, group: str) -> Table:
    """NLL and accuracy of the students shown on every table of ``group``, with few labels."""
    hint = "mean over random splits; below: 95 % intervals, corrected resampled t"
    columns = (Column(f"{title(m)}: NLL / accuracy", True, hint, method=m) for m in view.shown)
    head = [Column("Table"), Column("Teachers"), *columns]
    own = select(view.scores, group=group, level=view.level, kind="student")
    decided = select(view.per_table, group=group, level=view.level, metric="nll", reference=LABELS)
    verdicts = {(r["table"], r["regime"], r["method"]): r["verdict"] for r in decided.to_dict("records")}
    overlap, rows = overlaps(view.sizes), []
    for (table, regime), each in own.groupby(["table", "regime"], sort=False):
        cells = [_score(select(each, method=m), overlap[table], verdicts.get((table, regime, m), "")) for m in view.shown]
        rows.append(Row([text(table), text(regime_title(regime)), *cells]))
    caption = f"Scores on every table {group} with {at_labels(view.level)}; the verdict compares NLL with labels alone"
    return Table(f"{view.name}-scores-{group}", caption, head, rows)


def _score(rows: Frame, overlap: float, verdict: str) -> Cell:
    found = [interval(select(rows, metric=metric)["value"], range_of(metric), overlap) for metric in METRICS]
    if not found[0].n:
        return text(NONE)
    sub = " / ".join(show_interval(each.low, each.high) for each in found)
    words = f"{sub} {verdict if verdict in MARKS else ''}".strip()
    return Cell(" / ".join(show(each.mean) for each in found), words, found[0].mean, MARKS.get(verdict, ""))


def ranks_table(view: View, group: str) -> Table:
    """Mean rank of every student by NLL, a column a regime, with few labels."""
    own = select(view.placed, group=group, level=view.level, metric="nll")
    regimes = list(dict.fromkeys(own["regime"]))
    head = [Column("Student")]
    for first in (select(own, regime=regime).iloc[0] for regime in regimes):
        told = f"over {first['tables']} tables; critical difference {show(first['critical_difference'])}"
        head.append(Column(regime_title(first["regime"]), True, told, "1 is best"))
    rank = {(r["regime"], r["method"]): r["rank"] for r in own.to_dict("records")}
    order = own.groupby("method", sort=False)["rank"].mean().sort_values().index
    rows = [Row([text(title(m)), *(number(rank.get((regime, m), math.nan)) for regime in regimes)], data=NLL) for m in order]
    return Table(f"{view.name}-ranks-{group}", f"Mean rank by NLL over tables {group}, {at_labels(view.level)}", head, rows)


def others_table(view: View, group: str) -> Table:
    """The gain in NLL of every student over labels alone with few labels, a column a regime."""
    own = select(view.found, group=group, level=view.level, metric="nll", reference=LABELS)
    regimes = list(dict.fromkeys(own["regime"]))
    rows = []
    for method, each in own.groupby("method", sort=False):
        by_regime = {row["regime"]: row for row in each.to_dict("records")}
        rows.append(
            Row([text(title(method)), *(gain_cell(by_regime[r]) if r in by_regime else text(NONE) for r in regimes)], data=NLL)
        )
    hint = "mean gain over tables, positive is better; below: 95 % interval over tables"
    head = [Column("Student"), *(Column(regime_title(regime), True, hint) for regime in regimes)]
    caption = f"NLL gained over labels alone by every student, over tables {group}, {at_labels(view.level)}"
    return Table(f"{view.name}-students-{group}", caption, head, rows)


def uncertainty_table(view: View, group: str) -> Table:
    """Calibration of every student with few labels."""
    own = select(view.scores, group=group, level=view.level, kind="student")
    caption = f"Quality of the students' probabilities, tables {group}, {at_labels(view.level)}"
    return _calibration(f"{view.name}-uncertainty-{group}", caption, own)


def _calibration(name: str, caption: str, rows: Frame) -> Table:
    """A row a student: means over tables, below each the paired difference to labels alone."""
    own = rows[rows["metric"].isin(UNCERTAINTY)]
    means = own.groupby(["metric", "method", "table", "regime"], sort=False)["value"].mean().groupby(level=[0, 1, 2]).mean()
    hint = "mean over tables and regimes; below: difference from labels alone with 95 % interval over tables"
    ends = {"coverage": COVERAGE}
    metrics = [metric for metric in UNCERTAINTY if metric in set(own["metric"])]
    head = [Column("Student")] + [Column(UNCERTAINTY[m], True, hint, ends.get(m, "lower is better")) for m in metrics]
    lines = []
    for method in dict.fromkeys(own["method"]):
        cells = [_against_labels(means, metric, method) for metric in metrics]
        lines.append(Row([text(title(method)), *cells]))
    return Table(name, caption, head, lines)


def _against_labels(means: Frame, metric: str, method: str) -> Cell:
    if (metric, method) not in means.index.droplevel(2):
        return text(NONE)
    own = means[metric, method]
    if method == LABELS or (metric, LABELS) not in means.index.droplevel(2):
        return number(float(own.mean()))
    found = interval(own - means[metric, LABELS])
    below = f"{show(found.mean, True)} {show_interval(found.low, found.high, True)}".strip()
    return Cell(show(float(own.mean())), below, float(own.mean()))
