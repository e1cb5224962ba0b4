"""The script of the pictures is made once; a specification loses nothing on its way into the page."""

import base64
import gzip
import json
from pathlib import Path

import pytest
import vl_convert

from mtbkd.base.errors import ContractError
from mtbkd.report import pictures

SPEC = {"mark": "point", "datasets": {"data": [{"title": "</script><b>", "x": 1.5}, {"x": None, "title": "b"}], "none": []}}


def unzipped(text: str) -> str:
    return gzip.decompress(base64.b64decode(text)).decode()


def test_the_library_is_made_once_and_again_where_the_file_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: made.append("a") or "let a = '</script>';")
    first = pictures.library(tmp_path / "library")
    assert first == pictures.library(tmp_path / "library") and len(made) == 1
    assert "<" not in first and unzipped(first) == f"let a = '</script>';{pictures.END}"
    (kept,) = (tmp_path / "library").iterdir()
    kept.write_text(unzipped(first)[:-1])
    assert pictures.library(tmp_path / "library") == first and len(made) == 2


def test_the_library_is_made_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: "let a;")
    (tmp_path / "library").write_text("a file in the folder's place")
    assert unzipped(pictures.library(tmp_path / "library")).startswith("let a;")


def test_a_specification_is_packed_whole_and_ends_no_script(tmp_path: Path) -> None:
    (tmp_path / "a-b.vl.json").write_text(json.dumps(SPEC))
    text = pictures.packed(tmp_path / "a-b.svg")
    assert "<" not in text
    found = json.loads(unzipped(text))
    tables = {
        name: [dict(zip(each["columns"], row, strict=True)) for row in each["rows"]] for name, each in found["tables"].items()
    }
    assert {**found["spec"], "datasets": tables} == SPEC
    assert pictures.packed(tmp_path / "other.svg") == ""


def test_a_specification_that_repeats_itself_takes_a_tenth_of_its_bytes(tmp_path: Path) -> None:
    rows = [{"method": "tip_entropy_sgld", "title": "MT-BKD, entropy weights, SGLD", "x": k, "y": k * k} for k in range(2000)]
    (tmp_path / "a.vl.json").write_text(json.dumps({"mark": "point", "datasets": {"data": rows}}))
    assert len(pictures.packed(tmp_path / "a.svg")) < (tmp_path / "a.vl.json").stat().st_size / 10


@pytest.mark.parametrize("content", ["[]", "{}", '{"datasets": 1}', "{"])
def test_what_is_no_specification_is_named_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.vl.json").write_text(content)
    with pytest.raises(ContractError, match=r"a\.vl\.json"):
        pictures.packed(tmp_path / "a.svg")
