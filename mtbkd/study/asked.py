"""A question of a study in its place, as the planning and the checks of its kind see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtbkd.base.explain import KeyPath
from mtbkd.base.settings import merged, settings_of
from mtbkd.data.datasets import Shape
from mtbkd.study.models import Config, Experiment, Study
from mtbkd.study.questions import Question


@dataclass(frozen=True)
class Asked:
    """A question, sound in itself.

    Attributes:
        config: entries that are sound in themselves.
        study: the study that it belongs to.
        path: where it stands.
        question: as it stands there.
        declared: per section every name in the file, broken entries included; {} once all is checked.
        shapes: dataset -> what its settings tell; {} once all is checked.
    """

    config: Config
    study: Study
    path: KeyPath
    question: Question
    declared: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shapes: Mapping[str, Shape | None] = field(default_factory=dict)

    @property
    def settings(self) -> Any:
        """The Settings of its kind."""
        return settings_of("question", self.question.kind, self.question.settings)

    @property
    def experiment(self) -> Experiment | None:
        """The experiment that it names."""
        return self.study.experiments.get(self.question.experiment or "")

    @property
    def dataset(self) -> str:
        """Name of its dataset, "" where it has none."""
        return (self.experiment or self.question).dataset or ""

    def alike(self, methods: Sequence[str], teachers: Sequence[str]) -> Experiment:
        """An experiment with the question's data, student and settings."""
        own, of = self.question, self.experiment
        return Experiment.model_construct(
            dataset=self.dataset,
            teachers=tuple(teachers),
            student=(of or own).student or "",
            methods=tuple(methods),
            published=None,
            replicates=own.replicates or (of and of.replicates),
            posterior=merged(of.posterior, own.posterior) if of else own.posterior,
            training=merged(of.training, own.training) if of else own.training,
        )
