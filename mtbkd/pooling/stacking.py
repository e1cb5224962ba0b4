"""Stacking (Yao et al. 2018): the weights of the linear pool that predicts held-out labels best.

w maximises the mean over validation examples of log sum_g w_g p_gy, a concave problem, by expectation maximisation; the same
for all examples.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import equal
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"validation"})
ITERATIONS = 500


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no validation example is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G), one vector per replicate."""
    return np.broadcast_to(stacked(context.validation)[:, None], prob.shape[:3]).copy()


def stacked(log_score: np.ndarray) -> np.ndarray:
    """The best weights (R, G) for the held-out log scores ``log_score`` (R, M, G)."""
    score = np.exp(log_score - log_score.max(-1, keepdims=True))
    share = np.full((len(score), 1, score.shape[-1]), 1 / score.shape[-1])
    for _ in range(ITERATIONS):
        parts = share * score
        share = (parts / parts.sum(-1, keepdims=True)).mean(1, keepdims=True)
    return share[:, 0]
