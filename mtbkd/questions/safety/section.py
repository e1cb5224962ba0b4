"""What the report says of students that must avoid some classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import UNIT, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.numbers import Estimate, count, listed, show, show_estimate
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, score, text

TITLE = "Distillation under a constraint: avoiding some classes"
EXPLAINED = """\
The student's mean probability for a designated set of classes, over all training inputs, is held below a limit, with
everything else unchanged. What does this cost? The multiplier is the marginal price: nats of the training objective per
example for one unit of probability. The test scores show how much of the constraint carries over to new examples, and at what
cost.
"""
STRICT = 0.01  # of the limit: a mean probability above it by less counts as held
FREE, SAFEST = "none", "safest teacher"


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer; every limit with its price; the checks of the solutions and the teachers folded away."""
    students, teachers, prices = tables["students"], tables["teachers"], tables["prices"]
    shown = [_limit_table(name, students, prices)]
    folded = [_check_table(name, students), _teacher_table(name, teachers)]
    return Section(_told(students, teachers, prices, settings), shown, folded)


def _told(students: Frame, teachers: Frame, prices: Frame, settings: Mapping[str, Any]) -> list[str]:
    named = list(settings["classes"])
    classes = f"{'class' if len(named) == 1 else 'classes'} {listed(named)}" if named else "the last class"
    free = students[students["origin"] == FREE]
    limited = students[students["origin"] != FREE]
    held = int((limited["violation"] <= STRICT * limited["limit"]).sum())
    strictest = prices[prices["limit"] == prices["limit"].min()].set_index("metric")
    safest = teachers.groupby("teacher")["mass_train"].mean()
    told = [
        f"The set to avoid is {classes}. Without a limit its mean probability is {show(free['mass_train'].mean())}; "
        f"the teachers {listed([f'{show(mass)} ({teacher})' for teacher, mass in safest.items()])}. Of "
        f"{count(len(limited), 'constrained fit')}, {held} stay below their limit (to within {100 * STRICT:g} % of it); "
        f"on test examples the set gets {show((limited['mass_test'] / limited['mass_train']).mean())} times what it gets "
        "in training.",
        f"The strictest limit, {show(float(strictest['limit'].iloc[0]))}, changes the test NLL by "
        f"{_estimate_text(strictest.loc['nll'])} nats and the accuracy by {_estimate_text(strictest.loc['accuracy'])}.",
    ]
    own = prices[(prices["origin"] == SAFEST) & (prices["metric"] == "nll")]
    if len(own):
        told.append(
            f"Staying below the safest teacher, on average {show(float(own['limit'].iloc[0]))}, changes the test NLL by "
            f"{_estimate_text(own.iloc[0])} nats. This is an imposed constraint; no pool of the teachers guarantees it."
        )
    return told


def _estimate(row: Mapping[str, Any]) -> Estimate:
    return Estimate(float(row["difference"]), float(row["low"]), float(row["high"]), int(row["n"]), "replicates")


def _estimate_text(row: Mapping[str, Any]) -> str:
    return show_estimate(_estimate(row), signed=True)


def _groups(students: Frame) -> list[tuple[str, float, Frame]]:
    """(origin, limit, its rows), no limit first, then the stated ones from loose to strict, then the safest teacher's."""
    found = []
    for origin in (FREE, "stated", SAFEST):
        own = students[students["origin"] == origin]
        if origin == "stated":
            found += [(origin, float(limit), rows) for limit, rows in reversed(list(own.groupby("limit")))]
        elif len(own):
            found.append((origin, float(own["limit"].mean()), own))
    return found


def _limit_cell(origin: str, limit: float) -> Cell:
    if not np.isfinite(limit):
        return Cell("none", "", 1.0)
    return Cell(show(limit), "the safest teacher's, mean" if origin == SAFEST else "", limit)


def _mean_cell(rows: Frame, column: str) -> Cell:
    within = UNIT if column.startswith("mass") else range_of(column)
    return score(Estimate(*interval(rows[column], within), "replicates"))


def _limit_table(name: str, students: Frame, prices: Frame) -> Table:
    head = [
        Column("Limit", True, "on the set's mean probability"),
        Column("Training", True, "the set's mean probability in training examples, with 95 % interval over replicates"),
        Column("Test", True, "the same in test examples"),
        Column("Multiplier", True, "nats per example for a unit of probability"),
        Column("NLL", True, "on test examples, nats", "lower"),
        Column("Change of NLL", True, "compared with no limit, paired"),
        Column("Change of accuracy", True, "compared with no limit, paired"),
    ]
    lines = []
    for origin, limit, rows in _groups(students):
        cells = [_limit_cell(origin, limit)]
        cells += [_mean_cell(rows, column) for column in ("mass_train", "mass_test", "multiplier", "nll")]
        for metric in ("nll", "accuracy"):
            own = prices[(prices["origin"] == origin) & np.isclose(prices["limit"], limit) & (prices["metric"] == metric)]
            cells.append(score(_estimate(own.iloc[0]), signed=True) if len(own) else text("reference"))
        lines.append(Row(cells))
    return Table(f"{name}-limits", "Cost of each limit", head, lines)


def _check_table(name: str, students: Frame) -> Table:
    head = [
        Column("Limit", True),
        Column("Violation", True, "largest excess over the limit, all replicates"),
        Column("Stationarity", True, "largest component of the gradient of objective plus multiplier times constraint"),
        Column("Complementarity", True, "largest multiplier times distance to the limit"),
        Column("Objective", True, "negative log-posterior per training example, mean over replicates"),
    ]
    lines = [
        Row([
            _limit_cell(origin, limit),
            *(_scientific(rows[column].max()) for column in ("violation", "stationarity", "complementarity")),
            number(rows["objective"].mean()),
        ])
        for origin, limit, rows in _groups(students)
    ]  # fmt: skip
    caption = "Are the constrained students optimal? Residuals of the Karush-Kuhn-Tucker conditions; all should be near 0"
    return Table(f"{name}-checks", caption, head, lines)


def _scientific(value: float) -> Cell:
    return Cell(f"{value:.1e}".replace("-", "\N{MINUS SIGN}") if value else "0", "", value)


def _teacher_table(name: str, teachers: Frame) -> Table:
    head = [Column("Teacher"), Column("Training", True, "the set's mean probability"), Column("Test", True)]
    lines = [
        Row([text(teacher), number(rows["mass_train"].mean()), number(rows["mass_test"].mean())])
        for teacher, rows in teachers.groupby("teacher", sort=False)
    ]
    return Table(f"{name}-teachers", "Probability of the set under each teacher", head, lines)
