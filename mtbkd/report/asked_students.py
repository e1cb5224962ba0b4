"""The students of a question on the page: titles in place of ids in its tables, and what the filter knows its rows by."""

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.report import titles
from mtbkd.report.table import Row, Table
from mtbkd.report.titles import Named, Student

PARTS = {"method", "signal", "inference"}  # columns of a table that says its students' parts


def students(
    plan: Mapping[str, Any], experiments: Mapping[str, Any], module: ModuleType, tables: Mapping[str, Frame]
) -> tuple[dict[str, Student], bool]:
    """Id -> student, and whether they are those of an experiment, which have cards.

    Args:
        plan: of the question, ``dataclasses.asdict``.
        experiments: name -> plan.
        module: the section of its kind; it may hold ``students``, of the tables.
        tables: of the question.
    """
    specs = experiments[plan["experiment"]]["methods"] if plan.get("experiment") in experiments else {}
    if specs:
        parts = (Named(m, s["signal"]["name"], s["weights"] or "", s["inference"]["name"]) for m, s in specs.items())
        return titles.students(parts), True
    if hasattr(module, "students"):
        return module.students(tables), False
    said = next((frame for frame in tables.values() if set(frame.columns) >= PARTS), None)
    return ({} if said is None else titles.of_table(said)), False


def named(table: Table, known: Mapping[str, Student], carded: bool) -> Table:
    """``table`` with the titles of students, and their rows known to the filter; those with cards lead to them."""
    said = {**{each.title: each for each in known.values()}, **known}
    return replace(table, rows=[_row(row, said, carded) for row in table.rows]) if known else table


def _row(row: Row, said: Mapping[str, Student], carded: bool) -> Row:
    at = next((place for place, cell in enumerate(row.cells) if cell.sort is None and cell.text in said), None)
    if at is None or "method" in row.data:
        return row
    student, cell = said[row.cells[at].text], row.cells[at]
    cells = [*row.cells[:at], replace(cell, text=student.title), *row.cells[at + 1 :]]
    kin = {"method": student.method, "signal": student.signal, "inference": student.inference if carded else ""}
    return replace(row, cells=cells, data={**row.data, **{key: value for key, value in kin.items() if value}})
