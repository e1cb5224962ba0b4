"""Chains: every kind of bad letter has one stated behaviour, an error by name or a counted repair."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtbkd.base.errors import ContractError
from mtbkd.data.sequences import AMBIGUOUS, LONGEST, RESIDUES, Policy, clean, truncate

CHAINS = st.text(RESIDUES + AMBIGUOUS, min_size=1).map(lambda chain: "M" + chain + "W" * 5)


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
        ("MKé", "LATIN SMALL LETTER E WITH ACUTE, U\\+00E9\\) at residue 3"),
        ("MKL\u0410", "CYRILLIC CAPITAL LETTER A, U\\+0410\\) at residue 4"),
        ("MK\xa0LV", "NO-BREAK SPACE, U\\+00A0\\) at residue 3"),
        ("MK\udca0LV", "byte 0xa0, no UTF-8, at residue 3"),
        ("MK>b", "'>' \\(a header inside a line\\) at residue 3"),
        ("M-K*L*", "'\\*' at residue 4"),
        ("XXXX", "no known residue"),
        ("ATGGCCTTAACGATCGATCG", "nucleotides"),
        ("AUGGCCUUAACGAUCGAUCGNNN", "nucleotides"),
        ("M" * (LONGEST + 1), "at most 100,000"),
    ],
)
def test_what_no_repair_makes_a_chain_is_refused_by_protein(sequence: str, told: str):
    with pytest.raises(ContractError, match=told) as caught:
        clean(sequence, "my.fasta", "P1")
    assert "my.fasta: sequence of P1" in str(caught.value)


@pytest.mark.parametrize("letter", ["\u017f", "\u0131", "\xdf", "\ufb01", "\uff2b", "\u212a"])
def test_no_foreign_letter_becomes_a_residue_by_its_capital(letter: str):
    with pytest.raises(ContractError, match="at residue 3"):
        clean(f"MK{letter}LV")


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
