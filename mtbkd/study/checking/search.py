"""Does a search of config.yaml fit together? Names, printed columns, and every setting that it tries."""

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
from mtbkd.study.asked.search import FAST, StudentSearch, TeacherSearch
from mtbkd.study.checking.strength import twice

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Study

EVERY_SETTING = frozenset(SHARED_NAMES)
MOST_CANDIDATES = 2_000  # a misplaced list is a mistake, no wish for a week of training


def search_mistakes(
    config: "Config", declared: Mapping[str, Sequence[str]], path: KeyPath, asked: TeacherSearch
) -> Iterator[Mistake]:
    """Everything wrong with the search ``asked`` at ``path``; entries that are broken in themselves are left out."""
    yield from _names(declared, path, asked)
    yield from _candidates(config, path, asked.dataset, asked.grid, asked.dataset_grid, asked.teachers.values())
    shape = _shape(config, asked.dataset)
    for column, name in asked.teachers.items():
        entry = config.teachers.get(name)
        if entry is not None and shape is not None and entry.domain is not None and entry.domain not in shape.domain_names:
            allowed = f"teachers of {', '.join(shape.domain_names) or 'no domain'}, the domains of '{asked.dataset}'"
            yield Mistake((*path, "teachers", column), sentence(name, allowed))


def student_mistakes(config: "Config", path: KeyPath, study: "Study", asked: StudentSearch) -> Iterator[Mistake]:
    """Everything wrong with the search of students ``asked`` at ``path``, but for what its methods may not do anywhere."""
    of = study.experiments.get(asked.experiment)
    if of is None:
        yield Mistake((*path, "experiment"), choice(asked.experiment, study.experiments))
        return
    if of.published is None:
        having = [name for name, each in study.experiments.items() if each.published is not None]
        yield Mistake((*path, "experiment"), choice(asked.experiment, having, "it needs an experiment with the key published"))
    elif of.published in published.names():  # told of the experiment otherwise
        students = [column for column in sorted(published.columns_of(of.published)) if not is_teacher(column)]
        for column in asked.methods:
            if column not in students:
                allowed = f"{', '.join(students) or 'none'}, the students of {of.published}"
                yield Mistake((*path, "methods"), sentence(column, allowed, nearest(column, students)))
    for column, name in asked.methods.items():
        at = (*path, "methods", column)
        if name in config.methods and (used := config.methods[name].inference) not in FAST:
            allowed = f"methods whose inference is {' or '.join(FAST)}, of which many can be fitted"
            yield Mistake(at, sentence(name, allowed, f"its inference is {used}"))
    yield from twice([(path, asked.posterior)])
    if AS_KAPPA in asked.posterior.lam and not asked.posterior.kappa:
        yield Mistake((*path, "posterior", "lambda"), sentence(AS_KAPPA, "numbers, as posterior has no kappa", "add kappa"))
    inner = math.prod(map(len, (asked.steps, asked.label_share, asked.outside_temperature)))
    inner *= count(dump(asked.posterior), EVERY_SETTING)
    yield from _candidates(config, path, of.dataset, asked.grid, asked.dataset_grid, of.teachers, inner)
    if (entry := config.datasets.get(of.dataset)) is None:
        return
    labels = getattr(settings_of("dataset", entry.kind, entry.settings), "n_train", 0)
    for index, share in enumerate(asked.label_share):
        if share > 0 and round(share * labels) < 1 <= labels:
            allowed = f"0, or a share that leaves at least one of {labels:,} training labels"
            yield Mistake((*path, "label_share", index), sentence(share, allowed))


def by_column(asked: StudentSearch, path: KeyPath, mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    """Those of ``mistakes`` at ``path``, read as an experiment, that are about its methods, each at its printed column."""
    at = len(path)
    for mistake in mistakes:
        if mistake.path[:at] == path and mistake.path[at : at + 1] == ("methods",):
            yield Mistake((*path, "methods", list(asked.methods)[int(mistake.path[at + 1])]), mistake.text)


def _shape(config: "Config", dataset: str) -> Shape | None:
    """Classes and domains of a simulation; None where the entry is none."""
    entry = config.datasets.get(dataset)
    if entry is None or not registry.part("dataset", entry.kind).SIMULATED:
        return None
    return registry.part("dataset", entry.kind).describe(settings_of("dataset", entry.kind, entry.settings))


def _candidates(
    config: "Config", path: KeyPath, dataset: str, grid: Mapping[str, Sequence[Any]], dataset_grid: Mapping[str, Sequence[Any]],
    teachers: Iterable[str], inner: int = 1,
) -> Iterator[Mistake]:  # fmt: skip
    """Too many candidates, ``inner`` of them on each choice of data and teachers, and settings that nothing takes."""
    size = inner * math.prod(len(values) for values in (*grid.values(), *dataset_grid.values()))
    if size > MOST_CANDIDATES:
        yield Mistake(path, f"found {size:,} candidates; allowed: at most {MOST_CANDIDATES:,}. Hint: try fewer values")
        return
    data = config.datasets.get(dataset)
    if data is None:
        return
    module = registry.part("dataset", data.kind)
    if not module.SIMULATED:
        where = "dataset" if path[-2] == "teacher_search" else "experiment"
        yield Mistake((*path, where), sentence(dataset, "a simulation, which draws data anew for every replicate"))
        return
    yield from _values(module, data.settings, dataset_grid, (*path, "dataset_grid"))
    for name in teachers:
        if name in config.teachers:
            entry = config.teachers[name]
            yield from _values(registry.part("teacher", entry.family), entry.settings, grid, (*path, "grid"))


def _names(declared: Mapping[str, Sequence[str]], path: KeyPath, asked: TeacherSearch) -> Iterator[Mistake]:
    """Names that refer to nothing."""
    if asked.dataset not in declared["datasets"]:
        yield Mistake((*path, "dataset"), choice(asked.dataset, declared["datasets"]))
    for column, name in asked.teachers.items():
        if name not in declared["teachers"]:
            yield Mistake((*path, "teachers", column), choice(name, declared["teachers"]))
    tables = {name: [c for c in sorted(published.columns_of(name)) if is_teacher(c)] for name in published.names()}
    usable = [name for name, columns in tables.items() if columns]
    if asked.published not in usable:
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
