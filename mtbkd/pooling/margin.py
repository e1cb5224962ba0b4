"""Weights in proportion to the teachers' margins: the largest class probability minus the second."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.pooling import normalised

MIN_TEACHERS = 2
FLOOR = 0.01  # added to every margin, so that nobody's weight is 0


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1."""
    largest = np.partition(prob, -2, axis=-1)[..., -2:]
    return normalised(largest[..., 1] - largest[..., 0] + FLOOR)
