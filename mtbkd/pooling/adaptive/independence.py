"""Are the fifteen axioms independent (2601.17910, section IX-C)? For each an operator that breaks it alone, or what implies it.

A witness breaks one axiom of its scale; equal weights at the other two scales keep their ten. Positivity is implied by
boundedness at every scale, as w_min > 0. Pareto compatibility is implied by positivity where weights do not follow the losses:
sum_k w_k l_k grows with every l_k; its witness lets them follow. Where the domain is compact and positivity holds everywhere,
positivity and continuity imply boundedness (extreme values), so the witness of III.3 lives on p > 0; the null sets of III.19
leave III.20 independent even on a compact space of contexts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from mtbkd.pooling.adaptive.axioms import AXIOMS, BY_NUMBER, Axiom
from mtbkd.pooling.adaptive.evidence import Evidence
from mtbkd.pooling.adaptive.operators import LogWeights, equal, shares, uncertainty
from mtbkd.pooling.adaptive.search import Finding, search

FLOOR = 0.02


@dataclass(frozen=True)
class Witness:
    """An operator that breaks one axiom alone.

    Attributes:
        formula: its weights.
        reason: why the other axioms hold, in a sentence.
        log_weights: of evidence.
        closed: its domain has distributions with zeros.
    """

    formula: str
    reason: str
    log_weights: LogWeights
    closed: bool = True


def doubled(evidence: Evidence) -> np.ndarray:
    return equal(evidence) + np.log(2)


def unless_critical(of: LogWeights) -> LogWeights:
    """Equal weights on the critical set, ``of`` off it, a mixture between."""

    def mixed(evidence: Evidence) -> np.ndarray:
        critical = evidence.critical[:, None]
        return np.log(critical / evidence.teachers + (1 - critical) * np.exp(of(evidence)))

    return mixed


def least_probable(evidence: Evidence) -> np.ndarray:
    """In proportion to each teacher's smallest probability."""
    return shares(np.log(evidence.prob.min(-1)))


def best_takes_most(evidence: Evidence) -> np.ndarray:
    """0.6 for the least uncertain teacher, the first of several; 0.4 for all together."""
    best = np.arange(evidence.teachers) == uncertainty(evidence).argmin(-1)[:, None]
    return np.log(0.4 / evidence.teachers + 0.6 * best)


def hyperbolic(evidence: Evidence) -> np.ndarray:
    """In proportion to 1 / (1 + u)."""
    return shares(-np.log1p(uncertainty(evidence)))


def floored_softmax(evidence: Evidence) -> np.ndarray:
    """FLOOR for all, the rest by softmax(-u)."""
    return np.log(FLOOR + (1 - FLOOR * evidence.teachers) * np.exp(shares(-uncertainty(evidence))))


SUM_OF_TWO = Witness("2 / G", "Constant, positive and equal for all teachers.", doubled)
WITNESSES: Mapping[str, Witness] = {
    "III.1": SUM_OF_TWO,
    "III.3": Witness("min_v p_k(v) / sum, equal if critical", "Positive and continuous on p > 0, but no bound holds for all x.",
                     unless_critical(least_probable), closed=False),
    "III.4": Witness("0.4 / G + 0.6 for the least entropy, equal if critical", "Between 0.4 / G and 1 everywhere.",
                     unless_critical(best_takes_most)),
    "III.5": Witness("0.02 + (1 - 0.02 G) softmax(-H)", "Floored and continuous; ignores the safety scores.", floored_softmax),
    "III.10": SUM_OF_TWO,
    "III.12": Witness("1 / (1 + l) / sum", "The objective is G / sum 1/(1 + l) - 1 and grows with every loss; weights vanish "
                      "as a loss grows.", hyperbolic),
    "III.13": Witness("0.4 / G + 0.6 for the least loss", "The objective is 0.6 min l + 0.4 mean l and grows with every loss.",
                      best_takes_most),
    "III.14": Witness("0.02 + (1 - 0.02 G) softmax(-l)", "Floored and continuous; a very bad teacher is hardly heard. "
                      "Fixed weights cannot break it.",
                      floored_softmax),
    "III.18": SUM_OF_TWO,
    "III.20": Witness("1 / (1 + d) / sum, towards equal where critical", "Weights vanish as a distance grows, nowhere before.",
                      unless_critical(hyperbolic)),
    "III.21": Witness("0.4 / G + 0.6 for the nearest, towards equal where critical", "Between 0.4 / G and 1; measurable.",
                      unless_critical(best_takes_most)),
    "III.22": Witness("0.02 + (1 - 0.02 G) softmax(-d)", "Floored and continuous; ignores the safety scores.", floored_softmax),
}  # fmt: skip
IMPLIED: Mapping[str, tuple[str, str]] = {
    "III.2": ("III.3", "a weight of at least w_min > 0 is positive"),
    "III.11": ("III.12", "a weight of at least w_min > 0 is positive; on a finite list of tasks the two are the same"),
    "III.19": ("III.20", "a weight of at least w_min > 0 is positive; III.20 holds in all contexts, III.19 in almost all"),
}


def verify(number: str, count: int, seed: int) -> dict[str, Finding]:
    """All fifteen axioms on the witness of one: axiom -> what the search found; equal weights at the other scales."""
    witness, scale = WITNESSES[number], BY_NUMBER[number].scale
    found = {
        axiom.number: search(axiom, witness.log_weights, count, seed, closed=witness.closed)
        for axiom in AXIOMS
        if axiom.scale == scale
    }
    return {axiom.number: found.get(axiom.number) or _of_equal(axiom, count, seed) for axiom in AXIOMS}


@cache
def _of_equal(axiom: Axiom, count: int, seed: int) -> Finding:
    return search(axiom, equal, count, seed)
