"""The page's account of prediction sets."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from mtbkd.evaluation.tables import COLUMNS
from mtbkd.report.sets import all_sets_table, sentences, sets_table, shown_level, summaries
from tests.report.sentences import dense
from tests.report.test_answers import evidence


def rows_of(method: str, kind: str, form: str, covered: list[float], left: float, tuned: bool = False) -> list[dict]:
    """Coverage by replicate on the whole test split, and in the domain `left` of all replicates."""
    common = {"method": method, "kind": kind, "form": form, "level": 0.9, "split": "test", "size": 1.5, "one": 0.5,
              "tuned": tuned, "guaranteed": math.nan, "coverage_low": 0.7, "coverage_high": 0.8}  # fmt: skip
    places = [("all", covered), ("left", [left] * len(covered)), ("right", [0.99] * len(covered))]
    return [
        {**common, "replicate": r, "domain": domain, "coverage": value}
        for domain, values in places
        for r, value in enumerate(values)
    ]


@pytest.fixture
def sets() -> pd.DataFrame:
    rows = rows_of("tip_sgld", "credible", "credible", [0.79, 0.8, 0.81], 0.7)
    rows += rows_of("tip_sgld", "aps", "split", [0.89, 0.9, 0.92], 0.86, tuned=True)
    rows += rows_of("kd_map", "credible", "credible", [0.75], 0.6)
    return pd.DataFrame(rows, columns=COLUMNS["sets"])


def test_a_set_that_covers_too_little_is_marked(sets: pd.DataFrame) -> None:
    found = summaries(sets, shared=False)
    own = found["tip_sgld", "credible", "credible", 0.9]
    assert own.coverage == pytest.approx(0.8) and own.high < 0.9 and (own.worst, own.where) == (pytest.approx(0.7), "left")
    assert (found["kd_map", "credible", "credible", 0.9].low, found["kd_map", "credible", "credible", 0.9].high) == (0.7, 0.8)
    own = summaries(sets, shared=True)["tip_sgld", "aps", "split", 0.9]  # seeds alone say nothing of other test examples
    assert (own.low, own.high) == pytest.approx((0.7, 0.8)) and own.coverage > 0.9
    table = sets_table(evidence(), sets)
    assert table and [name for name, _ in table.groups if name] == ["Credible", "APS, split"]
    cells = {row.cells[0].sub: row.cells for row in table.rows}
    assert [cell.mark for cell in cells["tip_sgld"][1:]] == ["bad", "bad", "", "", "", ""]
    assert "tuned" in cells["tip_sgld"][4].sub and cells["kd_map"][4].text == "\N{EN DASH}"  # no conformal sets of it
    assert (full := all_sets_table(evidence(), sets)) and len(full.rows) == 3


def test_sentences_count_methods_with_few_numbers(sets: pd.DataFrame) -> None:
    told = sentences(evidence(), sets)
    assert told == [
        "Credible sets cover clearly too little for 2 of 2 methods.",
        "Split conformal sets (APS) cover clearly too little for none of 1 method.",
    ]
    (wide,) = sentences(evidence(), sets[sets["kind"] == "aps"].assign(level=0.8))
    assert wide.endswith("for none of 1 method. They cover clearly too much for 1.")
    assert not dense([*told, wide]) and sentences(evidence(), sets[sets["form"] == "credible"]) == []
    assert shown_level(pd.concat([sets, sets.assign(level=0.8)])) == 0.9 and shown_level(sets.assign(level=0.8)) == 0.8
    assert sets_table(evidence(), sets[:0]) is None and all_sets_table(replace(evidence()), sets[:0]) is None
