"""Delimited text (CSV) as people write it; every irregularity is an error with its line in the file.

What a spreadsheet or a careless script leaves behind is named: another encoding or separator, columns that stand twice, a
stray quote that swallows lines, rows of another length. Shapes: N rows, C columns.
"""

import codecs
import csv
import io
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.userfiles import read_bytes

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
UTF8_MARK = codecs.BOM_UTF8
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Letters that nobody sees and that make two names of one; U+200C and U+200D are part of some scripts and of emoji.
INVISIBLE, VISIBLE_JOINERS = {"Cc", "Cf", "Zl", "Zp"}, "\u200c\u200d"
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LARGEST = 3.4e38  # of float32


def _known_encoding(name: str) -> str:
    try:
        if "a,b;c\n".encode(name).decode(name) == "a,b;c\n":
            return name
    except (LookupError, UnicodeError, TypeError, ValueError):
        pass
    raise ValueError("allowed: a text encoding that Python knows, such as utf-8, utf-16, latin-1, cp1252")


def _fit_separator(text: str) -> str:
    if len(text) != 1 or text.isalnum() or text in "\"\r\n\0.+-'":
        raise ValueError('allowed: one character that separates cells, such as "," or ";" or "\\t"')
    return text


Encoding = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_known_encoding)]
Separator = Annotated[str, AfterValidator(_fit_separator)]


class Place(NamedTuple):
    """A place in the file: number of its line, from 1, blank lines counted, and the column's name where it is one cell."""

    line: int
    column: str | None = None

    def __str__(self) -> str:
        return f"line {self.line}" + (f", column '{self.column}'" if self.column is not None else "")


@dataclass(frozen=True)
class Sheet:
    """A checked file: header (C,), rows N x C of stripped cells, and the line of each row.

    A column without a name is called ``Unnamed: <position>`` and stands in ``unnamed``.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    unnamed: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """The cells (N,) of a column; ContractError names the columns there are."""
        at = self.header.index(self.find(name))
        return [row[at] for row in self.rows]

    def find(self, name: str) -> str:
        """The column's name as the header writes it: YAML may have read 1e5 as a number."""
        if name in self.header:
            return name
        same = [c for c in self.header if _number(name) is not None and _number(c) == _number(name)]
        if len(same) == 1:
            return same[0]
        raise ContractError(self.path, "columns", f"no '{short(name)}' among {listed(self.header)}", "a column of that name",
                            nearest(name, self.header))  # fmt: skip

    def place(self, row: int, column: str | None = None) -> str:
        """Where a row or cell stands, in words."""
        return str(Place(self.lines[row], column))

    def records(self) -> list[dict[str, str]]:
        """Column -> cell, a row each."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]

    def refuse_repeats(self, name: str) -> list[str]:
        """The cells of a column in which each must be filled and stand once; ContractError names lines."""
        cells, first = self.column(name), defaultdict[str, list[int]](list)
        for line, cell in zip(self.lines, cells, strict=True):
            first[cell].append(line)
        if "" in first:
            raise ContractError(self.path, str(Place(first[""][0], name)), "an empty cell", "an id in every row")
        if repeated := {cell: lines for cell, lines in first.items() if len(lines) > 1}:
            told = [f"'{short(cell)}' on lines {listed(map(str, lines))}" for cell, lines in repeated.items()]
            raise ContractError(self.path, f"column '{name}'", f"{len(repeated)} repeated ids: {listed(told, 3)}", "unique ids")
        for row, cell in enumerate(cells):
            refuse_invisible(cell, self.path, self.place(row, name))
        return cells

    def numbers(self, column: str, holes: Collection[str] = ()) -> np.ndarray:
        """Float64 (N,) of a column, NaN where a cell is one of ``holes``; ContractError names the first that is no number."""
        at = self.header.index(column)
        cells = [row[at] for row in self.rows]
        known = [cell not in holes for cell in cells]
        if not all(map(NUMBER.fullmatch, compress(cells, known))):
            row = next(i for i, cell in enumerate(cells) if known[i] and not NUMBER.fullmatch(cell))
            raise self._no_number(row, column, cells[row])
        values = np.array([float(cell) if there else np.nan for cell, there in zip(cells, known, strict=True)])
        if len(large := np.flatnonzero(np.abs(values) >= LARGEST)):
            raise self._no_number(int(large[0]), column, cells[large[0]])
        return values

    def _no_number(self, row: int, column: str, cell: str) -> ContractError:
        hint = "use a decimal point and no thousands separator" if re.fullmatch(r"[+-]?[\d.]+(,\d+)+", cell) else ""
        return ContractError(self.path, self.place(row, column), f"'{short(cell)}'", "a finite number", hint)


def read(path: Path, separator: str = ",", encoding: str | None = None, expected: str = "a CSV file") -> Sheet:
    """Read a file, gzip or plain.

    Args:
        separator: between cells.
        encoding: UTF-8 where None.
        expected: what such a file is, for the message that it is none.

    Raises:
        ContractError: no such file, one that is no text or no table, with the line of what is wrong.
    """
    text = decode(read_bytes(path, expected), path, encoding)
    parsed = _parse(text, path, separator)
    if not parsed:
        raise ContractError(path, "content", "no lines", "a header and at least one row")
    (line, first), *body = [(line, tuple(map(str.strip, row))) for line, row in parsed]
    header, unnamed = _header(path, first, line, separator)
    for line, row in body:
        if len(row) != len(header):
            hint = "quote a cell that contains the separator" if len(row) > len(header) else ""
            raise ContractError(path, f"line {line}", f"{len(row)} cells", f"{len(header)}, as in the header", hint)
        if not any(row):
            raise ContractError(path, f"line {line}", "only empty cells", "a row with content", "delete the line")
    if not body:
        raise ContractError(path, "rows", "a header only", "a header and at least one row")
    return Sheet(path, header, tuple(row for _, row in body), tuple(line for line, _ in body), unnamed)


def read_matrix(path: Path, width: int) -> np.ndarray:
    """Numbers float64 (N, ``width``) of a CSV without ids, with or without a header that counts the columns."""
    parsed = _parse(decode(read_bytes(path, "a CSV file"), path, None), path, ",")
    names = tuple(map(str, range(width)))
    body = parsed[1:] if parsed and tuple(parsed[0][1]) == names else parsed
    for line, row in body:
        if len(row) != width:
            raise ContractError(path, f"line {line}", f"{len(row)} columns", f"{width}, one per class")
    sheet = Sheet(path, names, tuple(tuple(c.strip() for c in row) for _, row in body), tuple(line for line, _ in body))
    return np.stack([sheet.numbers(name) for name in names], axis=1)


def decode(content: bytes, path: Path, encoding: str | None) -> str:
    """Text of the bytes; ContractError names the encoding where it can be told, and the setting."""
    mark = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if mark and encoding is None:
        raise ContractError(path, "encoding", f"{mark} text (its first bytes say so)", "utf-8", f"set encoding: {mark}")
    if content.startswith(UTF8_MARK):
        if encoding and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
            raise ContractError(path, "encoding", "UTF-8 text (its first bytes say so)", encoding, "set encoding: utf-8")
        content = content.removeprefix(UTF8_MARK)
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise _undecodable(path, content, encoding, error.start) from None
    except (UnicodeError, ValueError) as error:
        raise ContractError(path, "encoding", short(str(error)), f"{encoding} text") from None
    if "\0" in text:
        guess = (
            "perhaps a utf-16 file without a byte order mark" if content.count(b"\0") * 3 > len(content) else "a binary file"
        )
        raise ContractError(path, f"line {text[: text.index(chr(0))].count(chr(10)) + 1}", f"a NUL byte ({guess})", "text",
                            "set encoding: utf-16-le if it is text")  # fmt: skip
    return text


def _undecodable(path: Path, content: bytes, encoding: str | None, at: int) -> ContractError:
    line, byte = content.count(b"\n", 0, at) + 1, content[at]
    found = f"byte 0x{byte:02x}, which is not valid {encoding or 'utf-8'}"
    hint = "set encoding: to that of the file, or save it as UTF-8"
    if encoding is None:
        try:
            letter = content[at : at + 1].decode("cp1252")
            found += f" (in cp1252 it is '{letter}')"
            hint = "set encoding: cp1252 if that is right, or save the file as UTF-8"
        except UnicodeDecodeError:
            pass
    return ContractError(path, f"line {line}", found, f"{encoding or 'utf-8'} text", hint)


def _parse(text: str, path: Path, separator: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of every row that is not blank."""
    found, begins = [], 1
    try:
        for begins, ends, row in _rows(text, separator, strict=True):
            if ends > begins:
                raise _line_break(path, found, begins, ends, row)
            if row:
                found.append((begins, row))
            begins = ends + 1
    except csv.Error as error:
        large = "field larger" in str(error)
        ends, row = (begins, []) if large else next((e, row) for b, e, row in _rows(text, separator, False) if b == begins)
        if ends > begins or "end of data" in str(error):
            raise _line_break(path, found, begins, ends, row) from None
        hint = "" if large else 'double a quote (") inside a value, and quote the value'
        raise ContractError(path, f"line {begins}", str(error), "cells of CSV", hint) from None
    return found


def _rows(text: str, separator: str, strict: bool) -> Iterator[tuple[int, int, list[str]]]:
    """(first line, last line, cells) of every row."""
    begins = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    for row in reader:
        yield begins, reader.line_num, row
        begins = reader.line_num + 1


def _line_break(path: Path, found: Sequence[tuple[int, list[str]]], begins: int, ends: int, row: list[str]) -> ContractError:
    at = next((i for i, cell in enumerate(row) if "\n" in cell or "\r" in cell), len(row) - 1)
    column = found[0][1][at].strip() if found and at < len(found[0][1]) else str(at + 1)
    swallowed = f"a line break inside a value, to line {ends}" if ends > begins else "an unclosed quote"
    hint = 'a quote (") that stands alone swallows what follows: delete it'
    return ContractError(path, str(Place(begins, short(column))), swallowed, "one row per line", hint)


def _header(path: Path, cells: Sequence[str], line: int, separator: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the columns, and of those without one."""
    if len(cells) == 1:
        other = max((s for s in SEPARATORS if s != separator), key=cells[0].count)
        if other in cells[0]:
            expected = f"{SEPARATORS.get(separator, repr(separator))} between cells"
            raise ContractError(
                path, f"line {line}", f"{SEPARATORS[other]} between cells", expected, f"set separator: {json.dumps(other)}"
            )
    names = tuple(cell or f"Unnamed: {i}" for i, cell in enumerate(cells))
    for i, name in enumerate(names):
        refuse_invisible(name, path, f"line {line}, name of column {i + 1}")
        if name in names[:i]:
            raise ContractError(path, f"line {line}", f"two columns '{short(name)}' ({names.index(name) + 1} and {i + 1})",
                                "unique names", "rename or delete one of them")  # fmt: skip
    return names, tuple(name for name in names if re.fullmatch(r"Unnamed: \d+", name))


def refuse_invisible(text: str, path: Path, place: str) -> None:
    """ContractError if ``text`` holds a character that nobody sees: two names that look alike would be two."""
    for letter in text if not text.isprintable() else "":
        if unicodedata.category(letter) in INVISIBLE and letter not in VISIBLE_JOINERS:
            raise ContractError(path, place, f"an invisible character U+{ord(letter):04X} in '{short(text)}'", "visible text")


def _number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def short(text: object, most: int = 60) -> str:
    """``text`` on one line, cut to ``most`` characters."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: most + 1])
    return line if len(line) <= most else f"{line[: most - 3]}..."


def listed(names: Iterable[str], most: int = 8) -> str:
    """The first names, and how many more there are."""
    every = list(map(short, names))
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
