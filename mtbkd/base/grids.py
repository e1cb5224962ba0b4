"""The settings of the posterior that all methods share, as config.yaml gives them: a number is fixed, a list is a grid."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from mtbkd.base.bounds import Positive, PositiveOrInfinite
from mtbkd.base.explain import distinct

MAX_VALUES = 100
AS_KAPPA = "kappa"  # candidate of lambda: the value of kappa, so that beta = kappa / lambda is 1


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
_Sharpness = Positive | Literal["kappa"]
_Sharpnesses = Annotated[list[_Sharpness], Field(min_length=1, max_length=MAX_VALUES)]
Sharpnesses = Annotated[
    tuple[_Sharpness, ...],
    Field(min_length=1, max_length=MAX_VALUES),
    BeforeValidator(as_tuple, json_schema_input_type=_Sharpness | _Sharpnesses),
    AfterValidator(distinct),
]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Shares = Annotated[list[_Share], Field(min_length=1, max_length=MAX_VALUES)]
Shares = Annotated[
    tuple[_Share, ...],
    Field(min_length=1, max_length=MAX_VALUES),
    BeforeValidator(as_tuple, json_schema_input_type=_Share | _Shares),
    AfterValidator(distinct),
]


# MAP, by which grids are tuned, does not depend on it.
Single = Annotated[
    tuple[Positive, ...],
    Field(min_length=1, max_length=1),
    BeforeValidator(as_tuple, json_schema_input_type=Positive | Annotated[list[Positive], Field(min_length=1, max_length=1)]),
]


class Posterior(BaseModel):
    """Settings of the posterior shared by all methods; a number is fixed, a list is a grid to tune over.

    The strength of the teachers' term is kappa = beta lambda pseudo-labels an example, lambda is its sharpness: how far a
    student must stand from a teacher before the mixture lets that teacher go. Either kappa or beta is given.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, ser_json_inf_nan="constants"
    )

    kappa: Grid = Field((), description="strength of the teacher term, beta = kappa / lambda; instead of beta")
    lam: Sharpnesses = Field(
        (2.0,), alias="lambda", description="concentration of the teacher-informed prior; kappa: the value for beta = 1"
    )
    beta: Grid = Field((1.0,), description="power on the teacher term")
    no_teacher: Shares = Field((0.0,), description="weight of a no-teacher component of the mixture")
    prior_scale: Scales = Field((1.0,), description="standard deviation of the Gaussian prior on the weights; .inf for none")
    teacher_temperature: Grid = Field((1.0,), description="divides the teachers' logits")
    student_temperature: Grid = Field((1.0,), description="divides the student's logits in the teacher term")
    temperature: Single = Field(
        (1.0,), description="T of the tempered posterior pi^(1/T), cold below 1; a single number, not a grid"
    )

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What a configuration does not ask for leaves the specifications of its fits as they are."""
        content = handler(self)
        unused = {"kappa": not self.kappa, "no_teacher": self.no_teacher == (0.0,)}
        return {key: value for key, value in content.items() if not unused.get(key)}


# Nothing overridden: what a level that is silent adds to the level above.
UNSET_POSTERIOR = Posterior.model_validate({})
