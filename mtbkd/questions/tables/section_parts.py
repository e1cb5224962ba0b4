"""The tables of the page on how students of many tables were tuned, who taught them, and how large the tables are."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval
from mtbkd.inference.sharpness import COLUMN
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.section_ranks import View, number_of
from mtbkd.questions.tables.verdicts import regime_title, title
from mtbkd.report.numbers import NONE, Estimate, listed
from mtbkd.report.table import Cell, Column, Row, Table, number, score, text

SETTINGS = {
    "kappa": "strength \N{GREEK SMALL LETTER KAPPA}",
    "lambda": "sharpness \N{GREEK SMALL LETTER LAMDA}",
    "teacher_temperature": "teachers' temperature",
    "no_teacher": "weight of no teacher",
    "prior_scale": "prior scale",
}
OFTEN = 0.1  # share of the choices at an edge from which it is told
WHERE = {"own": "own domain", "other": "other domains", "all": "all rows"}


def tuning_table(view: View) -> Table:
    """What each student chose, as shares of all tables, splits, regimes and numbers of labels."""
    known = [setting for setting in SETTINGS if setting in view.tuning and view.tuning[setting].notna().any()]
    head = [Column("Student"), *(Column(SETTINGS[s].capitalize(), hint="share of the choices") for s in known)]
    head.append(Column("At an edge", hint="of a grid of three or more, share of the choices"))
    head.append(Column("Where the loss still falls", hint="by more than 0.01 nats from the value before the edge to the edge"))
    head.append(Column("Sharpness", True, "mean |responsibility \N{MINUS SIGN} weight| of teachers, where 0 is kd", ""))
    rows = []
    for method, own in view.tuning.groupby("method", sort=False):
        told = [
            ", ".join(f"{SETTINGS.get(name, name)} {share:.0%}" for name, share in edge_shares(own, column).items())
            for column in ("at_edge", "falling")
        ]
        reads = METHODS[str(method)].reads | {"prior_scale"}
        cells = [text(_shares(own[s]) if s in reads else NONE) for s in known]
        cells += [*(text(words or "none") for words in told), number(float(own[COLUMN].mean()))]
        rows.append(Row([text(title(str(method))), *cells]))
    return Table(f"{view.name}-tuned", "Settings chosen by cross-validation within the labels", head, rows)


def _shares(values: Any) -> str:
    """``0.25: 60%, 1: 40%``, the smallest first."""
    counted = Counter(values.dropna())
    return ", ".join(f"{value:g}: {n / counted.total():.0%}" for value, n in sorted(counted.items())) or NONE


def edge_shares(rows: Frame, column: str) -> dict[str, float]:
    """Setting -> share of one student's choices that lie at an edge of its grid; ``column``: at_edge or falling."""
    named = Counter(name for told in rows[column].fillna("") for name in told.split(", ") if name)
    return {name: n / len(rows) for name, n in named.items()}


def edges_told(view: View, methods: Sequence[str]) -> str:
    """Whether wider grids may change the numbers of ``methods``: how often the loss still falls at an edge."""
    told, edges = [], 0.0
    for method in methods:
        own = view.tuning[view.tuning["method"] == method]
        edges = max([edges, *edge_shares(own, "at_edge").values()])
        often = [f"{SETTINGS.get(n, n)} in {share:.0%}" for n, share in edge_shares(own, "falling").items() if share >= OFTEN]
        if often:
            told.append(f"{title(method)} ({listed(often)})")
    if told:
        return (
            f"Cross-validation often chose the edge of a grid where the loss still falls, so a wider grid may change the "
            f"numbers: {listed(told)}."
        )
    if edges < OFTEN:
        return ""
    return (
        f"Up to {edges:.0%} of the choices of a setting lie at the edge of its grid, but the loss rarely still falls there: "
        f"such an edge means no teacher, teachers alone, hard votes or no prior."
    )


def teachers_table(view: View) -> Table:
    """Accuracy of teachers at home and away, mean over teachers and splits."""
    head = [Column("Table"), Column("Teachers"), *(Column(f"Accuracy, {WHERE[w]}", True) for w in WHERE)]
    rows = []
    for (table, regime), own in view.teachers.groupby(["table", "regime"], sort=False):
        cells = [_accuracy(own[own["rows"] == where]) for where in WHERE]
        rows.append(Row([text(table), text(regime_title(regime)), *cells]))
    return Table(f"{view.name}-teachers", "Accuracy of the teachers on test rows, mean over teachers", head, rows)


def _accuracy(rows: Frame) -> Cell:
    if not rows["accuracy"].notna().any():
        return text(NONE)
    return score(Estimate(*interval(rows.groupby("replicate")["accuracy"].mean(), SHARE), "replicates"))


def sizes_table(view: View) -> Table:
    """Rows, columns, classes and who gets which rows."""
    names = {"rows": "Rows", "features": "Features", "classes": "Classes", "teachers": "Teachers' rows",
             "students": "Students' rows", "test": "Test rows"}  # fmt: skip
    known = [name for name in names if name in view.sizes]
    first = view.sizes.groupby(["group", "table"], sort=False)[known].first()
    head = [Column("Table"), Column("Group"), *(Column(names[name], True) for name in known)]
    rows = [
        Row([text(table), text(group), *(number_of(row[name]) for name in known)])
        for (group, table), row in zip(first.index, first.to_dict("records"), strict=True)
    ]
    return Table(f"{view.name}-sizes", "The tables", head, rows)
