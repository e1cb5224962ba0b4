"""Settings of the question ``exact``, and what the judging of one method depends on."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Positive, Seed
from mtbkd.inference.optimise import Training


class Conjugate(BaseModel):
    """Size of the case conjugate_lda; the paper prints neither number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: int = Field(500, ge=20, le=10_000, description="n, total number of training examples")
    lam: Positive = Field(1.0, description="lambda, pseudo-examples that the teacher adds per example")


UNSET_CONJUGATE = Conjugate.model_validate({})


class Settings(BaseModel):
    """Which methods are judged on posteriors that are known exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = Field(min_length=1, description="entries of methods; only their inference and settings are used")
    sbc_datasets: int = Field(
        200,
        ge=40,
        le=2000,
        description="data sets of the simulation-based calibration: 40 find posteriors that are too narrow by 1.3 "
        "with a power of 26 %, 200 with 98 %",
    )
    conjugate: Conjugate = Field(UNSET_CONJUGATE, description="size of the case conjugate_lda")


class Spec(BaseModel):
    """All that the judging of one method depends on; ``settings`` are those of its inference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    inference: str
    settings: dict[str, Any]
    training: Training
    sbc_datasets: int = Field(ge=40, le=2000)
    conjugate: Conjugate
    seed: Seed
