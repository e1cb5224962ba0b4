"""Members of an ensemble on their way, many compiled steps at a time: chains of a sampler, modes, Gaussians.

Shapes: U units, E members, S steps, K samples, P parameters.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mtbkd.base.compiling import share_out
from mtbkd.base.lazy import torch

if TYPE_CHECKING:
    from mtbkd.posterior.observed import Observed
    from mtbkd.posterior.schedules import Adam, Moves


class Posterior(Protocol):
    """What they need of the compiled form of a posterior."""

    problem: "Observed"
    steps: Any
    variational: Any

    def where(self, units: "torch.Tensor", size: int) -> tuple[Any, ...]:
        """What steps of members of ``units`` (E,) on minibatches of ``size`` examples read."""
        ...

    def anchors(self, at: "torch.Tensor", units: "torch.Tensor", size: int) -> Any:
        """Control variates at ``at`` (E, P) for minibatches of ``size`` examples; (0, P): none."""
        ...


class Walker:
    """Chains of a sampler, moved many steps at a time."""

    def __init__(
        self, posterior: Posterior, params: "torch.Tensor", units: "torch.Tensor", size: int, moves: "Moves",
        key: np.uint64,
    ):  # fmt: skip
        self._walk, self._layout, self._moves = posterior.steps.walk, posterior.steps.Schedule, moves
        momentum, square = np.zeros((2, *params.shape), np.float32)
        scale, root = np.ones((2, *params.shape), np.float32)
        self._chains = posterior.steps.Chains(params.numpy(), momentum, square, scale, root)
        numbers = (moves.keep, moves.damping, 1 / posterior.problem.num_examples)
        self._numbers = tuple(np.float32(each) for each in numbers)
        self._key, self._where = key, posterior.where(units, size)
        self._anchor = partial(posterior.anchors, units=units, size=size)
        self._anchors = self._anchor(params[:0])

    def advance(self, done: int, noise: "torch.Tensor") -> None:
        """Move the parameters in place by ``noise`` (S, E, P), after ``done`` steps."""
        moves, part = self._moves, slice(done, done + len(noise))
        if moves.turns(done):
            self._anchors = self._anchor(moves.anchor(done, torch.from_numpy(self._chains.params)))
        learn = np.zeros_like(moves.drift) if moves.learn is None else moves.learn
        schedule = self._layout(*(each[part].astype(np.float32) for each in (moves.drift, moves.spread, learn)), *self._numbers)
        arguments = (self._chains, schedule, noise.numpy(), self._key, done, self._anchors, *self._where)
        share_out(lambda first, last: self._walk(first, last, *arguments), noise.shape[1], 1)


class Climber:
    """Members that Adam takes to a mode, moved many steps at a time."""

    def __init__(
        self, posterior: Posterior, params: "torch.Tensor", units: "torch.Tensor", size: int, adam: "Adam",
        key: np.uint64,
    ):  # fmt: skip
        self._climb, self._climbers = posterior.steps.climb, climbers(posterior, params)
        self._ascents = partial(ascents, posterior, adam)
        self._key, self._where = key, posterior.where(units, size)

    def advance(self, done: int, power: np.ndarray) -> None:
        """Move the parameters in place by as many steps as ``power`` (S,) of the teachers' term, after ``done`` steps."""
        taken = self._ascents(done, len(power)), power.astype(np.float32)
        arguments = (self._climbers, *taken, self._key, done, *self._where)
        share_out(lambda first, last: self._climb(first, last, *arguments), len(self._climbers.params), 1)


class Fitter:
    """Gaussians q whose parts Adam moves in place to the largest ELBO (``mtbkd.inference.vi``), many steps at a time.

    Args:
        parts: float32 ``mean``, ``log_scale`` (U, P) and ``factor``, (U, P, 0) of mean_field or (U, P, P) of full_rank.
        size: examples of a minibatch, drawn for every sample.
    """

    def __init__(
        self, posterior: Posterior, parts: "tuple[torch.Tensor, ...]", size: int, adam: "Adam", key: np.uint64
    ):  # fmt: skip
        self._fit, self._gaussians = posterior.variational.fit, [climbers(posterior, part) for part in parts]
        self._ascents = partial(ascents, posterior, adam)
        self._key, self._where = key, posterior.where(posterior.problem.members(1), size)

    def advance(self, done: int, weight: np.ndarray, noise: "torch.Tensor") -> None:
        """Take S steps after ``done``, with ``weight`` (S,) of the entropy and standard normal ``noise`` (S, U, K, P)."""
        taken = self._ascents(done, len(weight)), weight.astype(np.float32), noise.numpy()
        arguments = (*self._gaussians, *taken, self._key, done, *self._where)
        share_out(lambda first, last: self._fit(first, last, *arguments), noise.shape[1], 1)


def climbers(posterior: Posterior, params: "torch.Tensor") -> Any:
    """What Adam moves in place, before its first step."""
    return posterior.steps.Climbers(params.numpy(), *np.zeros((2, *params.shape), np.float32))


def ascents(posterior: Posterior, adam: "Adam", done: int, count: int) -> Any:
    """``count`` steps of Adam after ``done``."""
    at, share = range(done, done + count), 1 / posterior.problem.num_examples
    of_step = (np.array([of(t) for t in at], np.float32) for of in (adam.rate, adam.unbias))
    numbers = (adam.keep, adam.keep_square, adam.epsilon, share)
    return posterior.steps.Ascents(*of_step, *(np.float32(each) for each in numbers))
