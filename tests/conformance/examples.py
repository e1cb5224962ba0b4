"""Small settings and data for any registered part, so that a new line of the registry is tested by what is here."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from mtbkd import registry
from mtbkd.artefacts import SPLITS, Dataset
from mtbkd.errors import MtbkdError

# Sizes that settle in seconds, for every Settings that has a field of that name.
SMALL: dict[str, Any] = {
    "n_train": 60, "n_val": 20, "n_test": 30, "share": 0.2,
    "steps": 600, "burn_in": 100, "thin": 5, "chains": 2, "draws": 100, "tune": 200, "samples": 2,
    "hidden": (6,), "channels": (4,),
}  # fmt: skip
# Shapes of an example that a network may take: the first one that it accepts is used.
FEATURES = ((3,), (2, 8, 8))


def names(kind: str) -> list[Any]:
    """Parameters of a test over every registered part of ``kind``."""
    return [pytest.param(name, id=name) for name in registry.KINDS[kind]]


def every_part() -> Iterator[Any]:
    """Parameters (kind, name) of a test over the whole registry."""
    for kind, parts in registry.KINDS.items():
        yield from (pytest.param(kind, name, id=f"{kind}-{name}") for name in parts)


def small(module: ModuleType, **required: Any) -> BaseModel:
    """The part's Settings with the small sizes that it knows, and ``required`` ones."""
    known = module.Settings.model_fields
    return module.Settings.model_validate({name: value for name, value in SMALL.items() if name in known} | required)


def features_of(student: ModuleType) -> tuple[int, ...]:
    """The first of FEATURES that the architecture takes."""
    for features in FEATURES:
        try:
            student.num_params(small(student), features, 3)
        except MtbkdError:
            continue
        return features
    raise AssertionError(f"{student.__name__} takes none of the shapes {FEATURES}: add one that it takes")


def dataset(features: tuple[int, ...], replicates: int = 2, seed: int = 0) -> Dataset:
    """Three separable classes in two domains: x (R, 90, *features)."""
    rng = np.random.default_rng(seed)
    split = np.repeat(SPLITS, (50, 20, 20))
    y = rng.integers(0, 3, (replicates, len(split)))
    x = rng.normal(size=(replicates, len(split), *features)) + (y - 1).reshape(*y.shape, *[1] * len(features)) * 1.5
    return Dataset(
        name="toy", x=x.astype(np.float32), y=y, split=split, class_names=("a", "b", "c"),
        ids=np.array([f"toy{i}" for i in range(len(split))]),
        domain=rng.integers(0, 2, y.shape), domain_names=("east", "west"),
    ).validate()  # fmt: skip
