"""What the report says of two teachers who differ."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, number, text

TITLE = "How often do teachers differ?"
EXPLAINED = """\
Teachers that name the same class of every example have nothing to add to each other. Two that differ, one of them being right,
leave room for a student that knows whom to believe.
"""


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """One sentence on the pair that differs most, and the table of all pairs."""
    pairs = tables["pairs"]
    most = pairs.loc[pairs["differ"].idxmax()]
    told = f"{most['first']} and {most['second']} differ most: on {100 * most['differ']:.1f} % of the test examples."
    head = [Column("First"), Column("Second"), Column("Differ", True), Column("Either is right", True, "", "higher")]
    rows = [
        Row([text(row["first"]), text(row["second"]), number(row["differ"]), number(row["either"])])
        for row in pairs.to_dict("records")
    ]
    return Section([told], [Table(f"{name}-pairs", f"{name}: how often two teachers differ", head, rows)])
