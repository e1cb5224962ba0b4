"""Weights in inverse proportion to the squares of the teachers' entropies: xi = 1 / (eps + H)^2, eps = 0.1.

One of the decreasing functions xi that MT-BKD (section 3) leaves open: w_g = xi(H_g) / sum_g xi(H_g).
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import entropies, normalised

MIN_TEACHERS = 2
EPSILON = 0.1  # nats


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1."""
    return normalised(1 / (EPSILON + entropies(prob)) ** 2)
