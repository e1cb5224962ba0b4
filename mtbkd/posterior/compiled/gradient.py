"""Log-posteriors of an ensemble of small dense networks, and their gradients.

A member's examples are handled CHUNK at a time in a buffer that stays in a core's first cache: inputs, label, teachers'
probabilities and log-scales, each layer's outputs, class probabilities, responsibilities. The mathematics is that of
``mtbkd.posterior.density``, which the tests hold it against.
Shapes: E members, U units, m examples of a minibatch, P parameters, G teachers, K classes.
"""

from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.compiling import compiled, inner
from mtbkd.posterior.compiled.agreement import add_products, agree
from mtbkd.posterior.compiled.lanes import WIDTH, load, store
from mtbkd.posterior.compiled.minibatch import Tables, draw, every, fill
from mtbkd.posterior.compiled.network import CHUNK, affine, both_weights_vjp, inputs_vjp, weights_vjp
from mtbkd.posterior.compiled.philox import WORDS
from mtbkd.posterior.compiled.terms import log_softmax, multiplied, pull, pull_apart, responsibilities, term

ZERO, ONE = np.float32(0), np.float32(1)


class Model(NamedTuple):
    """The posteriors of U units.

    Attributes:
        tables: the examples.
        sizes: int64, of inputs and layers.
        fixed: 1 where the first logit is 0 and no output of the network, else 0.
        teachers: G.
        power: of the mixture.
        cap: of weights under which the teachers' gradients agree, 0 for a mixture.
        apart: 1 where teachers are compared with the student at another temperature, else 0.
        lam, beta, precision, heat, cool: float32 (U,): lambda, power of the teachers' term, 1 / s^2, 1 / T, and 1 over the
            student's temperature.
    """

    tables: Tables
    sizes: Any
    fixed: int
    teachers: int
    power: Any
    cap: Any
    apart: int
    lam: Any
    beta: Any
    precision: Any
    heat: Any
    cool: Any


class Minibatch(NamedTuple):
    """``weight`` float32 (m,): how many examples each one stands for; the first ``labelled`` ones may use their labels."""

    weight: Any
    labelled: int


@inner
def rows_of(model: Any) -> int:
    """Rows of the buffer that examples take on their way through the network."""
    rows = model.tables.x_width + model.tables.constants_width + 4 * model.sizes[-1] + 5 + 2 * model.teachers + WIDTH
    for size in model.sizes:
        rows += size
    return rows


@compiled
def room(model: Any) -> Any:
    """The buffer, with rows behind for what anchors keep, for ``_agreed`` and for ``weights_vjp``."""
    return np.empty((rows_of(model) + 2 * model.sizes[1:].sum() + 2 * model.teachers + 2 * WIDTH + 2) * CHUNK, np.float32)


@inner
def _agreed(model: Any, buf: Any) -> int:
    """The first of as many rows as teachers for the weights of a minibatch, and of as many for products of gradients."""
    return len(buf) // CHUNK - WIDTH - 2 - 2 * model.teachers


@inner
def _forward(theta: Any, x: Any, constants: Any, begin: int, model: Any, labelled: int, buf: Any) -> tuple[int, int, int]:
    """Take CHUNK examples from ``begin`` on through the network.

    Returns:
        The row of the first class's log-probability, that of its probability, and the last one's behind.
    """
    sizes = model.sizes
    layers, at, below, above = len(sizes) - 1, 0, 0, model.tables.x_width + model.tables.constants_width
    fill(model.tables, x, constants, begin, sizes[0], labelled, buf)
    for layer in range(layers):
        a, b = sizes[layer], sizes[layer + 1]
        above += model.fixed if layer == layers - 1 else 0
        affine(theta, at, a, b, buf, below, above, layer < layers - 1)
        at, below, above = at + (a + 1) * b, above, above + b
    z, k = below - model.fixed, sizes[layers] + model.fixed
    if model.fixed:
        buf[z * CHUNK : (z + 1) * CHUNK] = ZERO
    log_softmax(buf, z, above, k)
    return z, above, above + k


@inner
def _add(buf: Any, to: int, other: int, count: int) -> None:
    """Add ``count`` rows other.. to rows to.."""
    for i in range(0, count * CHUNK, WIDTH):
        store(buf, to * CHUNK + i, load(buf, to * CHUNK + i) + load(buf, other * CHUNK + i))


@inner
def backward(theta: Any, out: Any, z: int, model: Any, buf: Any, inputs: int, slopes: int) -> None:
    """Add the derivatives of the parameters, those of the logits being in rows z.., and an anchor's unless ``inputs`` is 0.

    An anchor's inputs of all layers but the first end before row ``inputs``, its derivatives before row ``slopes``.
    """
    sizes, at, below = model.sizes, len(theta), z + model.fixed
    for layer in range(len(sizes) - 2, -1, -1):
        a, b = sizes[layer], sizes[layer + 1]
        at -= (a + 1) * b
        under = 0 if layer == 0 else below - a - (model.fixed if layer == len(sizes) - 2 else 0)
        if inputs:
            slopes -= b
            inputs -= a if layer > 0 else 0
        if inputs and layer > 0:
            both_weights_vjp(out, at, a, b, buf, under, below, inputs, slopes)
        else:
            if inputs:  # both have the same inputs
                _add(buf, below, slopes, b)
            weights_vjp(out, at, a, b, buf, under, below)
        if layer > 0:
            inputs_vjp(theta, at, a, b, buf, under, below)
        below = under


@inner
def logit_slopes(
    theta: Any, unit: int, power: Any, x: Any, constants: Any, begin: int, model: Any, batch: Any, weight: Any, buf: Any
) -> int:  # fmt: skip
    """Take CHUNK examples to the derivatives of their logits, times ``weight``; returns the row of the first."""
    g, y, p, k = model.teachers, model.sizes[0], model.sizes[0] + 1, model.sizes[-1] + model.fixed
    strength, mixing = power * model.beta[unit] * model.lam[unit], model.power * model.lam[unit]
    z, q, shares = _forward(theta, x, constants, begin, model, batch.labelled, buf)
    log_q, cooled = _compared(z, q, shares, unit, model, buf)
    if model.cap > ZERO:
        multiplied(buf, _agreed(model, buf), shares, g, ONE)
    elif g > 1:
        responsibilities(buf, log_q, p, p + g * k, shares, g, k, mixing)
    elif g == 1:
        buf[shares * CHUNK : (shares + 1) * CHUNK] = ONE
    if model.apart:
        pull_apart(buf, z, q, cooled, y, p, shares, g, k, strength * model.cool[unit], weight, begin)
    else:
        pull(buf, z, q, y, p, shares, g, k, strength, weight, begin)
    return z


@inner
def _compared(z: int, q: int, shares: int, unit: int, model: Any, buf: Any) -> tuple[int, int]:
    """The rows of what teachers are compared with: log-probabilities and probabilities, given those of labels."""
    if not model.apart:
        return z, q
    k, log_q = model.sizes[-1] + model.fixed, shares + 2 * model.teachers
    multiplied(buf, z, log_q, k, model.cool[unit])
    log_softmax(buf, log_q, log_q + k, k)
    return log_q, log_q + k


@inner
def _agree(theta: Any, unit: int, x: Any, constants: Any, model: Any, batch: Any, buf: Any) -> None:
    """Find the weights of a minibatch's teachers."""
    g, p, k, agreed = model.teachers, model.sizes[0] + 1, model.sizes[-1] + model.fixed, _agreed(model, buf)
    buf[(agreed + g) * CHUNK : (agreed + 2 * g) * CHUNK] = ZERO
    for begin in range(0, len(x), CHUNK):
        z, q, shares = _forward(theta, x, constants, begin, model, batch.labelled, buf)
        _, cooled = _compared(z, q, shares, unit, model, buf)
        add_products(buf, cooled, p, agreed + g, g, k, batch.weight, begin)
    agree(buf, agreed + g, agreed, g, model.cap)


@inner
def finish(theta: Any, out: Any, unit: int, model: Any) -> None:
    """Add the prior's derivative and temper."""
    for j in range(len(theta)):
        out[j] = (out[j] - model.precision[unit] * theta[j]) * model.heat[unit]


@inner
def member_gradient(
    theta: Any, out: Any, unit: int, power: Any, x: Any, constants: Any, model: Any, batch: Any, buf: Any
) -> None:  # fmt: skip
    """Write the gradient at ``theta`` (P,) from examples that start at ``x`` and ``constants`` of the tables, the teachers'
    term times ``power``."""
    out[:] = ZERO
    if model.cap > ZERO:
        _agree(theta, unit, x, constants, model, batch, buf)
    for begin in range(0, len(x), CHUNK):
        z = logit_slopes(theta, unit, power, x, constants, begin, model, batch, batch.weight, buf)
        backward(theta, out, z, model, buf, 0, 0)
    finish(theta, out, unit, model)


@inner
def _member_density(theta: Any, unit: int, x: Any, constants: Any, model: Any, batch: Any, buf: Any) -> float:
    """The log-posterior at ``theta`` (P,), up to a constant of the unit."""
    g, y, p, k = model.teachers, model.sizes[0], model.sizes[0] + 1, model.sizes[-1] + model.fixed
    value = 0.0
    for j in range(len(theta)):
        value -= 0.5 * model.precision[unit] * theta[j] * theta[j]
    for begin in range(0, len(x), CHUNK):
        z, _, scores = _forward(theta, x, constants, begin, model, batch.labelled, buf)
        value += term(
            buf, z, y, p, p + g * k, scores, g, k, model.lam[unit], model.power, model.beta[unit], batch.weight, begin
        )  # fmt: skip
    return value * model.heat[unit]


@compiled
def gradient(
    first: int, last: int, params: Any, grad: Any, units: Any, power: Any, row: Any, other: Any, model: Any, batch: Any
) -> None:
    """Write the gradients (E, P) of members ``first`` to ``last`` from the examples in rows ``row`` and ``other`` (E, m)."""
    m, buf = row.shape[1], room(model)
    x, constants = np.empty(len(batch.weight), np.int64), np.empty(len(batch.weight), np.int64)
    for e in range(first, last):
        for i in range(len(x)):
            # What fills up the last chunk has weight 0.
            x[i] = row[e, i if i < m else 0] * model.tables.x_width
            constants[i] = other[e, i if i < m else 0] * model.tables.constants_width
        member_gradient(params[e], grad[e], units[e], power, x, constants, model, batch, buf)


@compiled
def density(first: int, last: int, params: Any, value: Any, units: Any, row: Any, other: Any, model: Any, batch: Any) -> None:
    """Write the log-posteriors (E,) of members ``first`` to ``last`` by the examples in rows ``row`` and ``other`` (E, m)."""
    m, buf = row.shape[1], room(model)
    x, constants = np.empty(len(batch.weight), np.int64), np.empty(len(batch.weight), np.int64)
    for e in range(first, last):
        for i in range(len(x)):
            # What fills up the last chunk has weight 0.
            x[i] = row[e, i if i < m else 0] * model.tables.x_width
            constants[i] = other[e, i if i < m else 0] * model.tables.constants_width
        value[e] = _member_density(params[e], units[e], x, constants, model, batch, buf)


@compiled
def on_all(
    first: int, last: int, params: Any, grad: Any, density: Any, units: Any, strata: Any, model: Any, batch: Any
) -> None:
    """Write the gradients (E, P) of members ``first`` to ``last`` from all examples, or ``density`` (E,) where it has room."""
    buf, widths = room(model), (model.tables.x_width, model.tables.constants_width)
    x, constants = np.zeros(len(batch.weight), np.int64), np.zeros(len(batch.weight), np.int64)
    for e in range(first, last):
        every(strata, units[e], widths, x, constants)
        if len(density):
            density[e] = _member_density(params[e], units[e], x, constants, model, batch, buf)
        else:
            member_gradient(params[e], grad[e], units[e], ONE, x, constants, model, batch, buf)


@compiled
def positions(key: Any, strata: Any, units: Any, row: Any, other: Any) -> None:
    """Write the rows (E, m) of examples that each member draws."""
    words = np.empty(-(-row.shape[1] // WORDS) * WORDS, np.uint32)
    for e in range(len(units)):
        draw(key, e, 0, strata, units[e], (1, 1), words, row[e], other[e])
