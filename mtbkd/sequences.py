"""Protein chains from and to FASTA files, and what is done about letters and lengths that a student was not taught on.

Policy, the same wherever a chain comes from. Repaired, counted and told: lower case (raised), gaps ``-`` and ``.`` (taken
out), one stop ``*`` at the end (taken off), ``J`` for leucine or isoleucine (becomes ``X``). Kept as they are: the ambiguous
and rare residues ``X B Z U O``, which every encoder knows how to read. Refused, by file and protein: an empty chain, any
other letter, a stop inside the chain, a chain without one known residue, nucleotides, more than ``LONGEST`` letters. Chains of
up to ``LONGEST`` residues are read whole; what an encoder does not read of them is the truncation's business.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from mtbkd.errors import ContractError
from mtbkd.writing import atomic

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
AMBIGUOUS = "XBZUO"
LONGEST = 100_000  # residues; the longest proteins known have some 45,000, so more is a genome or a file without headers
Policy = Literal["first", "ends"]
# Shorter peptides may consist of alanine, glycine, cysteine and threonine by chance.
NUCLEOTIDES, NUCLEOTIDE_SHARE, NUCLEOTIDE_LENGTH = "ACGTUN", 0.95, 20
_CODE = np.full(256, 255, dtype=np.uint8)
_CODE[np.frombuffer((RESIDUES + AMBIGUOUS).encode(), np.uint8)] = [*range(len(RESIDUES)), *[len(RESIDUES)] * len(AMBIGUOUS)]
_GAPS = str.maketrans("", "", "-.")
_GZIP, _ARCHIVES = b"\x1f\x8b", {b"PK": "a zip archive", b"\xfe\xff": "UTF-16 text", b"\xff\xfe": "UTF-16 text"}


def codes(chain: str) -> np.ndarray:
    """uint8 (L,) of a clean chain: each residue's place in RESIDUES, len(RESIDUES) for the ambiguous and rare ones."""
    return _CODE[np.frombuffer(chain.encode("ascii"), np.uint8)]


def read_fasta(path: str | Path) -> "Iterator[SeqRecord]":
    """Yield the records of a FASTA file, plain or gzip (told by its first bytes), one at a time.

    Memory is that of one record and of the ids. Sequences come as they stand in the file: see ``clean``.

    Raises:
        ContractError: no such file; not FASTA; not UTF-8 text; a damaged gzip; no record; a record without id; an id that
            stands twice.
    """
    from Bio import SeqIO

    path = Path(path)
    seen: dict[str, int] = {}
    with _text(path) as handle, _readable(path):
        for number, record in enumerate(SeqIO.parse(handle, "fasta"), start=1):
            name = str(record.id or "")
            if not name or not name.isprintable():
                raise ContractError(path, f"id of record {number}", repr(name), "a name after '>'")
            if name in seen:
                raise ContractError(path, f"id '{name}'", f"records {seen[name]} and {number}", "each id once",
                                    "the first word after '>' is the id")  # fmt: skip
            seen[name] = number
            yield record
    if not seen:
        raise ContractError(path, "records", "none", "at least one protein: '>' and its id, then its residues")


def write_fasta(records: "Iterable[SeqRecord]", path: str | Path) -> int:
    """Write FASTA, gzip where the name ends in .gz, whole or not at all; returns the number of records."""
    from Bio import SeqIO

    opener = gzip.open if str(path).endswith(".gz") else open
    with atomic(path) as temporary, opener(temporary, "wt", encoding="utf-8") as handle:
        return SeqIO.write(records, handle, "fasta")


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
    _check_letters(residues, where, field, expected)
    if repairs is not None:
        repairs.update(done)
    return residues


def truncate(sequence: str, length: int, policy: Policy) -> str:
    """At most ``length`` residues: the first ones (``first``, the paper's) or the first and the last half (``ends``)."""
    if len(sequence) <= length:
        return sequence
    head = length if policy == "first" else (length + 1) // 2
    return sequence[:head] + (sequence[-(length - head) :] if length > head else "")


def _check_letters(residues: str, where: object, field: str, expected: str) -> None:
    if odd := set(residues) - set(RESIDUES + AMBIGUOUS):
        position = min(residues.index(letter) for letter in odd)
        letter = residues[position]
        hint = "a stop inside: is this the translation of another frame?" if letter == "*" else ""
        raise ContractError(where, field, f"{letter!r} at residue {position + 1}", expected, hint)
    if not set(residues) & set(RESIDUES):
        raise ContractError(where, field, "no residue of known kind", f"some of {RESIDUES}")
    share = sum(map(residues.count, NUCLEOTIDES)) / len(residues)
    if len(residues) >= NUCLEOTIDE_LENGTH and share >= NUCLEOTIDE_SHARE:
        raise ContractError(where, field, f"{share:.0%} of its letters are {', '.join(NUCLEOTIDES)}", "residues of a protein",
                            "nucleotides? translate them first")  # fmt: skip


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    try:
        with open(path, "rb") as raw:
            first = raw.read(2)
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "a FASTA file") from None
    except IsADirectoryError:
        raise ContractError(path, "file", "a folder", "a FASTA file") from None
    if first in _ARCHIVES:
        raise ContractError(path, "file", _ARCHIVES[first], "FASTA as UTF-8 text, plain or gzip")
    opener = gzip.open if first == _GZIP else open
    with opener(path, "rt", encoding="utf-8-sig") as handle:
        yield handle


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the readers raise in the middle of a file into one error for people."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ContractError(path, "encoding", f"byte 0x{error.object[error.start]:02x}, no UTF-8", "UTF-8 or ASCII text",
                            "convert it: iconv -f latin1 -t utf-8") from None  # fmt: skip
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ContractError(path, "gzip", str(error), "a whole gzip file", "copy it again") from None
    except ContractError:
        raise
    except ValueError:
        raise ContractError(path, "first line", "no '>'", "FASTA: '>' and an id, then residues") from None
