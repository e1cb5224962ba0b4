"""Chains that go on in rounds until they agree, for samplers whose units need lengths of their own.

A round is a number of draws of every chain. After each, units go on whose draws are not good: R-hat and effective sample sizes
of log-density and predictions, with a margin to the gates. Every n-th draw of n rounds is kept. To stop on these biases little,
as they hardly depend on where a chain is (Glynn & Whitt 1992). Where a trajectory diverged, and where the sampler learns anew,
the rounds so far become warm-up: nothing of them is kept.
Shapes: U units, C chains, D draws, Z coordinates.
"""

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from mtbkd.base.lazy import lazy_import, torch
from mtbkd.inference.function_space import thinned
from mtbkd.inference.scale_free import Plain
from mtbkd.posterior.problem import Problem

if TYPE_CHECKING:
    import arviz_stats.base.array as arviz
else:
    arviz = lazy_import("arviz_stats.base.array")

log = logging.getLogger(__name__)

PROBES = 24  # training examples at which predictions must agree
RHAT, ESS = 1.007, 600.0  # at which chains stop; the gates ask 1.01 and 400


class Round(NamedTuple):
    """Draws of a unit: ``place`` (C, D, Z), ``value``, ``energy``, ``diverging`` and ``mode`` (C, D)."""

    place: "torch.Tensor"
    value: "torch.Tensor"
    energy: "torch.Tensor"
    diverging: "torch.Tensor"
    mode: "torch.Tensor"


class Ensemble(Protocol):
    """The chains of all units that still go on."""

    space: Plain

    def round(self, draws: int) -> list[Round]:
        """``draws`` of every chain, unit by unit."""
        ...

    def keep(self, units: list[int]) -> None:
        """Go on with the units at positions ``units`` alone."""
        ...

    def improve(self, at: int, place: "torch.Tensor", diverged: bool, first: bool) -> bool:
        """Learn from ``place`` (C, D, Z), the last round of the unit at position ``at``; whether anything changed."""
        ...


def in_rounds(chains: Ensemble, draws: int, rounds: int) -> list[Round]:
    """Draws of each unit, of as many rounds as it needs, at most ``rounds``."""
    waiting = list(range(chains.space.target.num_units))
    kept: list[list[Round]] = [[] for _ in waiting]
    for number in range(rounds):
        for unit, found in zip(waiting, chains.round(draws), strict=True):
            kept[unit].append(found)
        if number == rounds - 1:
            break
        again = [at for at, unit in enumerate(waiting) if not settled(chains.space, unit, kept[unit])]
        waiting = [waiting[at] for at in again]
        if not waiting:
            break
        chains.keep(again)
        for at, unit in enumerate(waiting):
            diverged = bool(kept[unit][-1].diverging.any())
            if chains.improve(at, kept[unit][-1].place, diverged, number == 0):
                kept[unit] = []
    return [thin(every) for every in kept]


def by_unit(seen: list[Round], units: int) -> list[Round]:
    """The draws of all members, (E, ...) each, as those of each unit."""
    every = (torch.stack(parts, 1).unflatten(0, (units, -1)) for parts in zip(*seen, strict=True))
    return [Round(*parts) for parts in zip(*every, strict=True)]


def thin(rounds: list[Round]) -> Round:
    """Every n-th draw of n rounds; it counts as divergent where any up to it did."""
    count = len(rounds)
    every = Round(*(torch.cat(parts, 1) for parts in zip(*rounds, strict=True)))
    last = Round(*(part.unflatten(1, (-1, count))[:, :, -1] for part in every))
    return last._replace(diverging=every.diverging.unflatten(1, (-1, count)).any(2))


def settled(space: Plain, unit: int, rounds: list[Round]) -> bool:
    """Whether the draws of ``unit`` are enough."""
    found = thin(rounds)
    quantities = torch.cat([found.value.unsqueeze(-1), _said(space, unit, found.place).double()], -1)
    told = np.moveaxis(quantities.cpu().numpy(), -1, 0)
    told = told[np.ptp(told, axis=(1, 2)) > 0]
    stats, diverged = arviz.array_stats, int(found.diverging.sum())
    with np.errstate(all="ignore"):
        rhat = np.max(stats.rhat(told), initial=1.0)
        bulk, tail = stats.ess(told, method="bulk"), stats.ess(told, method="tail", prob=(0.05, 0.95))
    ess = min(np.min(bulk, initial=np.inf), np.min(tail, initial=np.inf))
    log.info("unit %d after %d rounds: R-hat %.4f, ESS %.0f, %d divergent", unit, len(rounds), rhat, ess, diverged)
    return bool(rhat <= RHAT and ess >= ESS and not diverged)


def _said(space: Plain, unit: int, place: "torch.Tensor") -> "torch.Tensor":
    """What must agree among chains at ``place`` (C, D, Z): predictions (C, D, T), or the coordinates of other targets."""
    target = space.target
    if not isinstance(target, Problem):
        return place
    row = int(target.data_row[unit])
    x = target.x[row : row + 1, thinned(target.num_examples, PROBES)]
    with torch.no_grad():
        prob = torch.softmax(target.student.apply(space.shown(place.flatten(0, 1)), x), -1)
    return prob[..., 1:].flatten(1).unflatten(0, place.shape[:2])
