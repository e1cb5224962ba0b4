"""The settings of the posterior that all methods share, as config.yaml gives them: a number is fixed, a list is a grid."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mtbkd.bounds import Positive, PositiveOrInfinite
from mtbkd.explain import distinct

MAX_VALUES = 100


def as_tuple(value: Any) -> Any:
    """One value where several are allowed."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


_Values = Annotated[list[Positive], Field(min_length=1, max_length=MAX_VALUES)]
Grid = Annotated[
    tuple[Positive, ...],
    Field(min_length=1, max_length=MAX_VALUES),
    BeforeValidator(as_tuple, json_schema_input_type=Positive | _Values),
    AfterValidator(distinct),
]
_Scales = Annotated[list[PositiveOrInfinite], Field(min_length=1, max_length=MAX_VALUES)]
Scales = Annotated[
    tuple[PositiveOrInfinite, ...],
    Field(min_length=1, max_length=MAX_VALUES),
    BeforeValidator(as_tuple, json_schema_input_type=PositiveOrInfinite | _Scales),
    AfterValidator(distinct),
]


# MAP, by which grids are tuned, does not depend on it.
Single = Annotated[
    tuple[Positive, ...],
    Field(min_length=1, max_length=1),
    BeforeValidator(as_tuple, json_schema_input_type=Positive | Annotated[list[Positive], Field(min_length=1, max_length=1)]),
]


class Posterior(BaseModel):
    """Settings of the posterior shared by all methods; a number is fixed, a list is a grid to tune over."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    lam: Grid = Field((2.0,), alias="lambda", description="concentration of the teacher-informed prior")
    beta: Grid = Field((1.0,), description="power on the teacher term")
    prior_scale: Scales = Field((1.0,), description="standard deviation of the Gaussian prior; .inf for none")
    teacher_temperature: Grid = Field((1.0,), description="the teachers' logits are divided by it")
    student_temperature: Grid = Field((1.0,), description="the student's logits in the teacher term are divided by it")
    temperature: Single = Field((1.0,), description="T of the tempered posterior pi^(1/T), cold below 1; no grid")


# Nothing overridden: what a level that is silent adds to the level above.
UNSET_POSTERIOR = Posterior.model_validate({})
