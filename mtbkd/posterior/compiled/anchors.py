"""Gradients of a minibatch with a control variate: the same minibatch at a fixed point of each chain, its anchor.

    gradient(theta; B) - gradient(anchor; B) + gradient(anchor; all)

An anchor's part costs no second pass through the network: what it needs of every example is kept in a table.
Shapes: E members, U units, N training examples, m examples of a minibatch, P parameters.
"""

from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.compiling import compiled, inner
from mtbkd.posterior.compiled.gradient import backward, finish, logit_slopes, room, rows_of
from mtbkd.posterior.compiled.lanes import WIDTH, fetch, load, store, transpose
from mtbkd.posterior.compiled.minibatch import every
from mtbkd.posterior.compiled.network import CHUNK

ZERO, ONE = np.float32(0), np.float32(1)


class Anchors(NamedTuple):
    """The points and what they have of each example.

    The gradient of an example is one product of inputs and derivatives a layer, so that these are kept, not P numbers.

    Attributes:
        at: float32 (E, P), the points; (0, P) without control variates.
        rest: float32 (E, P), the labels' and teachers' gradient there from all examples.
        table: float32, an example of a chain a row: outputs of hidden layers, then derivatives of every layer's outputs.
        times: how often a row of ``tables.x`` goes into one; 0 where the table would be too large: passes at ``at`` replace it.
        examples: rows of a chain.
        minus: float32 (m,), minus the weights of a minibatch.
    """

    at: Any
    rest: Any
    table: Any
    times: int
    examples: int
    minus: Any


@inner
def anchored_gradient(
    theta: Any, out: Any, member: int, unit: int, x: Any, constants: Any, marks: Any, model: Any, batch: Any, anchors: Any,
    buf: Any,
) -> None:  # fmt: skip
    """The same with a control variate: the minibatch tells how the gradient differs from that at the member's anchor.

    The anchor's examples start at ``marks`` of its table.
    """
    for j in range(len(out)):
        out[j] = anchors.rest[member, j]
    mark, hidden = rows_of(model), 0
    for layer in range(1, len(model.sizes) - 1):
        hidden += model.sizes[layer]
    width = 2 * hidden + model.sizes[-1]
    for begin in range(0, len(x), CHUNK):
        if not anchors.times:
            at = anchors.at[member]
            z = logit_slopes(at, unit, ONE, x, constants, begin, model, batch, anchors.minus, buf)
            backward(at, out, z, model, buf, 0, 0)
        z = logit_slopes(theta, unit, ONE, x, constants, begin, model, batch, batch.weight, buf)
        if anchors.times:
            _recall(marks, begin, anchors, mark, hidden, width, buf)
            backward(theta, out, z, model, buf, mark + hidden, mark + width)
        else:
            backward(theta, out, z, model, buf, 0, 0)
    finish(theta, out, unit, model)


@inner
def _recall(marks: Any, begin: int, anchors: Any, mark: int, hidden: int, width: int, buf: Any) -> None:
    """Copy what the anchor keeps of CHUNK examples into rows mark.., its derivatives times minus the examples' weights."""
    for c in range(0, width, WIDTH):
        for i in range(0, CHUNK, WIDTH):
            transpose(anchors.table[c:], marks, begin + i, buf, (mark + c) * CHUNK + i, CHUNK)
    for row in range(mark + hidden, mark + width):
        for i in range(0, CHUNK, WIDTH):
            store(buf, row * CHUNK + i, load(buf, row * CHUNK + i) * load(anchors.minus, begin + i))


@inner
def find_marks(member: int, unit: int, x: Any, drawn: int, strata: Any, model: Any, anchors: Any, marks: Any) -> None:
    """Write where the anchor's rows of the examples at ``x`` start; what fills up the last chunk has any of the member's.

    The rows lie all over a large table, so that they are asked for here, long before ``_recall`` reads them.
    """
    stride = model.tables.x_width * anchors.times
    first, base = strata.first_x[unit] * model.tables.x_width, member * anchors.examples * stride
    for i in range(len(x)):
        marks[i] = base + ((x[i] - first) * anchors.times if i < drawn else 0)
        for c in range(0, stride, WIDTH):
            fetch(anchors.table, marks[i] + c)


@compiled
def anchor(first: int, last: int, units: Any, strata: Any, model: Any, batch: Any, anchors: Any) -> None:
    """Write ``rest`` and ``table`` of members ``first`` to ``last``; ``batch`` are all examples."""
    buf, widths = room(model), (model.tables.x_width, model.tables.constants_width)
    x, constants, marks = np.zeros((3, len(batch.weight)), np.int64)
    above, outputs = model.tables.x_width + model.tables.constants_width, model.sizes[1:].sum()
    hidden = outputs - model.sizes[-1]
    for e in range(first, last):
        theta, rest = anchors.at[e], anchors.rest[e]
        rest[:] = ZERO
        every(strata, units[e], widths, x, constants)
        find_marks(e, units[e], x, strata.count.sum(), strata, model, anchors, marks)
        for begin in range(0, len(x), CHUNK):
            z = logit_slopes(theta, units[e], ONE, x, constants, begin, model, batch, batch.weight, buf)
            kept = min(CHUNK, strata.count.sum() - begin) if anchors.times else 0
            _keep(anchors.table, marks, begin, kept, 0, buf, above, hidden)
            backward(theta, rest, z, model, buf, 0, 0)
            _keep(anchors.table, marks, begin, kept, hidden, buf, above, hidden)
            _keep(anchors.table, marks, begin, kept, 2 * hidden, buf, z + model.fixed, model.sizes[-1])


@inner
def _keep(table: Any, marks: Any, begin: int, kept: int, column: int, buf: Any, row: int, count: int) -> None:
    """Write ``count`` rows row.. of the first ``kept`` examples into the table, from ``column`` on."""
    for i in range(kept):
        for c in range(count):
            table[marks[begin + i] + column + c] = buf[(row + c) * CHUNK + i]
