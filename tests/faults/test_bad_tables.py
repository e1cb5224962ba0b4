"""People's tables and teachers' files with every mistake we know: each is refused in one line with its place, or read right.

Files are made here, broken one way each. ``refused`` also holds that nothing but a ContractError comes out.
"""

import gzip
import io
import json
import os
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.base import userfiles
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data import protein_tables
from mtbkd.data.datasets import table
from mtbkd.data.datasets.table_columns import splits_by_id
from mtbkd.questions.residues.corpus import read_deeploc2
from mtbkd.teachers import released, released_files

N = 40
PART = ("train", "train", "train", "val", "test")
HEADER = "name,height,width,kind,site,part"
ROWS = [
    f"p{i},{random.Random(i).gauss(0, 1):.4f},{(i * 7) % 11},{'ab'[i % 2]},{'xyz'[i % 3]},{PART[(i // 2) % 5]}"
    for i in range(N)
]
SETTINGS: dict[str, Any] = {"label": "kind", "id": "name", "domain": "site", "split": "part"}
LINES = [HEADER, *ROWS]


def text(lines: list[str] = LINES) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def cell(row: int, column: int, content: str) -> bytes:
    """The good table with one cell replaced; its line in the file is ``row`` + 2."""
    cells = list[str](ROWS[row].split(","))
    cells[column] = content
    return text([HEADER, *ROWS[:row], ",".join(cells), *ROWS[row + 1 :]])


def column(at: int, of: Callable[[int], str], name: str | None = None) -> bytes:
    """The good table with one column replaced."""
    split = [row.split(",") for row in ROWS]
    header = list[str](HEADER.split(","))
    header[at] = header[at] if name is None else name
    lines = [",".join(header)] + [",".join([*row[:at], of(i), *row[at + 1 :]]) for i, row in enumerate(split)]
    return text(lines)


def header(new: str) -> bytes:
    return text([new, *ROWS])


def read(path: Path, changed: dict[str, Any] | None = None) -> Dataset:
    chosen = {name: value for name, value in (SETTINGS | (changed or {})).items() if value != "unset"}
    return table.prepare("mine", table.Settings(path=str(path), **chosen), 1, range(1), Path("unused"))


def refused(call: Callable[[], object], where: Path, words: str) -> None:
    """``call`` raises ContractError, one line that begins with the file and holds ``words``."""
    with pytest.raises(ContractError) as caught:
        call()
    message = str(caught.value)
    assert message.splitlines() == [message] and message.isprintable(), message
    assert message.startswith(str(where)) and len(message) < 600, message
    assert re.search(words, message), message


BAD_TABLES: dict[str, tuple[bytes, dict[str, Any], str]] = {
    # content that is no text, or none that can be told
    "empty": (b"", {}, "content: found no line"),
    "blank lines only": (b"\n\n\n", {}, "content: found no line"),
    "header only": (text([HEADER]), {}, "rows: found a header only"),
    "mark only": (b"\xef\xbb\xbf", {}, "content: found no line"),
    "latin-1": (
        column(3, lambda i: "ab"[i % 2]).replace(b",a,", b",gr\xfcn,"),
        {},
        "line 2: found byte 0xfc.*'ü'.*set encoding",
    ),
    "utf-16": (text().decode().encode("utf-16"), {}, "encoding: found utf-16 text.*set encoding: utf-16"),
    "utf-16 without a mark": (text().decode().encode("utf-16-le"), {}, "line 1: found a NUL byte .perhaps a utf-16 file"),
    "utf-32": (text().decode().encode("utf-32"), {}, "encoding: found utf-32 text"),
    "utf-8 read as ascii": (cell(3, 3, "é"), {"encoding": "ascii"}, "line 5: found byte 0xc3, which is not valid ascii"),
    "utf-8 mark read as latin-1": (b"\xef\xbb\xbf" + text(), {"encoding": "latin-1"}, "found UTF-8 text"),
    "utf-8 read as utf-16": (text() + b"x", {"encoding": "utf-16"}, "mine.csv"),
    "NUL": (cell(4, 3, "a\0"), {}, "line 6: found a NUL byte .a binary file"),
    "second byte order mark": (
        b"\xef\xbb\xbf\xef\xbb\xbf" + text(),
        {},
        r"line 1, name of column 1: found an invisible.*U\+FEFF",
    ),
    "cut gzip": (gzip.compress(text(), mtime=0)[:-20], {}, "gzip: found unexpected end of file"),
    "damaged gzip": (gzip.compress(text(), mtime=0)[:30] + b"\xff" * 40, {}, "gzip: found"),
    "bz2": (b"BZh91AY&SY", {}, "found a bz2 file.*bunzip2"),
    "xz": (b"\xfd7zXZ\x00\x00", {}, "found an xz file.*unxz"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00", {}, "found a zstd file"),
    "Excel": (b"PK\x03\x04xl", {}, "found a zip archive or an Excel workbook.*save the sheet as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1", {}, "found an Excel workbook"),
    "parquet": (b"PAR1...", {}, "found a parquet file; expected .* Hint: save it as CSV"),
    "feather": (b"ARROW1\0\0\xff", {}, "found a feather or Arrow file.*save it as CSV"),
    "an array": (b"\x93NUMPY\x01", {}, "found a NumPy array"),
    # columns
    "semicolons": (text().replace(b",", b";"), {}, 'found a semicolon between cells; expected a comma.*set separator: ";"'),
    "tabs": (text().replace(b",", b"\t"), {}, r'found a tab between cells.*set separator: "\\t"'),
    "Excel's sep line": (b"sep=;\n" + text().replace(b",", b";"), {}, "found a semicolon between cells"),
    "column twice": (header("name,height,height,kind,site,part"), {}, r"line 1: found two columns 'height' \(2 and 3\)"),
    "column twice but for blanks": (header("name,height, height ,kind,site,part"), {}, "two columns 'height'"),
    "column without a name": (header("name,,width,kind,site,part"), {}, r"a column without a name \(number 2\).*features"),
    "index of pandas": (header("name,Unnamed: 0,width,kind,site,part"), {}, "a column without a name.*`id: "),
    "id not named": (header("name,ID,width,kind,site,part"), {}, "found 'ID', which no setting mentions.*`id: \"ID\"`"),
    "ids not named": (header("id,height,width,kind,site,part"), {"id": "unset"}, "found 'id', which no setting mentions"),
    "label misspelt": (text(), {"label": "kint"}, "no 'kint' among name, height.*did you mean 'kind'"),
    "feature misspelt": (text(), {"features": ("heigth",)}, "no 'heigth'.*did you mean 'height'"),
    "no feature left": (text(["kind", *"ab" * 20]), {"id": "unset", "domain": "unset", "split": "unset"}, "no feature is left"),
    "invisible in a name": (
        header("name,hei\u200bght,width,kind,site,part").decode().encode(),
        {},
        r"column 2: found an invisible.*U\+200B",
    ),
    "header missing": (text(ROWS), {}, "columns: found no '(kind|name)'"),
    # rows
    "short row": (text([*LINES[:9], "p9,1,2,a,x", *LINES[10:]]), {}, "line 10: found 5 cells; expected 6"),
    "long row": (text([*LINES[:9], ROWS[8] + ",9", *LINES[10:]]), {}, "line 10: found 7 cells.*quote a cell"),
    "decimal comma": (cell(6, 1, "1,5"), {}, "line 8: found 7 cells"),
    "quoted decimal comma": (
        cell(6, 1, '"1;5"').replace(b"1;5", b"1,5"),
        {},
        "line 8, column 'height': found '1,5'.*a decimal point",
    ),
    "row of nothing": (text([*LINES, ",,,,,"]), {}, "line 42: found only empty cells"),
    "comment": (text([*LINES[:5], "# measured later", *LINES[5:]]), {}, "line 6: found 1 cells"),
    "total at the end": (text([*LINES, "sum,12"]), {}, "line 42: found 2 cells"),
    "header again": (text([*LINES, HEADER]), {}, "line 42, column 'part': found 'part'"),
    "stray quote": (
        cell(9, 4, '"x') + b'p0,"1",2,a,x,train\n',
        {},
        r"line 11, column 'site': found a line break inside a value, to line 42",
    ),
    "stray quote to the end": (cell(9, 4, '"x'), {}, r"line 11, column 'site': found a line break inside a value"),
    "quote in the last line": (cell(N - 1, 5, '"test'), {}, "line 41, column 'part': found an? (line break|unclosed quote)"),
    "line break in a value": (cell(2, 3, '"a\nb"'), {}, "line 4, column 'kind': found a line break inside a value, to line 5"),
    "letters after a quote": (cell(2, 3, '"a"b'), {}, "line 4: found ',' expected after '\"'"),
    "huge cell": (cell(2, 3, "a" * 200_000), {}, "line 4: found field larger"),
    # numbers
    "word": (cell(5, 1, "tall"), {}, "line 7, column 'height': found 'tall'; expected a finite number"),
    "empty number": (cell(5, 1, ""), {}, "line 7, column 'height': found 1 missing values in 1 columns.*impute"),
    "NA": (
        column(1, lambda i: "NA" if i > 29 else "1"),
        {},
        r"line 32, column 'height': found 10 missing values in 1 columns \(height\)",
    ),
    "words for missing, not allowed": (cell(5, 1, "NA"), {"missing": ()}, "line 7, column 'height': found 'NA'"),
    "infinite": (cell(5, 1, "inf"), {}, "line 7, column 'height': found 'inf'"),
    "overflow": (cell(5, 1, "1e999"), {}, "line 7, column 'height': found '1e999'"),
    "too large for float32": (cell(5, 1, "1e39"), {}, "line 7, column 'height': found '1e39'"),
    "underscore": (cell(5, 1, "1_000"), {}, "line 7, column 'height': found '1_000'"),
    "digits of another script": (cell(5, 1, "\uff11\uff12"), {}, "line 7, column 'height': found '\uff11\uff12'"),
    "hexadecimal": (cell(5, 1, "0x10"), {}, "line 7, column 'height': found '0x10'"),
    "percent": (cell(5, 1, "10%"), {}, "line 7, column 'height': found '10%'"),
    "unit": (cell(5, 1, "10 cm"), {}, "line 7, column 'height': found '10 cm'"),
    "typographic minus": (cell(5, 1, "\u22121.5"), {}, "line 7, column 'height'"),
    "date": (cell(5, 1, "2020-01-02"), {}, "line 7, column 'height': found '2020-01-02'"),
    "5,000 digits": (cell(5, 1, "1" * 5000), {}, r"line 7, column 'height': found '1{57}\.\.\.'"),
    "blank line before": (
        text([HEADER, ROWS[0], "", "", *ROWS[1:3], "p,x,1,a,x,train", *ROWS[3:]]),
        {},
        "line 7, column 'height': found 'x'",
    ),
    "nothing to impute from": (
        column(1, lambda i: ""),
        {"impute": "mean"},
        "column 'height': found no value in any training row",
    ),
    # labels, ids, splits, domains
    "NA as label": (cell(7, 3, "NA"), {}, r"line 9, column 'kind': found 'NA' in 1 rows.*`missing: \['NA'\]`"),
    "question marks as labels": (column(3, lambda i: "ab?"[i % 3]), {}, r"line 4, column 'kind': found '\?' in 13 rows"),
    "label of nothing in val": (cell(6, 3, ""), {}, "line 8, column 'kind': found no label in 1 rows of val, test or teachers"),
    "one class": (column(3, lambda i: "a"), {}, "column 'kind': found 1 different labels in 40"),
    "no label": (column(3, lambda i: ""), {}, "column 'kind': found 0 different labels in 0"),
    "every row a class": (
        column(3, lambda i: f"{i / 7:.3f}"),
        {},
        "found 40 different labels in 40 labelled rows.*is this the column",
    ),
    "1 and 1.0": (column(3, lambda i: ("0", "1", "1.0")[i % 3]), {}, "line 4, column 'kind': found '1.0', and '1' on line 3"),
    "1 and 01": (column(3, lambda i: ("0", "1", "01")[i % 3]), {}, "line 4, column 'kind': found '01', and '1'"),
    "two spellings of a letter": (
        column(3, lambda i: ("a", "\u00e9", "e\u0301")[i % 3]),
        {},
        "line 4, column 'kind': found .*one spelling",
    ),
    "two blanks in a class": (
        column(3, lambda i: ("a b", "a  b", "c")[i % 3]),
        {},
        "line 3, column 'kind': found 'a  b', and 'a b'",
    ),
    "invisible in a class": (
        cell(8, 3, "a\u200b"),
        {},
        r"line 10, column 'kind': found an invisible character U\+200B in 'a\\u200b'",
    ),
    "endless class": (cell(8, 3, "a" * 300), {}, "line 10, column 'kind': found a name of 300 characters"),
    "ids twice": (
        column(0, lambda i: f"p{i % 38}"),
        {},
        "column 'name': found 2 repeated ids: 'p0' on lines 2, 40, 'p1' on lines 3, 41",
    ),
    "an empty id": (cell(8, 0, ""), {}, "line 10, column 'name': found an empty cell"),
    "Train": (
        column(5, lambda i: PART[i % 5].title()),
        {},
        "line 2, column 'part': found 'Train'; expected train, val, test, teachers or ood.*'train'",
    ),
    "validation": (cell(3, 5, "validation"), {}, "line 5, column 'part': found 'validation'.*did you mean 'val'"),
    "no split in a cell": (cell(3, 5, ""), {}, "line 5, column 'part': found ''"),
    "no test rows": (column(5, lambda i: "train" if i % 2 else "val"), {}, "column 'part': found no row of 'test'"),
    "ood of nothing": (cell(3, 5, "ood:"), {}, "line 5, column 'part': found 'ood:'"),
    "no domain in a cell": (cell(3, 4, ""), {}, "line 5, column 'site': found an empty cell"),
    "a bad number in a table that is too small": (
        text(["f1,kind", "1,a", "", "2,b", "x,a", "3,b"]),
        dict.fromkeys(("id", "features", "split", "domain"), "unset"),
        "line 5, column 'f1': found 'x'",
    ),
    "too few rows to split": (
        text([HEADER, *ROWS[:2]]),
        {"split": "unset", "features": ("height",)},
        "too few: none is left for (val|test)",
    ),
}


@pytest.mark.parametrize("fault", BAD_TABLES)
def test_a_bad_table_is_refused_with_its_place(fault: str, tmp_path: Path) -> None:
    content, changed, words = BAD_TABLES[fault]
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    refused(lambda: read(path, changed), path, words)


GOOD_TABLES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "as it is": (text(), {}),
    "gzip": (gzip.compress(text(), mtime=0), {}),
    "gzip of several members": (gzip.compress(text()[:100], mtime=0) + gzip.compress(text()[100:], mtime=0), {}),
    "utf-8 mark": (b"\xef\xbb\xbf" + text(), {}),
    "Windows line ends": (text().replace(b"\n", b"\r\n"), {}),
    "old Mac line ends": (text().replace(b"\n", b"\r"), {}),
    "no line end at the end": (text().rstrip(b"\n"), {}),
    "blank lines": (text([HEADER, "", *ROWS[:5], "", "", *ROWS[5:], ""]), {}),
    "quotes everywhere": (text([",".join(f'"{c}"' for c in line.split(",")) for line in LINES]), {}),
    "blanks around cells": (text([line.replace(",", " ,") for line in LINES]), {}),
    "semicolons": (text().replace(b",", b";"), {"separator": ";"}),
    "tabs": (text().replace(b",", b"\t"), {"separator": "\t"}),
    "utf-16": (text().decode().encode("utf-16"), {"encoding": "utf-16"}),
    "features named": (text(), {"features": ("height", "width")}),
    "an unused column without a name": (
        text([f"{line}," if i == 0 else f"{line},{i}" for i, line in enumerate(LINES)]),
        {"features": ("height", "width")},
    ),
}


@pytest.mark.parametrize("way", GOOD_TABLES)
def test_ways_to_write_a_table_that_mean_the_same_give_the_same_data(way: str, tmp_path: Path) -> None:
    content, changed = GOOD_TABLES[way]
    (tmp_path / "plain.csv").write_bytes(text())
    (tmp_path / "mine.csv").write_bytes(content)
    plain, found = read(tmp_path / "plain.csv"), read(tmp_path / "mine.csv", changed)
    for name in ("x", "y", "split", "ids", "domain"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    assert (found.class_names, found.domain_names) == (plain.class_names, plain.domain_names)
    assert found.card["features"] == ["height", "width"]


@pytest.mark.parametrize("made", ["pipe", "folder", "nothing", "device"])
@pytest.mark.parametrize("reader", ["table", "csv", "npz", "npy", "parquet", "safetensors"])
def test_what_is_no_regular_file_is_refused_before_it_is_opened(reader: str, made: str, data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{'csv' if reader == 'table' else reader}"
    make = {"pipe": os.mkfifo, "folder": Path.mkdir, "nothing": lambda _: None, "device": lambda p: p.symlink_to("/dev/zero")}
    make[made](path)
    told = {"pipe": "a pipe or device", "folder": "a folder", "nothing": "nothing", "device": "a pipe or device"}[made]
    refused(lambda: read(path) if reader == "table" else join(data, path), path, f"file: found {told}")


def test_what_unpacks_to_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, data: Dataset, tmp_path: Path) -> None:
    monkeypatch.setattr(userfiles, "LIMIT", 10**6)
    monkeypatch.setattr("mtbkd.teachers.released_files.LIMIT", 10**6)
    (tmp_path / "bomb.csv").write_bytes(gzip.compress(text() + b"0" * 10**8, mtime=0))
    refused(lambda: read(tmp_path / "bomb.csv"), tmp_path / "bomb.csv", "size: found more than 1,000,000 bytes")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("values.npy", b"\0" * 10**7)
    refused(lambda: join(data, tmp_path / "bomb.npz"), tmp_path / "bomb.npz", "size: found more than 1,000,000 bytes")
    (tmp_path / "plain.csv").write_bytes(text() + b"0" * 10**6)
    refused(lambda: read(tmp_path / "plain.csv"), tmp_path / "plain.csv", "size: found more than")


NASTY = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "NA",
            "nan",
            "inf",
            "-",
            "--",
            "1e5",
            "1_0",
            "01",
            "1.0",
            "'",
            "\u00a0",
            "train",
            "a",
            "b",
            "x",
            "p1",
            "1e-400",
        ]
    ),
    st.floats(allow_nan=False, width=32).map(repr),
    st.text(st.characters(exclude_characters=',"\r\n\0', exclude_categories=("Cs",)), max_size=12),
)


@settings(max_examples=150)
@given(row=st.integers(0, N - 1), at=st.integers(0, 5), content=NASTY)
def test_any_corrupted_cell_is_refused_by_its_place_or_lands_where_it_stands(
    tmp_path_factory: pytest.TempPathFactory, row: int, at: int, content: str
) -> None:
    """One cell of the good table is replaced: nothing but this cell may change, and never in silence into something else."""
    path = tmp_path_factory.getbasetemp() / "corrupted.csv"
    path.write_bytes(cell(row, at, content))
    name, kept = HEADER.split(",")[at], content.strip()
    try:
        found = read(path, {"standardise": False})
    except ContractError as error:
        message = str(error)
        assert message.splitlines() == [message] and message.startswith(str(path)), message
        assert f"line{'s' if 'lines' in message else ''} " in message or f"column '{name}'" in message, message
        return
    path.write_bytes(text())
    good = read(path, {"standardise": False})
    others = np.arange(N) != row
    assert found.domain is not None
    if name in ("height", "width"):
        assert found.x[0, row, ("height", "width").index(name)] == np.float32(float(kept))
    held = {"name": found.ids[row], "part": found.split[row], "site": found.domain_names[found.domain[0, row]]} | (
        {"kind": found.class_names[found.y[0, row]] if found.y[0, row] >= 0 else ""}
    )
    assert held.get(name, kept) == kept
    names = np.array([*found.class_names, ""])
    assert (names[found.y[0, others]] == np.array([*good.class_names, ""])[good.y[0, others]]).all()
    assert (found.x[0, others] == good.x[0, others]).all() and (found.ids[others] == good.ids[others]).all()
    assert (found.split[others] == good.split[others]).all()


# ---- teachers' files

IDS = [f"p{i}" for i in range(N)]
VALUES = np.random.default_rng(0).normal(size=(N, 2)).round(3)
LOGITS = ["id,a,b", *(f"{i},{v[0]},{v[1]}" for i, v in zip(IDS, VALUES, strict=True))]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    (tmp_path / "good.csv").write_bytes(text())
    return read(tmp_path / "good.csv")


def join(data: Dataset, path: Path, **changed: Any) -> np.ndarray:
    teacher = released.train("mine", None, released.Settings(path=str(path), **changed), data, 0, 0, "cpu", Path("unused"))
    return teacher.logits[0]


def swapped(line: int, content: str) -> bytes:
    """The good logits with one line of the file (from 1) replaced."""
    return text([*LOGITS[: line - 1], content, *LOGITS[line:]])


def probable(rows: Callable[[int], tuple[float, float]]) -> bytes:
    return text(["id,a,b", *(f"{i},{rows(n)[0]},{rows(n)[1]}" for n, i in enumerate(IDS))])


def prefixed(of: Callable[[int], str]) -> bytes:
    return text([LOGITS[0], *(of(i) + "," + line.partition(",")[2] for i, line in enumerate(LOGITS[1:]))])


BAD_LOGITS: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "empty": (b"", {}, "content: found no line"),
    "header only": (b"id,a,b\n", {}, "rows: found a header only"),
    "no id": (text(["name,a,b", *LOGITS[1:]]), {}, "columns: found no 'id' among name, a, b"),
    "class missing": (text([line.rpartition(",")[0] for line in LOGITS]), {}, "columns: found no 'b'"),
    "class too many": (
        text([f"{line},{'c' if n == 0 else 1}" for n, line in enumerate(LOGITS)]),
        {},
        "found 'c', which is no class of mine",
    ),
    "label beside": (
        text([f"{line},{'kind' if n == 0 else 1}" for n, line in enumerate(LOGITS)]),
        {},
        "found 'kind', which is no class",
    ),
    "class twice": (text(["id,a,a", *LOGITS[1:]]), {}, r"two columns 'a' \(2 and 3\)"),
    "class in upper case": (text(["id,A,b", *LOGITS[1:]]), {}, "columns: found no 'a' among A, b"),
    "no name": (text(["id,a,", *LOGITS[1:]]), {}, "found no 'b' among a, Unnamed: 2"),
    "index of pandas": (text([f"{n - 1 if n else ''},{line}" for n, line in enumerate(LOGITS)]), {}, "Unnamed: 0"),
    "short row": (swapped(9, "p7,1"), {}, "line 9: found 2 cells; expected 3"),
    "long row": (swapped(9, "p7,1,2,3"), {}, "line 9: found 4 cells"),
    "nan": (swapped(9, "p7,1,nan"), {}, "line 9, column 'b': found 'nan'"),
    "log of zero": (swapped(9, "p7,1,-inf"), {}, "line 9, column 'b': found '-inf'"),
    "empty cell": (swapped(9, "p7,1,"), {}, "line 9, column 'b': found ''"),
    "word": (swapped(9, "p7,1,high"), {}, "line 9, column 'b': found 'high'"),
    "too large": (swapped(9, "p7,1,1e39"), {}, "line 9, column 'b': found '1e39'"),
    "stray quote": (swapped(9, 'p7,1,"2'), {}, "line 9, column 'b': found a line break inside a value, to line 41"),
    "id twice": (swapped(9, "p6,1,2"), {}, "found 1 repeated ids: 'p6' on lines 8, 9"),
    "id empty": (swapped(9, ",1,2"), {}, "line 9, column 'id': found an empty cell"),
    "float ids": (
        prefixed(lambda i: f"{i}.0"),
        {},
        r"found no id that the data have; the file's begin 0.0, 1.0; expected ids of mine, which begin p0, p1",
    ),
    "padded ids": (prefixed(lambda i: f"{i:05d}"), {}, "the file's begin 00000, 00001"),
    "some unmatched": (
        prefixed(lambda i: f"p{i}" if i < 30 else f"x{i}"),
        {},
        r"ids of '(train|val|test)' missing.*10 ids not in the data, the first is 'x30' \(line 32\)",
    ),
    "ids too many": (
        text([*LOGITS, "p90,1,2"]),
        {},
        r"found 1 ids not in the data, the first is 'p90' \(line 42\).*extra_ids: ignore",
    ),
    "one missing": (text(LOGITS[:-1]), {"extra_ids": "ignore"}, "1 ids of '(train|val|test)' missing, the first is p39"),
    "semicolons": (text().replace(b",", b";"), {}, "found a semicolon between cells"),
    "latin-1": (text(LOGITS).replace(b"p3,", b"\xe9,"), {}, "line 5: found byte 0xe9"),
    "probabilities": (probable(lambda i: (0.25, 0.75)), {}, r"rows in \[0, 1\] that sum to 1.*set `values: probabilities`"),
    "percentages": (probable(lambda i: (25 + i, 75 - i)), {}, "rows >= 0 that all sum to 100.*divide by 100"),
    "votes": (probable(lambda i: (i % 8, 7 - i % 8)), {}, "rows >= 0 that all sum to 7"),
    "zeros without a floor": (probable(lambda i: (0, 1)), {"values": "probabilities", "floor": 0}, "found 40 values <= 0"),
    "negative probability": (probable(lambda i: (-0.1, 1.1)), {"values": "probabilities"}, "probabilities, line 2: found -0.1"),
    "sum of 0.9": (
        probable(lambda i: (0.5, 0.4 if i == 3 else 0.5)),
        {"values": "probabilities"},
        "probabilities, line 5: found a row that sums to 0.9",
    ),
    "logits called probabilities": (text(LOGITS), {"values": "probabilities"}, "set values: logits"),
    "bz2": (b"BZh91AY", {}, "a bz2 file"),
}


@pytest.mark.parametrize("fault", BAD_LOGITS)
def test_bad_text_of_a_teacher_is_refused_with_its_place(fault: str, data: Dataset, tmp_path: Path) -> None:
    content, changed, words = BAD_LOGITS[fault]
    path = tmp_path / "logits.csv"
    path.write_bytes(content)
    refused(lambda: join(data, path, **changed), path, words)


CLASSES = np.array(["a", "b"])
GOOD = {"values": VALUES, "ids": np.array(IDS), "class_names": CLASSES}


def npz(**changed: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **{k: v for k, v in (GOOD | changed).items() if v is not None})
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in GOOD:
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def parquet(**changed: Any) -> bytes:
    import pyarrow
    import pyarrow.parquet

    columns = {"id": IDS, "a": VALUES[:, 0], "b": VALUES[:, 1]} | changed
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({k: v for k, v in columns.items() if v is not None}), buffer)
    return buffer.getvalue()


def tensors(metadata: dict[str, str] | None = None, **changed: Any) -> bytes:
    from safetensors.numpy import save

    arrays = {"values": VALUES} | changed
    told = {"ids": json.dumps(IDS), "class_names": '["a", "b"]'} | (metadata or {})
    return save({k: v for k, v in arrays.items() if v is not None}, {k: v for k, v in told.items() if v})


LIE = npy(np.zeros((1, 2))).replace(b"'shape': (1, 2), }        ", b"'shape': (999999999, 2), }")
BAD_ARRAYS: dict[str, tuple[str, bytes, str]] = {
    "npz empty": ("npz", b"", "content: found"),
    "npz cut": ("npz", npz()[:200], "content: found"),
    "npz of text": ("npz", b"id,a,b\n", "content: found"),
    "npz without values": ("npz", npz(values=None, logits=VALUES), "arrays: found no 'values' among"),
    "npz without ids": ("npz", npz(ids=None), "arrays: found no 'ids'"),
    "npz with more": ("npz", npz(extra=VALUES), "arrays: found 'extra'"),
    "npz of objects": ("npz", npz(ids=np.array(IDS, dtype=object)), "no pickles"),
    "npz of garbage": ("npz", zipped(b"garbage"), "content: found"),
    "npz of three dimensions": ("npz", npz(values=VALUES[None]), r"values: found float64 of shape \(1, 40, 2\)"),
    "npz of complex numbers": ("npz", npz(values=VALUES * 1j), "values: found complex128"),
    "npz of text values": ("npz", npz(values=VALUES.astype(str)), "values: found <U"),
    "npz of truth values": ("npz", npz(values=VALUES > 0), "values: found bool"),
    "npz with nan": (
        "npz",
        npz(values=np.where(np.arange(N)[:, None] == 7, np.nan, VALUES)),
        r"row 7 \(from 0\), column 'a': found nan",
    ),
    "npz with ids too few": ("npz", npz(ids=np.array(IDS[:-1])), "ids: found 39; expected 40"),
    "npz with an id twice": ("npz", npz(ids=np.array([*IDS[:-1], "p0"])), "ids: found 'p0' at 0 and 39"),
    "npz with ids in a table": ("npz", npz(ids=np.array(IDS)[:, None]), "ids: found shape"),
    "npz with float ids": ("npz", npz(ids=np.arange(N) / 1.0), "the file's begin 0.0, 1.0"),
    "npz with another class": ("npz", npz(class_names=np.array(["a", "c"])), "found no 'b'"),
    "npz with classes too many": ("npz", npz(class_names=np.array(["a", "b", "c"])), "class_names: found 3; expected 2"),
    "npz with a class twice": ("npz", npz(class_names=np.array(["a", "a"])), "class_names: found 'a' at 0 and 1"),
    "npz with probabilities": ("npz", npz(values=np.full((N, 2), 0.5)), "set `values: probabilities`"),
    "npy of other rows": ("npy", npy(VALUES[:-1]), "rows: found 39; expected 40"),
    "npy of other classes": ("npy", npy(np.zeros((N, 3))), "columns: found 3; expected 2: a, b"),
    "npy of one dimension": ("npy", npy(VALUES[:, 0]), r"shape \(40,\)"),
    "npy of objects": ("npy", npy(VALUES.astype(object)), "no pickles"),
    "npy cut": ("npy", npy(VALUES)[:300], "content: found"),
    "npy that lies about its size": ("npy", LIE, "content: found"),
    "npy empty": ("npy", b"", "content: found"),
    "npy that is npz": ("npy", npz(), "archive of several arrays"),
    "npy with infinity": ("npy", npy(np.full((N, 2), np.inf)), r"row 0 \(from 0\), column 0: found inf"),
    "parquet empty": ("parquet", b"", "content: found"),
    "parquet cut": ("parquet", parquet()[:-30], "content: found"),
    "parquet of text": ("parquet", text(LOGITS), "content: found"),
    "parquet without id": ("parquet", parquet(id=None), "columns: found 0 times id"),
    "parquet with text": ("parquet", parquet(a=[str(v) for v in VALUES[:, 0]]), "column 'a': found string; expected numbers"),
    "parquet with a hole": ("parquet", parquet(a=[None, *VALUES[1:, 0].tolist()]), r"row 0 \(from 0\), column 'a': found nan"),
    "parquet with an empty id": ("parquet", parquet(id=[None, *IDS[1:]]), r"ids\[0\]: found None"),
    "parquet with another class": ("parquet", parquet(c=VALUES[:, 0]), "found 'c', which is no class"),
    "parquet of pandas": ("parquet", parquet(__index_level_0__=np.arange(N)), "found '__index_level_0__', which is no class"),
    "safetensors empty": ("safetensors", b"", "content: found"),
    "safetensors cut": ("safetensors", tensors()[:-9], "content: found"),
    "safetensors of text": ("safetensors", text(LOGITS), "content: found"),
    "safetensors without ids": ("safetensors", tensors({"ids": ""}), "arrays: found no 'ids'"),
    "safetensors without values": ("safetensors", tensors(values=None, x=VALUES), "found no 'values'"),
    "safetensors with ids that are no JSON": ("safetensors", tensors({"ids": "p0,p1"}), "content: found Expecting value"),
    "safetensors with deep ids": ("safetensors", tensors({"ids": "[" * 10**5}), "content: found maximum recursion"),
    "safetensors with ids in a mapping": ("safetensors", tensors({"ids": "{}"}), "ids: found shape dict"),
    "safetensors with ids of lists": ("safetensors", tensors({"ids": json.dumps([[i] for i in IDS])}), r"ids\[0\]: found"),
    "pickle": ("pkl", b"\x80\x04.", "name: found '.pkl'.*no pickles"),
    "weights of torch": ("pt", b"PK", "no pickles"),
    "no ending": ("", b"", "name: found ''"),
}


@pytest.mark.parametrize("fault", BAD_ARRAYS)
def test_bad_arrays_of_a_teacher_are_refused(fault: str, data: Dataset, tmp_path: Path) -> None:
    ending, content, words = BAD_ARRAYS[fault]
    path = tmp_path / (f"logits.{ending}" if ending else "logits")
    path.write_bytes(content)
    refused(lambda: join(data, path), path, words)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "npz", "npy", "parquet", "safetensors"])
def test_every_format_gives_the_same_logits(ending: str, data: Dataset, tmp_path: Path) -> None:
    made = {
        "csv": text(LOGITS),
        "csv.gz": gzip.compress(text(LOGITS), mtime=0),
        "tsv": text(LOGITS).replace(b",", b"\t"),
        "npz": npz(),
        "npy": npy(VALUES),
        "parquet": parquet(),
        "safetensors": tensors(),
    }
    (tmp_path / f"logits.{ending}").write_bytes(made[ending])
    np.testing.assert_array_equal(join(data, tmp_path / f"logits.{ending}"), VALUES.astype(np.float32))


@settings(max_examples=100)
@given(cut=st.integers(0, 2000), flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), max_size=4),
       ending=st.sampled_from(["npz", "npy", "parquet", "safetensors", "csv.gz"]))  # fmt: skip
def test_damaged_bytes_end_in_one_line_or_in_numbers(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[tuple[int, int]], ending: str
) -> None:
    """These formats hold no checksum of everything: flipped numbers may pass, but no other error comes out."""
    base = tmp_path_factory.getbasetemp()
    (base / "good.csv").write_bytes(text())
    data = read(base / "good.csv")
    made = {
        "csv.gz": gzip.compress(text(LOGITS), mtime=0),
        "npz": npz(),
        "npy": npy(VALUES),
        "parquet": parquet(),
        "safetensors": tensors(),
    }
    content = bytearray(made[ending][: cut if not flips else None])
    for at, mask in flips:
        content[at % len(content)] ^= mask
    (base / f"damaged.{ending}").write_bytes(content)
    try:
        found = join(data, base / f"damaged.{ending}")
        assert found.shape == VALUES.shape and np.isfinite(found).all()
    except ContractError as error:
        assert str(error).splitlines() == [str(error)] and str(error).startswith(str(base)), str(error)


# ---- every reader of delimited text has the same eyes

CHAIN = "MKTAYIAKQRQISFVKSHFSRQ"
PROTEINS = [",".join(protein_tables.COLUMNS)] + [
    ",".join([f"P{i}", "Fungi", "0", *("1" if k == i % 10 else "0" for k in range(10)), CHAIN[i:]]) for i in range(12)
]
READERS: dict[str, tuple[list[str], Callable[[Path], object]]] = {
    "table": (LINES, read),
    "proteins": (PROTEINS, lambda path: protein_tables.read(path, protein_tables.KINGDOMS)),
    "residues": (PROTEINS, read_deeploc2),
    "splits": (
        ["id,split", *(f"p{i},{PART[i % 5]}" for i in range(12))],
        lambda path: splits_by_id(path, [f"p{i}" for i in range(12)]),
    ),
    "logits": (LOGITS, released_files.read),
}
SEEN_BY_ALL: dict[str, tuple[Callable[[list[str]], bytes], str]] = {
    "short row": (lambda lines: text([*lines[:4], lines[4].rpartition(",")[0], *lines[5:]]), "line 5: found"),
    "long row": (lambda lines: text([*lines[:4], lines[4] + ",0", *lines[5:]]), "line 5: found"),
    "line break in a value": (
        lambda lines: text([*lines[:4], '"' + lines[4], *lines[5:], '"']),
        "line 5, column .* a line break inside",
    ),
    "column twice": (lambda lines: text([f"{line},{line.partition(',')[0]}" for line in lines]), "line 1: found two columns"),
    "latin-1": (lambda lines: text(lines) + b"\xe9", "found byte 0xe9"),
    "utf-16": (lambda lines: text(lines).decode().encode("utf-16"), "found utf-16 text"),
    "semicolons": (lambda lines: text(lines).replace(b",", b";"), "found a semicolon between cells"),
    "NUL": (lambda lines: text(lines) + b"\0", "found a NUL byte"),
    "cut gzip": (lambda lines: gzip.compress(text(lines), mtime=0)[:-9], "found unexpected end of file"),
    "header only": (lambda lines: text(lines[:1]), "found a header only"),
    "empty": (lambda _: b"", "found no line"),
}


@pytest.mark.parametrize("fault", SEEN_BY_ALL)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_of_delimited_text_refuses_the_same_faults(reader: str, fault: str, tmp_path: Path) -> None:
    (lines, call), (make, words) = READERS[reader], SEEN_BY_ALL[fault]
    path = tmp_path / "mine.csv"
    path.write_bytes(text(lines))
    call(path)  # as it is, it is read
    path.write_bytes(make(lines))
    refused(lambda: call(path), path, words)
