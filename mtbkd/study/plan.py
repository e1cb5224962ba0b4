"""A study resolved into what the workflow needs: which data, teachers and fits, under which keys, in which blocks.

A key and a fit's specification hold what the result depends on and nothing else, so that adding a method, dataset or
study leaves every other one as it is.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mtbkd.base.blocks import block_names
from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import Mistake, choice
from mtbkd.data.published.tables import columns_of
from mtbkd.study.asked import Asked
from mtbkd.study.extent import remarks
from mtbkd.study.planned import DataPlan, ExperimentPlan, TeacherPlan
from mtbkd.study.planned_questions import QuestionPlan, make_question
from mtbkd.study.resolve import data_of, fit_of, teacher_of

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment, MethodEntry, Study

LAST_LAYER = "the posterior of the last layer alone, given the features of a MAP fit"


@dataclass(frozen=True)
class Plan:
    """A study, resolved.

    Attributes:
        study, description, seed, device: as in config.yaml.
        levels: credible levels.
        experiments: by name.
        questions: by name.
        remarks: what the replicates cannot decide, a line each.
    """

    study: str
    description: str
    seed: int
    device: str
    levels: tuple[float, ...]
    experiments: dict[str, ExperimentPlan]
    questions: dict[str, QuestionPlan]
    remarks: tuple[str, ...]

    @cached_property
    def datasets(self) -> dict[str, DataPlan]:
        """Key -> dataset, over all experiments and questions."""
        own = [question.data for question in self.questions.values() if question.data is not None]
        return {data.key: data for data in [*(e.data for e in self.experiments.values()), *own]}

    @cached_property
    def teachers(self) -> dict[str, TeacherPlan]:
        """Key -> teacher, over all experiments and questions."""
        sets = [e.teachers for e in self.experiments.values()] + [q.all_teachers for q in self.questions.values()]
        return {t.key: t for teachers in sets for t in teachers}

    @property
    def raw(self) -> tuple[str, ...]:
        """Keys of all raw files that the study needs, each once."""
        parts = (*self.datasets.values(), *self.teachers.values())
        keys = [key for part in parts for key in part.raw]
        keys += [key for question in self.questions.values() for key in question.all_raw]
        return tuple(dict.fromkeys(keys))


def make_plan(config: "Config", study: str | None = None) -> Plan:
    """Resolve ``study``, by default the chosen one, of a checked ``config``; ConfigError where there is no such study."""
    study = config.study if study is None else study
    if study not in config.studies:
        raise ConfigError(str(Mistake(("study",), choice(study, config.studies))))
    chosen = config.studies[study]
    experiments = {name: _experiment(config, chosen, name, e) for name, e in chosen.experiments.items()}
    return Plan(
        study=study,
        description=chosen.description,
        seed=config.seed,
        device=config.device,
        levels=chosen.levels,
        experiments=experiments,
        questions={name: make_question(name, asked) for name, asked in _asked(config, study).items()},
        remarks=remarks(experiments.values()),
    )


def _experiment(config: "Config", study: "Study", name: str, experiment: "Experiment") -> ExperimentPlan:
    data = data_of(config, experiment.dataset)
    replicates = experiment.replicates or study.replicates
    methods = {method: fit_of(config, study, experiment, method) for method in experiment.methods}
    printed = columns_of(experiment.published) if experiment.published else None
    columns = {
        method: tuple(c for c in config.methods[method].published if printed is None or c in printed)
        for method in experiment.methods
    }
    return ExperimentPlan(
        name=name,
        data=data,
        teachers=tuple(teacher_of(config, teacher, data) for teacher in experiment.teachers),
        student=experiment.student,
        replicates=replicates,
        blocks=block_names(replicates, study.block_size),
        methods=methods,
        published=experiment.published,
        columns={method: named for method, named in columns.items() if named},
        as_printed=tuple(method for method in experiment.methods if config.methods[method].as_printed),
        notes={method: note for method in experiment.methods if (note := _note(config.methods[method]))},
        fitted=_fitted(config, experiment),
    )


def _fitted(config: "Config", experiment: "Experiment") -> tuple[str, ...]:
    """A part of a study knows of the whole study's search, too: ours that were chosen by a printed number reproduce nothing."""
    asked = [question.settings for study in config.studies.values() for question in study.questions.values()]
    searches = [own.get("teachers", {}) for own in asked if own.get("published", experiment) == experiment.published]
    return tuple(dict.fromkeys(column for own in searches for column, name in own.items() if name in experiment.teachers))


def _asked(config: "Config", study: str) -> dict[str, Asked]:
    chosen, at = config.studies[study], ("studies", study, "questions")
    return {name: Asked(config, chosen, (*at, name), question) for name, question in chosen.questions.items()}


def _note(method: "MethodEntry") -> str:
    """What the page says of a method beside its name."""
    return "; ".join(filter(None, ("" if method.layers == "all" else LAST_LAYER, method.note)))
