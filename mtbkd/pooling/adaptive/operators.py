"""Operators of adaptive weights: one decreasing function of a teacher's uncertainty a row, usable at all three scales.

A teacher's uncertainty is the entropy of its distribution (token), its loss (task) or its distance (context). Families A to C
are those of the paper's theorems III.9 and V.2; the token weights of MT-BKD are those of mtbkd/pooling/entropy.py.
Operators return log-weights (B, G): exp(-1000) is positive and must not be rounded to 0. Shapes: B candidates, G teachers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mtbkd.pooling import entropies
from mtbkd.pooling.adaptive.evidence import Evidence

LogWeights = Callable[[Evidence], np.ndarray]
EPSILON = 0.1  # added to an uncertainty or a function of it, so that no weight vanishes


@dataclass(frozen=True)
class Operator:
    """A map from evidence to log-weights.

    Attributes:
        name: to show.
        formula: of the unnormalised weight f.
        source: where it comes from.
        log_weights: of evidence, (B, G).
        most: the largest amount of its domain; inf for all.
    """

    name: str
    formula: str
    source: str
    log_weights: LogWeights
    most: float = np.inf


def uncertainty(evidence: Evidence) -> np.ndarray:
    """u (B, G): entropies in nats at token scale, else the amounts."""
    return entropies(evidence.prob) if evidence.scale == "token" else evidence.amount


def variance(evidence: Evidence) -> np.ndarray:
    """v (B, G): total variance 1 - sum p^2 of a one-hot draw at token scale, else the squared amounts."""
    return 1 - (evidence.prob**2).sum(-1) if evidence.scale == "token" else evidence.amount**2


def shares(log_f: np.ndarray) -> np.ndarray:
    """log of f / sum f (B, G) of ``log_f``; equal weights where all f are 0."""
    with np.errstate(invalid="ignore"):
        top = log_f.max(-1, keepdims=True)
        log_f = np.where(np.isneginf(top), 0.0, log_f - top)
        return log_f - np.log(np.exp(log_f).sum(-1, keepdims=True))


def inverse(values: np.ndarray) -> np.ndarray:
    """log-weights in proportion to 1 / ``values`` (B, G); where some are 0, these share all the weight."""
    certain = np.where(values == 0, 0.0, -np.inf)
    return shares(np.where((values == 0).any(-1, keepdims=True), certain, -_log(values)))


def entropy_share(u: np.ndarray) -> np.ndarray:
    """log of (1 - u / sum u) / (G - 1); equal where all are 0."""
    total = u.sum(-1, keepdims=True)
    rest = np.divide(total - u, total, where=total > 0, out=np.full_like(u, 1 - 1 / u.shape[-1]))
    return _log(rest / (u.shape[-1] - 1))


def equal(evidence: Evidence) -> np.ndarray:
    return np.full(evidence.amount.shape, -np.log(evidence.teachers))


def accuracy(evidence: Evidence) -> np.ndarray:
    """In proportion to 1 - amount, the amount read as an error rate in [0, 1]."""
    return shares(_log(np.maximum(1 - evidence.amount, 0)))


def hybrid(evidence: Evidence) -> np.ndarray:
    return shares(evidence.critical[:, None] * evidence.score - uncertainty(evidence))


def sufficient(evidence: Evidence) -> np.ndarray:
    """Remark III.6: continuous, bounded away from 0, decreasing in u, increasing in s where the token is critical."""
    safety = 1 + evidence.critical[:, None] * evidence.score
    return shares(np.log((EPSILON + np.exp(-uncertainty(evidence))) * safety))


def safety_first(evidence: Evidence) -> np.ndarray:
    """Ours: the same f, but on the critical set the score alone decides; between, a mixture of both."""
    critical = evidence.critical[:, None]
    of_score, of_uncertainty = 1 + evidence.score, 0.5 + np.exp(-uncertainty(evidence))
    return np.logaddexp(_log(critical) + shares(np.log(of_score)), _log(1 - critical) + shares(np.log(of_uncertainty)))


def _log(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(values)


_ALL = (
    Operator("equal", "1", "VI.6", equal),
    Operator("MT-BKD entropy", "1 - u / sum u", "MT-BKD, authors' code", lambda e: entropy_share(uncertainty(e))),
    Operator("MT-BKD entropy + 0.1", "the same of u + 0.1", "ours",
             lambda e: entropy_share(uncertainty(e) + EPSILON)),
    Operator("inverse entropy", "1 / u", "appendix A", lambda e: inverse(uncertainty(e))),
    Operator("inverse variance", "1 / v", "family B", lambda e: inverse(variance(e))),
    Operator("exponential", "exp(-u)", "family A", lambda e: shares(-uncertainty(e))),
    Operator("accuracy", "1 - error rate", "III.8, performance-based", accuracy, most=1.0),
    Operator("softmax hybrid", "exp(s - u)", "family C", hybrid),
    Operator("sufficient form", "(0.1 + exp(-u))(1 + s)", "III.6, with floor and scores", sufficient),
    Operator("safety first", "1 + s if critical, else 0.5 + exp(-u)", "ours", safety_first),
)  # fmt: skip
OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _ALL}
