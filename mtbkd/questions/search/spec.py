"""Settings of the question ``search``, and what a search depends on.

A search has a subject: teachers, whose settings a paper does not print, or the students that learn from them.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Positive, Replicates, Seed, Steps
from mtbkd.base.explain import distinct
from mtbkd.base.grids import Posterior
from mtbkd.inference.fitting import Spec as FitSpec

Subject = Literal["teachers", "students"]
Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]
StepValues = Annotated[tuple[Steps, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]
ShareValues = Annotated[tuple[Share, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]
FAST = ("map", "dropout")  # inference that can fit thousands of candidates
PositiveValues = Annotated[tuple[Positive, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]
OF_TEACHERS = ("published",)
OF_STUDENTS = ("posterior", "steps", "label_share", "outside_temperature")


class _Model(BaseModel):
    # An infinite setting stays a number in what is handed on.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Settings(_Model):
    """Settings that a paper does not print, tried one by one: of teachers on a dataset, or of an experiment's students, too."""

    published: str | None = Field(None, description="the published table to match: a table of mtbkd/data/published")
    teachers: dict[str, str] = Field({}, description="column of that table -> entry of teachers, which candidates modify")
    methods: dict[str, str] = Field(
        {},
        description="student column of the experiment's table -> entry of methods; all columns share a candidate's settings",
    )
    replicates: Replicates = Field(
        3,
        description="data sets per candidate; for students, the closest are refitted on as many more; experiments use none",
    )
    posterior: Posterior | None = Field(
        None, description="students: candidates for the shared settings; others keep their defaults"
    )
    steps: StepValues = Field((1000,), description="students: candidates for training.steps")
    label_share: ShareValues = Field((1.0,), description="students: share of the labels that they use; 0: teachers only")
    outside_temperature: PositiveValues = Field(
        (1.0,),
        description="students: divides a teacher's logits outside its domain; above 1, it is less certain there",
    )
    grid: dict[str, Values] = Field({}, description="setting of the teachers' family -> candidates, the same for all teachers")
    dataset_grid: dict[str, Values] = Field({}, description="setting of the dataset -> candidates")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if bool(self.teachers) == bool(self.methods):
            found = "both teachers and methods" if self.teachers else "neither teachers nor methods"
            raise ValueError(f"found {found}; allowed: teachers, to try teachers, or methods, to try students")
        subject, needed, others = (
            ("teachers", "published", OF_STUDENTS) if self.teachers else ("methods", "posterior", OF_TEACHERS)
        )
        if getattr(self, needed) is None:
            raise ValueError(f"missing: a search with {subject} needs {needed}")
        if unread := [key for key in others if getattr(self, key) != type(self).model_fields[key].default]:
            raise ValueError(f"found {', '.join(unread)}; allowed: no such key in a search with {subject}")
        return self


class Teacher(_Model):
    """A teacher as configured; ``column`` of the published table is to be met."""

    column: str
    name: str
    family: str
    domain: str | None
    settings: dict[str, Any]


class Students(_Model):
    """What is tried on students; ``fits``: printed column -> its method as the experiment has it."""

    fits: dict[str, FitSpec]
    posterior: Posterior
    steps: StepValues
    label_share: ShareValues
    outside_temperature: PositiveValues


class Spec(_Model):
    """All that a search depends on; ``first``: number of its first replicate."""

    name: str
    subject: Subject
    dataset: str
    kind: str
    settings: dict[str, Any]
    published: str
    teachers: tuple[Teacher, ...]
    students: Students | None = None
    first: Annotated[int, Field(ge=0, le=100_000)] = 0
    replicates: Replicates
    grid: dict[str, Values]
    dataset_grid: dict[str, Values]
    seed: Seed
    device: str


def combinations(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Every choice of one value a setting, the last setting varying fastest."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
