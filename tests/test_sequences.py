"""FASTA in and out: every kind of bad input has one stated behaviour, an error by name or a counted repair."""

import gzip
from collections import Counter
from pathlib import Path

import pytest
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from hypothesis import given
from hypothesis import strategies as st

from mtbkd.errors import ContractError
from mtbkd.sequences import AMBIGUOUS, LONGEST, RESIDUES, Policy, clean, read_fasta, truncate, write_fasta

CHAINS = st.text(RESIDUES + AMBIGUOUS, min_size=1).map(lambda chain: "M" + chain + "W" * 5)


def written(folder: Path, content: bytes) -> Path:
    (folder / "my.fasta").write_bytes(content)
    return folder / "my.fasta"


@pytest.mark.parametrize("name", ["my.fasta", "my.fasta.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str):
    records = [SeqRecord(Seq("M" + "AKLW" * 40), id=f"P{i}", description="of yeast") for i in range(3)]
    assert write_fasta(records, tmp_path / name) == 3
    assert [(r.id, str(r.seq)) for r in read_fasta(tmp_path / name)] == [(r.id, str(r.seq)) for r in records]


def test_gzip_is_told_by_its_bytes_not_its_name(tmp_path: Path):
    path = written(tmp_path, gzip.compress(b">a\nMK\n"))
    assert [record.id for record in read_fasta(path)] == ["a"]


def test_windows_lines_and_a_byte_order_mark_are_read(tmp_path: Path):
    path = written(tmp_path, b"\xef\xbb\xbf>a one\r\nMK\r\nLV\r\n>b\r\nW W\r\n")
    assert [(r.id, str(r.seq)) for r in read_fasta(path)] == [("a", "MKLV"), ("b", "WW")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "records: found none"),
        (b"\n\n", "no '>'"),
        (b";made by hand\n>a\nMK\n", "no '>'"),
        (b"ACC,Sequence\nP1,MKL\n", "no '>'"),
        (b">a\nMK\n>b\nML\n>a\nMK\n", "id 'a': found records 1 and 3"),
        (b">\nMK\n", "id of record 1"),
        (b">prot\xe9ine\nMK\n", "encoding: found byte 0xe9"),
        (">a\nMK\n".encode("utf-16"), "UTF-16"),
        (">a\nMK\n".encode("utf-16-le"), "id of record 1|no '>'"),
        (gzip.compress(b">a\n" + b"MKLV" * 5000)[:-12], "gzip"),
        (b"PK\x03\x04", "zip archive"),
    ],
)
def test_a_file_that_is_no_fasta_is_refused_by_name(tmp_path: Path, content: bytes, told: str):
    path = written(tmp_path, content)
    with pytest.raises(ContractError, match=told) as caught:
        list(read_fasta(path))
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    for path, told in ((tmp_path / "no.fasta", "nothing"), (tmp_path, "a folder")):
        with pytest.raises(ContractError, match=told):
            list(read_fasta(path))


@pytest.mark.parametrize(
    ("sequence", "residues", "repair"),
    [
        ("mkLV", "MKLV", "lower case raised"),
        ("M--K.L", "MKL", "gaps taken out"),
        ("MKL*", "MKL", "stop at the end taken off"),
        ("MJL", "MXL", "J (leucine or isoleucine) read as X"),
    ],
)
def test_repairs_are_made_and_counted(sequence: str, residues: str, repair: str):
    repairs: Counter[str] = Counter()
    assert clean(sequence, repairs=repairs) == residues
    assert repairs == {repair: 1}


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        ("", "an empty sequence"),
        ("--*", "an empty sequence"),
        ("MK*LV", "'\\*' at residue 3"),
        ("MK1LV", "'1' at residue 3"),
        ("MKé", "'É' at residue 3"),
        ("XXXX", "no residue of known kind"),
        ("ATGGCCTTAACGATCGATCG", "nucleotides"),
        ("AUGGCCUUAACGAUCGAUCGNNN", "nucleotides"),
        ("M" * (LONGEST + 1), "at most 100,000"),
    ],
)
def test_what_no_repair_makes_a_chain_is_refused_by_protein(sequence: str, told: str):
    with pytest.raises(ContractError, match=told) as caught:
        clean(sequence, "my.fasta", "P1")
    assert "my.fasta: sequence of P1" in str(caught.value)


def test_a_chain_of_50000_residues_and_a_short_peptide_of_acgt_are_read():
    assert len(clean("MKLVW" * 10_000)) == 50_000
    assert clean("GACGACTAAG") == "GACGACTAAG"


@given(CHAINS)
def test_a_clean_chain_stays_as_it_is(chain: str):
    repairs: Counter[str] = Counter()
    assert clean(clean(chain), repairs=repairs) == chain and not repairs


@given(CHAINS, st.integers(1, 30), st.sampled_from(["first", "ends"]))
def test_truncation_keeps_the_ends_it_names(chain: str, length: int, policy: Policy):
    kept = truncate(chain, length, policy)
    assert len(kept) == min(length, len(chain))
    head = length if policy == "first" else (length + 1) // 2
    assert kept[:head] == chain[:head]
    if policy == "ends" and length > 1:
        assert kept[-(length // 2) :] == chain[-(length // 2) :]
