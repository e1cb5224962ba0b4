"""What the report says of weights and experts."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, over_examples
from mtbkd.report.numbers import Estimate, show_interval
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, number, score, text

TITLE = "Do the weights find the right expert?"
EXPLAINED = """\
Each teacher knows some part of the data best. Weights computed from the teachers' predictions should be largest for a teacher
that knows the example, without being given which one that is.
"""


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """How often the weights are right, and the confusion of groups and teachers."""
    found, confusion = tables["found"], tables["confusion"]
    return Section([_told(row) for row in found.to_dict("records")], [_found_table(name, found)], [_confusion(name, confusion)])


def _estimate(row: Mapping[str, Any]) -> Estimate:
    found = over_examples(row["found"], row["se"], int(row["n"]), SHARE)
    return Estimate(found.mean, found.low, found.high, 1, "examples")


def _told(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return f"{row['weights']} weights: every teacher knows every example, so there is no expert to find."
    e = _estimate(row)
    verdict = "more often than" if e.low > row["chance"] else "less often than" if e.high < row["chance"] else "as often as"
    return (
        f"{row['weights']} weights put a teacher that knows the example first in {100 * e.mean:.1f} % of {row['n']:,} test "
        f"examples {show_interval(e.low, e.high)}, {verdict} chance ({100 * row['chance']:.1f} %); such teachers "
        f"hold {100 * row['weight_on_experts']:.1f} % of the weight on average."
    )


def _found_table(name: str, found: Frame) -> Table:
    head = [Column("Weights"), Column("Expert first", True, "share of the test examples", "higher")]
    head += [Column("By chance", True, "the same share for randomly drawn teachers")]
    head += [Column("Weight on experts", True, "mean joint weight of the teachers that know the example", "higher")]
    rows = [
        Row([text(row["weights"]), score(_estimate(row)), number(row["chance"]), number(row["weight_on_experts"])])
        for row in found.to_dict("records")
    ]
    return Table(f"{name}-found", f"{name}: how often the teacher with the largest weight knows the example", head, rows)


def _confusion(name: str, confusion: Frame) -> Table:
    head = [Column("Weights"), Column("True group"), Column("Teacher"), Column("Knows the group")]
    head += [Column("First", True, "share of the group's examples on which it weighs most"), Column("Mean weight", True)]
    head += [Column("Its accuracy", True), Column("Examples", True)]
    rows = []
    for row in confusion.to_dict("records"):
        cells = [text(row["weights"]), text(row["group"]), text(row["teacher"]), text("yes" if row["knows"] else "no")]
        cells += [number(row[key]) for key in ("first", "mean_weight", "accuracy")]
        rows.append(Row([*cells, number(row["n"])]))
    return Table(f"{name}-confusion", f"{name}: weights by true group and teacher", head, rows)
