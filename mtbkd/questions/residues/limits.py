"""Probability mass on a designated set of residues: what the pools guarantee, and a limit that one imposes.

The linear pool's mass on a set U is the weighted mean of the teachers' masses, so that it never exceeds the largest; the
logarithmic pool's can. To stay below the *smallest* is no guarantee of either: it is a constraint, with a price in bits.
Shapes: n positions, G teachers, A residues.
"""

from typing import NamedTuple

import numpy as np

from mtbkd.data.sequences import RESIDUES

TOLERANCE = 1e-9


def designated(letters: str) -> np.ndarray:
    """Which residues, bool (A,), are among ``letters``."""
    return np.array([residue in letters for residue in RESIDUES])


class Excess(NamedTuple):
    """A pool's mass on the set against the teachers'.

    ``above_largest``, ``above_smallest``: positions where it is above the largest, the smallest of the teachers' masses;
    ``worst``: the largest excess over the largest teacher, 0 where there is none; ``worst_ratio``: the largest ratio to it.
    """

    above_largest: int
    above_smallest: int
    worst: float
    worst_ratio: float


def excess(pooled: np.ndarray, prob: np.ndarray, inside: np.ndarray) -> Excess:
    """Compare ``pooled`` (n, A) with the teachers ``prob`` (n, G, A) on the set ``inside`` bool (A,)."""
    mass, own = pooled[:, inside].sum(-1), prob[..., inside].sum(-1)
    largest, smallest = own.max(-1), own.min(-1)
    over = mass - largest
    above, unsafe = over > TOLERANCE, mass - smallest > TOLERANCE
    return Excess(int(above.sum()), int(unsafe.sum()), float(max(over.max(), 0)), float((mass / largest).max()))


def hold_below(pooled: np.ndarray, limit: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The nearest distributions (n, A), in Kullback-Leibler divergence either way, whose mass on the set is at most ``limit``.

    Both directions have one answer: the residues of the set share ``limit``, the others the rest, each in the old proportions.

    Args:
        pooled: (n, A), positive.
        limit: (n,) in (0, 1).
        inside: bool (A,).
    """
    mass = pooled[:, inside].sum(-1)
    held = np.minimum(mass, limit)
    scale = np.where(inside, (held / mass)[:, None], ((1 - held) / (1 - mass))[:, None])
    return pooled * scale
