"""Bounds of settings that many parts share: far beyond every sensible study, and short of what hangs or fills a machine.

A float with both bounds is finite: neither nan nor an infinity lies between them.
"""

import math
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from mtbkd.base.explain import distinct

Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Replicates = Annotated[int, Field(ge=1, le=10_000)]
Steps = Annotated[int, Field(ge=1, le=100_000_000)]
Batch = Annotated[int, Field(ge=1, le=1_000_000)]
ChainCount = Annotated[int, Field(ge=1, le=10_000)]
DrawCount = Annotated[int, Field(ge=1, le=1_000_000)]
Examples = Annotated[int, Field(ge=1, le=10_000_000)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Layers = Annotated[tuple[Units, ...], Field(min_length=1, max_length=100)]
Names = Annotated[tuple[str, ...], AfterValidator(distinct)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Rate = Annotated[float, Field(gt=0, le=1_000)]  # learning rates and steps of samplers
Positive = Annotated[float, Field(ge=1e-9, le=1e9)]  # 1e-300 would be 0 in single precision
NotNegative = Annotated[float, Field(ge=0, le=1e9)]


def _or_infinite(value: float) -> float:
    if 1e9 < value < math.inf:
        raise ValueError("allowed: a number in 1e-9..1e9, or .inf")
    return value


def _not_one(folds: int) -> int:
    if folds == 1:
        raise ValueError("allowed: 0, no folds, or 2 to 100")
    return folds


Folds = Annotated[int, Field(ge=0, le=100), AfterValidator(_not_one)]
PositiveOrInfinite = Annotated[float, Field(ge=1e-9), AfterValidator(_or_infinite)]
