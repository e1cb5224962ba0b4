"""The page's filter in a real browser: it acts on rows, and on columns that are a method's or a metric's."""

from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from mtbkd.report.choices import groups
from mtbkd.report.page import TEMPLATES
from mtbkd.report.table import Column, Row, Table, text
from mtbkd.report.titles import Student
from tests.workflow.test_browser import start

pytestmark = pytest.mark.browser
STUDENTS = [Student("labels", "labels alone", "none", "map"), Student("kd_equal", "KD", "kd", "map"),
            Student("aekd", "AEKD", "AEKD", "vi")]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One table with a row a student, one with a column a student and a row a metric."""
    rows = [Row([text(each.title)], data={"method": each.method, "signal": each.signal}) for each in STUDENTS]
    down = Table("down", "Rows", [Column("Student")], rows)
    head = [Column("Labels"), *(Column(each.title, method=each.method) for each in STUDENTS)]
    lines = [Row([text(name), text(1), text(2), text(3)], data={"metric": name}) for name in ("nll", "accuracy")]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= dict.fromkeys(("explained", "in_words", "called"), str)
    macros: Any = environment.get_template("macros.html.j2").module
    form = environment.get_template("filter.html.j2").render(filters=groups([], STUDENTS))
    tables = "".join(str(macros.table(each)) for each in (down, Table("across", "Columns", head, lines)))
    script = "".join((TEMPLATES / f"{name}.js").read_text() for name in ("common", "tables", "filter"))
    path = tmp_path_factory.mktemp("filter") / "page.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{form}<main>{tables}</main><script>{script}</script>")
    return path.as_uri()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = start(tmp_path_factory.mktemp("profile"))
    yield found
    found.quit()


@pytest.mark.parametrize(
    ("asked", "rows", "columns"),
    [
        ("", ["labels alone", "KD", "AEKD"], ["Labels", "labels alone", "KD", "AEKD"]),
        ("?signal=kd", ["KD"], ["Labels", "KD"]),
        ("?inference=map", ["labels alone", "KD"], ["Labels", "labels alone", "KD"]),
        ("?method=aekd&method=labels", ["labels alone", "AEKD"], ["Labels", "labels alone", "AEKD"]),
    ],
)
def test_a_choice_leaves_the_rows_and_columns_of_its_students(
    driver: Any, page: str, asked: str, rows: list[str], columns: list[str]
) -> None:
    driver.get(f"{page}{asked}")
    shown = "filter((each) => !each.closest('[hidden]')).map((each) => each.textContent.trim())"
    told = f"return [...document.querySelectorAll('{{}}')].{shown}"
    assert driver.execute_script(told.format("table:has(#down) tbody th")) == rows
    assert driver.execute_script(told.format("table:has(#across) thead th")) == columns
    first = driver.execute_script(told.format("table:has(#across) tbody tr:first-child > *"))
    assert len(first) == len(columns), "cells go with their columns"
