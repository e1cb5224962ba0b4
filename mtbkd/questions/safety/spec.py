"""Settings of safety-constrained distillation."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Positive, Rate, Steps
from mtbkd.base.explain import distinct

Limit = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """Which classes are to be avoided, how strictly, and how the limited students are fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), description="names of the designated classes, some, not all; the last class where none is named"
    )
    limits: Annotated[tuple[Limit, ...], AfterValidator(distinct)] = Field(
        (0.1, 0.05, 0.02, 0.01), min_length=1, description="largest mean probability that a student may give to the set"
    )
    safest_teacher: bool = Field(True, description="besides, the mean probability that the safest teacher gives to the set")
    signal: Literal["kd", "tip"] = Field("tip", description="how the teachers enter the objective")
    rounds: Steps = Field(12, description="rounds of the augmented Lagrangian, each ends in a new multiplier")
    round_steps: Steps = Field(100, description="Adam steps of a round, on all training examples")
    learning_rate: Rate = Field(0.005, description="Adam's at the start; falls to zero along a cosine over all rounds")
    penalty: Positive = Field(10.0, description="of the first round, on half the squared violation")
