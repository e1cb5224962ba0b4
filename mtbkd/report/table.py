"""What a table of the page is made of: plain data that the template writes out.

No library does more with less here. great_tables (1.1) writes tables without sorting, download or ``caption``, with 9 kB of
styles each and the same ids in every table; itables (2.9) needs 0.7 MB of scripts, evaluates text as code, has no column
groups or fixed last rows and shows nothing without JavaScript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mtbkd.report.numbers import Estimate, show, show_interval


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: what is read.
        sub: a second, smaller line.
        sort: the number that the column is sorted by, None for a text.
        mark: class of its look: good, bad, warn, none; the text says the same in words.
    """

    text: str
    sub: str = ""
    sort: float | None = None
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        cells: one a column.
        look: a class.
        last: it stays below the others however the table is sorted.
        data: what the filter knows it by: method, signal, inference, metric.
    """

    cells: Sequence[Cell]
    look: str = ""
    last: bool = False
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: its heading.
        number: aligned right.
        hint: explains it.
        better: which end is good.
        metric, method: what the filter knows it by; "" for a column that always stays.
        group: a heading above it and its neighbours; "" for none.
    """

    name: str
    number: bool = False
    hint: str = ""
    better: str = ""
    metric: str = ""
    group: str = ""
    method: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``caption`` is read first; ``file`` in ``tables/`` beside the page holds its numbers, "" for none."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    file: str = ""

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings above the columns with the number of columns below each; [] without any."""
        found = [(group, len(list(own))) for group, own in groupby(column.group for column in self.columns)]
        return found if any(group for group, _ in found) else []


def text(value: object, sub: str = "", mark: str = "") -> Cell:
    """A cell of words."""
    return Cell(str(value), sub, None, mark)


def number(value: float, signed: bool = False) -> Cell:
    """A cell of one number."""
    return Cell(show(value, signed), "", value)


def score(estimate: Estimate, signed: bool = False) -> Cell:
    """A cell of an estimate with its interval below; one over test examples ends in a small e."""
    below = show_interval(estimate.low, estimate.high, signed)
    if not below and estimate.n in (1, 2):
        below = "one value" if estimate.n == 1 else "two values"
    below = f"{below} e" if estimate.basis == "examples" else below
    examples = show_interval(estimate.low_examples, estimate.high_examples, signed)
    return Cell(show(estimate.mean, signed), f"{below}; {examples} e" if examples else below, estimate.mean)
