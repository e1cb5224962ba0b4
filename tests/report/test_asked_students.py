"""The students of a question: titles in its tables, rows that the filter knows, and links only where there are cards."""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from mtbkd.report import asked_students
from mtbkd.report.choices import groups
from mtbkd.report.table import Column, Row, Table, number, text
from mtbkd.report.titles import Student

SPEC = {"signal": {"name": "tip"}, "weights": "entropy", "inference": {"name": "sgld"}}
EXPERIMENTS = {"exp": {"methods": {"tip_entropy_sgld": SPEC}}}
SECTION: Any = SimpleNamespace()


def test_students_of_an_experiment_have_cards_and_those_of_a_table_have_none() -> None:
    known, carded = asked_students.students({"experiment": "exp"}, EXPERIMENTS, SECTION, {})
    assert carded and known == {"tip_entropy_sgld": Student("tip_entropy_sgld", "MT-BKD, entropy, SGLD", "tip", "sgld")}
    rows = pd.DataFrame(
        {"method": ["kd_map", "t"], "signal": ["kd", ""], "inference": ["map", ""], "kind": ["student", "teacher"]}
    )
    known, carded = asked_students.students({"experiment": None}, EXPERIMENTS, SECTION, {"scores": rows})
    assert not carded and known == {"kd_map": Student("kd_map", "KD, MAP", "kd", "map")}


def test_rows_say_titles_and_what_the_filter_knows_them_by() -> None:
    known = {"a_b": Student("a_b", "A with B", "tip", "map")}
    lines = [Row([text("set"), text("a_b"), number(1)]), Row([text("A with B")]), Row([text("teachers")])]
    found = asked_students.named(Table("t", "T", [Column("x")], lines), known, carded=True).rows
    assert [[cell.text for cell in row.cells][:2] for row in found] == [["set", "A with B"], ["A with B"], ["teachers"]]
    assert [dict(row.data) for row in found[:2]] == [{"method": "a_b", "signal": "tip", "inference": "map"}] * 2
    assert not found[2].data
    bare = asked_students.named(Table("t", "T", [Column("x")], lines), known, carded=False).rows
    assert "inference" not in bare[0].data, "only rows with an inference link to a card"


def test_the_filter_offers_the_students_of_questions() -> None:
    asked = [Student("a", "A", "tip", "map"), Student("control", "Control", "", "map"), Student("b", "B", "kd", "map")]
    found = {group.kind: [(choice.value, choice.title) for choice in group.choices] for group in groups([], asked)}
    assert found["method"] == [("a", "A"), ("control", "Control"), ("b", "B")]
    assert found["signal"] == [("tip", "MT-BKD"), ("kd", "KD (log pool)")], "a control has no signal to choose"
