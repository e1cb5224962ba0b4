"""Does a teacher search of config.yaml fit together? Names, printed columns, and every setting that it tries."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtbkd import registry
from mtbkd.errors import nearest
from mtbkd.explain import KeyPath, Mistake, choice, sentence, validate
from mtbkd.published import tables as published
from mtbkd.search.spec import TeacherSearch

if TYPE_CHECKING:
    from mtbkd.config import Config

MOST_CANDIDATES = 2_000  # a misplaced list is a mistake, no wish for a week of training


def search_mistakes(
    config: "Config", declared: Mapping[str, Sequence[str]], path: KeyPath, asked: TeacherSearch
) -> Iterator[Mistake]:
    """Everything wrong with the search ``asked`` at ``path``; entries that are broken in themselves are left out."""
    yield from _names(declared, path, asked)
    size = math.prod(len(values) for values in (*asked.grid.values(), *asked.dataset_grid.values()))
    if size > MOST_CANDIDATES:
        yield Mistake(path, f"found {size:,} candidates; allowed: at most {MOST_CANDIDATES:,}. Hint: try fewer values")
        return
    data = config.datasets.get(asked.dataset)
    if data is None:
        return
    module = registry.part("dataset", data.kind)
    if not module.SIMULATED:
        yield Mistake((*path, "dataset"), sentence(asked.dataset, "a simulation, which draws data anew for every replicate"))
        return
    yield from _values(module, data.settings, asked.dataset_grid, (*path, "dataset_grid"))
    shape = module.describe(module.Settings.model_validate(data.settings))
    for column, name in asked.teachers.items():
        entry = config.teachers.get(name)
        if entry is None:
            continue
        if entry.domain is not None and entry.domain not in shape.domain_names:
            allowed = f"teachers of {', '.join(shape.domain_names) or 'no domain'}, the domains of '{asked.dataset}'"
            yield Mistake((*path, "teachers", column), sentence(name, allowed))
        yield from _values(registry.part("teacher", entry.family), entry.settings, asked.grid, (*path, "grid"))


def _names(declared: Mapping[str, Sequence[str]], path: KeyPath, asked: TeacherSearch) -> Iterator[Mistake]:
    """Names that refer to nothing."""
    if asked.dataset not in declared["datasets"]:
        yield Mistake((*path, "dataset"), choice(asked.dataset, declared["datasets"]))
    for column, name in asked.teachers.items():
        if name not in declared["teachers"]:
            yield Mistake((*path, "teachers", column), choice(name, declared["teachers"]))
    tables = {name: [c for c in sorted(published.columns_of(name)) if c.startswith("T")] for name in published.names()}
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
