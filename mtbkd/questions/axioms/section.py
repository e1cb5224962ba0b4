"""What the report says of the axioms: the conformance matrix, every counterexample, how hard the others were tried."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.pooling.axioms import OURS
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, listed
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, text

TITLE = "Which properties does each pooling operator have?"
EXPLAINED = f"""\
Five desirable properties of an operator that pools several teachers' distributions into one, each in a weak and a strong form,
named in arXiv 2601.09165. {OURS} A search looks for a counterexample to each, from two teachers, two classes and simple
fractions up to random cases. Every "no" comes with the smallest counterexample found, every "yes" with the number of
candidates tried, which is evidence but not a proof.
"""


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The matrix and the statements; every no and every yes folded away."""
    matrix = tables["matrix"]
    return Section(
        _told(matrix), [_matrix(name, matrix), _statements(name, matrix)], [_noes(name, matrix), _yeses(name, matrix)]
    )


def _told(matrix: Frame) -> list[str]:
    """The best and worst operators, one example in words, and what nobody keeps."""
    kept = matrix.groupby("operator", sort=False)["holds"].sum()
    total = matrix.groupby("operator", sort=False)["holds"].size()
    best = [str(operator) for operator in kept.index[kept == kept.max()]]
    told = [f"{listed(best)} {'satisfies' if len(best) == 1 else 'satisfy'} the most: {kept.max()} of {total.iloc[0]}."]
    by_axiom = matrix.groupby(["axiom", "form"], sort=False)["holds"].agg(["sum", "size"])
    every = [f"{key} {form}" for (key, form), row in by_axiom.iterrows() if row["sum"] == row["size"]]
    nobody = [f"{key} {form}" for (key, form), row in by_axiom.iterrows() if row["sum"] == 0]
    told += [f"All operators satisfy {listed(every)}."] if every else []
    told += [f"None satisfies {listed(nobody)}."] if nobody else []
    if (kept == total).sum() == 0:
        told.append("No operator satisfies all of them, so you have to choose which property to give up.")
    broken = matrix[~matrix["holds"] & (matrix["axiom"] == "A1")]
    if len(broken):
        first = broken.iloc[0]
        told.append(f"For example, the operator '{first['operator']}' {first['broken']}: {first['example']}.")
    return told


def _matrix(name: str, matrix: Frame) -> Table:
    pairs = list(dict.fromkeys(zip(matrix["axiom"], matrix["title"], matrix["form"], matrix["statement"], strict=True)))
    head = [Column("Operator"), *(Column(f"{key} {form}", hint=f"{title}: {said}") for key, title, form, said in pairs)]
    rows = []
    for operator, own in matrix.groupby("operator", sort=False):
        found = own.set_index(["axiom", "form"])
        cells = [_cell(found.loc[(key, form)]) for key, _, form, _ in pairs]
        rows.append(Row([text(operator, own["module"].iloc[0].replace("_", " ")), *cells]))
    caption = "Operators by properties: yes with the number of candidates tried, no with the size of the counterexample"
    return Table(f"{name}-matrix", caption, head, rows)


def _cell(row: Mapping[str, Any]) -> Cell:
    if row["holds"]:
        return text(f"{MARKS['passed']} yes", f"{row['tried']:,} tried", "good")
    return text(f"{MARKS['failed']} no", f"{row['teachers']} teachers, {row['classes']} classes", "bad")


def _statements(name: str, matrix: Frame) -> Table:
    rows = [
        Row([text(f"{row['axiom']} {row['form']}", row["title"]), text(row["statement"]), text(row["where"])])
        for row in matrix.drop_duplicates(["axiom", "form"]).to_dict("records")
    ]
    return Table(f"{name}-statements", f"Definitions. {OURS}", [Column("Property"), Column("Statement"), Column("Where")], rows)


def _noes(name: str, matrix: Frame) -> Table:
    rows = [
        Row(
            [
                text(row["operator"]),
                text(f"{row['axiom']} {row['form']}", row["title"]),
                text(row["example"]),
                text(row["broken"]),
            ]
        )
        for row in matrix[~matrix["holds"]].to_dict("records")
    ]
    head = [Column("Operator"), Column("Property"), Column("Smallest counterexample"), Column("Violation: it ...")]
    return Table(f"{name}-counterexamples", f"{count(len(rows), 'no', 'noes')}, each with a counterexample", head, rows)


def _yeses(name: str, matrix: Frame) -> Table:
    rows = []
    for row in matrix[matrix["holds"]].to_dict("records"):
        margin = Cell(
            f"{row['margin']:.2g}".replace("-0", "0") if row["margin"] == 0 else f"{row['margin']:.2g}", "", row["margin"]
        )
        tried = Cell(f"{row['tried']:,}", row["sizes"], row["tried"])
        rows.append(Row([text(row["operator"]), text(f"{row['axiom']} {row['form']}", row["title"]), tried, margin]))
    head = [Column("Operator"), Column("Property"), Column("Candidates tried", True, "below: teachers x classes")]
    head.append(Column("Smallest margin", True, "distance of the closest candidate from a violation; negative by rounding"))
    return Table(f"{name}-tried", f"{count(len(rows), 'yes', 'yeses')}, each with the number of candidates tried", head, rows)
