"""What a study asks of an analysis, and what an analysis asks of the workflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Replicates
from mtbkd.base.explain import distinct
from mtbkd.base.grids import UNSET_POSTERIOR, Posterior
from mtbkd.inference.optimise import Training

UNSET_TRAINING = Training.model_validate({})


class Analysis(BaseModel):
    """A question besides the experiments: a kind of mtbkd/questions with its settings and what it reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="a kind: a folder of mtbkd/questions")
    experiment: str | None = Field(None, description="an experiment of the study: its dataset, teachers, student and draws")
    dataset: str | None = Field(None, description="an entry of datasets, where no experiment is named")
    teachers: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), description="entries of teachers, where no experiment is named"
    )
    student: str | None = Field(None, description="an entry of students, where no experiment is named")
    replicates: Replicates | None = Field(None, description="in place of the experiment's or study's")
    posterior: Posterior = Field(UNSET_POSTERIOR, description="replaces the experiment's or study's, key by key")
    training: Training = Field(UNSET_TRAINING, description="replaces the experiment's or study's, key by key")
    settings: dict[str, Any] = Field({}, description="the Settings of that module")


@dataclass(frozen=True)
class PartOf:
    """One job of an analysis that is computed in parts.

    Attributes:
        name: of its folder.
        content: JSON-able, all that the part depends on besides the attributes of ``Inputs``.
        raw: keys of the raw files that it reads.
        uses: (kind, name) of the registered parts whose sources it depends on.
    """

    name: str
    content: Mapping[str, Any]
    raw: tuple[str, ...] = ()
    uses: tuple[tuple[str, str], ...] = ()
