"""Weights that fall exponentially with the teachers' entropies: xi = exp(-H).

One of the decreasing functions xi that MT-BKD (section 3) leaves open: w_g = xi(H_g) / sum_g xi(H_g).
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import entropies, normalised

MIN_TEACHERS = 2


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1."""
    return normalised(np.exp(-entropies(prob)))
