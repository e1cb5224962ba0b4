"""Settings of the question ``curves``, and what its jobs depend on."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from mtbkd.base.bounds import Examples, Names, Seed, Steps
from mtbkd.base.explain import NAME, distinct
from mtbkd.inference.fitting import Spec as FitSpec

Budgets = tuple[Examples | Literal["all"], ...]
NO_TEACHERS = "none"  # the set's name of students that no teacher helps


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(_Model):
    """Methods at growing numbers of labels, with one set of teachers after another."""

    teachers: dict[Annotated[str, StringConstraints(pattern=NAME)], Annotated[Names, Field(min_length=1)]] = Field(
        min_length=1, description="named sets of teachers, in order of quality, worst first"
    )
    methods: Annotated[Names, Field(min_length=1)] = Field(
        description="entries of methods; exactly one has signal none and is the reference"
    )
    labels: Annotated[Budgets, Field(min_length=1), AfterValidator(distinct)] = Field(
        (30, 100, 300, 1000, 3000, "all"), description="numbers of labels, including validation; all: training + validation"
    )
    folds: int = Field(5, ge=2, le=100, description="folds of the cross-validation within the labels")
    transfer: Annotated[tuple[bool, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        (True, False), description="true: keep the other training examples without labels; false: drop them"
    )
    steps: Annotated[tuple[Steps, ...], AfterValidator(distinct)] = Field(
        (), description="candidates for training.steps, tuned like the shared settings; none: use training.steps"
    )


class Spec(_Model):
    """All that one method's part of a curve depends on, its data and teachers' logits apart.

    Attributes:
        curve: the question's name.
        teachers: name of the set of teachers; ``none`` for a student without.
        fit: signal, weights, inference, student, candidates, optimiser.
        steps: candidates of the optimiser's steps.
        labels, folds, transfer: as in ``Settings``.
    """

    curve: str
    teachers: str
    fit: FitSpec
    steps: tuple[Steps, ...]
    labels: Budgets
    folds: int = Field(ge=2, le=100)
    transfer: tuple[bool, ...]


class References(_Model):
    """All that the references of a curve depend on, data and logits apart; ``sets``: set -> names of its teachers."""

    curve: str
    labels: Budgets
    transfer: tuple[bool, ...]
    seed: Seed
    sets: dict[str, tuple[str, ...]]


class Joined(_Model):
    """All that the comparison of the parts depends on, and the page.

    Attributes:
        sets: sets of teachers.
        controls: those that know nothing.
        candidates: method -> its signal ({name}) and the candidates of its shared settings (``posterior``).
    """

    sets: tuple[str, ...]
    controls: tuple[str, ...]
    candidates: dict[str, dict[str, Any]]
