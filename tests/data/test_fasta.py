"""FASTA in and out: what is read, what is handed on as a fault of a record, and what ends the reading."""

import bz2
import gzip
import lzma
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

from mtbkd.base.errors import ContractError
from mtbkd.data import fasta
from mtbkd.data.fasta import HELD, read_fasta, write_fasta

NBSP, BOM = "\xa0", "\ufeff"


def written(folder: Path, content: bytes, name: str = "my.fasta") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def pairs(path: Path) -> list[tuple[str, str]]:
    return [(record.id, record.sequence) for record in read_fasta(path)]


@pytest.mark.parametrize("name", ["my.fasta", "my.fasta.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str):
    records = [SeqRecord(Seq("M" + "AKLW" * 40), id=f"P{i}", description="of yeast") for i in range(3)]
    assert write_fasta(records, tmp_path / name) == 3
    assert pairs(tmp_path / name) == [(r.id, str(r.seq)) for r in records]


def test_gzip_is_told_by_its_bytes_not_its_name(tmp_path: Path):
    assert pairs(written(tmp_path, gzip.compress(b">a\nMK\n", mtime=0))) == [("a", "MK")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_as_on_any_system(tmp_path: Path, end: bytes):
    lines = [b"\xef\xbb\xbf>a one", b"MK", b"", b" L\tv ", b">b", b"WW"]
    assert pairs(written(tmp_path, end.join(lines))) == [("a", "MKLv"), ("b", "WW")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "records: found none"),
        (b"\n\n", "no '>'"),
        (b";made by hand\n>a\nMK\n", "no '>'"),
        (b"ACC,Sequence\nP1,MKL\n", "no '>'"),
        (b"<html><body>not found</body></html>", "no '>'"),
        (b"@read1\nACGT\n+\nIIII\n", "no '>'"),
        (b">a\nMK\n>b\nML\n>a\nMK\n", "id 'a': found records 1 and 3"),
        (">a\nMK\n".encode("utf-16"), "UTF-16 text.*iconv -f utf-16"),
        (gzip.compress(b">a\n" + b"MKLV" * 5000, mtime=0)[:-12], "gzip"),
        (gzip.compress(b">a\nMK\n", mtime=0) + b"junk", "gzip"),
        (b"\x1f\x8bjunk", "gzip"),
        (b"PK\x03\x04", "zip data"),
        (bz2.compress(b">a\nMK\n"), "bzip2 data.*unpack it first: bunzip2 -k '.*my.fasta'"),
        (lzma.compress(b">a\nMK\n"), "xz data.*unpack it first: xz -dk '.*my.fasta'"),
        (b">P1;CRAB_TEST\nALPHA CRYSTALLIN B CHAIN\nMDITIHNPLI*\n", r"'P1;CRAB_TEST', a header of PIR.*'pir', 'my\.converted"),
    ],
)
def test_a_file_that_is_no_fasta_is_refused_by_name(tmp_path: Path, content: bytes, told: str):
    path = written(tmp_path, content)
    with pytest.raises(ContractError, match=told) as caught:
        list(read_fasta(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "name", "fault"),
    [
        (f">a\nMK\n{BOM}>b\nML\n".encode(), "b", "ZERO WIDTH NO-BREAK SPACE, U+FEFF) before its '>'"),
        (f">a\nMK\n{NBSP}>b\nML\n".encode(), "b", "NO-BREAK SPACE, U+00A0) before its '>'"),
        (b">a\nMK\n >b\nML\n", "b", "' ' before its '>'"),
        (b">a\nMK\n>prot\xe9ine of yeast\nML\n", "record 2", "byte 0xe9, no UTF-8, at character 5 of its id"),
        (f">a\nMK\n>b{NBSP}c\nML\n".encode(), "record 2", "NO-BREAK SPACE, U+00A0) at character 2 of its id"),
        (b">a\nMK\n>b\x1b[31m\nML\n", "record 2", "'\\x1b' at character 2 of its id"),
        (b">a\nMK\n>\nML\n", "record 2", "no name after '>'"),
        (b">a\nMK\n>" + b"b" * 501 + b"\nML\n", "record 2", "an id of more than 500 characters"),
        (b">a\nMK\n>b\n" + b"A" * (HELD + 1) + b"\n", "b", "1,000,001 letters, where at most 100,000 are read"),
    ],
)
def test_a_record_that_is_no_protein_has_a_fault_and_its_neighbours_have_none(
    tmp_path: Path, content: bytes, name: str, fault: str
):
    before, wrong, after = read_fasta(written(tmp_path, content + b">c\nMV\n"))
    assert (wrong.id, wrong.sequence) == (name, "") and fault in wrong.fault
    assert before == ("a", "MK", "") and after == ("c", "MV", "")


def test_a_description_may_be_in_any_encoding(tmp_path: Path):
    assert pairs(written(tmp_path, b">a prot\xe9ine\nMK\n")) == [("a", "MK")]


def test_a_line_that_never_ends_is_not_held_in_memory(tmp_path: Path):
    path = tmp_path / "long.fasta"
    with open(path, "wb") as handle:
        handle.write(b">a\nMK\n>b\n")
        for _ in range(40):
            handle.write(b"M" * 1_000_000)
        handle.write(b"\n>" + b"c" * 5_000_000 + b"\nMK\n")
    tracemalloc.start()
    faults = [record.fault for record in read_fasta(path)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "40,000,000 letters" in faults[1] and "an id of more" in faults[2] and peak < 8_000_000


def test_a_gzip_bomb_is_refused_after_its_first_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fasta, "FREE", 1 << 17)
    path = written(tmp_path, gzip.compress(b">a\n" + b"\n" * 2_000_000, mtime=0))
    with pytest.raises(ContractError, match="more than 200 times its size"):
        list(read_fasta(path))
    with_text = written(tmp_path, gzip.compress(b"".join(b">P%d\nMKLVWSTQ\n" % i for i in range(20_000)), mtime=0))
    assert len(pairs(with_text)) == 20_000


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path):
    devices = ((Path("/dev/zero"), "a pipe or device"),)
    for path, told in ((tmp_path / "no.fasta", "nothing"), (tmp_path, "a folder"), *devices):
        with pytest.raises(ContractError, match=told):
            list(read_fasta(path))


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    found: list[BaseException] = []

    def read() -> None:
        try:
            list(read_fasta(tmp_path / "pipe"))
        except ContractError as error:
            found.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(10)
    assert found and "a pipe or device; expected a FASTA file: a regular one" in str(found[0])
