"""The question of adaptive weights: tables, page and figure."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from mtbkd.base.frames import Frame, write_table
from mtbkd.pooling.adaptive.axioms import BY_NUMBER
from mtbkd.pooling.adaptive.evidence import Evidence
from mtbkd.pooling.adaptive.independence import WITNESSES
from mtbkd.pooling.adaptive.operators import OPERATORS
from mtbkd.pooling.adaptive.search import margins_of
from mtbkd.questions.adaptive import figure_adaptive as figure
from mtbkd.questions.adaptive import question, section
from mtbkd.questions.inputs import Inputs
from mtbkd.report.figures import style
from mtbkd.report.figures.material import Question


@cache
def tables() -> Mapping[str, Frame]:
    settings = question.Settings(candidates=50, steps=500, runs=8, cases=100)
    return question.run(Inputs.in_memory(name="weights", seed=1), settings)


def test_the_matrix_holds_every_operator_axiom_and_counterexample() -> None:
    matrix = tables()["matrix"]
    assert len(matrix) == len(OPERATORS) * 15
    for row in matrix[~matrix["holds"]].to_dict("records"):
        at = Evidence.from_json(row["evidence"])
        margin = margins_of(BY_NUMBER[row["axiom"]], OPERATORS[row["operator"]].log_weights, at)[0]
        assert margin < -row["tolerance"] and np.isclose(margin, row["margin"]) and row["example"] and row["broken"]
    assert (matrix.loc[matrix["holds"], "tried"] >= 500).all()


def test_twelve_axioms_are_independent_and_three_implied() -> None:
    found = tables()["independence"].set_index("axiom")
    assert found["independent"].sum() == 12 and set(found.index[found["independent"]]) == set(WITNESSES)
    assert (found.loc[found["independent"], "kept"] == 14).all()
    implied = found[~found["independent"]]
    assert dict(implied["by"]) == {"III.2": "III.3", "III.11": "III.12", "III.19": "III.20"} and (implied["kept"] == 0).all()


def test_the_page_answers_and_the_figure_shows_the_matrix(tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"{name}.parquet") for name in tables()}
    for name, frame in tables().items():
        write_table(frame, files[name])
    with style.style():
        (ax,) = figure.draw(Question("weights", "adaptive", {}, files)).axes
        assert len(ax.patches) == len(OPERATORS) * 15
        assert [tick.get_text() for tick in ax.get_xticklabels()][:2] == ["III.1 sums to 1", "III.2 positive"]
    shown = section.section("weights", tables(), {})
    for table in (*shown.tables, *shown.details):
        assert table.rows and all(len(row.cells) == len(table.columns) for row in table.rows)
    told = " ".join(shown.told)
    assert "Weights that keep all 15 axioms: equal and safety first." in told and "12 of 15 axioms are independent" in told
    assert "cases agree with the paper's claims" in told and "leave only 0.0154" in told and "9%, printed 13%" in told
    assert "It gives the less safe teacher 0.1 more weight" in told
