"""An analysis resolved into what the workflow needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.blocks import SINGLE, block_names
from mtbkd.base.settings import dump, merged, settings_of
from mtbkd.study.asked.analyses import Analysis, PartOf

if TYPE_CHECKING:
    from mtbkd.study.models import Config, StudentEntry, Study
    from mtbkd.study.planned import DataPlan, TeacherPlan


@dataclass(frozen=True)
class AnalysisPlan:
    """One analysis of a study.

    Attributes:
        name: as in config.yaml.
        kind: the module of mtbkd/questions.
        settings: JSON-able, with defaults.
        seed: base of its seeds.
        device: auto, cpu or cuda.
        replicates: how many.
        blocks: blocks of replicates.
        data: its dataset, or None.
        teachers: in the order of config.yaml, () where it reads none.
        student: {architecture, settings}, or None.
        experiment: the experiment whose draws it reads, or None.
        methods: those of the experiment, () where it reads no draws.
        posterior: shared setting -> candidates.
        training: content of ``mtbkd.inference.optimise.Training``.
        raw: keys of the raw files that it reads.
        tables: names of the tables that it writes.
        parts: the jobs that it is computed in, by name; {} where it is one job.
        part_tables: names of the tables of a part.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    seed: int
    device: str
    replicates: int
    blocks: tuple[str, ...]
    data: "DataPlan | None"
    teachers: "tuple[TeacherPlan, ...]"
    student: dict[str, Any] | None
    experiment: str | None
    methods: tuple[str, ...]
    posterior: Mapping[str, Any]
    training: Mapping[str, Any]
    raw: tuple[str, ...]
    tables: tuple[str, ...]
    parts: Mapping[str, PartOf]
    part_tables: tuple[str, ...]

    @property
    def all_raw(self) -> tuple[str, ...]:
        """Keys of the raw files that it and its parts read."""
        return (*self.raw, *(key for part in self.parts.values() for key in part.raw))

    @property
    def data_blocks(self) -> tuple[str, ...]:
        """Blocks of data and logits, each once."""
        if self.data is None:
            return ()
        return self.blocks if self.data.redrawn else (SINGLE,)


def make_analysis(
    config: "Config",
    study: "Study",
    name: str,
    asked: Analysis,
    data: "DataPlan | None",
    teachers: "tuple[TeacherPlan, ...]",
    student: "StudentEntry | None",
) -> AnalysisPlan:
    """Resolve the analysis ``asked`` of ``study``, whose data, teachers and student are given."""
    module = registry.part("analysis", asked.kind)
    typed = settings_of("analysis", asked.kind, asked.settings)
    of = study.experiments[asked.experiment] if asked.experiment else None
    replicates = asked.replicates or (of and of.replicates) or study.replicates
    levels = [study, *([of] if of else []), asked]
    drawn = of is not None and "draws" in module.NEEDS
    return AnalysisPlan(
        name=name,
        kind=asked.kind,
        settings=dump(typed),
        seed=config.seed,
        device=config.device,
        replicates=replicates,
        blocks=block_names(replicates, study.block_size),
        data=data,
        teachers=teachers,
        student=_student(student) if student else None,
        experiment=asked.experiment if drawn else None,
        methods=of.methods if of and drawn else (),
        posterior=dump(merged(config.posterior, *(level.posterior for level in levels))),
        training=dump(merged(config.training, *(level.training for level in levels))),
        raw=tuple(module.raw_files(typed)),
        tables=tuple(module.TABLES),
        parts={part.name: part for part in (module.parts(typed) if hasattr(module, "parts") else ())},
        part_tables=tuple(getattr(module, "PART_TABLES", ())),
    )


def _student(entry: "StudentEntry") -> dict[str, Any]:
    settings = dump(settings_of("student", entry.architecture, entry.settings))
    return {"architecture": entry.architecture, "settings": settings}
