"""Which examples a member sees in a step, and their way from the tables into the buffer of ``network``.

Shapes: E members, U units, m examples of a minibatch, G teachers, K classes.
"""

from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.lanes import WIDTH, transpose
from mtbkd.posterior.compiled.network import CHUNK
from mtbkd.posterior.compiled.philox import WORDS, philox

NO_LABEL = np.float32(-1)


class Tables(NamedTuple):
    """What a minibatch is taken from: float32, an example a row, the rows one after another and WIDTH numbers behind the last.

    Attributes:
        x: inputs and label; what the signal needs, too, if each example has it once.
        x_width: numbers of a row.
        constants: what the signal needs, in a table of its own where units share ``x``.
        constants_width: numbers of a row, 0 for none.
    """

    x: Any
    x_width: int
    constants: Any
    constants_width: int


class Strata(NamedTuple):
    """Of which examples a member's minibatch is drawn, with replacement: so many of each stratum, one after another.

    Attributes:
        begin, count, size: int64, each stratum's first place, its places and how many of them are drawn.
        gap, skip: int64 (U,) and number: places of the first stratum from a unit's ``gap`` on lie ``skip`` later.
        first_x, first_constants: int64 (U,), a unit's first row of each table.
    """

    begin: Any
    count: Any
    size: Any
    gap: Any
    skip: int
    first_x: Any
    first_constants: Any


@inner
def draw(key: Any, member: int, step: int, strata: Any, unit: int, widths: Any, words: Any, x: Any, constants: Any) -> None:
    """Write where in the tables the rows of a minibatch start, given the ``widths`` of rows; ``words`` uint32 is scratch."""
    for block in range(len(words) // WORDS):
        philox(key, block, member, step, words, block * WORDS)
    start = 0
    for s in range(len(strata.begin)):
        first, places = strata.begin[s], np.uint64(strata.count[s])
        row, other = strata.first_x[unit] + first, strata.first_constants[unit] + first
        gap, skip = strata.gap[unit] - first, strata.skip if s == 0 else 0
        word, to_x, to_constants = words[start:], x[start:], constants[start:]
        for i in range(strata.size[s]):
            place = np.int64((np.uint64(word[i]) * places) >> np.uint64(32))
            place += skip if place >= gap else 0
            to_x[i] = (row + place) * widths[0]
            to_constants[i] = (other + place) * widths[1]
        start += strata.size[s]


@inner
def every(strata: Any, unit: int, widths: Any, x: Any, constants: Any) -> None:
    """Write where in the tables the rows of all examples of a unit start, one stratum after another."""
    i, row, other = 0, strata.first_x[unit], strata.first_constants[unit]
    for s in range(len(strata.begin)):
        for place in range(strata.begin[s], strata.begin[s] + strata.count[s]):
            moved = place + (strata.skip if s == 0 and place >= strata.gap[unit] else 0)
            x[i], constants[i] = (row + moved) * widths[0], (other + moved) * widths[1]
            i += 1


@inner
def fill(tables: Any, x: Any, constants: Any, begin: int, label: int, labelled: int, buf: Any) -> None:
    """Copy CHUNK examples into the first rows; their rows start at x[begin], constants[begin] and so on.

    ``label`` is the labels' row; examples from ``labelled`` on lose theirs. Rows behind the last one are overwritten, too.
    """
    for c in range(0, tables.x_width, WIDTH):
        for i in range(0, CHUNK, WIDTH):
            transpose(tables.x[c:], x, begin + i, buf, c * CHUNK + i, CHUNK)
    for c in range(0, tables.constants_width, WIDTH):
        for i in range(0, CHUNK, WIDTH):
            transpose(tables.constants[c:], constants, begin + i, buf, (tables.x_width + c) * CHUNK + i, CHUNK)
    for i in range(max(0, labelled - begin), CHUNK):
        buf[label * CHUNK + i] = NO_LABEL
