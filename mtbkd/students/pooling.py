"""All of a convolutional block but its convolution (``mtbkd.students.convolution``): statistics, pooling, normalisation, ReLU.

Each example is read once, as a run of rows, and stays in a core's cache until its derivative or output is written. Images are
(N, H, W * C) float32 with C = M * B channels, those of a member side by side; statistics (N, M), gain and shift (C,). What is
the same for each pixel of a row is repeated along the row, as only long loops are vectorised.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import compiled
from mtbkd.students import EPSILON

ZERO = np.float32(0)


@compiled
def _repeat(row: Any, values: Any) -> None:
    """Write ``values`` (M,) along ``row`` (W, M, B)."""
    for pixel in range(row.shape[0]):
        for member in range(row.shape[1]):
            for channel in range(row.shape[2]):
                row[pixel, member, channel] = values[member]


@compiled
def _pool(image: Any, channels: int, pooled: Any, index: Any) -> None:
    """Maxima of 2 x 2 pixels of one example and where it has them, counted in numbers; the first of equal ones, as torch."""
    width = image.shape[1]
    for y in range(pooled.shape[0]):
        top, bottom, best, at = image[2 * y], image[2 * y + 1], pooled[y], index[y]
        for first in range(0, pooled.shape[1], channels):
            a, b = top[2 * first : 2 * first + channels], top[2 * first + channels : 2 * first + 2 * channels]
            c, d = bottom[2 * first : 2 * first + channels], bottom[2 * first + channels : 2 * first + 2 * channels]
            to, found = best[first : first + channels], at[first : first + channels]
            place = np.int32(2 * y * width + 2 * first)
            for k in range(channels):
                value, where = a[k], np.int32(0)
                # A number that is not one is taken, and no other after it.
                more = (b[k] > value) | (b[k] != b[k])
                value, where = b[k] if more else value, np.int32(channels) if more else where
                more = (c[k] > value) | (c[k] != c[k])
                value, where = c[k] if more else value, np.int32(width) if more else where
                more = (d[k] > value) | (d[k] != d[k])
                value, where = d[k] if more else value, np.int32(width + channels) if more else where
                to[k] = value
                found[k] = place + where + np.int32(k)


@compiled
def _moments(image: Any, total: Any, square: Any, mean: Any, rstd: Any) -> None:
    """Mean and reciprocal deviation (M,) of one example; ``total`` and ``square`` (W, M, B) are room for sums over rows."""
    total[:], square[:] = ZERO, ZERO
    sums, squares = total.reshape(-1), square.reshape(-1)
    for y in range(image.shape[0]):
        row = image[y]
        for j in range(len(row)):
            sums[j] += row[j]
            squares[j] += row[j] * row[j]
    count = image.size // len(mean)
    for member in range(len(mean)):
        first = second = 0.0
        for pixel in range(total.shape[0]):
            for channel in range(total.shape[2]):
                first += total[pixel, member, channel]
                second += square[pixel, member, channel]
        first /= count
        # Rounding may leave a little less than 0; a number that is not one stays so.
        variance = second / count - first * first
        mean[member] = first
        rstd[member] = 1 / np.sqrt((0.0 if variance < 0 else variance) + EPSILON)


@compiled
def pool(raw: Any, channels: int, out: Any, index: Any, first: int, last: int) -> None:
    """ReLU of the maxima of examples ``first`` to ``last``: ``out`` and ``index`` (N, H // 2, W // 2 * C)."""
    for n in range(first, last):
        _pool(raw[n], channels, out[n], index[n])
        flat = out[n].reshape(-1)
        for j in range(len(flat)):
            flat[j] = ZERO if flat[j] <= ZERO else flat[j]


@compiled
def normalise(
    raw: Any, gain: Any, shift: Any, out: Any, index: Any, normed: Any, mean: Any, rstd: Any, first: int, last: int
) -> None:
    """The same with a normalisation before the ReLU; for its derivative ``normed``, as ``out``, and ``mean`` and ``rstd``."""
    members, channels = mean.shape[1], len(gain)
    b, half = channels // members, out.shape[2] // channels
    total = np.empty((raw.shape[2] // channels, members, b), np.float32)
    square = np.empty_like(total)
    means, rstds = np.empty((half, members, b), np.float32), np.empty((half, members, b), np.float32)
    gains, shifts = np.empty((half, channels, 1), np.float32), np.empty((half, channels, 1), np.float32)
    _repeat(gains, gain)
    _repeat(shifts, shift)
    scale, add, centre, spread = gains.reshape(-1), shifts.reshape(-1), means.reshape(-1), rstds.reshape(-1)
    for n in range(first, last):
        _moments(raw[n], total, square, mean[n], rstd[n])
        _repeat(means, mean[n])
        _repeat(rstds, rstd[n])
        _pool(raw[n], channels, normed[n], index[n])
        for y in range(out.shape[1]):
            values, to = normed[n, y], out[n, y]
            for j in range(len(to)):
                values[j] = (values[j] - centre[j]) * spread[j]
                value = values[j] * scale[j] + add[j]
                to[j] = ZERO if value <= ZERO else value


@compiled
def pool_back(grad: Any, out: Any, index: Any, raw: Any, first: int, last: int) -> None:
    """Write the derivative of ``pool``'s input into ``raw``, which holds zeros, for ``grad`` (N, H // 2, W // 2 * C)."""
    for n in range(first, last):
        to, pulled, value, at = raw[n].reshape(-1), grad[n].reshape(-1), out[n].reshape(-1), index[n].reshape(-1)
        for j in range(len(at)):
            to[at[j]] = ZERO if value[j] <= ZERO else pulled[j]


@compiled
def _sums(grad: Any, out: Any, normed: Any, pulled: Any, plain: Any, weighted: Any) -> None:
    """``grad`` where one example's output is positive, and its sums over rows, itself and times ``normed`` (W // 2 * C,)."""
    plain[:], weighted[:] = ZERO, ZERO
    for y in range(grad.shape[0]):
        to, found, value, times = pulled[y], grad[y], out[y], normed[y]
        for j in range(len(to)):
            g = ZERO if value[j] <= ZERO else found[j]
            to[j] = g
            plain[j] += g
            weighted[j] += g * times[j]


@compiled
def _spread(raw: Any, index: Any, pulled: Any, scale: Any, slope: Any, offset: Any) -> None:
    """Replace one example by raw * slope + offset, plus pulled * scale where the maxima are."""
    for y in range(raw.shape[0]):
        row = raw[y]
        for j in range(len(row)):
            row[j] = row[j] * slope[j] + offset[j]
    flat = raw.reshape(-1)
    for y in range(index.shape[0]):
        at, found = index[y], pulled[y]
        for j in range(len(at)):
            found[j] *= scale[j]
        for j in range(len(at)):
            flat[at[j]] += found[j]


@compiled
def normalise_back(
    grad: Any, out: Any, index: Any, normed: Any, raw: Any, mean: Any, rstd: Any, gain: Any, sums: Any, first: int, last: int
) -> None:
    """Write the derivative of ``normalise``'s input over ``raw``, and those of shift and log-gain, an example a row, into
    ``sums`` (2, N, C)."""
    members, channels = mean.shape[1], len(gain)
    b, width, half = channels // members, raw.shape[2] // channels, out.shape[2] // channels
    pulled = np.empty(out.shape[1:], np.float32)
    plain, weighted = np.empty(out.shape[2], np.float32), np.empty(out.shape[2], np.float32)
    scales, scale = np.empty((half, channels, 1), np.float32), np.empty(channels, np.float32)
    slopes, offsets = np.empty((width, members, b), np.float32), np.empty((width, members, b), np.float32)
    slope, offset = np.empty(members, np.float32), np.empty(members, np.float32)
    count = np.float32(raw[0].size // members)
    for n in range(first, last):
        _sums(grad[n], out[n], normed[n], pulled, plain, weighted)
        shifts, gains = sums[0, n], sums[1, n]
        shifts[:], gains[:] = ZERO, ZERO
        for start in range(0, len(plain), channels):
            for c in range(channels):
                shifts[c] += plain[start + c]
                gains[c] += weighted[start + c]
        # d raw = rstd (g - mean g - normalised mean(g normalised)), g being zero but at the maxima
        for member in range(members):
            level = tilt = ZERO
            deviation = rstd[n, member]
            for c in range(member * b, member * b + b):
                gains[c] *= gain[c]
                level += shifts[c] * gain[c]
                tilt += gains[c]
                scale[c] = gain[c] * deviation
            slope[member] = -tilt / count * deviation * deviation
            offset[member] = -level / count * deviation - slope[member] * mean[n, member]
        _repeat(scales, scale)
        _repeat(slopes, slope)
        _repeat(offsets, offset)
        _spread(raw[n], index[n], pulled, scales.reshape(-1), slopes.reshape(-1), offsets.reshape(-1))
