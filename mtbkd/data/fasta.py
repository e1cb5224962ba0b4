"""FASTA files, read a record at a time in bounded memory, whatever the file holds.

A record that cannot be a protein (its id has odd characters, it never ends) is handed on with its ``fault``, so that the caller
may leave it out; a file that is no FASTA ends the reading. Line ends may be those of Unix, Windows or old Macs.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import regular_file
from mtbkd.base.writing import atomic
from mtbkd.data.sequences import LONGEST, character

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord

HELD = 10 * LONGEST  # letters of a record that are kept: the chain may be aligned, with many gaps
LONGEST_ID = 500
PIECE = 1 << 16  # characters read at once, of a line that may never end
FREE, RATIO = 1 << 26, 200  # gzip of proteins is some 2 to 50 times smaller: beyond both bounds it is a bomb
_BLANKS = str.maketrans("", "", " \t\r\n")
_INVISIBLE = " \t\xa0\ufeff\u200b\u2060"
_PIR = re.compile(r"(P1|F1|DL|DC|RL|RC|N1|N3|XX);")
_GZIP = b"\x1f\x8b"
_PACKED = {
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ": ("xz", "xz -dk"),
    b"(\xb5/\xfd": ("zstd", "zstd -d"),
    b"PK": ("zip", "unzip"),
}
_WIDEST = (b"\0\0\xfe\xff", b"\xff\xfe\0\0")
_WIDE = (b"\xfe\xff", b"\xff\xfe", *_WIDEST)


class Record(NamedTuple):
    """One entry; ``fault`` says what makes it no protein, where that can be told without knowing residues."""

    id: str
    sequence: str
    fault: str = ""


@dataclass
class _Growing:
    """A record that is being read; of a sequence beyond HELD only the length is kept."""

    number: int
    header: str
    letters: int = 0
    parts: list[str] = field(default_factory=list)

    def add(self, piece: str) -> None:
        text = piece.translate(_BLANKS)
        self.letters += len(text)
        if self.letters <= HELD:
            self.parts.append(text)

    def done(self) -> Record:
        before, _, title = self.header.partition(">")
        name = (re.split(r"[ \t\r\n]+", title.lstrip(" \t"), maxsplit=1) or [""])[0]
        odd = next((i for i, letter in enumerate(name) if not letter.isprintable()), None)
        fault = ""
        if not name:
            fault = "no name after '>'"
        elif before:
            fault = f"{character(before[0])} before its '>'"
        elif odd is not None:
            fault = f"{character(name[odd])} at character {odd + 1} of its id"
        elif len(name) > LONGEST_ID:
            fault = f"an id of more than {LONGEST_ID} characters"
        elif self.letters > HELD:
            fault = f"{self.letters:,} letters, where at most {LONGEST:,} are read (are headers missing?)"
        shown = name if name and odd is None and len(name) <= LONGEST_ID else f"record {self.number}"
        return Record(shown, "" if fault else "".join(self.parts), fault)


def read_fasta(path: str | Path) -> Iterator[Record]:
    """Yield the records of a FASTA file, plain or gzip (told by its first bytes), one at a time.

    Memory is that of one record, at most HELD letters, and of the ids. Sequences come as they stand in the file, blanks taken
    out: see ``sequences.clean``. Bytes that are no UTF-8 come as lone surrogates, which ``clean`` refuses.

    Raises:
        ContractError: no such file; no regular file; not FASTA; PIR; packed otherwise than by gzip; a damaged gzip or a gzip
            bomb; no record; an id that stands twice.
    """
    path = Path(path)
    seen: dict[str, int] = {}
    with _text(path) as handle:
        for number, record in enumerate(_records(path, handle), start=1):
            if _PIR.match(record.id):
                convert = f"SeqIO.convert('{path.name}', 'pir', '{path.stem}.converted.fasta', 'fasta')"
                raise ContractError(path, f"id of record {number}", f"'{record.id}', a header of PIR (NBRF)", "FASTA",
                                    f'convert it: python -c "from Bio import SeqIO; {convert}"')  # fmt: skip
            if record.id in seen:
                raise ContractError(path, f"id '{record.id}'", f"records {seen[record.id]} and {number}", "unique ids",
                                    "the first word after '>' is the id")  # fmt: skip
            seen[record.id] = number
            yield record
    if not seen:
        raise ContractError(path, "records", "none", "at least one protein: '>' and its id, then its residues")


def write_fasta(records: "Iterable[SeqRecord]", path: str | Path) -> int:
    """Write FASTA, gzip where the name ends in .gz, completely or not at all; returns the number of records."""
    from Bio import SeqIO

    opener = gzip.open if str(path).endswith(".gz") else open
    with atomic(path) as temporary, opener(temporary, "wt", encoding="utf-8") as handle:
        return SeqIO.write(records, handle, "fasta")


def _records(path: Path, handle: IO[str]) -> Iterator[Record]:
    number, growing, begins, in_header = 0, None, True, False
    while piece := handle.readline(PIECE):
        if begins:
            in_header = ">" in piece and not piece.partition(">")[0].strip(_INVISIBLE)
        if begins and in_header:
            if growing:
                yield growing.done()
            number += 1
            growing = _Growing(number, piece)
        elif not in_header:
            if growing is None:
                raise ContractError(path, "first line", "no '>'", "FASTA: '>' and an id, then residues")
            growing.add(piece)
        begins = piece.endswith("\n")
    if growing:
        yield growing.done()


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """The file as text, unpacked; what the readers raise in the middle of it becomes one error for people."""
    with open(regular_file(path, "a FASTA file: a regular one, as it is read twice"), "rb") as raw:
        first = raw.read(6)
        raw.seek(0)
        for start, (kind, command) in _PACKED.items():
            if first.startswith(start):
                raise ContractError(path, "file", f"{kind} data", "FASTA as UTF-8 text, plain or gzip",
                                    f"unpack it first: {command} '{path}'")  # fmt: skip
        if first.startswith(_WIDE):
            kind = "utf-32" if first.startswith(_WIDEST) else "utf-16"
            raise ContractError(path, "file", f"{kind.upper()} text", "FASTA as UTF-8 text, plain or gzip",
                                f"convert it: iconv -f {kind} -t utf-8")  # fmt: skip
        data = io.BufferedReader(_Unpacked(path, raw)) if first.startswith(_GZIP) else raw
        try:
            yield io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ContractError(path, "gzip", str(error), "a complete gzip file", "copy it again") from None


class _Unpacked(io.RawIOBase):
    """The content of a gzip file, refused where so much comes of so little that it can be no text about proteins."""

    def __init__(self, path: Path, raw: IO[bytes]):
        self._path, self._raw, self._content = path, raw, gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        found = self._content.read(len(buffer))
        buffer[: len(found)] = found
        if self._content.tell() > FREE and self._content.tell() > RATIO * self._raw.tell():
            raise ContractError(self._path, "gzip", f"more than {RATIO} times its size when unpacked", "proteins",
                                "a damaged or hostile file; a true one can be unpacked first")  # fmt: skip
        return len(found)
