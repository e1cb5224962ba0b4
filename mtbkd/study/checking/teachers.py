"""What a teacher's entry in config.yaml asks for: is it there, and does it fit the datasets that it is named with?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError, nearest
from mtbkd.base.explain import KeyPath, Mistake, dotted, sentence
from mtbkd.base.settings import settings_of
from mtbkd.data.datasets import Shape
from mtbkd.teachers import columns

if TYPE_CHECKING:
    from mtbkd.study.models import Config, TeacherEntry


def teachers_named(config: "Config") -> set[str]:
    """Teachers of the study that is to run."""
    study = config.studies.get(config.study)
    if study is None:
        return set()
    sets = [entry.teachers for entry in (*study.experiments.values(), *study.questions.values())]
    for question in study.questions.values():
        checks = registry.companion(question.kind, "checks") if question.kind in registry.QUESTIONS else None
        if checks is not None and hasattr(checks, "teachers"):
            sets.append(checks.teachers(settings_of("question", question.kind, question.settings)))
    return {name for names in sets for name in names}


def teacher_mistakes(name: str, entry: "TeacherEntry", used: bool) -> Iterator[Mistake]:
    """What its family finds wrong with its settings.

    Args:
        used: call the family's ``check``, too, which may run code of the user's.
    """
    module, typed = registry.part("teacher", entry.family), settings_of("teacher", entry.family, entry.settings)
    try:
        module.raw_files(typed)
        if used and hasattr(module, "check"):
            module.check(typed)
    except (MtbkdError, ValueError) as error:
        yield Mistake(("teachers", name, "settings"), " ".join(str(error).split()))


def teacher_fits(config: "Config", path: KeyPath, dataset: str, shape: Shape, teacher: str) -> Iterator[Mistake]:
    """A teacher's domain, columns and floor against the dataset of what stands at ``path``."""
    entry, data = config.teachers[teacher], f"dataset '{dataset}' in {dotted(path)}"
    if entry.domain is not None and entry.domain not in shape.domain_names:
        allowed = f"{', '.join(shape.domain_names) or 'none'} (the domains of {data})"
        hint = nearest(entry.domain, shape.domain_names) or "leave domain out"
        yield Mistake(("teachers", teacher, "domain"), sentence(entry.domain, allowed, hint))
    typed = settings_of("teacher", entry.family, entry.settings)
    path = ("teachers", teacher, "settings")
    if allowed := columns.fault(getattr(typed, "features", None), shape.features, data):
        yield Mistake((*path, "features"), sentence(entry.settings["features"], allowed))
    floor, classes = getattr(typed, "floor", None) or 0.0, len(shape.class_names)
    if floor * classes >= 1:
        yield Mistake((*path, "floor"), sentence(floor, f"below 1 / {classes}, one over the classes of {data}"))
