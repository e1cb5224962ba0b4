"""Equal weights: w = 1/G for every example."""

import numpy as np
from pydantic import BaseModel, ConfigDict

MIN_TEACHERS = 1


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K)."""
    return np.full(prob.shape[:-1], 1 / prob.shape[-2], dtype=prob.dtype)
