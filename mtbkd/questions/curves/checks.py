"""Does a label-count curve fit the rest of the configuration? Methods, teachers, label counts and folds."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mtbkd.base.explain import Mistake, sentence
from mtbkd.base.settings import settings_of
from mtbkd.questions.curves.spec import NO_TEACHERS, Settings
from mtbkd.study.asked import Asked
from mtbkd.study.checking.experiments import Place, experiment_mistakes
from mtbkd.study.checking.naming import clashes
from mtbkd.study.checking.options import ignored_mistakes

if TYPE_CHECKING:
    from mtbkd.study.models import Config


def mistakes(asked: Asked) -> Iterator[Mistake]:
    """What a curve has of its own, and what an experiment with each of its sets of teachers would have."""
    settings: Settings = asked.settings
    path = (*asked.path, "settings")
    yield from _own(asked, settings)
    yield from clashes((*path, "teachers"), settings.teachers)
    yield from ignored_mistakes(asked.config, (*path, "methods"), settings.methods)
    depth, shape = len(asked.path), asked.shapes.get(asked.dataset)
    for title, teachers in settings.teachers.items():
        alike = asked.alike(settings.methods, teachers)
        for found in experiment_mistakes(Place(asked.config, asked.declared, asked.path, asked.study, alike, shape)):
            inside, rest = found.path[:depth] == asked.path, found.path[depth:]
            if inside and rest[:1] == ("teachers",):
                yield Mistake((*path, "teachers", title, *rest[1:]), found.text)
            else:
                yield Mistake((*path, *rest), found.text) if inside and rest[:1] == ("methods",) else found


def teachers(settings: Settings) -> tuple[str, ...]:
    """Every teacher that a curve names."""
    return tuple(name for own in settings.teachers.values() for name in own)


def jobs(settings: Settings, blocks: int) -> int:
    """How many it is computed in, about."""
    return blocks * len(settings.teachers) * (1 + len(settings.methods))


def _own(asked: Asked, settings: Settings) -> Iterator[Mistake]:
    """Mistakes that no experiment can have."""
    config, path = asked.config, (*asked.path, "settings")
    known = [name for name in settings.methods if name in config.methods]
    plain = [name for name in known if config.methods[name].signal == "none"]
    if len(plain) != 1 and len(known) == len(settings.methods):
        allowed = "exactly one method with signal none, the reference of the others"
        yield Mistake((*path, "methods"), sentence(plain or list(settings.methods), allowed))
    for index, name in enumerate(settings.methods):
        if name in known and (config.methods[name].tuned_by is not None or config.methods[name].tuned_on != "validation"):
            allowed = "methods without tuned_by and tuned_on, because label curves choose settings by MAP fits on folds"
            yield Mistake((*path, "methods", index), sentence(name, allowed))
    for index, name in enumerate(settings.methods):
        if name in known and config.methods[name].teacher_scaling != "none":
            allowed = "methods with teacher_scaling: none, because the validation labels are among those that are counted"
            yield Mistake((*path, "methods", index), sentence(name, allowed))
    if NO_TEACHERS in settings.teachers:
        allowed = "any other name, because this is the folder of students without teachers"
        yield Mistake((*path, "teachers", NO_TEACHERS), sentence(NO_TEACHERS, allowed))
    counts = [n for n in settings.labels if isinstance(n, int)]
    if counts and min(counts) < settings.folds:
        allowed = f"at least {settings.folds} labels, one for each of the {settings.folds} folds"
        yield Mistake((*path, "labels"), sentence(min(counts), allowed, "lower folds"))
    most = _available(config, asked.dataset)
    if most is not None and counts and max(counts) > most:
        allowed = f"at most {most}, the labelled training and validation examples of dataset '{asked.dataset}'"
        yield Mistake((*path, "labels"), sentence(max(counts), allowed, "all stands for all of them"))


def _available(config: "Config", name: str) -> int | None:
    """Labelled training and validation examples where the settings tell: in simulations."""
    entry = config.datasets.get(name)
    settings: Mapping[str, float] = settings_of("dataset", entry.kind, entry.settings).model_dump() if entry else {}
    sizes = [settings.get(key) for key in ("n_train", "n_val", "label_share")]
    if not all(isinstance(size, int | float) for size in sizes):
        return None
    train, val, share = (float(size or 0) for size in sizes)
    return round(train * share) + round(val)
