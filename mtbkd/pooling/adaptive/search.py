"""Does an operator keep an axiom? The simplest counterexample of a search, or the number of candidates tried."""

from dataclasses import dataclass, replace

import numpy as np

from mtbkd.base.seeds import derive
from mtbkd.pooling.adaptive.axioms import Axiom
from mtbkd.pooling.adaptive.evidence import Evidence, candidates
from mtbkd.pooling.adaptive.operators import LogWeights


@dataclass(frozen=True)
class Finding:
    """What a search found: ``example`` (one candidate) with ``weights`` (G,) breaks the axiom; None where none does."""

    holds: bool
    tried: int
    margin: float
    example: Evidence | None = None
    weights: np.ndarray | None = None


def search(axiom: Axiom, of: LogWeights, count: int, seed: int, most: float = np.inf, closed: bool = True) -> Finding:
    """Try candidates of the axiom's domain, from the simplest on, ``count`` of each size and fineness.

    Args:
        most: the largest amount in the operator's domain.
        closed: whether distributions may hold zeros.
    """
    rng = np.random.default_rng(derive(seed, "adaptive weights", axiom=axiom.number))
    tried, least = 0, np.inf
    for evidence in candidates(axiom.scale, count, most, closed, rng):
        margins = margins_of(axiom, of, evidence)
        tried, least = tried + len(evidence), min(least, float(margins.min()))
        if least < -axiom.tolerance:
            example = _plainest(axiom, of, evidence.at(np.flatnonzero(margins < -axiom.tolerance)))
            margin = float(margins_of(axiom, of, example)[0])
            return Finding(False, tried, margin, example, np.exp(of(example)[0]))
    return Finding(True, tried, least)


def margins_of(axiom: Axiom, of: LogWeights, evidence: Evidence) -> np.ndarray:
    """The axiom's margins (B,); -inf where the operator gives no number."""
    return np.nan_to_num(axiom.margin(of, evidence), nan=-np.inf, neginf=-np.inf)


def _plainest(axiom: Axiom, of: LogWeights, broken: Evidence) -> Evidence:
    """Of several violations the one of the fewest and smallest numbers, with every field set to 0 that may be."""
    size = [np.count_nonzero(values.reshape(len(broken), -1), 1) + values.reshape(len(broken), -1).sum(1) / 1e4
            for values in (broken.amount, broken.score, broken.critical)]  # fmt: skip
    found = broken.at(np.argmin(np.sum(size, axis=0), keepdims=True))
    for field in ("amount", "score", "critical"):
        plainer = replace(found, **{field: np.zeros_like(getattr(found, field))})
        if margins_of(axiom, of, plainer)[0] < -axiom.tolerance:
            found = plainer
    return found
