"""Weights by domain alone: each example follows the teachers of its own domain, equally, and all teachers where none has it.

An upper bound for weights that must find the right teacher: domains must be known. A teacher without a domain has none.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.base.errors import ContractError
from mtbkd.pooling import equal, normalised
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"inputs"})


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no domain is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G).

    Raises:
        ContractError: the dataset has no domains, or no teacher has one of its own.
    """
    dataset, own = context.dataset, [teacher.card.get("domain") for teacher in context.teachers]
    knows = np.array([[name == each for each in own] for name in dataset.domain_names], float)
    if context.domain is None or not knows.any():
        raise ContractError(f"weights routed on {dataset.name}", "domains", "no teacher with its own domain",
                            "a dataset with domains and teachers trained on them", "use other weights")  # fmt: skip
    knows[~knows.any(1)] = 1
    return np.broadcast_to(normalised(knows)[context.domain], prob.shape[:3]).copy()
