"""What a study asks to be searched, and what a search depends on."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.bounds import Replicates, Seed

if TYPE_CHECKING:
    from mtbkd.plan import DataPlan, TeacherPlan

Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=10_000)]


class _Model(BaseModel):
    # An infinite setting stays a number in what is handed on.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class TeacherSearch(_Model):
    """Settings of teachers that a paper does not print, tried one by one."""

    dataset: str = Field(description="an entry of datasets; a simulation")
    published: str = Field(description="the table of mtbkd/published whose teacher columns are to be met")
    teachers: dict[str, str] = Field(
        min_length=1, description="column of that table -> entry of teachers; the start of every try"
    )
    replicates: Replicates = Field(3, description="data sets over which a candidate's accuracies are averaged")
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


class Spec(_Model):
    """All that a search depends on."""

    name: str
    dataset: str
    kind: str
    settings: dict[str, Any]
    published: str
    teachers: tuple[Teacher, ...]
    replicates: Replicates
    grid: dict[str, Values]
    dataset_grid: dict[str, Values]
    seed: Seed
    device: str


def make_search(name: str, asked: TeacherSearch, data: "DataPlan", teachers: "Mapping[str, TeacherPlan]", device: str) -> Spec:
    """What a search depends on: data, teachers as configured (by printed column), and what is tried in their place."""
    keys = ("name", "family", "domain", "settings")
    configured = [{"column": column, **{key: getattr(plan, key) for key in keys}} for column, plan in teachers.items()]
    content = {
        **{key: getattr(asked, key) for key in ("dataset", "published", "replicates", "grid", "dataset_grid")},
        **{"name": name, "kind": data.kind, "settings": data.settings, "seed": data.seed, "device": device},
        "teachers": configured,
    }
    return Spec.model_validate(content)


def combinations(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Every choice of one value a setting, the last setting varying fastest."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))
