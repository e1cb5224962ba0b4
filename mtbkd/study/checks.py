"""Do the things that config.yaml names fit together? Names, domains, numbers of teachers, students, inference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import Mistake, choice, sentence
from mtbkd.base.settings import settings_of
from mtbkd.data.datasets import Shape
from mtbkd.study.asked import Asked
from mtbkd.study.checking.experiments import Place, experiment_mistakes, guarded, improper, printed_columns
from mtbkd.study.checking.naming import name_mistakes
from mtbkd.study.checking.options import layer_mistakes, stacking_mistakes
from mtbkd.study.checking.questions import question_mistakes
from mtbkd.study.checking.strength import twice, unread
from mtbkd.study.checking.teachers import teacher_mistakes, teachers_named
from mtbkd.study.extent import job_mistakes
from mtbkd.study.papers import available

if TYPE_CHECKING:
    from mtbkd.study.models import Config, MethodEntry


def fit_mistakes(config: "Config", declared: Mapping[str, Sequence[str]], import_estimators: bool = False) -> list[Mistake]:
    """What does not fit together in any study or method, used or not.

    Args:
        config: entries that are sound in themselves.
        declared: per section every name in the file, so that a reference to a broken entry is not called unknown.
        import_estimators: see ``config.load``.
    """
    found: list[Mistake] = []
    if config.study not in declared["studies"]:
        found.append(Mistake(("study",), choice(config.study, [*declared["studies"], *available(declared["studies"])])))
    found += name_mistakes(config, declared)
    shapes: dict[str, Shape | None] = {}
    for name, entry in config.datasets.items():
        module, path = registry.part("dataset", entry.kind), ("datasets", name, "settings")
        typed = settings_of("dataset", entry.kind, entry.settings)
        shapes[name] = guarded(found, path, module.describe, typed)
    for name, entry in config.teachers.items():
        found += teacher_mistakes(name, entry, import_estimators and name in teachers_named(config))
    for name, method in config.methods.items():
        found += _method(config, name, method)
        if method.tuned_by is not None and method.tuned_by not in declared["methods"]:
            found.append(Mistake(("methods", name, "tuned_by"), choice(method.tuned_by, declared["methods"])))
    for name, study in config.studies.items():
        found += job_mistakes(("studies", name), study)
        for title, question in study.questions.items():
            path = ("studies", name, "questions", title)
            found += question_mistakes(Asked(config, study, path, question, declared, shapes))
        for title, experiment in study.experiments.items():
            path = ("studies", name, "experiments", title)
            found += experiment_mistakes(Place(config, declared, path, study, experiment, shapes.get(experiment.dataset)))
    return found


def _method(config: "Config", name: str, method: "MethodEntry") -> Iterator[Mistake]:
    needs = registry.part("signal", method.signal).NEEDS_WEIGHTS
    if needs and method.weights is None:
        weights = ", ".join(sorted(registry.WEIGHTS))
        yield Mistake(("methods", name, "weights"), f"missing; signal '{method.signal}' needs one of: {weights}.")
    if not needs and method.weights is not None:
        text = sentence(method.weights, f"nothing, because signal '{method.signal}' uses no weights", "remove weights")
        yield Mistake(("methods", name, "weights"), text)
    if method.signal == "none" and method.teacher_scaling != "none":
        text = sentence(method.teacher_scaling, "none, because signal 'none' hears no teachers", "remove teacher_scaling")
        yield Mistake(("methods", name, "teacher_scaling"), text)
    able = getattr(registry.part("inference", method.inference), "SIGNALS", registry.SIGNALS)
    if method.signal not in able:
        told = sentence(method.signal, f"{' or '.join(sorted(able))} for inference '{method.inference}'")
        yield Mistake(("methods", name, "signal"), told)
    columns = {column for table in printed_columns().values() for column in table}
    for column in method.published:
        if column not in columns:
            yield Mistake(("methods", name, "published"), choice(column, columns))
    own = [(("methods", name), method.posterior)]
    yield from (*improper(name, method, own), *twice(own), *unread(name, method, own))
    yield from stacking_mistakes(name, method)
    yield from layer_mistakes(name, method)
