"""What a study asks to be searched, and what a search depends on.

A search has a subject: teachers, whose settings a paper does not print, or the students that learn from them.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Positive, Replicates, Seed, Steps
from mtbkd.base.explain import distinct
from mtbkd.base.grids import Posterior
from mtbkd.inference.fitting import Spec as FitSpec

if TYPE_CHECKING:
    from mtbkd.study.planned import DataPlan, TeacherPlan

Subject = Literal["teachers", "students"]
Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]
StepValues = Annotated[tuple[Steps, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]
ShareValues = Annotated[tuple[Share, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]
FAST = ("map", "dropout")  # inference that can fit thousands of candidates
PositiveValues = Annotated[tuple[Positive, ...], AfterValidator(distinct), Field(min_length=1, max_length=100)]


class _Model(BaseModel):
    # An infinite setting stays a number in what is handed on.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class TeacherSearch(_Model):
    """Settings of teachers that a paper does not print, tried one by one."""

    dataset: str = Field(description="an entry of datasets; a simulation")
    published: str = Field(description="the table of mtbkd/data/published whose teacher columns are to be met")
    teachers: dict[str, str] = Field(
        min_length=1, description="column of that table -> entry of teachers; the start of every try"
    )
    replicates: Replicates = Field(3, description="data sets over which a candidate's accuracies are averaged")
    grid: dict[str, Values] = Field(
        {}, description="setting of the teachers' family -> values to try, the same for all teachers"
    )
    dataset_grid: dict[str, Values] = Field({}, description="setting of the dataset -> values to try")


class StudentSearch(_Model):
    """Settings of students and of their teachers that a paper does not print, tried together on all printed students."""

    experiment: str = Field(description="an experiment of the study: its data, teachers, student and published table")
    methods: dict[str, str] = Field(
        min_length=1, description="column of that table -> entry of methods; all columns share the settings of a try"
    )
    replicates: Replicates = Field(
        3, description="data sets a candidate; the nearest have as many again, and none is one of the experiments"
    )
    posterior: Posterior = Field(description="values to try of the shared settings; the others have their defaults")
    steps: StepValues = Field((1000,), description="of the students' training")
    label_share: ShareValues = Field((1.0,), description="share of the labels that the students use; 0: teachers alone")
    outside_temperature: PositiveValues = Field(
        (1.0,), description="divides a teacher's logits outside its domain; above 1 it is less sure there, and as right"
    )
    grid: dict[str, Values] = Field(
        {}, description="setting of the teachers' family -> values to try, the same for all teachers"
    )
    dataset_grid: dict[str, Values] = Field({}, description="setting of the dataset -> values to try")


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


def make_search(
    name: str, asked: TeacherSearch | StudentSearch, data: "DataPlan", published: str, teachers: "Mapping[str, TeacherPlan]",
    device: str, fits: Mapping[str, Any] | None = None, first: int = 0,
) -> Spec:  # fmt: skip
    """What a search depends on: data, teachers as configured (by printed column), and what is tried in their place.

    For students, ``fits`` are their methods as configured by printed column, and ``first`` the number of the first replicate
    that no experiment reports.
    """
    keys = ("name", "family", "domain", "settings")
    configured = [{"column": column, **{key: getattr(plan, key) for key in keys}} for column, plan in teachers.items()]
    students = None
    if isinstance(asked, StudentSearch):
        tried = ("posterior", "steps", "label_share", "outside_temperature")
        students = {"fits": fits, **{key: getattr(asked, key) for key in tried}}
    content = {
        **{key: getattr(asked, key) for key in ("replicates", "grid", "dataset_grid")},
        **{"name": name, "dataset": data.name, "kind": data.kind, "settings": data.settings, "seed": data.seed},
        **{"subject": "students" if students else "teachers", "published": published, "device": device},
        **{"teachers": configured, "students": students, "first": first},
    }
    return Spec.model_validate(content)


def combinations(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Every choice of one value a setting, the last setting varying fastest."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
