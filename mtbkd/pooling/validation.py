"""Task-scale weights: the likelihood of the validation labels of an example's domain under each teacher.

w_g is proportional to exp(mean log p_gy), the geometric mean of what the teacher gives the right class, over the validation
examples of the same domain; over all of them where there are no domains, or none of this one.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import equal, normalised
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"validation"})


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no validation example is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G): the same for all examples of a domain."""
    scores = context.validation
    found = np.broadcast_to(_softmax(scores.mean(1))[:, None], prob.shape[:3]).copy()
    if context.dataset.domain is None or context.domain is None:
        return found
    known = np.broadcast_to(context.dataset.domain[:, context.judging_rows], scores.shape[:2])
    own = np.broadcast_to(context.domain, prob.shape[:2])
    for r in range(len(prob)):
        for domain in np.unique(own[r]):
            seen = known[r] == domain
            if seen.any():
                found[r, own[r] == domain] = _softmax(scores[r, seen].mean(0))
    return found


def _softmax(score: np.ndarray) -> np.ndarray:
    return normalised(np.exp(score - score.max(-1, keepdims=True)))
