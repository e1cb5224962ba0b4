"""Does an experiment fit together? Names, teachers, the student's size, inference, grids, and what a fit needs of memory."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError
from mtbkd.base.explain import KeyPath, Mistake, choice, dotted, sentence
from mtbkd.base.settings import settings_of
from mtbkd.data.datasets import Shape
from mtbkd.data.published import tables as published
from mtbkd.study.checking.strength import strength_mistakes, unread
from mtbkd.study.checking.students import Known, unsuited
from mtbkd.study.checking.teachers import teacher_fits
from mtbkd.study.checking.tuning import tuning_mistakes
from mtbkd.study.extent import (
    Size,
    candidate_mistakes,
    candidates,
    memory_mistakes,
    memory_remark,
    need_of_data,
    need_of_fit,
)

if TYPE_CHECKING:
    from mtbkd.base.grids import Posterior
    from mtbkd.study.models import Config, Experiment, MethodEntry, Study


@dataclass(frozen=True)
class Place:
    """An experiment and where it stands."""

    config: "Config"
    declared: Mapping[str, Sequence[str]]
    path: KeyPath
    study: "Study"
    experiment: "Experiment"
    shape: Shape | None


@cache
def printed_columns() -> dict[str, set[str]]:
    """Columns of the published tables that can stand beside an experiment."""
    tables = {name: published.columns_of(name) for name in published.names()}
    return {name: columns for name, columns in tables.items() if columns}


def improper(name: str, method: "MethodEntry", levels: Sequence[tuple[KeyPath, "Posterior"]]) -> Iterator[Mistake]:
    """An infinite prior scale where the algorithm needs a proper prior; ``levels``: the overriding one first."""
    path, deciding = next(((p, level) for p, level in levels if "prior_scale" in level.model_fields_set), levels[-1])
    scales = deciding.prior_scale
    if math.inf in scales and not registry.part("inference", method.inference).IMPROPER_PRIOR:
        able = [name for name in registry.INFERENCE if registry.part("inference", name).IMPROPER_PRIOR]
        allowed = f"finite numbers > 0 for '{name}', whose inference '{method.inference}' needs a proper posterior"
        found = scales[0] if len(scales) == 1 else scales
        text = sentence(found, allowed, f".inf is available for {', '.join(sorted(able))}")
        yield Mistake((*path, "posterior", "prior_scale"), text)


def guarded(found: list[Mistake], path: KeyPath, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, or None with its complaint added to ``found``."""
    try:
        return function(*arguments)
    except (MtbkdError, ValueError) as error:
        found.append(Mistake(path, " ".join(str(error).split())))
        return None


def experiment_mistakes(place: Place) -> Iterator[Mistake]:
    """Everything that does not fit."""
    config, experiment, path = place.config, place.experiment, place.path
    yield from _references(place)
    for teacher in experiment.teachers:
        if teacher in config.teachers and place.shape is not None:
            yield from teacher_fits(config, path, experiment.dataset, place.shape, teacher)
    found: list[Mistake] = []
    size = _student_size(place, found)
    yield from found
    for index, name in enumerate(experiment.methods):
        if name in config.methods:
            method, at = config.methods[name], (*path, "methods", index)
            yield from _teachers_suffice(place, name, method)
            yield from _suits(place, at, name, method, size)
            levels = [(("methods", name), method), (path, experiment), (path[:2], place.study), ((), config)]
            posteriors = [(where, level.posterior) for where, level in levels]
            yield from improper(name, method, posteriors)
            if (judge := config.methods.get(method.tuned_by or "")) is not None:
                yield from _suits(place, ("methods", name, "tuned_by"), str(method.tuned_by), judge, size)
                yield from improper(str(method.tuned_by), judge, posteriors)
            yield from tuning_mistakes(config, name, method, posteriors)
            yield from strength_mistakes(posteriors)
            yield from unread(name, method, posteriors)
            yield from candidate_mistakes(at, name, candidates(config, place.study, experiment, name))
            if size is not None and place.shape is not None:
                need = need_of_fit(config, place.study, experiment, name, size, place.shape)
                yield from memory_mistakes(at, name, need)
    if place.shape is not None:
        yield from memory_mistakes(
            (*path, "dataset"), experiment.dataset, need_of_data(config, place.study, experiment, place.shape)
        )


def sized_fits(config: "Config", study: str) -> Iterator[tuple[str, str, Size, Shape]]:
    """(experiment, method, size of its student, shape of its data) of a checked ``config``, where the settings tell both."""
    for title, experiment in config.studies[study].experiments.items():
        entry = config.datasets[experiment.dataset]
        shape = registry.part("dataset", entry.kind).describe(settings_of("dataset", entry.kind, entry.settings))
        path = ("studies", study, "experiments", title)
        size = _student_size(Place(config, {}, path, config.studies[study], experiment, shape), [])
        if size is not None and shape is not None:
            yield from ((title, name, size, shape) for name in experiment.methods)


def memory_remarks(config: "Config", study: str) -> Iterator[str]:
    """Fits of a study that do not fit into this machine's memory, by the settings of a checked ``config``."""
    for title, name, size, shape in sized_fits(config, study):
        chosen = config.studies[study]
        need = need_of_fit(config, chosen, chosen.experiments[title], name, size, shape)
        if said := memory_remark(f"{title}: {name}", need):
            yield said


def _references(place: Place) -> Iterator[Mistake]:
    """Names that refer to nothing."""
    e = place.experiment
    single = [(("dataset",), "datasets", e.dataset), (("student",), "students", e.student)]
    listed = [((key, i), key, name) for key in ("teachers", "methods") for i, name in enumerate(getattr(e, key))]
    for key, section, name in (*single, *listed):
        if name not in place.declared[section]:
            yield Mistake((*place.path, *key), choice(name, place.declared[section]))
    if e.published is not None and e.published not in printed_columns():
        yield Mistake((*place.path, "published"), choice(e.published, printed_columns()))


def _suits(place: Place, at: KeyPath, name: str, method: "MethodEntry", size: Size | None) -> Iterator[Mistake]:
    if size is None:
        return
    assert place.shape is not None  # or there would be no size
    student = place.experiment.student
    entry = place.config.students[student]
    unmasked = getattr(registry.part("student", entry.architecture), "unmasked", lambda *of: ())
    settings = settings_of("student", entry.architecture, entry.settings)
    classes = len(place.shape.class_names)
    known = Known(student, entry.architecture, size, classes, unmasked(settings, place.shape.features, classes))
    yield from unsuited(at, name, method, known)


def _student_size(place: Place, found: list[Mistake]) -> Size | None:
    """Parameters and hidden layers of the student on these data; None where the configuration cannot tell."""
    entry = place.config.students.get(place.experiment.student)
    if entry is None or place.shape is None:
        return None
    module = registry.part("student", entry.architecture)

    def size() -> tuple[int, tuple[int, ...]]:
        assert entry is not None and place.shape is not None
        settings = settings_of("student", entry.architecture, entry.settings)
        of = (settings, place.shape.features, len(place.shape.class_names))
        return module.num_params(*of), module.hidden_sizes(*of)

    return guarded(found, (*place.path, "student"), size)


def _domains_suffice(place: Place, name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """Weights that ask for domains, on data without any."""
    wanted = "domains" in getattr(registry.part("weights", str(method.weights)), "NEEDS", ())
    if (
        wanted
        and place.shape is not None
        and not place.shape.domain_names
        and method.weights_settings.get("unknown") != "marginal"
    ):
        allowed = f"a dataset with domains for '{name}', which weights teachers by '{method.weights}'"
        hint = "weights: stacking, or weights_settings: {unknown: marginal}"
        yield Mistake((*place.path, "dataset"), sentence(place.experiment.dataset, allowed, hint))


def _teachers_suffice(place: Place, name: str, method: "MethodEntry") -> Iterator[Mistake]:
    path, number = (*place.path, "teachers"), len(place.experiment.teachers)
    if method.weights is not None:
        least = registry.part("weights", method.weights).MIN_TEACHERS
        if number < least:
            hint = "name another teacher, or use weights: equal"
            allowed = f"at least {least} teachers for '{name}', which weights them by '{method.weights}'"
            yield Mistake(path, sentence(list(place.experiment.teachers), allowed, hint))
        yield from _domains_suffice(place, name, method)
    index = method.signal_settings.get("teacher")
    if isinstance(index, int) and index >= number:
        allowed = f"0..{number - 1}, the positions of the teachers of {dotted(place.path)}"
        yield Mistake(("methods", name, "signal_settings", "teacher"), sentence(index, allowed))
