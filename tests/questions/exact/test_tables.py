"""From the judging of a method to what a reader sees of it: tables, the report's section and the figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.questions.exact import figure_sbc as figure
from mtbkd.questions.exact import sbc
from mtbkd.questions.exact.judging import COLUMNS, judge_files, write_tables
from mtbkd.questions.exact.published import compare_files
from mtbkd.questions.exact.section import Section, section
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import style
from mtbkd.report.table import Table
from mtbkd.study.asked.exact import Spec

CASES = ["gaussian", "toy_bimodal", "toy_log_pool", "dirichlet", "dirichlet_mixture", "conjugate_lda"]


def spec(inference: str, **settings: object) -> dict:
    content = {"method": f"my_{inference}", "inference": inference, "settings": settings, "training": {"steps": 100},
               "sbc_datasets": 40, "conjugate": {"examples": 50}, "seed": 2}  # fmt: skip
    return Spec.model_validate(content).model_dump(mode="json")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A method that claims a posterior, one that claims none, one that cannot be run."""
    root = tmp_path_factory.mktemp("exact")
    judge_files(spec("vi", steps=150, draws=2000), root / "my_vi")
    judge_files(spec("map"), root / "my_map")
    judge_files(spec("dropout"), root / "my_dropout")
    compare_files({"examples": 100}, 3, root / "published.parquet")
    return {name: str(root / name) for name in ("my_vi", "my_map", "my_dropout")}


@pytest.fixture(scope="module")
def shown(folders: dict[str, str]) -> Section:
    found = section(folders, str(Path(folders["my_vi"]).parent / "published.parquet"))
    assert found is not None
    return found


def cells(table: Table) -> dict[str, list[str]]:
    assert table.rows and all(len(row.cells) == len(table.columns) for row in table.rows)
    return {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}


def test_every_table_has_its_columns_and_every_case_its_rows(folders: dict[str, str]) -> None:
    for folder in folders.values():
        for name, columns in COLUMNS.items():
            assert list(pd.read_parquet(Path(folder) / f"{name}.parquet").columns) == list(columns)
        assert list(dict.fromkeys(pd.read_parquet(Path(folder) / "cases.parquet")["case"])) == CASES
    ranks = pd.read_parquet(Path(folders["my_vi"]) / "ranks.parquet")
    assert len(ranks) == 40 * len(sbc.QUANTITIES) and ranks["rank"].le(ranks["draws"]).all()


def test_the_same_specification_gives_the_same_numbers(folders: dict[str, str], tmp_path: Path) -> None:
    judge_files(spec("vi", steps=150, draws=2000), tmp_path)
    for name in COLUMNS:
        tables = (pd.read_parquet(Path(folder) / f"{name}.parquet") for folder in (folders["my_vi"], tmp_path))
        first, again = (table.drop(columns="seconds", errors="ignore") for table in tables)
        pd.testing.assert_frame_equal(first, again)


def test_the_section_says_who_recovers_what(shown: Section) -> None:
    recovery = cells(shown.recovery)
    assert len(shown.recovery.columns) == 1 + len(CASES)
    assert recovery["my_vi"][0].endswith("fails")  # mean-field on a correlated normal distribution
    assert all(text.endswith("not claimed") for text in recovery["my_map"])
    assert all(text.endswith("not run") for text in recovery["my_dropout"])
    assert "hidden layer" in shown.recovery.rows[2].cells[1].sub
    assert shown.summary.startswith("Of 1 method that claim")


def test_the_section_tells_calibration_by_quantity(shown: Section) -> None:
    found = cells(shown.calibration)
    assert [column.name for column in shown.calibration.columns[4:]] == list(sbc.QUANTITIES)
    assert found["my_vi"][1] == "40" and all(text.startswith("p ") for text in found["my_vi"][3:])
    assert found["my_map"][0].endswith("not claimed") and found["my_map"][1] == "\N{EN DASH}"


def test_published_accuracies_above_the_ceiling_are_called_so(shown: Section) -> None:
    assert shown.published is not None
    verdicts = {(row.cells[0].text, row.cells[1].text): row.cells[5].text for row in shown.published.rows}
    assert verdicts["accuracy", "qda_teacher"] == verdicts["accuracy", "bkd"] == "above the ceiling"
    assert ("coverage@0.95", "bkd") in verdicts and ("mae_p", "lda") in verdicts


def test_nothing_is_shown_where_nothing_was_asked_and_a_missing_table_is_named(folders: dict[str, str], tmp_path: Path) -> None:
    assert section({}, None) is None
    with pytest.raises(ContractError, match="run the rule exact"):
        section(folders | {"lost": str(tmp_path)}, None)


def test_the_figure_is_the_difference_of_the_ranks_distribution(tmp_path: Path) -> None:
    """Ranks in the lower half only: the share below rises to .5 at the middle and falls to 0 at the end."""
    rows = [{"quantity": "weight 1", "dataset": i, "rank": i % 50, "draws": 99} for i in range(200)]
    write_tables({"cases": [], "sbc": [], "ranks": rows}, tmp_path / "low")
    write_tables({"cases": [], "sbc": [], "ranks": []}, tmp_path / "none")
    with style():
        drawn = figure.draw(Study({name: str(tmp_path / name) for name in ("low", "none")}))
        (ax,) = [ax for ax in drawn.axes if ax.get_visible()]
        assert ax.get_title("left") == "low"
        (line,) = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 2]
        at, height = (np.asarray(values, float) for values in line.get_data())
        np.testing.assert_allclose(height, np.minimum(2 * at, 1) - at, atol=0.02)
        low, high = ax.collections[0].get_paths()[0].get_extents().get_points()[:, 1]
        assert -0.15 < low < -0.05 and 0.05 < high < 0.15  # 1.36 / sqrt(200) at its widest
        assert figure.draw(Study({"none": str(tmp_path / "none")})).axes[0].texts
