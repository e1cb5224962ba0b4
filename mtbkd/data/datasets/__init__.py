"""Datasets: one module per kind, each turning raw files or a simulation into an ``artefacts.Dataset``."""

from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Shape:
    """Properties for checking a configuration before any data exist.

    Attributes:
        features: shape of one example.
        class_names: K names.
        domain_names: names that a teacher's ``domain`` may refer to.
    """

    features: tuple[int, ...]
    class_names: tuple[str, ...]
    domain_names: tuple[str, ...] = ()


def redrawn(module: ModuleType) -> bool:
    """Has every replicate data of its own: a simulation draws them (SIMULATED), a table is resplit (RESAMPLED)?"""
    return module.SIMULATED or getattr(module, "RESAMPLED", False)
