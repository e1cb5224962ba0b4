"""`mtbkd paper`: the papers' tables and figures, by name."""

from pathlib import Path

import pytest

from mtbkd.data.published import tables as published
from mtbkd.serving import cli, paper_minutes
from mtbkd.serving.paper_minutes import minutes
from mtbkd.study import config
from mtbkd.study.papers import ITEMS, NOT_MADE, reduced
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["paper", *words]) == 0
    return capsys.readouterr().out


def test_every_item_has_a_line_with_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for study in ("mtbkd_table1", "images"):
        page = tmp_path / "results" / study / "report.html"
        page.parent.mkdir(parents=True)
        page.touch()
    text = said(capsys)
    lines = {line.split()[0]: line for line in text.splitlines() if line.split()[:1] and line.split()[0] in ITEMS}
    assert list(lines) == list(ITEMS)
    assert lines["mtbkd_table1"].split()[-4:] == ["paper_simulations", "13", minutes()["mtbkd_table1"], "done"]
    assert "not measured" in lines["bkd_table7"] and f"  {minutes()['mtbkd_table2']}  " in lines["mtbkd_table2"]
    assert lines["mtbkd_table2"].endswith("not run") and lines["bkd_table2"].endswith("in results/images")
    assert all(what in text and why in text for what, why in NOT_MADE.items())


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_tells_what_is_printed_what_is_not_and_how_to_make_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, name)
    assert f"snakemake --cores all {name}\n" in text and f"results/{name}/report.html" in text
    for table in ITEMS[name].tables:
        assert published.source(table).note in text


def test_table_1_is_told_by_its_size_and_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "mtbkd_table1")
    assert "Table 1: 5 rows x 10 columns" in text and "tip_entropy_last, printed as tip_entropy\n" in text
    assert "not stated: How the 20,000 examples are split: training 12,000, validation 3,000, test 5,000\n" in text
    assert "the paper prints neither its split" in text and "left out:   tip_entropy_hmc: " in text


def test_an_unknown_item_gets_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paper", "mtbkd_tabel1"]) == 1
    told = capsys.readouterr().err
    assert "item: found 'mtbkd_tabel1'" in told and "did you mean 'mtbkd_table1'?" in told and told.count("\n") == 1


def benchmarks(results: Path, files: list[str], took: float) -> None:
    for each in files:
        (results / each).parent.mkdir(parents=True, exist_ok=True)
        (results / each).write_text(f"s\tcpu_time\n{took}\t1\n")


def test_minutes_are_those_of_the_item_s_own_jobs_or_of_its_study_and_of_the_fastest_run(tmp_path: Path) -> None:
    plan = make_plan(reduced(config.load(read_configuration()), "bkd_c5"))
    for folder, study, took in (("a", "paper_simulations", 9.0), ("b", "paper_simulations", 5.0)):
        files = [*paper_minutes.jobs(plan, study), *paper_minutes.figures_and_page(plan, study)]
        benchmarks(tmp_path / folder, files, took)
    folders = [tmp_path / "a", tmp_path / "b"]
    assert list(paper_minutes.measured(folders)) == [{"item": "bkd_c5", "seconds": 5 * 9, "measured": "paper_simulations"}]
    benchmarks(tmp_path / "a", [*paper_minutes.jobs(plan), *paper_minutes.figures_and_page(plan)], 2.0)
    assert list(paper_minutes.measured(folders)) == [{"item": "bkd_c5", "seconds": 2 * 9, "measured": "item"}]
    (tmp_path / "a" / paper_minutes.jobs(plan)[2]).unlink()
    assert [row["measured"] for row in paper_minutes.measured(folders)] == ["paper_simulations"]  # a job was not measured


def test_the_command_that_measures_prints_or_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper_minutes, "FILE", tmp_path / "minutes.csv")
    paper_minutes.main([str(tmp_path)])
    assert capsys.readouterr().out == "item,seconds,measured\n"
    monkeypatch.setattr(paper_minutes, "measured", lambda folders: [{"item": "bkd_c5", "seconds": 90, "measured": "item"}])
    paper_minutes.main([str(tmp_path), "--write"])
    assert minutes() == {"bkd_c5": "1"} and (tmp_path / "minutes.csv").read_text().endswith("bkd_c5,90,item\n")
