"""`mtbkd paper`: the papers' tables and figures, by name."""

from pathlib import Path

import pytest

from mtbkd.data.published import tables as published
from mtbkd.serving import cli
from mtbkd.study.papers import ITEMS, NOT_MADE


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
    assert lines["mtbkd_table1"].split()[-4:] == ["paper_simulations", "9", "10", "done"]
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
    assert "the paper prints neither its split" in text and "left out:   tip_entropy_hmc: " in text


def test_an_unknown_item_gets_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paper", "mtbkd_tabel1"]) == 1
    told = capsys.readouterr().err
    assert "item: found 'mtbkd_tabel1'" in told and "did you mean 'mtbkd_table1'?" in told and told.count("\n") == 1
