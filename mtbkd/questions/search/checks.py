"""Does a search fit the rest of the configuration? Names, printed columns, and every setting that it tries."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.errors import nearest
from mtbkd.base.explain import KeyPath, Mistake, choice, sentence, validate
from mtbkd.base.grids import AS_KAPPA
from mtbkd.base.settings import dump, settings_of
from mtbkd.data.datasets import Shape
from mtbkd.data.published import tables as published
from mtbkd.data.published.tables import is_teacher
from mtbkd.inference.tuning import SHARED_NAMES, count
from mtbkd.questions.search.spec import FAST, Settings
from mtbkd.study.asked import Asked
from mtbkd.study.checking.experiments import Place, experiment_mistakes
from mtbkd.study.checking.strength import twice

if TYPE_CHECKING:
    from mtbkd.study.models import Config

EVERY_SETTING = frozenset(SHARED_NAMES)
MOST_CANDIDATES = 2_000  # a misplaced list is a mistake, no wish for a week of training


def mistakes(asked: Asked) -> Iterator[Mistake]:
    """Everything wrong with a search; entries that are broken in themselves are left out."""
    settings: Settings = asked.settings
    yield from _teachers(asked, settings) if settings.teachers else _students(asked, settings)


def teachers(settings: Settings) -> tuple[str, ...]:
    """Every teacher that a search names."""
    return tuple(settings.teachers.values())


def _teachers(asked: Asked, settings: Settings) -> Iterator[Mistake]:
    config, path = asked.config, (*asked.path, "settings")
    if asked.question.experiment is not None:
        text = sentence(asked.question.experiment, "nothing for a search with teachers", "set dataset instead")
        yield Mistake((*asked.path, "experiment"), text)
        return
    yield from _names(asked.declared, path, settings)
    yield from _candidates(asked, settings, settings.teachers.values())
    shape = _shape(config, asked.dataset)
    for column, name in settings.teachers.items():
        entry = config.teachers.get(name)
        if entry is not None and shape is not None and entry.domain is not None and entry.domain not in shape.domain_names:
            allowed = f"teachers of {', '.join(shape.domain_names) or 'no domain'}, the domains of '{asked.dataset}'"
            yield Mistake((*path, "teachers", column), sentence(name, allowed))


def _students(asked: Asked, settings: Settings) -> Iterator[Mistake]:
    config, path, of = asked.config, (*asked.path, "settings"), asked.experiment
    if of is None:
        if asked.question.experiment is None:
            yield Mistake(asked.path, "missing: a search with methods needs experiment. Hint: name an experiment of the study")
        return
    if of.published is None:
        having = [name for name, each in asked.study.experiments.items() if each.published is not None]
        hint = "it needs an experiment with the key published"
        yield Mistake((*asked.path, "experiment"), choice(asked.question.experiment, having, hint))
    elif of.published in published.names():  # told of the experiment otherwise
        students = [column for column in sorted(published.columns_of(of.published)) if not is_teacher(column)]
        for column in settings.methods:
            if column not in students:
                allowed = f"{', '.join(students) or 'none'}, the students of {of.published}"
                yield Mistake((*path, "methods"), sentence(column, allowed, nearest(column, students)))
    for column, name in settings.methods.items():
        at = (*path, "methods", column)
        if name in config.methods and (used := config.methods[name].inference) not in FAST:
            allowed = f"methods whose inference is {' or '.join(FAST)}, which are fast enough for a search"
            yield Mistake(at, sentence(name, allowed, f"its inference is {used}"))
    tried = settings.posterior
    assert tried is not None, "the settings were checked"
    yield from twice([(path, tried)])
    if AS_KAPPA in tried.lam and not tried.kappa:
        yield Mistake(
            (*path, "posterior", "lambda"), sentence(AS_KAPPA, "numbers, because posterior does not set kappa", "add kappa")
        )
    inner = math.prod(map(len, (settings.steps, settings.label_share, settings.outside_temperature)))
    yield from _candidates(asked, settings, of.teachers, inner * count(dump(tried), EVERY_SETTING))
    yield from _methods(asked, settings)
    if (entry := config.datasets.get(of.dataset)) is None:
        return
    labels = getattr(settings_of("dataset", entry.kind, entry.settings), "n_train", 0)
    for index, share in enumerate(settings.label_share):
        if share > 0 and round(share * labels) < 1 <= labels:
            allowed = f"0, or a share that leaves at least one of {labels:,} training labels"
            yield Mistake((*path, "label_share", index), sentence(share, allowed))


def _methods(asked: Asked, settings: Settings) -> Iterator[Mistake]:
    """What an experiment with these methods would have, each at its printed column."""
    of, at = asked.experiment, len(asked.path)
    assert of is not None
    alike = of.model_copy(update={"methods": tuple(settings.methods.values())})
    place = Place(asked.config, asked.declared, asked.path, asked.study, alike, asked.shapes.get(of.dataset))
    columns = list(settings.methods)
    for mistake in experiment_mistakes(place):
        if mistake.path[:at] == asked.path and mistake.path[at : at + 1] == ("methods",):
            yield Mistake((*asked.path, "settings", "methods", columns[int(mistake.path[at + 1])]), mistake.text)


def _shape(config: "Config", dataset: str) -> Shape | None:
    """Classes and domains of a simulation; None where the entry is none."""
    entry = config.datasets.get(dataset)
    if entry is None or not registry.part("dataset", entry.kind).SIMULATED:
        return None
    return registry.part("dataset", entry.kind).describe(settings_of("dataset", entry.kind, entry.settings))


def _candidates(asked: Asked, settings: Settings, teachers: Iterable[str], inner: int = 1) -> Iterator[Mistake]:
    """Too many candidates, ``inner`` of them on each choice of data and teachers, and settings that nothing takes."""
    config, path = asked.config, (*asked.path, "settings")
    size = inner * math.prod(len(values) for values in (*settings.grid.values(), *settings.dataset_grid.values()))
    if size > MOST_CANDIDATES:
        text = f"found {size:,} candidates; allowed: at most {MOST_CANDIDATES:,}. Hint: try fewer values"
        yield Mistake(asked.path, text)
        return
    data = config.datasets.get(asked.dataset)
    if data is None:
        return
    module = registry.part("dataset", data.kind)
    if not module.SIMULATED:
        where = "experiment" if asked.experiment else "dataset"
        text = sentence(asked.dataset, "a simulated dataset, which is redrawn for every replicate")
        yield Mistake((*asked.path, where), text)
        return
    yield from _values(module, data.settings, settings.dataset_grid, (*path, "dataset_grid"))
    for name in teachers:
        if name in config.teachers:
            entry = config.teachers[name]
            yield from _values(registry.part("teacher", entry.family), entry.settings, settings.grid, (*path, "grid"))


def _names(declared: Mapping[str, Sequence[str]], path: KeyPath, asked: Settings) -> Iterator[Mistake]:
    """Names that refer to nothing."""
    for column, name in asked.teachers.items():
        if name not in declared["teachers"]:
            yield Mistake((*path, "teachers", column), choice(name, declared["teachers"]))
    tables = {name: [c for c in sorted(published.columns_of(name)) if is_teacher(c)] for name in published.names()}
    usable = [name for name, columns in tables.items() if columns]
    if asked.published is None or asked.published not in usable:
        yield Mistake((*path, "published"), choice(asked.published, usable))
        return
    for column in asked.teachers:
        if column not in tables[asked.published]:
            hint = nearest(column, tables[asked.published])
            allowed = f"{', '.join(tables[asked.published])}, the teachers of {asked.published}"
            yield Mistake((*path, "teachers"), sentence(column, allowed, hint))


def _values(module: Any, settings: Mapping[str, Any], grid: Mapping[str, Sequence[Any]], path: KeyPath) -> Iterator[Mistake]:
    """Settings that the part does not know, or values that it does not take."""
    for name, values in grid.items():
        for index, value in enumerate(values):
            for mistake in validate(module.Settings, {**settings, name: value})[1]:
                where = (*path, name, index) if name in module.Settings.model_fields else (*path, name)
                yield Mistake(where, mistake.text)
