"""The printed items of the papers in their own layout, from layouts.yaml: what stands in which row and column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtbkd.data.published import tables

FILE = Path(__file__).with_name("layouts.yaml")


class Address(NamedTuple):
    """A printed number: its table here, its quantity (the first column there) and its column."""

    table: str
    quantity: str
    column: str


@dataclass(frozen=True)
class Line:
    """A row or a column of a printed table: its heading, the heading of its group ("" for none), its part of the address.

    ``columns``: table -> the name that this column has there, where it has another.
    """

    name: str
    group: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    address: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """What a paper does not state, and our choice: in words, and words -> where the study holds it."""

    what: str
    said: str = ""
    ours: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A printed table or figure.

    Attributes:
        name: the item of `mtbkd paper`.
        paper, place, shows: the paper, the place in it, what stands there.
        rows, columns: of its table; none for a figure without numbers.
        cells: the part of the address that all cells share.
        experiment: the experiment that a table without scores belongs to; "" for tables of scores.
        panels: what the paper's figure shows.
        figures: ours, by the name of their files.
        unstated: what the paper does not state.
    """

    name: str
    paper: str
    place: str
    shows: str
    rows: tuple[Line, ...] = ()
    columns: tuple[Line, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)
    experiment: str = ""
    panels: str = ""
    figures: tuple[str, ...] = ()
    unstated: tuple[Choice, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.paper}, {self.place}: {self.shows}"

    def address(self, row: Line, column: Line) -> Address:
        """The number that stands in ``row`` and ``column``."""
        known = {**self.cells, **column.address, **row.address}
        return Address(known["table"], known["quantity"], column.columns.get(known["table"], known["column"]))

    def addresses(self) -> Iterator[Address]:
        """All printed numbers, row by row."""
        return (self.address(row, column) for row in self.rows for column in self.columns)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the record that it shows, each once."""
        return tuple(dict.fromkeys(address.table for address in self.addresses()))


@cache
def read() -> dict[str, Layout]:
    """Item -> its layout, in the order of the papers."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _layout(name, entry) for name, entry in content.items()}


def _layout(name: str, entry: Mapping[str, Any]) -> Layout:
    lines = {side: tuple(map(_line, entry.get(side, ()))) for side in ("rows", "columns")}
    unstated = tuple(Choice(**choice) for choice in entry.get("unstated", ()))
    return Layout(**{**entry, **lines, "name": name, "figures": tuple(entry.get("figures", ())), "unstated": unstated})


def _line(entry: Mapping[str, Any]) -> Line:
    named = {key: entry[key] for key in ("name", "group", "columns") if key in entry}
    return Line(**named, address={key: value for key, value in entry.items() if key not in named})


def printed(address: Address) -> str:
    """The number at ``address`` as it is printed."""
    rows = tables.read(address.table)
    key = next(iter(rows[0]))
    return next(row[address.column] for row in rows if row[key] == address.quantity)
