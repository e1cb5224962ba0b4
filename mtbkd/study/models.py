"""The study as typed, frozen models: the one truth about what config.yaml may hold, each entry sound in itself."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from mtbkd.base.bounds import Folds, Names, Note, Replicates, Seed
from mtbkd.base.explain import NAME, distinct
from mtbkd.base.grids import UNSET_POSTERIOR, Posterior, as_tuple
from mtbkd.inference.choosing import TunedOn
from mtbkd.inference.fitting import Output
from mtbkd.inference.optimise import Training
from mtbkd.pooling.scaling import Scaling
from mtbkd.study.questions import Question

Name = Annotated[str, StringConstraints(pattern=NAME)]
Level = Annotated[float, Field(gt=0, lt=1)]


# A method may have another name in each paper's table.
Columns = Annotated[
    Names,
    BeforeValidator(as_tuple, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


# Nothing overridden: what a level that is silent adds to the level above.
UNSET_TRAINING = Training.model_validate({})
UNSET_OUTPUT = Output.model_validate({})


class DatasetEntry(_Model):
    """A dataset: a module of mtbkd/data/datasets with its settings."""

    kind: str = Field(description="a module of mtbkd/data/datasets")
    settings: dict[str, Any] = Field({}, description="settings of that module")


class TeacherEntry(_Model):
    """A teacher: a module of mtbkd/teachers with its settings and the domain it mostly sees."""

    family: str = Field(description="a module of mtbkd/teachers")
    domain: str | None = Field(None, description="the domain it mainly trains on; default: all domains")
    settings: dict[str, Any] = Field({}, description="settings of that module")


class StudentEntry(_Model):
    """A student: a module of mtbkd/students with its settings."""

    architecture: str = Field(description="a module of mtbkd/students")
    settings: dict[str, Any] = Field({}, description="settings of that module")


class MethodEntry(_Model):
    """A method: signal x weights x inference."""

    signal: str = Field(description="how teachers enter the posterior: a module of mtbkd/signals")
    signal_settings: dict[str, Any] = Field({}, description="settings of the signal's module")
    weights: str | None = Field(None, description="teacher weights, if the signal needs them: a module of mtbkd/pooling")
    weights_settings: dict[str, Any] = Field({}, description="settings of the weights' module")
    teacher_scaling: Scaling = "none"
    inference: str = Field(description="a module of mtbkd/inference")
    settings: dict[str, Any] = Field({}, description="settings of the algorithm's module")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="overrides the shared settings, key by key")
    tuned_by: str | None = Field(
        None,
        description="an entry of methods whose inference fits the tuning candidates in experiments; default: MAP",
    )
    tuned_on: TunedOn = Field(
        "validation",
        description="what chooses the shared settings: validation labels, cross-validation or evidence of the training labels, "
        "or an average of candidates by their evidence; evidence is for small students, by smc",
    )
    layers: Literal["all", "last"] = Field(
        "all", description="last: sample only the last layer, with the others fixed at a MAP fit; for large students"
    )
    stack_chains: bool = Field(
        False, description="weight chains by leave-one-out instead of pooling them; for chains in different modes"
    )
    student_scaling: bool = Field(
        False, description="divide the student's logits by one temperature, which minimises the NLL of the validation labels"
    )
    conformal_folds: Folds = Field(
        0,
        description="so many more students, each fitted without a fold of the labels, for cross-conformal sets; 0: none",
    )
    as_printed: bool = Field(
        False,
        description="repeats a paper's procedure: its gates are shown, but its posterior is counted apart",
    )
    note: Note = Field("", description="a note for readers of the report, shown next to the name")
    published: Columns = Field(
        (), description="columns of published tables that show this method; only those of the experiment's table are used"
    )


class Experiment(_Model):
    """Methods compared on one dataset with one set of teachers and one student."""

    dataset: str = Field(description="an entry of datasets")
    teachers: Names = Field(min_length=1, description="entries of teachers")
    student: str = Field(description="an entry of students")
    methods: Names = Field(min_length=1, description="entries of methods")
    published: str | None = Field(None, description="published numbers to compare with: a table of mtbkd/data/published")
    replicates: Replicates | None = Field(None, description="overrides the number of the study")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="overrides the settings of the study, key by key")
    training: Training = Field(UNSET_TRAINING, description="overrides the settings of the study, key by key")


class Study(_Model):
    """Experiments that are run and reported together."""

    description: str = Field("", description="one sentence for the report")
    replicates: Replicates = Field(
        1,
        description="repetitions: simulations redraw data and teachers, tables of mlbench and scikit are resplit; with other "
        "data, only the student's seeds differ",
    )
    block_size: Replicates = Field(8, description="replicates fitted together in one job")
    levels: Annotated[tuple[Level, ...], AfterValidator(distinct)] = Field(
        (0.9,), min_length=1, max_length=20, description="credible levels in tables and figures"
    )
    posterior: Posterior = Field(UNSET_POSTERIOR, description="overrides the shared settings, key by key")
    training: Training = Field(UNSET_TRAINING, description="overrides the shared settings, key by key")
    output: Output = Field(UNSET_OUTPUT, description="overrides the shared settings, key by key")
    questions: dict[Name, Question] = Field({}, description="questions in addition to the experiments, by name")
    experiments: dict[Name, Experiment] = Field(min_length=1, description="experiments, each a comparison of methods, by name")


class Config(_Model):
    """config.yaml: what exists (datasets, teachers, students, methods) and what to run (studies)."""

    study: str = Field(description="the study to run: an entry of studies")
    seed: Seed = Field(0, description="base of every seed")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA if available")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="shared by all methods")
    training: Training = Field(UNSET_TRAINING, description="shared by all methods")
    output: Output = Field(UNSET_OUTPUT, description="which draws to store")
    datasets: dict[Name, DatasetEntry] = Field(description="datasets by name")
    teachers: dict[Name, TeacherEntry] = Field(description="teachers by name")
    students: dict[Name, StudentEntry] = Field(description="students by name")
    methods: dict[Name, MethodEntry] = Field(description="methods by name")
    studies: dict[Name, Study] = Field(min_length=1, description="studies by name")
