"""A question of a study resolved into what the workflow needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.blocks import SINGLE, block_names
from mtbkd.base.settings import dump, merged
from mtbkd.study.questions import Part, Uses
from mtbkd.study.resolve import data_of, student_of, teacher_of

if TYPE_CHECKING:
    from mtbkd.study.asked import Asked
    from mtbkd.study.planned import DataPlan, TeacherPlan


@dataclass(frozen=True)
class QuestionPlan:
    """One question of a study.

    Attributes:
        name: as in config.yaml.
        kind: the folder of mtbkd/questions.
        content: JSON-able, its settings with defaults, or what its kind makes of them.
        own: its kind follows the names of the configuration itself, so that ``run`` depends on ``content`` alone.
        seed: base of its seeds.
        device: auto, cpu or cuda.
        replicates: how many.
        blocks: blocks of replicates.
        data: its dataset, or None.
        teachers: in the order of config.yaml, () where it reads none.
        student: {architecture, settings}, or None.
        student_name: as in config.yaml, "" without.
        experiment: the experiment whose draws it reads, or None.
        methods: those of the experiment, () where it reads no draws.
        posterior: shared setting -> candidates.
        training: content of ``mtbkd.inference.optimise.Training``.
        raw: keys of the raw files that it reads.
        tables: names of the tables that it writes.
        uses: (kind, name) of the registered parts whose sources it depends on.
        parts: step -> name -> part that it is computed in; {} where it is one job.
    """

    name: str
    kind: str
    content: Mapping[str, Any]
    own: bool
    seed: int
    device: str
    replicates: int
    blocks: tuple[str, ...]
    data: "DataPlan | None"
    teachers: "tuple[TeacherPlan, ...]"
    student: dict[str, Any] | None
    student_name: str
    experiment: str | None
    methods: tuple[str, ...]
    posterior: Mapping[str, Any]
    training: Mapping[str, Any]
    raw: tuple[str, ...]
    tables: tuple[str, ...]
    uses: Uses
    parts: Mapping[str, Mapping[str, Part]]

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """Those of all steps."""
        return tuple(part for parts in self.parts.values() for part in parts.values())

    @property
    def all_teachers(self) -> "tuple[TeacherPlan, ...]":
        """Teachers whose logits it or its parts read."""
        own = () if self.own else self.teachers
        return (*own, *(teacher for part in self.all_parts for teacher in part.teachers))

    @property
    def all_raw(self) -> tuple[str, ...]:
        """Keys of the raw files that it and its parts read."""
        return (*self.raw, *(key for part in self.all_parts for key in part.raw))

    def data_block(self, block: str) -> str:
        """The block of data and logits that ``block`` reads."""
        return block if self.data is not None and self.data.redrawn else SINGLE


def make_question(name: str, asked: "Asked") -> QuestionPlan:
    """Resolve a question that was checked."""
    config, study, question, of = asked.config, asked.study, asked.question, asked.experiment
    module, planning = registry.part("question", question.kind), registry.companion(question.kind, "planning")
    replicates = question.replicates or (of and of.replicates) or study.replicates
    levels = [study, *([of] if of else []), question]
    drawn, source = of is not None and "draws" in module.NEEDS, of or question
    data = data_of(config, asked.dataset) if asked.dataset else None
    student = student_of(config.students[source.student]) if source.student else None
    resolved = planning.resolve(asked) if planning else None
    uses = resolved.uses if resolved else (("student", student["architecture"]),) if student else ()
    return QuestionPlan(
        name=name,
        kind=question.kind,
        content=resolved.content if resolved else dump(asked.settings),
        own=resolved is not None,
        seed=config.seed,
        device=config.device,
        replicates=replicates,
        blocks=block_names(replicates, study.block_size),
        data=data,
        teachers=tuple(teacher_of(config, teacher, data) for teacher in source.teachers) if data else (),
        student=student,
        student_name=source.student or "",
        experiment=question.experiment if drawn else None,
        methods=of.methods if of and drawn else (),
        posterior=dump(merged(config.posterior, *(level.posterior for level in levels))),
        training=dump(merged(config.training, *(level.training for level in levels))),
        raw=tuple(module.raw_files(asked.settings)) if hasattr(module, "raw_files") else (),
        tables=tuple(module.TABLES),
        uses=uses,
        parts=resolved.parts if resolved else {},
    )
