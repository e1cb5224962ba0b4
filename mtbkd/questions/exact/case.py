"""A posterior that is known exactly, and what is known of it. Shapes: S draws, P parameters, T quantities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Case:
    """A posterior that is known.

    Attributes:
        name, description: what it is, for people.
        target: the density, one unit.
        quantities: names (T,).
        measure: draws float64 (S, P) -> quantities (S, T).
        mean, sd: exact, (T,).
        tolerance: bias that an algorithm may have, in exact standard deviations (mean) and as a share (sd).
    """

    name: str
    description: str
    target: Target
    quantities: tuple[str, ...]
    measure: "Callable[[torch.Tensor], torch.Tensor]"
    mean: np.ndarray
    sd: np.ndarray
    tolerance: float = 0.05
