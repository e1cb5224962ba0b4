"""Settings of the question ``tables``, and what one part of it, a table under a regime of teachers, depends on."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from mtbkd.base import registry
from mtbkd.base.bounds import Examples, Positive, Units
from mtbkd.base.explain import NAME, choice, distinct, sentence
from mtbkd.base.grids import Grid, Shares, Sharpnesses
from mtbkd.questions.tables.methods import METHODS

Name = Annotated[str, StringConstraints(pattern=NAME)]
Tables = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)]
Regime = Literal["clusters", "features", "generalists"]
LabelCount = Annotated[int, Field(ge=2, le=10_000_000)]
Labels = Annotated[tuple[LabelCount | Literal["all"], ...], Field(min_length=1), AfterValidator(distinct)]
# Kinds of datasets whose setting ``table`` may be one of the names.
KINDS = ("scikit", "mlbench")


class Grids(BaseModel):
    """Candidates of the settings, the same for all methods that read them; the defaults were chosen on group A alone.

    Tuned one after another, each at what the last one chose: teacher_temperature, kappa and prior_scale from the middle of
    their grids, at lambda = kappa; and for the methods named ``*_sharp`` lambda and no_teacher together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    kappa: Grid = Field(
        (1e-3, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3), description="strength of the teachers, in pseudo-labels an example"
    )
    teacher_temperature: Grid = Field(
        (0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0), description="the teachers' logits are divided by it"
    )
    prior_scale: Grid = Field((0.3, 1.0, 3.0, 10.0), description="standard deviation of the Gaussian prior")
    lam: Sharpnesses = Field(("kappa", 5.0, 20.0), alias="lambda", description="sharpness of the mixture, last round")
    no_teacher: Shares = Field((0.0, 0.1), description="weight of a component that believes no teacher, last round")


class Posteriors(BaseModel):
    """The sub-study on uncertainty: the same question to posteriors of a linear student, and to its MAP.

    Its grids are bounded, the same for posterior and MAP: under a wide prior, or where a teacher's word on an example counts
    for more than a label, few labels leave ridges and several modes, which no sampler joins in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: Tables | tuple[()] = Field((), description="of the tables of the groups; none: the sub-study is left out")
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        ("clusters",), description="of the regimes of the study"
    )
    labels: LabelCount = Field(60, description="number of labels")
    methods: tuple[str, ...] = Field(
        ("labels", "kd_equal", "kd_mean", "tip_entropy"), description="students, see mtbkd.questions.tables.methods"
    )
    inference: str = Field("hmc_laplace", description="a module of mtbkd/inference")
    settings: dict[str, Any] = Field({}, description="the Settings of that module")
    grids: Grids = Field(
        Grids.model_validate(
            {"kappa": (0.01, 0.1, 1.0), "teacher_temperature": (0.25, 0.5, 1.0), "prior_scale": (0.3, 1.0, 3.0)}
        ),
        description="candidates of its settings",
    )


class Strengths(BaseModel):
    """The sub-study on how to choose the strength of the teachers: a linear student, one grid of kappa, all else fixed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: Tables | tuple[()] = Field((), description="of the tables of the groups; none: the sub-study is left out")
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        ("clusters",), description="of the regimes of the study"
    )
    labels: Annotated[tuple[LabelCount, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        (20, 60), description="numbers of labels"
    )
    method: str = Field("tip_equal", description="student, see mtbkd.questions.tables.methods")
    kappa: Grid = Field((0.01, 0.03, 0.1, 0.3, 1.0, 3.0), description="candidates, in pseudo-labels an example; lambda = kappa")
    teacher_temperature: Positive = Field(0.5, description="the teachers' logits are divided by it")
    prior_scale: Positive = Field(1.0, description="standard deviation of the Gaussian prior")
    transfer: Examples = Field(100, description="unlabelled examples that students see at most")
    settings: dict[str, Any] = Field(
        {"chains": 3, "particles": 100, "sweeps": 2, "leapfrogs": 8, "final_sweeps": 2},
        description="the Settings of mtbkd/inference/smc",
    )


class Settings(BaseModel):
    """Which tables, teachers, methods and numbers of labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: dict[Name, Tables] = Field(
        min_length=1,
        description="group -> tables of the kinds scikit and mlbench; defaults are chosen on the first group alone",
    )
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        ("clusters", "features", "generalists"),
        description="clusters, features: forests that learnt one cluster of the rows or a third of the columns; generalists: a "
        "forest, a logistic regression and nearest neighbours that learnt everything",
    )
    labels: Labels = Field(
        (20, 60, 200, 600, "all"), description="numbers of labels, validation included; larger ones are left out"
    )
    methods: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        tuple(METHODS), description="students, see mtbkd.questions.tables.methods; labels is always among them"
    )
    folds: int = Field(4, ge=2, le=100, description="of the cross-validation inside the labels")
    validation: Examples = Field(
        300, description="labels that judge candidates: no more folds are fitted than keep out so many, where there are as many"
    )
    transfer: Examples = Field(1_000, description="unlabelled examples that students see at most")
    rows: Annotated[int, Field(ge=50, le=1_000_000)] = Field(4_000, description="rows of a table that are used at most")
    trees: Units = Field(50, description="of a forest")
    grids: Grids = Field(Grids.model_validate({}), description="candidates of the settings")
    posteriors: Posteriors = Field(Posteriors.model_validate({}), description="the sub-study on uncertainty")
    strengths: Strengths = Field(
        Strengths.model_validate({}), description="the sub-study on ways to choose the strength of the teachers"
    )

    @model_validator(mode="after")
    def _labels_for_folds(self) -> Self:
        least = min((n for n in self.labels if n != "all"), default=self.folds)
        if least < self.folds:
            raise ValueError(sentence(least, f"at least {self.folds} labels, one for each of the {self.folds} folds"))
        return self

    @field_validator("groups")
    @classmethod
    def _known_once(cls, groups: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        named = tuple(table for tables in groups.values() for table in tables)
        distinct(named)
        for table in named:
            kind_of(table)
        return groups

    @model_validator(mode="after")
    def _posteriors(self) -> Self:
        asked, named = self.posteriors, [table for tables in self.groups.values() for table in tables]
        for known, names in ((named, asked.tables), (METHODS, asked.methods), (registry.INFERENCE, (asked.inference,))):
            for name in names:
                if name not in known:
                    raise ValueError(f"posteriors: {choice(name, known)}")
        registry.part("inference", asked.inference).Settings.model_validate(asked.settings)
        return self

    @model_validator(mode="after")
    def _strengths(self) -> Self:
        asked, named = self.strengths, [table for tables in self.groups.values() for table in tables]
        able = [name for name, each in METHODS.items() if each.teachers == "given" and each.signal in registry.SIGNALS]
        for known, names in ((named, asked.tables), (able, (asked.method,))):
            for name in names:
                if name not in known:
                    raise ValueError(f"strengths: {choice(name, known)}")
        registry.part("inference", "smc").Settings.model_validate(asked.settings)
        return self

    @field_validator("methods")
    @classmethod
    def _methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for name in methods:
            if name not in METHODS:
                raise ValueError(choice(name, METHODS))
        return methods


class Part(BaseModel):
    """All that one table under one regime depends on, besides what the question gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    group: str
    kind: str
    regime: Regime
    settings: Settings


def tables_of(kind: str) -> tuple[str, ...]:
    """The tables that a kind of dataset has."""
    return registry.part("dataset", kind).Settings.model_json_schema()["properties"]["table"]["enum"]


def kind_of(table: str) -> str:
    """The kind of dataset that ``table`` is one of; ValueError where none is."""
    known: Mapping[str, str] = {name: kind for kind in KINDS for name in tables_of(kind)}
    if table not in known:
        raise ValueError(choice(table, known))
    return known[table]


def parts_of(settings: Settings) -> dict[str, Part]:
    """``<table>-<regime>`` -> the part, in the order of the groups; it holds of the settings what it reads."""
    named: list[tuple[str, str, Regime]] = [
        (group, table, r) for group, tables in settings.groups.items() for table in tables for r in settings.regimes
    ]
    found = {}
    for group, table, regime in named:
        asked = Posteriors.model_validate({})
        if table in settings.posteriors.tables and regime in settings.posteriors.regimes:
            asked = settings.posteriors.model_copy(update={"tables": (table,), "regimes": (regime,)})
        strong = Strengths.model_validate({})
        if table in settings.strengths.tables and regime in settings.strengths.regimes:
            strong = settings.strengths.model_copy(update={"tables": (table,), "regimes": (regime,)})
        own = settings.model_copy(
            update={"groups": {group: (table,)}, "regimes": (regime,), "posteriors": asked, "strengths": strong}
        )
        found[f"{table}-{regime}"] = Part(table=table, group=group, kind=kind_of(table), regime=regime, settings=own)
    return found
