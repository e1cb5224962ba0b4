"""What a study asks of a label-count curve, and what one job of it depends on."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from mtbkd.base.bounds import Examples, Replicates, Seed, Steps
from mtbkd.base.explain import NAME, distinct
from mtbkd.base.grids import UNSET_POSTERIOR, Posterior
from mtbkd.inference.fitting import Spec as FitSpec
from mtbkd.inference.optimise import Training

UNSET_TRAINING = Training.model_validate({})

Budgets = tuple[Examples | Literal["all"], ...]


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
# The folder and the set's name of students that no teacher helps.
NO_TEACHERS = "none"
# The folder of the teachers and the ceiling beside the students.
REFERENCES = "references"


class Curve(BaseModel):
    """Methods at growing numbers of labels, with one set of teachers after another."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    dataset: str = Field(description="an entry of datasets")
    student: str = Field(description="an entry of students")
    teachers: dict[Annotated[str, StringConstraints(pattern=NAME)], Names] = Field(
        min_length=1, description="sets of entries of teachers by name, in rising quality"
    )
    methods: Names = Field(description="entries of methods; exactly one with signal none, which the others are held against")
    labels: Annotated[Budgets, Field(min_length=1), AfterValidator(distinct)] = Field(
        (30, 100, 300, 1000, 3000, "all"), description="numbers of labels, validation included; all: training + validation"
    )
    folds: int = Field(5, ge=2, le=100, description="of the cross-validation inside the labels")
    transfer: Annotated[tuple[bool, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        (True, False), description="true: the other training examples are kept without label; false: they are dropped"
    )
    steps: Annotated[tuple[Steps, ...], AfterValidator(distinct)] = Field(
        (), description="candidates of training.steps, tuned like the shared settings; none: training.steps as it is"
    )
    replicates: Replicates | None = Field(None, description="in place of the study's")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="replaces the study's, key by key")
    training: Training = Field(UNSET_TRAINING, description="replaces the study's, key by key")


class Spec(BaseModel):
    """All that one method's part of a curve depends on, its data and teachers' logits apart.

    Attributes:
        curve: the curve's name.
        teachers: name of the set of teachers; ``none`` for a student without.
        fit: signal, weights, inference, student, candidates, optimiser.
        steps: candidates of the optimiser's steps.
        labels, folds, transfer: as in ``Curve``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    curve: str
    teachers: str
    fit: FitSpec
    steps: tuple[Steps, ...]
    labels: Budgets
    folds: int = Field(ge=2, le=100)
    transfer: tuple[bool, ...]


class References(BaseModel):
    """All that the references of a curve depend on, data and logits apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    curve: str
    labels: tuple[Examples | str, ...]
    transfer: tuple[bool, ...]
    seed: Seed
