"""A question of a study, and what a kind of question hands to the plan and the workflow.

The kinds lie in mtbkd/questions, which says what a kind's folder holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Replicates
from mtbkd.base.explain import distinct
from mtbkd.base.grids import UNSET_POSTERIOR, Posterior
from mtbkd.inference.optimise import Training

if TYPE_CHECKING:
    from mtbkd.study.planned import TeacherPlan

UNSET_TRAINING = Training.model_validate({})
Uses = tuple[tuple[str, str], ...]


class Question(BaseModel):
    """A question besides the experiments: a kind of mtbkd/questions with its settings and what it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="the kind of question: a folder of mtbkd/questions")
    experiment: str | None = Field(
        None, description="an experiment of the study; the question uses its dataset, teachers, student and draws"
    )
    dataset: str | None = Field(None, description="an entry of datasets; only without experiment")
    teachers: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), description="entries of teachers; only without experiment"
    )
    student: str | None = Field(None, description="an entry of students; only without experiment")
    replicates: Replicates | None = Field(None, description="overrides the number of the experiment or study")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="overrides the settings of the experiment or study, key by key")
    training: Training = Field(UNSET_TRAINING, description="overrides the settings of the experiment or study, key by key")
    settings: dict[str, Any] = Field({}, description="settings of that kind")


@dataclass(frozen=True)
class Step:
    """A kind of parts that a question is computed in: one job a part, or one a part and block of replicates.

    Attributes:
        job: the module whose ``run``, of ``Inputs`` and the part's content, makes the tables; ``Spec`` there types the content.
        tables: names of the tables of a part.
        reads: what of the question a part depends on besides its content, seed and device: ``dataset`` (its data; the logits
            are those of the part's own teachers), and attributes of ``Inputs``: replicates, student, posterior, training.
        by_block: one job for every block of replicates.
        gpu: whether a GPU serves it.
    """

    job: str
    tables: tuple[str, ...]
    reads: frozenset[str] = frozenset()
    by_block: bool = False
    gpu: bool = True


@dataclass(frozen=True)
class Part:
    """One part of a question.

    Attributes:
        content: JSON-able, all that the part depends on besides what its step reads.
        teachers: whose logits it reads.
        raw: keys of the raw files that it reads.
        uses: (kind, name) of the registered parts whose sources it depends on.
    """

    content: Mapping[str, Any]
    teachers: "tuple[TeacherPlan, ...]" = ()
    raw: tuple[str, ...] = ()
    uses: Uses = ()


@dataclass(frozen=True)
class Resolved:
    """A question with the names of the configuration followed, by the module ``planning`` of its kind.

    Attributes:
        content: JSON-able, what takes the place of the settings.
        parts: step -> name of the part's folder -> part; {} for a question of one job.
        uses: (kind, name) of the registered parts whose sources ``run`` depends on.
    """

    content: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Part]] = field(default_factory=dict)
    uses: Uses = ()
