"""results/index.html: what it lists, and that neither a broken folder nor a second report job spoils it."""

import json
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path

import pytest

from mtbkd.report import index
from mtbkd.report.verdict_card import Card

CARD = Card("Does distillation help?", "Yes <b>", "3 of 4 students", "helps on a & b", "findings", "tip_map")
TOLD = {
    "end": "2026-11-26T22:31:12+00:00",
    "git": {"commit": "0123456789abcdef", "dirty": True},
    "versions": {"python": "3.11.7", "mtbkd": "1.0", "numpy": "2"},
}


def headline(study: str, **changes: object) -> index.Headline:
    return index.headline_of({**TOLD, "study": study, **changes}, f"About {study}.", "1 experiment.", [CARD], [])


def add(results: Path, study: str, **changes: object) -> None:
    folder = results / study
    folder.mkdir(parents=True)
    (folder / index.PAGE).write_text("<!DOCTYPE html>")
    index.publish(folder, headline(study, **changes))


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def text(results: Path) -> str:
    return (results / index.INDEX).read_text(encoding="utf-8")


def test_a_study_is_listed_with_its_verdicts_its_state_and_links_that_exist(tmp_path: Path) -> None:
    add(tmp_path, "wine tasting")
    html = text(tmp_path)
    assert "Yes &lt;b&gt;" in html and "helps on a &amp; b" in html and "3 of 4 students" in html
    assert "2026-11-26 22:31 UTC" in html and "0123456789 with changes" in html and "python 3.11.7" in html
    links = Links(html).found
    assert {"wine%20tasting/report.html", "wine%20tasting/report.html#findings"} <= set(links)
    assert not any(link.startswith(("http", "//", "/")) for link in links)


def test_the_latest_study_is_first_and_shared_folders_are_no_studies(tmp_path: Path) -> None:
    add(tmp_path, "old", end="2025-01-01T00:00:00+00:00")
    add(tmp_path, "new")
    for name in (*index.NOT_STUDIES, ".hidden", "started"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("note" if name == "started" else index.PAGE)).touch()
    assert [each.folder for each in index.entries(tmp_path)] == ["new", "old"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"study": 3}', '{"kind": "other"}', "\udcff"])
def test_a_broken_study_is_listed_with_its_fault_and_hides_no_other(tmp_path: Path, content: str) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / index.HEADLINE).write_bytes(content.encode(errors="surrogateescape"))
    add(tmp_path, "sound")
    assert [each.folder for each in index.entries(tmp_path)] == ["sound", "broken"]
    html = text(tmp_path)
    assert "About sound." in html and "Its headline cannot be read" in html


def test_a_headline_that_is_a_folder_and_a_report_of_an_earlier_version_are_listed(tmp_path: Path) -> None:
    (tmp_path / "odd" / index.HEADLINE).mkdir(parents=True)
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / index.PAGE).touch()
    add(tmp_path, "sound")
    assert {each.folder for each in index.entries(tmp_path)} == {"sound", "odd", "early"}
    assert "written by an earlier version" in text(tmp_path)


def test_a_study_that_comes_while_the_index_is_written_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second job writes its headline and an index after the first has looked and before it writes."""
    rendered, calls = index.page.render, []

    def slow(*arguments: object) -> str:
        html = rendered(*arguments)  # type: ignore[arg-type]
        if not calls:
            calls.append(1)
            add(tmp_path, "second")
        return html

    monkeypatch.setattr(index.page, "render", slow)
    add(tmp_path, "first")
    assert "About first." in text(tmp_path) and "About second." in text(tmp_path)


def test_report_jobs_at_once_lose_no_study(tmp_path: Path) -> None:
    """Processes, as jobs are: the unfinished file of each has a name of its own."""
    names = [f"study{n}" for n in range(3)]
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(add, [tmp_path] * 3, names))
    assert all(f"About {name}." in text(tmp_path) for name in names)


def test_a_folder_that_cannot_be_written_leaves_the_study_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(results: Path) -> None:
        raise PermissionError(results)

    monkeypatch.setattr(index, "write_index", refuse)
    add(tmp_path, "own")
    assert json.loads((tmp_path / "own" / index.HEADLINE).read_text())["study"] == "own"
