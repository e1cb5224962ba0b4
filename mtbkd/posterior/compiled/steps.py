"""Many steps of each member of an ensemble, member after member, so that what it reads and writes stays in a core's cache.

Shapes: E members, m examples of a minibatch, S steps, P parameters.
"""

from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.compiling import compiled, inner
from mtbkd.posterior.compiled.anchors import anchored_gradient, find_marks
from mtbkd.posterior.compiled.gradient import member_gradient, room
from mtbkd.posterior.compiled.lanes import WIDTH, load, root, splat, store
from mtbkd.posterior.compiled.minibatch import draw
from mtbkd.posterior.compiled.philox import WORDS

ZERO, ONE = np.float32(0), np.float32(1)


class Chains(NamedTuple):
    """What a sampler knows of its chains, float32 (E, P) each: see ``mtbkd.inference.langevin.Moves``."""

    params: Any
    momentum: Any
    square: Any
    scale: Any
    root: Any


class Schedule(NamedTuple):
    """S moves: ``drift``, ``spread`` and ``learn`` float32 (S,), ``keep``, ``damping`` and ``share`` = 1 / N float32."""

    drift: Any
    spread: Any
    learn: Any
    keep: Any
    damping: Any
    share: Any


class Climbers(NamedTuple):
    """What Adam knows of its members, float32 (E, P) each: parameters and running means of gradient and squared gradient."""

    params: Any
    mean: Any
    square: Any


class Ascents(NamedTuple):
    """S steps of Adam: float32 (S,) of each step, and numbers.

    Attributes:
        rate: what the mean is multiplied with, its start from 0 made up for.
        unbias: what the square is multiplied with for its start from 0.
        keep, keep_square: what the running means keep of their value.
        epsilon: added to the root of the square.
        share: 1 / N.
    """

    rate: Any
    unbias: Any
    keep: Any
    keep_square: Any
    epsilon: Any
    share: Any


@compiled
def scratch(m: int) -> Any:
    """Room for the words and rows of a minibatch; rows that are not written are the first one."""
    return np.empty(-(-m // WORDS) * WORDS, np.uint32), np.zeros(m, np.int64), np.zeros(m, np.int64)


@inner
def _move(e: int, t: int, chains: Any, schedule: Any, grad: Any, noise: Any) -> None:
    """The equation of ``mtbkd.inference.langevin.Moves``."""
    params, momentum, scale, root = chains.params[e], chains.momentum[e], chains.scale[e], chains.root[e]
    drift, spread, learn = schedule.drift[t], schedule.spread[t], schedule.learn[t]
    if learn > ZERO:
        square = chains.square[e]
        for j in range(len(grad)):
            slope = grad[j] * schedule.share
            square[j] += learn * (slope * slope - square[j])
            scale[j] = ONE / (schedule.damping + np.sqrt(square[j]))
            root[j] = np.sqrt(scale[j])
    for j in range(len(grad)):
        momentum[j] = schedule.keep * momentum[j] + drift * scale[j] * grad[j] + spread * root[j] * noise[j]
        params[j] += momentum[j]


@compiled
def walk(
    first: int, last: int, chains: Any, schedule: Any, noise: Any, key: Any, done: int, anchors: Any, units: Any, strata: Any,
    model: Any, batch: Any,
) -> None:  # fmt: skip
    """Move chains ``first`` to ``last`` by the S steps of ``schedule``, with ``noise`` (S, E, P), after ``done`` steps."""
    buf, grad = room(model), np.empty(noise.shape[2], np.float32)
    words, x, constants = scratch(len(batch.weight))
    marks, drawn = np.zeros_like(x), strata.size.sum()
    widths = (model.tables.x_width, model.tables.constants_width)
    for e in range(first, last):
        for t in range(len(noise)):
            draw(key, e, done + t, strata, units[e], widths, words, x, constants)
            if len(anchors.at):
                find_marks(e, units[e], x, drawn, strata, model, anchors, marks)
                anchored_gradient(chains.params[e], grad, e, units[e], x, constants, marks, model, batch, anchors, buf)
            else:
                member_gradient(chains.params[e], grad, units[e], ONE, x, constants, model, batch, buf)
            _move(e, t, chains, schedule, grad, noise[t, e])


@inner
def ascend(params: Any, mean: Any, square: Any, grad: Any, t: int, ascents: Any) -> None:
    """The step of ``mtbkd.inference.optimise.Ascent`` of one member, (P,) each."""
    rate, unbias, keep, keep_square = ascents.rate[t], ascents.unbias[t], ascents.keep, ascents.keep_square
    whole, fresh, fresh_square = len(grad) - len(grad) % WIDTH, splat(ONE - keep), splat(ONE - keep_square)
    for j in range(0, whole, WIDTH):
        slope = load(grad, j) * splat(ascents.share)
        m = load(mean, j) + fresh * (slope - load(mean, j))
        v = splat(keep_square) * load(square, j) + fresh_square * slope * slope
        store(mean, j, m)
        store(square, j, v)
        store(params, j, load(params, j) + splat(rate) * m / (root(v * splat(unbias)) + splat(ascents.epsilon)))
    for j in range(whole, len(grad)):
        slope = grad[j] * ascents.share
        mean[j] += (ONE - keep) * (slope - mean[j])
        square[j] = keep_square * square[j] + (ONE - keep_square) * slope * slope
        params[j] += rate * mean[j] / (np.sqrt(square[j] * unbias) + ascents.epsilon)


@compiled
def climb(
    first: int, last: int, climbers: Any, ascents: Any, power: Any, key: Any, done: int, units: Any, strata: Any, model: Any,
    batch: Any,
) -> None:  # fmt: skip
    """Move members ``first`` to ``last`` by the S steps of ``ascents`` after ``done``, with ``power`` (S,) of the teachers."""
    buf, grad = room(model), np.empty(climbers.params.shape[1], np.float32)
    words, x, constants = scratch(len(batch.weight))
    widths = (model.tables.x_width, model.tables.constants_width)
    for e in range(first, last):
        for t in range(len(ascents.rate)):
            draw(key, e, done + t, strata, units[e], widths, words, x, constants)
            member_gradient(climbers.params[e], grad, units[e], power[t], x, constants, model, batch, buf)
            ascend(climbers.params[e], climbers.mean[e], climbers.square[e], grad, t, ascents)
