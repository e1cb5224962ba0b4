"""From the judging of a method to what a reader sees of it: tables, the report's section and the figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.frames import Frame, write_table
from mtbkd.questions.exact import figure_sbc as figure
from mtbkd.questions.exact import question as exact
from mtbkd.questions.exact import sbc
from mtbkd.questions.exact.judging import COLUMNS, run, tables
from mtbkd.questions.exact.section import section
from mtbkd.questions.exact.spec import Settings, Spec
from mtbkd.questions.inputs import Inputs
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import style
from mtbkd.report.questions import Section
from mtbkd.report.table import Table

CASES = ["gaussian", "toy_bimodal", "toy_log_pool", "dirichlet", "dirichlet_mixture", "conjugate_lda"]


def spec(inference: str, **settings: object) -> Spec:
    content = {"method": f"my_{inference}", "inference": inference, "settings": settings, "training": {"steps": 100},
               "sbc_datasets": 40, "conjugate": {"examples": 50}, "seed": 2}  # fmt: skip
    return Spec.model_validate(content)


@pytest.fixture(scope="module")
def parts() -> dict[str, dict[str, Frame]]:
    """A method that claims a posterior, one that claims none, one that cannot be run."""
    asked = [spec("vi", steps=150, draws=2000), spec("map"), spec("dropout")]
    return {each.method: run(Inputs("judged", 2), each) for each in asked}


@pytest.fixture(scope="module")
def gathered(parts: dict[str, dict[str, Frame]]) -> dict[str, Frame]:
    own = {table: [found[table] for found in parts.values()] for table in COLUMNS}
    settings = Settings.model_validate({"methods": list(parts), "conjugate": {"examples": 100}})
    return exact.run(Inputs("judged", 3, parts={"methods": own}), settings)


@pytest.fixture(scope="module")
def shown(gathered: dict[str, Frame]) -> Section:
    return section("judged", gathered, {})


def cells(table: Table) -> dict[str, list[str]]:
    assert table.rows and all(len(row.cells) == len(table.columns) for row in table.rows)
    return {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}


def test_every_table_has_its_columns_and_every_case_its_rows(
    parts: dict[str, dict[str, Frame]], gathered: dict[str, Frame]
) -> None:
    for found in [*parts.values(), gathered]:
        assert all(list(found[name].columns) == list(columns) for name, columns in COLUMNS.items())
        assert list(dict.fromkeys(found["cases"]["case"])) == CASES
    ranks = parts["my_vi"]["ranks"]
    assert len(ranks) == 40 * len(sbc.QUANTITIES) and ranks["rank"].le(ranks["draws"]).all()
    assert list(dict.fromkeys(gathered["sbc"]["method"])) == list(parts) and set(gathered) == set(exact.TABLES)


def test_the_same_specification_gives_the_same_numbers(parts: dict[str, dict[str, Frame]]) -> None:
    again = run(Inputs("judged", 2), spec("vi", steps=150, draws=2000))
    for name, table in parts["my_vi"].items():
        first, second = (each.drop(columns="seconds", errors="ignore") for each in (table, again[name]))
        pd.testing.assert_frame_equal(first, second)


def test_the_section_says_who_recovers_what(shown: Section) -> None:
    recovery = cells(shown.tables[0])
    assert len(shown.tables[0].columns) == 1 + len(CASES)
    assert recovery["my_vi"][0].endswith("fails")  # mean-field on a correlated normal distribution
    assert all(text.endswith("not claimed") for text in recovery["my_map"])
    assert all(text.endswith("not run") for text in recovery["my_dropout"])
    assert "hidden layer" in shown.tables[0].rows[2].cells[1].sub
    assert shown.told[0].startswith("Of 1 method that claim")
    assert (shown.cards[0].answer, shown.cards[0].number) == ("None of them", "0 of 1 method with every case recovered")


def test_the_section_tells_calibration_by_quantity(shown: Section) -> None:
    found = cells(shown.tables[1])
    assert [column.name for column in shown.tables[1].columns[4:]] == list(sbc.QUANTITIES)
    assert found["my_vi"][1] == "40" and all(text.startswith("p ") for text in found["my_vi"][3:])
    assert found["my_map"][0].endswith("not claimed") and found["my_map"][1] == "\N{EN DASH}"


def test_published_accuracies_above_the_ceiling_are_called_so(shown: Section) -> None:
    verdicts = {(row.cells[0].text, row.cells[1].text): row.cells[5].text for row in shown.tables[2].rows}
    assert verdicts["accuracy", "qda_teacher"] == verdicts["accuracy", "bkd"] == "above the ceiling"
    assert ("coverage@0.95", "bkd") in verdicts and ("mae_p", "lda") in verdicts


def test_the_printed_table_gets_ours_with_both_intervals(shown: Section) -> None:
    found = {(v.printed.quantity, v.printed.column): v for v in shown.versus["bkd_c5_conjugate"]}
    lda = found["mae_p", "lda"]
    assert lda.ours.low < lda.ours.mean < lda.ours.high and lda.half > lda.ours.high - lda.ours.mean
    assert found["accuracy", "bkd"].verdict == "above the ceiling"


def test_the_answer_opens_the_page_and_puts_inference_first(shown: Section) -> None:
    assert shown.on_inference and shown.answers == [("Do the algorithms recover known answers?", shown.told)]


def test_the_figure_is_the_difference_of_the_ranks_distribution(tmp_path: Path) -> None:
    """Ranks in the lower half only: the share below rises to .5 at the middle and falls to 0 at the end."""
    rows = [{"method": "low", "quantity": "weight 1", "dataset": i, "rank": i % 50, "draws": 99} for i in range(200)]
    asked = {}
    for name, own in (("low", rows), ("none", [])):
        write_table(tables({"ranks": own})["ranks"], tmp_path / f"{name}.parquet")
        asked[name] = Question(name, "exact", {}, {"ranks": str(tmp_path / f"{name}.parquet")})
    with style():
        drawn = figure.draw(asked["low"])
        (ax,) = [ax for ax in drawn.axes if ax.get_visible()]
        assert ax.get_title("left") == "low"
        (line,) = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 2]
        at, height = (np.asarray(values, float) for values in line.get_data())
        np.testing.assert_allclose(height, np.minimum(2 * at, 1) - at, atol=0.02)
        low, high = ax.collections[0].get_paths()[0].get_extents().get_points()[:, 1]
        assert -0.15 < low < -0.05 and 0.05 < high < 0.15  # 1.36 / sqrt(200) at its widest
        assert figure.draw(asked["none"]).axes[0].texts
