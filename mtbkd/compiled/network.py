"""The gradient of the log-posterior of small dense networks from a minibatch, member by member, example beside example.

A member's examples are handled LANES at a time: their inputs, labels and teachers are copied from the tables into rows of a
buffer that stays in a core's first cache, and every later step is a loop over a row. The mathematics is that of
``mtbkd.posterior.gradient``, which the tests hold it against; the teachers' term is a mixture (``mtbkd.signals.Mixture``).
Rows of the buffer: inputs, label, teachers' probabilities and log-scales, each layer's outputs, class probabilities, scratch.
Shapes: E members, m examples of a minibatch, P parameters, G teachers, K classes.
"""

from typing import Any

import numpy as np

from mtbkd.compiled import compiled, rows

LANES = 64
ZERO, ONE = np.float32(0), np.float32(1)


@compiled
def _affine(theta: Any, at: int, a: int, b: int, buf: Any, x: int, out: int, n: int, hidden: bool) -> None:
    """Rows out.. = W' rows x.. + bias, with ReLU where ``hidden``; the weights (a, b) start at ``at``, their biases follow."""
    for j in range(b):
        o, bias = buf[out + j], theta[at + a * b + j]
        for i in range(n):
            o[i] = bias
        # Four rows at a time: a row is loaded and stored once for them.
        whole = a - a % 4
        for c in range(0, whole, 4):
            w0, w1 = theta[at + c * b + j], theta[at + (c + 1) * b + j]
            w2, w3 = theta[at + (c + 2) * b + j], theta[at + (c + 3) * b + j]
            x0, x1, x2, x3 = buf[x + c], buf[x + c + 1], buf[x + c + 2], buf[x + c + 3]
            for i in range(n):
                o[i] += w0 * x0[i] + w1 * x1[i] + w2 * x2[i] + w3 * x3[i]
        for c in range(whole, a):
            w0, x0 = theta[at + c * b + j], buf[x + c]
            for i in range(n):
                o[i] += w0 * x0[i]
        if hidden:
            for i in range(n):
                o[i] = ZERO if o[i] < ZERO else o[i]


@compiled
def _weights_vjp(grad: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int, n: int) -> None:
    """Add the derivatives of a layer's weights and biases, of inputs in rows x.. and derivatives of outputs in rows pull.."""
    for j in range(b):
        p, whole = buf[pull + j], a - a % 4
        s0 = ZERO
        for i in range(n):
            s0 += p[i]
        grad[at + a * b + j] += s0
        for c in range(0, whole, 4):
            x0, x1, x2, x3 = buf[x + c], buf[x + c + 1], buf[x + c + 2], buf[x + c + 3]
            s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
            for i in range(n):
                s0 += x0[i] * p[i]
                s1 += x1[i] * p[i]
                s2 += x2[i] * p[i]
                s3 += x3[i] * p[i]
            grad[at + c * b + j] += s0
            grad[at + (c + 1) * b + j] += s1
            grad[at + (c + 2) * b + j] += s2
            grad[at + (c + 3) * b + j] += s3
        for c in range(whole, a):
            x0, s0 = buf[x + c], ZERO
            for i in range(n):
                s0 += x0[i] * p[i]
            grad[at + c * b + j] += s0


@compiled
def _inputs_vjp(theta: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int, scratch: int, n: int) -> None:
    """Overwrite the hidden rows x.. by their derivatives through ReLU."""
    o = buf[scratch]
    for c in range(a):
        for i in range(n):
            o[i] = ZERO
        for j in range(b):
            w, p = theta[at + c * b + j], buf[pull + j]
            for i in range(n):
                o[i] += w * p[i]
        out = buf[x + c]
        for i in range(n):
            out[i] = ZERO if out[i] <= ZERO else o[i]


@compiled
def _log_softmax(buf: Any, z: int, q: int, k: int, scratch: int, bits: Any, view: Any, n: int) -> None:
    """Logits in ``k`` rows z.. to their log-probabilities, and probabilities in rows q.."""
    top, total = buf[scratch], buf[scratch + 1]
    for i in range(n):
        top[i] = buf[z, i]
        total[i] = ZERO
    for c in range(1, k):
        row = buf[z + c]
        for i in range(n):
            top[i] = row[i] if row[i] > top[i] else top[i]
    for c in range(k):
        rows.exp_from(buf[z + c], top, buf[q + c], total, bits, view, n)
    rows.log(total, top, bits, view, n)
    for i in range(n):
        total[i] = ONE / total[i]
    for c in range(k):
        row, prob = buf[z + c], buf[q + c]
        for i in range(n):
            row[i] -= top[i]
            prob[i] *= total[i]


@compiled
def _responsibilities(
    buf: Any, z: int, p: int, log_scale: int, g: int, k: int, lam: Any, r: Any, scratch: int, bits: Any, view: Any, n: int
) -> None:
    """Softmax over teachers of log_scale + lambda r sum_k p_gk log q_k, in ``g`` rows from scratch + 2 on."""
    top, total, scores = buf[scratch], buf[scratch + 1], scratch + 3 + g
    for t in range(g):
        score, scale, first = buf[scores + t], buf[log_scale + t], p + t * k
        for i in range(n):
            score[i] = scale[i]
        whole = k - k % 4
        for c in range(0, whole, 4):
            p0, p1, p2, p3 = buf[first + c], buf[first + c + 1], buf[first + c + 2], buf[first + c + 3]
            z0, z1, z2, z3 = buf[z + c], buf[z + c + 1], buf[z + c + 2], buf[z + c + 3]
            for i in range(n):
                score[i] += lam * r * (p0[i] * z0[i] + p1[i] * z1[i] + p2[i] * z2[i] + p3[i] * z3[i])
        for c in range(whole, k):
            p0, z0 = buf[first + c], buf[z + c]
            for i in range(n):
                score[i] += lam * r * (p0[i] * z0[i])
        if t == 0:
            for i in range(n):
                top[i] = score[i]
        else:
            for i in range(n):
                top[i] = score[i] if score[i] > top[i] else top[i]
    for i in range(n):
        total[i] = ZERO
    for t in range(g):
        # To a row of its own: the compiler gives up where input and output are the same.
        rows.exp_from(buf[scores + t], top, buf[scratch + 2 + t], total, bits, view, n)
    for i in range(n):
        total[i] = ONE / total[i]
    for t in range(g):
        score = buf[scratch + 2 + t]
        for i in range(n):
            score[i] *= total[i]


@compiled
def _pull(
    buf: Any, z: int, q: int, y: int, p: int, g: int, k: int, strength: Any, weight: Any, scratch: int, n: int
) -> None:  # fmt: skip
    """Rows z.. to the derivative of labels' and teachers' terms, t - (sum t) q with t = 1[y] + strength sum_g r_g p_g."""
    total, label = buf[scratch], buf[y]
    for i in range(n):
        total[i] = ZERO
    for c in range(k):
        row, this = buf[z + c], np.float32(c)
        if g == 2:  # the usual number of teachers, in one pass
            s0, s1, p0, p1 = buf[scratch + 2], buf[scratch + 3], buf[p + c], buf[p + k + c]
            for i in range(n):
                value = (ONE if label[i] == this else ZERO) + strength * (s0[i] * p0[i] + s1[i] * p1[i])
                row[i] = value
                total[i] += value
            continue
        for i in range(n):
            row[i] = ONE if label[i] == this else ZERO
        for t in range(g):
            share, prob = buf[scratch + 2 + t], buf[p + t * k + c]
            for i in range(n):
                row[i] += strength * share[i] * prob[i]
        for i in range(n):
            total[i] += row[i]
    for c in range(k):
        row, prob = buf[z + c], buf[q + c]
        for i in range(n):
            row[i] = weight[i] * (row[i] - total[i] * prob[i])


@compiled
def _load(x: Any, constants: Any, row: Any, unit: Any, labelled: int, buf: Any, n: int) -> None:
    """Copy ``n`` examples from the tables into the first rows; those from ``labelled`` on lose their label."""
    width = x.shape[1]
    for c in range(width):
        to = buf[c]
        for i in range(n):
            to[i] = x[row[i], c]
    for c in range(constants.shape[1]):
        to = buf[width + c]
        for i in range(n):
            to[i] = constants[unit[i], c]
    for i in range(labelled, n):
        buf[width - 1, i] = -ONE


@compiled
def gradient(
    first: int, last: int, params: Any, grad: Any, units: Any, row: Any, unit: Any, weight: Any, labelled: int, x: Any,
    constants: Any, sizes: Any, fixed: int, teachers: int, r: Any, lam: Any, beta: Any, precision: Any, heat: Any,
) -> None:  # fmt: skip
    """Write the gradient (E, P) of members ``first`` to ``last``.

    Args:
        params, grad: float32 (E, P).
        units: int64 (E,).
        row, unit: int64 (E, m), each example's row of ``x`` and of ``constants``.
        weight: (m,), how many examples each one stands for.
        labelled: of a minibatch the first so many examples may use their labels.
        x: float32, inputs and label of an example a row.
        constants: float32, the teachers' probabilities (G K) and log-scales (G) a row; no column without teachers.
        sizes: int64, of inputs and layers.
        fixed: 1 where the first logit is 0 and no output of the network, else 0.
        teachers: G.
        r: power of the mixture.
        lam, beta, precision, heat: of each unit: lambda, power of the teachers' term, 1 / s^2, 1 / T.
    """
    layers, m, inputs = len(sizes) - 1, row.shape[1], x.shape[1] - 1
    k, start = sizes[layers] + fixed, inputs + 1 + constants.shape[1]
    q = start + sizes[1:].sum() + fixed
    scratch = q + k
    buf, bits = np.empty((scratch + 3 + 2 * max(teachers, 1), LANES), np.float32), np.empty(LANES, np.int32)
    view, p = bits.view(np.float32), inputs + 1
    for e in range(first, last):
        theta, out, u = params[e], grad[e], units[e]
        for j in range(len(theta)):
            out[j] = -precision[u] * theta[j]
        for begin in range(0, m, LANES):
            n = min(LANES, m - begin)
            _load(x, constants, row[e, begin:], unit[e, begin:], max(0, labelled - begin), buf, n)
            at, below, above = 0, 0, start
            for layer in range(layers):
                a, b = sizes[layer], sizes[layer + 1]
                above += fixed if layer == layers - 1 else 0
                _affine(theta, at, a, b, buf, below, above, n, layer < layers - 1)
                at, below, above = at + (a + 1) * b, above, above + b
            z = below - fixed
            if fixed:
                buf[z] = ZERO
            _log_softmax(buf, z, q, k, scratch, bits, view, n)
            if teachers > 1:
                _responsibilities(buf, z, p, p + teachers * k, teachers, k, lam[u], r, scratch, bits, view, n)
            elif teachers == 1:
                buf[scratch + 2] = ONE
            _pull(buf, z, q, inputs, p, teachers, k, beta[u] * lam[u], weight[begin:], scratch, n)
            for layer in range(layers - 1, -1, -1):
                a, b = sizes[layer], sizes[layer + 1]
                at -= (a + 1) * b
                under = 0 if layer == 0 else below - a - (fixed if layer == layers - 1 else 0)
                _weights_vjp(out, at, a, b, buf, under, below, n)
                if layer > 0:
                    _inputs_vjp(theta, at, a, b, buf, under, below, scratch + 2 + max(teachers, 1), n)
                below = under
        if heat[u] != ONE:
            for j in range(len(theta)):
                out[j] *= heat[u]


@compiled
def draw(key: Any, first_of_unit: Any, units: Any, n: int, row: Any, unit: Any) -> None:
    """Positions ``row`` and ``unit`` (E, m) of examples drawn with replacement of the ``n`` of each member's unit.

    The words of SplitMix64 (Steele et al. 2014) from the state ``key`` on, each scaled to 0..n - 1.
    """
    for e in range(len(units)):
        for i in range(row.shape[1]):
            word = key + np.uint64(e * row.shape[1] + i + 1) * np.uint64(0x9E3779B97F4A7C15)
            word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            word = word ^ (word >> np.uint64(31))
            at = np.int64(((word >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
            row[e, i] = first_of_unit[units[e]] + at
            unit[e, i] = units[e] * n + at
