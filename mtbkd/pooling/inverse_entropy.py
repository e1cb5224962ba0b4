"""Weights in inverse proportion to the teachers' entropies: xi = 1 / H.

One of the decreasing functions xi that MT-BKD (section 3) leaves open: w_g = xi(H_g) / sum_g xi(H_g).
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import entropies, normalised

MIN_TEACHERS = 2
FLOOR = 1e-9  # nats


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1.

    A certain teacher (H = 0) gets all the weight, several of them share it: FLOOR keeps 1 / H finite.
    """
    return normalised(1 / (entropies(prob) + FLOOR))
