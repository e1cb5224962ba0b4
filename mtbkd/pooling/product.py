"""Weights of three scales at once: token (entropy of the example), task (validation likelihood of its domain), context
(density).

The product structure of arXiv 2601.17910 (Flouro & Chadwick 2026, definition IV.1): w_g is proportional to
w_g^token w_g^task w_g^context, renormalised over teachers only. Floors multiply: three layers with floor 0.2 leave 1/65, and an
order by safety is kept only if all three layers keep it (question ``adaptive``).
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import density_ratio, entropy, equal, validation
from mtbkd.pooling.context import Context, composed

MIN_TEACHERS = 2
NEEDS = frozenset({"validation", "inputs"})


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): neither validation examples nor inputs are known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G)."""
    task, place = validation.weights_of(prob, context), density_ratio.weights_of(prob, context)
    return composed(entropy.weights(prob), task, place)
