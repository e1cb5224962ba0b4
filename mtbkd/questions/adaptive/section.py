"""What the page says of adaptive weights: the conformance matrix, independence of the axioms, the theorems."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.questions.adaptive import section_theorems
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, listed
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, text

TITLE = "Which adaptive weights keep the axioms, and are these independent?"
EXPLAINED = """\
Weights of teachers may follow the example (token scale), the dataset (task scale) and the place of deployment (context scale).
arXiv 2601.17910 asks five things of them at each scale and states theorems for all weights that comply. Each axiom is a
predicate on a stated domain; a search looks for its simplest counterexample. Every "no" comes with one, every "yes" with the
number of candidates tried, which is evidence but not a proof. Where the paper leaves a choice open, the definitions say ours.
"""
YES, NO = f"{MARKS['passed']} yes", f"{MARKS['failed']} no"


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer, matrix and independence; definitions, counterexamples and curves folded away."""
    matrix, independence = tables["matrix"], tables["independence"]
    told = [*_told_of_operators(matrix), *_told_of_independence(independence), *section_theorems.told(tables)]
    shown = [_matrix(name, matrix), _independence(name, independence), section_theorems.theorems(name, tables["theorems"])]
    hidden = [_statements(name, matrix), _noes(name, matrix), *section_theorems.details(name, tables)]
    return Section(told, shown, hidden)


def _told_of_operators(matrix: Frame) -> list[str]:
    kept = matrix.groupby("operator", sort=False)["holds"].sum()
    total = matrix["axiom"].nunique()
    every = [str(name) for name in kept.index[kept == total]]
    told = [f"Weights that keep all {total} axioms: {listed(every) or 'none'}. The fewest, {kept.min()}: "
            f"{listed([str(name) for name in kept.index[kept == kept.min()]])}."]  # fmt: skip
    form = matrix[(matrix["operator"] == "sufficient form") & ~matrix["holds"] & (matrix["axiom"] == "III.5")]
    for row in form.to_dict("records"):
        told.append(
            "The form that the paper calls sufficient (III.6) does not suffice for ordinal safety: a certain teacher can "
            f"outweigh a safer one. It {row['broken']} at {row['example']}. It suffices if one function of "
            "the score decides on safety-critical tokens."
        )
    return told


def _told_of_independence(independence: Frame) -> list[str]:
    own = independence["independent"].astype(bool)
    implied = independence[~own]
    return [
        f"Independence, left open by the paper: {own.sum()} of {len(own)} axioms are independent, each broken by an operator "
        f"that keeps the other {len(own) - 1}. {listed([str(number) for number in implied['axiom']])} are not: "
        "boundedness implies positivity.",
        "Three remarks. Pareto compatibility (III.14) restricts weights only if they follow the losses they weigh; with fixed "
        "weights positivity implies it. On a finite list of tasks III.11 implies III.12, and III.13 says nothing. On a compact "
        "domain positivity and continuity imply boundedness, except at context scale, where positivity may fail on a null set.",
    ]


def _matrix(name: str, matrix: Frame) -> Table:
    axioms = matrix.drop_duplicates("axiom").to_dict("records")
    head = [Column("Operator")]
    head += [
        Column(row["axiom"], hint=f"{row['title']}: {row['statement']}", group=f"{row['scale'].capitalize()} scale")
        for row in axioms
    ]
    rows = []
    for operator, own in matrix.groupby("operator", sort=False):
        cells = [_cell(row) for row in own.to_dict("records")]
        rows.append(Row([text(operator, f"{own['formula'].iloc[0]} ({own['source'].iloc[0]})"), *cells]))
    least = f"{matrix.loc[matrix['holds'], 'tried'].min():,}"
    caption = (
        f"Operators by axioms; u: entropy, loss or distance; s: safety score; yes: no violation in {least} candidates or more"
    )
    return Table(f"{name}-matrix", caption, head, rows)


def _cell(row: Mapping[str, Any]) -> Cell:
    return text(YES, "", "good") if row["holds"] else text(NO, "", "bad")


def _independence(name: str, independence: Frame) -> Table:
    rows = []
    for row in independence.to_dict("records"):
        if row["independent"]:
            cells = [text(YES, "", "good"), text(row["witness"], row["reason"]), text(row["example"], f"it {row['broken']}"),
                     text(f"{row['kept']} of 14", f"{row['tried']:,} candidates")]  # fmt: skip
        else:
            cells = [text(NO, "", "bad"), text(f"implied by {row['by']}", row["reason"]), text("\N{EN DASH}"),
                     text("\N{EN DASH}", f"broken without {row['by']}: {count(row['kept'], 'operator')}")]  # fmt: skip
        rows.append(Row([text(f"{row['axiom']} {row['title']}", f"{row['scale']} scale"), *cells]))
    head = [Column("Axiom"), Column("Independent"), Column("Operator that breaks it alone", hint="equal weights elsewhere"),
            Column("Where it breaks it"), Column("Other axioms kept")]  # fmt: skip
    return Table(
        f"{name}-independence", "Independence: for each axiom an operator that breaks only it, or a reason", head, rows
    )


def _statements(name: str, matrix: Frame) -> Table:
    rows = [
        Row([text(row["axiom"], f"{row['title']}, {row['scale']} scale"), text(row["statement"]), text(row["where"])])
        for row in matrix.drop_duplicates("axiom").to_dict("records")
    ]
    head = [Column("Axiom"), Column("Statement"), Column("Where, and what we fixed")]
    return Table(f"{name}-statements", "Definitions: the paper's statements, and our choices where it is open", head, rows)


def _noes(name: str, matrix: Frame) -> Table:
    rows = [
        Row([text(row["operator"]), text(row["axiom"], row["title"]), text(row["example"]), text(row["broken"])])
        for row in matrix[~matrix["holds"]].to_dict("records")
    ]
    head = [Column("Operator"), Column("Axiom"), Column("Smallest counterexample"), Column("Violation: it ...")]
    return Table(f"{name}-counterexamples", f"{count(len(rows), 'no', 'noes')}, each with a counterexample", head, rows)
