"""Conditions on weights of given teachers: normalised, positive, bounded below, Lipschitz, ordinally safe.

They are III.1 to III.3, A2 and III.5 of arXiv 2601.17910 (Flouro & Chadwick 2026); the constants and the safety ordering, which
it leaves open, are ours. ``mtbkd.pooling.adaptive`` has all its axioms for operators instead of examples. A condition gives its
worst value over the examples; ``holds`` compares it with a limit. Shapes: N examples, G teachers, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

FLOOR, LIPSCHITZ, ROUNDING = 0.01, 100.0, 1e-9
STEPS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
STATEMENTS = {
    "normalised": "III.1: the weights of an example sum to 1",
    "positive": "III.2: every weight is positive",
    "bounded below": f"III.3: no teacher ever weighs less than {FLOOR:g} (our constant)",
    "Lipschitz": f"A2: weights move at most {LIPSCHITZ:g} times as far as probabilities (L1), for moves from {STEPS[-1]:g} on",
    "ordinally safe": "III.5: a teacher who gives the designated classes less never weighs less than one who gives them more",
}


@dataclass(frozen=True)
class Verdict:
    """A condition on some examples: its worst value, whether it holds, the share of examples that break it, and of how many."""

    condition: str
    worst: float
    holds: bool
    broken: float
    n: int


def normalised(weights: np.ndarray) -> Verdict:
    """The largest distance of the sum of ``weights`` (N, G) from 1."""
    return _verdict("normalised", np.abs(weights.sum(-1) - 1), ROUNDING)


def positive(weights: np.ndarray) -> Verdict:
    """The smallest weight of ``weights`` (N, G), which must not be 0."""
    return replace(bounded(weights, float(np.nextafter(0, 1))), condition="positive")


def bounded(weights: np.ndarray, floor: float = FLOOR) -> Verdict:
    """The smallest weight of ``weights`` (N, G) against ``floor``."""
    below = _verdict("bounded below", -weights.min(-1), -floor)
    return Verdict(below.condition, -below.worst, below.holds, below.broken, below.n)


def ordinal(weights: np.ndarray, unsafe: np.ndarray) -> Verdict:
    """The largest lead in weight of a teacher over a safer one: ``weights`` (N, G), ``unsafe`` mass (N, G)."""
    safer = unsafe[:, :, None] < unsafe[:, None, :]
    lead = np.where(safer, weights[:, None, :] - weights[:, :, None], 0).max((1, 2))
    return _verdict("ordinally safe", lead, ROUNDING)


def lipschitz(of: Callable[[np.ndarray], np.ndarray], prob: np.ndarray, rng: np.random.Generator) -> Verdict:
    """The largest ratio of the weights' move to that of ``prob`` (N, G, K), over ever smaller moves towards random teachers."""
    worst, start = np.zeros(len(prob)), of(prob[None])[0]
    towards = rng.dirichlet(np.ones(prob.shape[-1]), prob.shape[:2])
    for step in STEPS:
        moved = prob + step * (towards - prob)
        distance = np.abs(moved - prob).sum((1, 2))
        change = np.abs(of(moved[None])[0] - start).sum(-1)
        worst = np.maximum(worst, np.divide(change, distance, where=distance > 0, out=np.zeros_like(change)))
    return _verdict("Lipschitz", worst, LIPSCHITZ)


def _verdict(condition: str, value: np.ndarray, limit: float) -> Verdict:
    worst = float(value.max())
    return Verdict(condition, worst, worst <= limit, float((value > limit).mean()), len(value))


def corner_cases(teachers: int, classes: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Hard cases (N, G, K) for weights: mixtures of certain, uniform, equal and random teachers."""
    sharp = rng.choice([0.05, 0.3, 1.0, 10.0], (count, teachers, 1))
    prob = rng.standard_gamma(np.broadcast_to(sharp, (count, teachers, classes))) + 1e-300
    prob /= prob.sum(-1, keepdims=True)
    kind = rng.integers(0, 5, (count, teachers))
    prob[kind == 0] = 1 / classes
    prob[kind == 1] = np.eye(classes)[rng.integers(0, classes, int((kind == 1).sum()))]
    return prob
