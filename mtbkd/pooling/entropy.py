"""Entropy weights: a confident teacher gets a larger weight on that example (MT-BKD, section 3).

The paper asks for w[i,g] = xi(H_g) / sum_g xi(H_g) with a decreasing xi and leaves its form open. This is the form of the
authors' code: xi_g = 1 - H_g / sum_g H_g, the entropies H_g taken at temperature 1.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import entropies

MIN_TEACHERS = 2


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1.

    Where all teachers are certain (every entropy 0) the weights are equal.
    """
    entropy = entropies(prob)
    total = entropy.sum(-1, keepdims=True)
    share = np.divide(entropy, total, where=total > 0, out=np.full_like(entropy, 1 / prob.shape[-2]))
    return (1 - share) / (prob.shape[-2] - 1)
