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
        (), description="classes to avoid, some but not all; default: the last class"
    )
    limits: Annotated[tuple[Limit, ...], AfterValidator(distinct)] = Field(
        (0.1, 0.05, 0.02, 0.01), min_length=1, description="limits on the student's mean probability of the set"
    )
    safest_teacher: bool = Field(True, description="also use the safest teacher's mean probability of the set as a limit")
    signal: Literal["kd", "tip"] = Field("tip", description="how teachers enter the objective")
    rounds: Steps = Field(12, description="rounds of the augmented Lagrangian; each updates the multiplier")
    round_steps: Steps = Field(100, description="full-batch Adam steps per round")
    learning_rate: Rate = Field(
        0.005, description="initial learning rate of Adam; decays to zero along a cosine over all rounds"
    )
    penalty: Positive = Field(10.0, description="penalty of the first round, on half the squared violation")
