"""mtbkd diff: two folders of results are the same where every number is, and every difference has its line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from mtbkd.base.frames import write_csv, write_table
from mtbkd.contracts.draws import Curve, Draws
from mtbkd.serving.cli import main
from tests.evaluation.examples import TIP, make_dataset, make_draws

PASSED = pd.array([True, None, False], dtype="boolean")
SCORES = {
    "method": ["a", "b", None],
    "value": [0.25, np.nan, 3.0],
    "n": [1, 2, 3],
    "passed": PASSED,
    "seconds": [0.1, 0.2, 0.3],
}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The results of one study, twice, with other run times, logs, training curves and pages."""
    drawn = make_draws(make_dataset(1, 3), [0], 0.5, TIP)
    for turn, name in enumerate(("one", "two")):
        (tmp_path / name / "logs").mkdir(parents=True)
        (tmp_path / name / "logs" / "a.csv").write_text(f"turn\n{turn}\n")
        (tmp_path / name / "report.html").write_text(str(turn))
        table = pd.DataFrame(SCORES | {"seconds": [turn] * 3})
        write_table(table, tmp_path / name / "scores.parquet")
        write_csv(table, tmp_path / name / "scores.csv")
        curves = [Curve("ELBO", np.arange(2), np.zeros((1, 1, 2)))][:turn]
        replace(drawn, curves=curves).write(tmp_path / name / "r0-1.nc")
        save_file({"x": np.ones((2, 3), np.float32)}, tmp_path / name / "data.safetensors")
    return tmp_path / "one", tmp_path / "two"


def change_table(folder: Path) -> None:
    write_table(pd.DataFrame(SCORES | {"value": [0.25, np.nan, 3.5]}), folder / "scores.parquet")


def change_words(folder: Path) -> None:
    write_csv(pd.DataFrame(SCORES | {"method": ["a", "c", None]}), folder / "scores.csv")


def change_missing(folder: Path) -> None:
    write_table(pd.DataFrame(SCORES | {"value": [0.25, 1.0, 3.0]}), folder / "scores.parquet")


def change_verdict(folder: Path) -> None:
    write_table(pd.DataFrame(SCORES | {"passed": pd.array([None, None, True], dtype="boolean")}), folder / "scores.parquet")


def change_rows(folder: Path) -> None:
    write_table(pd.DataFrame(SCORES).iloc[:2], folder / "scores.parquet")


def change_columns(folder: Path) -> None:
    write_table(pd.DataFrame(SCORES).rename(columns={"n": "count"}), folder / "scores.parquet")


def change_draws(folder: Path) -> None:
    found = Draws.read(folder / "r0-1.nc")
    found.log_posterior[0, 0, 0] += 1
    found.write(folder / "r0-1.nc")


def change_tensors(folder: Path) -> None:
    save_file({"x": np.zeros((2, 3), np.float32)}, folder / "data.safetensors")


def leave_out(folder: Path) -> None:
    (folder / "r0-1.nc").unlink()


def test_run_times_logs_and_pages_make_no_difference(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *map(str, folders)]) == 0
    assert capsys.readouterr().out == "4 files compared: no difference\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (change_table, ["scores.parquet: value: 1 of 3 values differ, first at 2: 3.0 and 3.5; largest difference 0.5"]),
        (change_words, ["scores.csv: method: 1 of 3 values differ, first at 1: b and c"]),
        (change_missing, ["scores.parquet: value: 1 of 3 values differ, first at 1: nan and 1.0"]),
        (change_verdict, ["scores.parquet: passed: 2 of 3 values differ, first at 0: True and <NA>"]),
        (change_rows, [f"scores.parquet: {name}: shapes (3,) and (2,)" for name in ("method", "value", "n", "passed")]),
        (change_columns, ["scores.parquet: only the first has n", "scores.parquet: only the second has count"]),
        (change_draws, ["r0-1.nc: /posterior/log_posterior: 1 of "]),
        (change_tensors, ["data.safetensors: x: 6 of 6 values differ, first at 0, 0: 1.0 and 0.0; largest difference 1"]),
        (leave_out, ["only in "]),
    ],
)
def test_every_difference_has_its_line(
    change: Callable[[Path], None], told: list[str], folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    change(folders[1])
    assert main(["diff", *map(str, folders)]) == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line[: len(start)] for line, start in zip(lines, told, strict=True)] == told
    assert summary == f"{3 if change is leave_out else 4} files compared: {len(told)} differences"


def test_small_differences_are_ignored_on_request(folders: tuple[Path, Path]) -> None:
    change_table(folders[1])
    assert main(["diff", *map(str, folders), "--tolerance", "0.2"]) == 0
    assert main(["diff", *map(str, folders), "--tolerance", "0.1"]) == 1


def test_folders_that_cannot_be_compared_are_refused_in_one_line(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, told in (
        ([folders[0], tmp_path / "none"], "none: results: found no folder; expected a folder of results"),
        ([tmp_path / "empty", folders[0]], "empty: results: found no file that ends in"),
    ):
        assert main(["diff", *map(str, arguments)]) == 1
        said = capsys.readouterr().err
        assert told in said and said.count("\n") == 1
    (folders[1] / "scores.parquet").write_bytes(b"no table")
    assert main(["diff", *map(str, folders)]) == 1
    assert "scores.parquet" in capsys.readouterr().err
