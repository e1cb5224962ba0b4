"""Confidence by labels (CA-MKD, Zhang et al. 2022): a teacher gets a larger weight on examples whose label it predicts.

w_g = (1 - softmax_g(CE(y, p_g))) / (G - 1). The official code divides by G once more, which the normalisation here undoes, and
adds a term on intermediate features, which logits do not have: left out. Equal weights where the label is not known.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import equal
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"labels"})
LEAST = 1e-300  # of a probability under the logarithm


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no label is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K); labels of training examples only."""
    y = np.broadcast_to(context.y, prob.shape[:2])
    at = np.maximum(y, 0)[:, :, None, None]
    loss = -np.log(np.maximum(np.take_along_axis(prob, at, -1)[..., 0], LEAST))
    share = np.exp(loss - loss.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    found = (1 - share) / (prob.shape[-2] - 1)
    return np.where(y[..., None] >= 0, found, 1 / prob.shape[-2])
