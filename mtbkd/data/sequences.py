"""Protein chains, and the handling of letters and lengths outside the training data (files: ``mtbkd.data.fasta``).

Policy, the same wherever a chain comes from. Repaired, counted and told: lower case (raised), gaps ``-`` and ``.`` (taken
out), one stop ``*`` at the end (taken off), ``J`` for leucine or isoleucine (becomes ``X``). Kept as they are: the ambiguous
and rare residues ``X B Z U O``, which every encoder knows how to read. Refused, by file and protein: an empty chain, any
other letter, a stop inside the chain, a chain without one known residue, nucleotides, more than ``LONGEST`` letters. Chains of
up to ``LONGEST`` residues are read whole; what an encoder does not read of them is the truncation's business.
"""

import unicodedata
from collections import Counter
from typing import Literal

import numpy as np

from mtbkd.base.errors import ContractError

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
AMBIGUOUS = "XBZUO"
LONGEST = 100_000  # residues; the longest proteins known have some 45,000, so more is a genome or a file without headers
Policy = Literal["first", "ends"]
# Shorter peptides may consist of alanine, glycine, cysteine and threonine by chance.
NUCLEOTIDES, NUCLEOTIDE_SHARE, NUCLEOTIDE_LENGTH = "ACGTUN", 0.95, 20
_CODE = np.full(256, 255, dtype=np.uint8)
_CODE[np.frombuffer((RESIDUES + AMBIGUOUS).encode(), np.uint8)] = [*range(len(RESIDUES)), *[len(RESIDUES)] * len(AMBIGUOUS)]
_GAPS = str.maketrans("", "", "-.")
_READ = frozenset((RESIDUES + AMBIGUOUS + "J").upper() + (RESIDUES + AMBIGUOUS + "J").lower() + "-.*")


def codes(chain: str) -> np.ndarray:
    """uint8 (L,) of a clean chain: each residue's place in RESIDUES, len(RESIDUES) for the ambiguous and rare ones."""
    return _CODE[np.frombuffer(chain.encode("ascii"), np.uint8)]


def clean(sequence: str, where: object = "sequence", name: str = "", repairs: Counter[str] | None = None) -> str:
    """The residues of a chain, repaired as the module says.

    Args:
        sequence: as it stands in the file.
        where, name: file and protein, for the error.
        repairs: counts the chains that needed each repair.

    Raises:
        ContractError: nothing that a repair could make a chain of residues of.
    """
    field = f"sequence of {name}" if name else "letters"
    expected = f"letters of {RESIDUES} or {AMBIGUOUS}"
    # Before any repair: capitals of some foreign letters are ordinary ones (the long s becomes S).
    if odd := set(sequence) - _READ:
        position = min(map(sequence.index, odd))
        raise ContractError(where, field, f"{character(sequence[position])} at residue {position + 1}", expected)
    done = []
    if (chain := sequence.upper()) != sequence:
        done.append("lower case raised")
    if (whole := chain.translate(_GAPS)) != chain:
        done.append("gaps taken out")
    if (residues := whole.removesuffix("*")) != whole:
        done.append("stop at the end taken off")
    if "J" in residues:
        done.append("J (leucine or isoleucine) read as X")
        residues = residues.replace("J", "X")
    if not residues:
        raise ContractError(where, field, "an empty sequence", expected)
    if len(residues) > LONGEST:
        raise ContractError(where, field, f"{len(residues):,} letters", f"at most {LONGEST:,}", "are headers missing?")
    if "*" in residues:
        raise ContractError(where, field, f"'*' at residue {sequence.index('*') + 1}", expected,
                            "a stop inside: is this the translation of another frame?")  # fmt: skip
    _check_composition(residues, where, field)
    if repairs is not None:
        repairs.update(done)
    return residues


def truncate(sequence: str, length: int, policy: Policy) -> str:
    """At most ``length`` residues: the first ones (``first``, the paper's) or the first and the last half (``ends``)."""
    if len(sequence) <= length:
        return sequence
    head = length if policy == "first" else (length + 1) // 2
    return sequence[:head] + (sequence[-(length - head) :] if length > head else "")


def character(letter: str) -> str:
    """A character for people: as it is, with its name where it may look like another one, or the byte that is no UTF-8."""
    if "\udc80" <= letter <= "\udcff":
        return f"byte 0x{ord(letter) - 0xDC00:02x}, no UTF-8,"
    if letter.isascii():
        return "'>' (a header inside a line)" if letter == ">" else repr(letter)
    return f"{letter!a} ({unicodedata.name(letter, 'without a name')}, U+{ord(letter):04X})"


def _check_composition(residues: str, where: object, field: str) -> None:
    if not set(residues) & set(RESIDUES):
        raise ContractError(where, field, "no known residue", f"some of {RESIDUES}")
    share = sum(map(residues.count, NUCLEOTIDES)) / len(residues)
    if len(residues) >= NUCLEOTIDE_LENGTH and share >= NUCLEOTIDE_SHARE:
        raise ContractError(where, field, f"{share:.0%} of its letters are {', '.join(NUCLEOTIDES)}", "residues of a protein",
                            "nucleotides? translate them first")  # fmt: skip
