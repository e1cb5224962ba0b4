"""The parts of the question on real tables: a table under a regime of teachers each."""

from mtbkd.base import registry
from mtbkd.base.settings import dump
from mtbkd.questions.tables import regimes
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.spec import Part as Asking
from mtbkd.questions.tables.spec import parts_of
from mtbkd.study.asked import Asked
from mtbkd.study.questions import Part, Resolved


def resolve(asked: Asked) -> Resolved:
    """One step, ``parts``; its parts depend on the student of the question, too."""
    student = ("student", asked.config.students[str(asked.question.student)].architecture)
    parts = {name: _part(own, student) for name, own in parts_of(asked.settings).items()}
    return Resolved(dump(asked.settings), {"parts": parts})


def _part(asked: Asking, student: tuple[str, str]) -> Part:
    module = registry.part("dataset", asked.kind)
    typed = module.Settings.model_validate(regimes.dataset_settings(asked))
    raw = module.raw_files(typed) if hasattr(module, "raw_files") else module.RAW
    used = [METHODS[method] for method in asked.settings.methods]
    named = [("dataset", asked.kind), ("teacher", regimes.FAMILY), ("inference", "map"), student]
    if asked.settings.posteriors.tables:
        named += [("student", "linear"), ("inference", asked.settings.posteriors.inference)]
    if asked.settings.strengths.tables:
        named += [("student", "linear"), ("inference", "smc"), ("signal", METHODS[asked.settings.strengths.method].signal)]
    named += [("signal", each.signal) for each in used if each.signal in registry.SIGNALS]
    named += [("weights", each.weights) for each in used if each.weights]
    return Part(dump(asked), raw=tuple(raw), uses=tuple(dict.fromkeys(named)))
