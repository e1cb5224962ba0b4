"""Every bad FASTA file is refused in one line that names it, or the bad record is left out when that is asked for."""

import bz2
import csv
import gzip
import lzma
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtbkd.base.errors import ContractError
from mtbkd.serving import cli
from mtbkd.serving.predicting import check_fasta
from tests.faults.student import refused, write_student
from tests.serving.examples import bundle

GOOD = b">first\nMKLVWSTQ\n"
LETTERS = {
    "digit": b"1", "colon": b":", "slash": b"/", "question": b"?", "stop": b"*K", "bar": b"|", "quote": b'"', "nul": b"\0",
    "escape": b"\x1b[2J", "vertical tab": b"\x0b", "form feed": b"\x0c", "delete": b"\x7f", "header": b">third",
    "semicolon": b";",
    "latin 1": b"\xe9", "windows dash": b"\x96", "cut utf-8": b"\xe2\x80", "overlong": b"\xc0\x80",
    "lone continuation": b"\x80",
    "nbsp": "\xa0", "mark": "\ufeff", "zero width space": "\u200b", "soft hyphen": "\xad", "line separator": "\u2028",
    "next line": "\x85", "en dash": "\u2013", "minus": "\u2212", "cyrillic": "\u0410", "greek": "\u0391",
    "full width": "\uff2d",
    "long s": "\u017f", "dotless i": "\u0131", "sharp s": "\xdf", "ligature": "\ufb01", "kelvin": "\u212a",
    "emoji": "\U0001f9ec",
    "arabic": "\u0645", "right to left": "\u202e", "combining": "\u0301", "ideographic space": "\u3000",
}  # fmt: skip
RECORDS = {
    f"letter, {name}": b">bad\nMKL" + (c if isinstance(c, bytes) else c.encode()) + b"VW\n" for name, c in LETTERS.items()
}
RECORDS |= {
    "empty": b">bad\n",
    "blanks only": b">bad\n \t \n",
    "gaps only": b">bad\n---...\n",
    "stop only": b">bad\n*\n",
    "two stops": b">bad\nMKL**\n",
    "unknown only": b">bad\nXXXX\n",
    "nucleotides": b">bad\n" + b"ATGGCC" * 5 + b"\n",
    "rna": b">bad\n" + b"AUGGCC" * 5 + b"\n",
    "a genome": b">bad\n" + b"MKLVW" * 20_001 + b"\n",
    "no name": b">\nMKLV\n",
    "name of blanks": b"> \t \nMKLV\n",
    "name with a bell": b">b\x07ad\nMKLV\n",
    "name in latin 1": b">b\xe4d\nMKLV\n",
    "name with an nbsp": ">b\xa0d\nMKLV\n".encode(),
    "name right to left": ">b\u202ed\nMKLV\n".encode(),
    "name without end": b">" + b"bad" * 1000 + b"\nMKLV\n",
    "header after a blank": b" >bad\nMKLV\n",
    "header after a tab": b"\t>bad\nMKLV\n",
    "header after a mark": "\ufeff>bad\nMKLV\n".encode(),
    "header after an nbsp": "\xa0>bad\nMKLV\n".encode(),
    "fastq quality": b">bad\nMKLV\n+\nIIII\n",
    "genbank numbers": b">bad\n        1 mklvw mklvw\n",
    "a comment": b">bad\n; a comment\nMKLV\n",
    "html": b">bad\n<p>MKLV</p>\n",
    "json": b'>bad\n{"a": 1}\n',
    "tab of a table": b">bad\nMKLV\t12\n",
}
FILES = {
    "empty": b"",
    "blank lines": b"\n\n\n",
    "mark only": b"\xef\xbb\xbf",
    "nuls": b"\0" * 1000,
    "no header": b"MKLVWSTQ\n",
    "text before": b"my proteins\n>a\nMKLV\n",
    "csv": b"id,sequence\na,MKLV\n",
    "json": b'{"a": "MKLV"}',
    "html": b"<!DOCTYPE html><html><body>404</body></html>",
    "fastq": b"@a\nACGT\n+\nIIII\n",
    "genbank": b"LOCUS       A 8 aa\nORIGIN\n 1 mklv\n//\n",
    "uniprot": b"ID   A_HUMAN Reviewed; 8 AA.\nSQ   SEQUENCE\n     MKLV\n//\n",
    "clustal": b"CLUSTAL W\n\na  MKLV\nb  MKLV\n",
    "stockholm": b"# STOCKHOLM 1.0\na MKLV\n//\n",
    "phylip": b" 2 4\na MKLV\nb MKLV\n",
    "old comment": b";a comment\n>a\nMKLV\n",
    "pir": b">P1;A_TEST\nA protein\nMKLV*\n",
    "pir of a fragment": b">F1;A_TEST\nA protein\nMKLV*\n",
    "utf-16": ">a\nMKLV\n".encode("utf-16"),
    "utf-16, big": b"\xfe\xff" + ">a\nMKLV\n".encode("utf-16-be"),
    "utf-16, unmarked": ">a\nMKLV\n".encode("utf-16-le"),
    "utf-32": ">a\nMKLV\n".encode("utf-32"),
    "ebcdic": ">a\nMKLV\n".encode("cp500"),
    "zip": b"PK\x03\x04" + b"\0" * 30,
    "bzip2": bz2.compress(GOOD),
    "xz": lzma.compress(GOOD),
    "zstd": b"(\xb5/\xfd" + b"\0" * 30,
    "gzip, cut": gzip.compress(GOOD * 1000, mtime=0)[:-9],
    "gzip, changed": gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8,
    "gzip, head only": b"\x1f\x8b\x08",
    "gzip and junk": gzip.compress(GOOD, mtime=0) + b"junk",
    "gzip of gzip": gzip.compress(gzip.compress(GOOD), mtime=0),
    "gzip of nothing": gzip.compress(b"", mtime=0),
    "docx": b"PK\x03\x04word/document.xml",
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "png": b"\x89PNG\r\n\x1a\n\0\0",
    "rtf": b"{\\rtf1\\ansi >a\\par MKLV}",
    "an id twice": b">a\nMKLV\n>b\nMKLV\n>a\nMKLW\n",
    "an id twice, two descriptions": b">a one\nMKLV\n>a two\nMKLV\n",
}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("bad_fasta"))


def asked(student: Path, path: Path) -> list[str]:
    return ["predict", "--bundle", str(student), "--fasta", str(path), "--out", str(path.parent / "out.csv"), "--quiet"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_fasta_is_refused(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str):
    path = tmp_path / "my.fasta"
    path.write_bytes(FILES[name])
    for more in ([], ["--skip-invalid"]):
        assert str(path) in refused([*asked(student, path), *more], capsys)
        assert {each.name for each in tmp_path.iterdir()} == {"my.fasta"}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_no_protein_is_refused_or_left_out(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str
):
    path = tmp_path / "my.fasta"
    path.write_bytes(GOOD + RECORDS[name] + b">last\nMKLV\n")
    said = refused(asked(student, path), capsys)
    assert "1 of 3 records" in said and re.search("bad|record 2", said) and "--skip-invalid leaves them out" in said
    assert cli.main([*asked(student, path), "--skip-invalid"]) == 0
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as handle:
        assert [(row["id"], row["length"]) for row in csv.DictReader(handle)] == [("first", "8"), ("last", "4")]


def plain(content: bytes) -> list[tuple[str, str]]:
    """Ids and chains by a reader as simple as the format: every letter must be a residue after the known repairs."""
    found = []
    for record in re.split(rb"^>", content.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), flags=re.MULTILINE)[1:]:
        header, _, body = record.partition(b"\n")
        chain = re.sub(rb"[ \t\n.-]", b"", body).upper().removesuffix(b"*").replace(b"J", b"X")
        found.append((header.split()[0].decode(), chain.decode()))
    return found


WHOLE = b">first of all\nMKLVWSTQ\nACDEFGHIKL\n>second\nMNPQRSTVWY\n>third one\nMGGSKKLI\n"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.sampled_from(["in place of", "before"]))
def test_any_one_wrong_byte_is_refused_or_lands_where_it_should(tmp_path: Path, at: int, byte: int, how: str):
    content = WHOLE[:at] + bytes([byte]) + WHOLE[at + (how == "in place of") :]
    (tmp_path / "my.fasta").write_bytes(content)
    try:
        found = check_fasta(tmp_path / "my.fasta", bundle("map"))
    except ContractError as error:
        assert "\n" not in str(error) and str(tmp_path / "my.fasta") in str(error)
        return
    expected = plain(content)
    assert all(re.fullmatch("[ACDEFGHIKLMNPQRSTVWYXBZUO]+", chain) for _, chain in expected)
    assert (found.proteins, found.residues) == (len(expected), sum(len(chain) for _, chain in expected))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"", b">", b">a\n", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\xff\xfe"]), st.binary(max_size=80))
def test_any_bytes_are_refused_in_one_line_or_read(tmp_path: Path, start: bytes, rest: bytes):
    (tmp_path / "my.fasta").write_bytes(start + rest)
    try:
        assert check_fasta(tmp_path / "my.fasta", bundle("map"), skip_invalid=True).proteins > 0
    except ContractError as error:
        assert "\n" not in str(error) and str(tmp_path / "my.fasta") in str(error)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_one_wrong_byte_of_a_gzip_is_refused_or_changes_nothing(tmp_path: Path, data: st.DataObject):
    whole = gzip.compress(WHOLE, mtime=0)
    at, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    (tmp_path / "my.fasta").write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    try:
        found = check_fasta(tmp_path / "my.fasta", bundle("map"))
    except ContractError as error:
        assert "\n" not in str(error)
        return
    (tmp_path / "plain.fasta").write_bytes(WHOLE)
    assert found.content == check_fasta(tmp_path / "plain.fasta", bundle("map")).content
