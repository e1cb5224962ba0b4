"""Do the things that config.yaml names fit together? Names, domains, numbers of teachers, students, inference."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError
from mtbkd.base.explain import KeyPath, Mistake, choice, dotted, sentence
from mtbkd.base.settings import settings_of
from mtbkd.data.datasets import Shape
from mtbkd.data.published import tables as published
from mtbkd.inference import most_params
from mtbkd.study.asked.analyses import Analysis
from mtbkd.study.asked.curves import Curve
from mtbkd.study.checking.analyses import analysis_mistakes
from mtbkd.study.checking.curves import curve_mistakes
from mtbkd.study.checking.naming import name_mistakes
from mtbkd.study.checking.options import ignored_mistakes, layer_mistakes, stacking_mistakes
from mtbkd.study.checking.search import by_column, search_mistakes, student_mistakes
from mtbkd.study.checking.strength import strength_mistakes, twice, unread
from mtbkd.study.checking.teachers import teacher_fits, teacher_mistakes, teachers_named
from mtbkd.study.extent import (
    candidate_mistakes,
    candidates,
    drawn_params,
    job_mistakes,
    memory_mistakes,
    memory_remark,
    need_of_data,
    need_of_fit,
)

if TYPE_CHECKING:
    from mtbkd.base.grids import Posterior
    from mtbkd.study.models import Config, Experiment, MethodEntry, Study


@dataclass(frozen=True)
class _Place:
    """An experiment and where it stands."""

    config: "Config"
    declared: Mapping[str, Sequence[str]]
    path: KeyPath
    study: "Study"
    experiment: "Experiment | _Single"
    shape: Shape | None


def fit_mistakes(config: "Config", declared: Mapping[str, Sequence[str]], import_estimators: bool = False) -> list[Mistake]:
    """What does not fit together in any study or method, used or not.

    Args:
        config: entries that are sound in themselves.
        declared: per section every name in the file, so that a reference to a broken entry is not called unknown.
        import_estimators: see ``config.load``.
    """
    found: list[Mistake] = []
    if config.study not in declared["studies"]:
        found.append(Mistake(("study",), choice(config.study, declared["studies"])))
    found += name_mistakes(config, declared)
    shapes: dict[str, Shape | None] = {}
    for name, entry in config.datasets.items():
        module, path = registry.part("dataset", entry.kind), ("datasets", name, "settings")
        typed = settings_of("dataset", entry.kind, entry.settings)
        shapes[name] = _guarded(found, path, module.describe, typed)
    for name, entry in config.teachers.items():
        found += teacher_mistakes(name, entry, import_estimators and name in teachers_named(config))
    for name, method in config.methods.items():
        found += _method(config, name, method)
        if method.tuned_by is not None and method.tuned_by not in declared["methods"]:
            found.append(Mistake(("methods", name, "tuned_by"), choice(method.tuned_by, declared["methods"])))
    for name, study in config.studies.items():
        found += job_mistakes(("studies", name), study)
        found += ignored_mistakes(config, name, study)
        found += _exact(name, study, declared["methods"])
        for title, asked in study.teacher_search.items():
            found += search_mistakes(config, declared, ("studies", name, "teacher_search", title), asked)
        for title, asked in study.student_search.items():
            path = ("studies", name, "student_search", title)
            found += student_mistakes(config, path, study, asked)
            if (of := study.experiments.get(asked.experiment)) is not None:
                alike = of.model_copy(update={"methods": tuple(asked.methods.values())})
                place = _Place(config, declared, path, study, alike, shapes.get(of.dataset))
                found += by_column(asked, path, _experiment(place))
        for title, curve in study.curves.items():
            found += _curve(config, declared, ("studies", name, "curves", title), study, curve, shapes.get(curve.dataset))
        for title, analysis in study.analyses.items():
            path = ("studies", name, "analyses", title)
            found += analysis_mistakes(declared, path, study, analysis)
            found += _unknown_classes(path, study, analysis, shapes)
            above = {k: e for k, e in study.experiments.items() if k == analysis.experiment}
            over = [(("studies", name, "experiments", k), e.posterior) for k, e in above.items()]
            found += strength_mistakes([(path, analysis.posterior), *over, (path[:2], study.posterior), ((), config.posterior)])
            if analysis.dataset and (shape := shapes.get(analysis.dataset)) is not None:
                known = [teacher for teacher in analysis.teachers if teacher in config.teachers]
                found += [m for teacher in known for m in teacher_fits(config, path, analysis.dataset, shape, teacher)]
        for title, experiment in study.experiments.items():
            path = ("studies", name, "experiments", title)
            shape = shapes.get(experiment.dataset)
            found += _experiment(_Place(config, declared, path, study, experiment, shape))
    return found


def _unknown_classes(
    path: KeyPath, study: "Study", analysis: Analysis, shapes: Mapping[str, Shape | None]
) -> Iterator[Mistake]:
    """Designated classes that the dataset does not have, as far as settings tell its classes."""
    of = study.experiments.get(analysis.experiment or "") or analysis
    shape = shapes.get(of.dataset or "")
    for index, name in enumerate(analysis.settings.get("classes") or ()):
        if shape is not None and name not in shape.class_names:
            yield Mistake((*path, "settings", "classes", index), choice(name, shape.class_names))


def _exact(name: str, study: "Study", methods: Sequence[str]) -> Iterator[Mistake]:
    """Methods to judge against exact answers that do not exist or are named twice."""
    asked = study.exact.methods if study.exact else ()
    for index, method in enumerate(asked):
        path = ("studies", name, "exact", "methods", index)
        if method not in methods:
            yield Mistake(path, choice(method, methods))
        elif method in asked[:index]:
            yield Mistake(path, sentence(method, "each method once", "remove one of them"))


def _curve(
    config: "Config", declared: Mapping[str, Sequence[str]], path: KeyPath, study: "Study", curve: Curve, shape: Shape | None
) -> Iterator[Mistake]:  # fmt: skip
    """What a curve has of its own, and what an experiment with each of its sets of teachers would have."""
    yield from curve_mistakes(config, path, curve)
    for title, teachers in curve.teachers.items():
        at = (*path, "teachers")
        for mistake in _experiment(_Place(config, declared, path, study, _Single(curve, teachers), shape)):
            inside = mistake.path[: len(at)] == at
            yield Mistake((*at, title, *mistake.path[len(at) :]), mistake.text) if inside else mistake


class _Single:
    """A curve with one set of teachers, as the checks of experiments read it."""

    published: str | None = None

    def __init__(self, curve: Curve, teachers: Sequence[str]):
        self.dataset, self.student, self.methods, self.posterior = curve.dataset, curve.student, curve.methods, curve.posterior
        self.teachers, self.replicates, self.training = tuple(teachers), curve.replicates, curve.training


def _guarded(found: list[Mistake], path: KeyPath, function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, or None with its complaint added to ``found``."""
    try:
        return function(*arguments)
    except (MtbkdError, ValueError) as error:
        found.append(Mistake(path, " ".join(str(error).split())))
        return None


def _method(config: "Config", name: str, method: "MethodEntry") -> Iterator[Mistake]:
    needs = registry.part("signal", method.signal).NEEDS_WEIGHTS
    if needs and method.weights is None:
        weights = ", ".join(sorted(registry.WEIGHTS))
        yield Mistake(("methods", name, "weights"), f"missing; signal '{method.signal}' needs one of: {weights}.")
    if not needs and method.weights is not None:
        text = sentence(method.weights, f"nothing, as signal '{method.signal}' uses no weights", "remove weights")
        yield Mistake(("methods", name, "weights"), text)
    columns = {column for table in _printed_columns().values() for column in table}
    for column in method.published:
        if column not in columns:
            yield Mistake(("methods", name, "published"), choice(column, columns))
    own = [(("methods", name), method.posterior)]
    yield from (*_improper(name, method, own), *twice(own), *unread(name, method, own))
    yield from stacking_mistakes(name, method)
    yield from layer_mistakes(name, method)


@cache
def _printed_columns() -> dict[str, set[str]]:
    """Columns of the published tables that can stand beside an experiment."""
    tables = {name: published.columns_of(name) for name in published.names()}
    return {name: columns for name, columns in tables.items() if columns}


def _improper(name: str, method: "MethodEntry", levels: Sequence[tuple[KeyPath, "Posterior"]]) -> Iterator[Mistake]:
    """An infinite prior scale where the algorithm needs a proper prior; ``levels``: the overriding one first."""
    path, deciding = next(((p, level) for p, level in levels if "prior_scale" in level.model_fields_set), levels[-1])
    scales = deciding.prior_scale
    if math.inf in scales and not registry.part("inference", method.inference).IMPROPER_PRIOR:
        able = [name for name in registry.INFERENCE if registry.part("inference", name).IMPROPER_PRIOR]
        allowed = f"finite numbers > 0 for '{name}', whose inference '{method.inference}' needs a proper posterior"
        found = scales[0] if len(scales) == 1 else scales
        text = sentence(found, allowed, f".inf is for {', '.join(sorted(able))}")
        yield Mistake((*path, "posterior", "prior_scale"), text)


def _experiment(place: _Place) -> Iterator[Mistake]:
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
            yield from _student_suits(place, at, name, method, size)
            levels = [(("methods", name), method), (path, experiment), (path[:2], place.study), ((), config)]
            posteriors = [(where, level.posterior) for where, level in levels]
            yield from _improper(name, method, posteriors)
            if (judge := config.methods.get(method.tuned_by or "")) is not None:
                yield from _student_suits(place, ("methods", name, "tuned_by"), str(method.tuned_by), judge, size)
                yield from _improper(str(method.tuned_by), judge, posteriors)
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


def memory_remarks(config: "Config", study: str) -> Iterator[str]:
    """Fits of a study that do not fit into this machine's memory, by the settings of a checked ``config``."""
    for title, experiment in config.studies[study].experiments.items():
        entry = config.datasets[experiment.dataset]
        shape = registry.part("dataset", entry.kind).describe(settings_of("dataset", entry.kind, entry.settings))
        path = ("studies", study, "experiments", title)
        size = _student_size(_Place(config, {}, path, config.studies[study], experiment, shape), [])
        for name in experiment.methods if size and shape else ():
            assert size is not None and shape is not None
            need = need_of_fit(config, config.studies[study], experiment, name, size, shape)
            if said := memory_remark(f"{title}: {name}", need):
                yield said


def _references(place: _Place) -> Iterator[Mistake]:
    """Names that refer to nothing."""
    e = place.experiment
    single = [(("dataset",), "datasets", e.dataset), (("student",), "students", e.student)]
    listed = [((key, i), key, name) for key in ("teachers", "methods") for i, name in enumerate(getattr(e, key))]
    for key, section, name in (*single, *listed):
        if name not in place.declared[section]:
            yield Mistake((*place.path, *key), choice(name, place.declared[section]))
    if e.published is not None and e.published not in _printed_columns():
        yield Mistake((*place.path, "published"), choice(e.published, _printed_columns()))


def _student_size(place: _Place, found: list[Mistake]) -> tuple[int, tuple[int, ...]] | None:
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

    return _guarded(found, (*place.path, "student"), size)


def _teachers_suffice(place: _Place, name: str, method: "MethodEntry") -> Iterator[Mistake]:
    path, number = (*place.path, "teachers"), len(place.experiment.teachers)
    if method.weights is not None:
        least = registry.part("weights", method.weights).MIN_TEACHERS
        if number < least:
            hint = "name another teacher, or use weights: equal"
            allowed = f"at least {least} teachers for '{name}', which weights them by '{method.weights}'"
            yield Mistake(path, sentence(list(place.experiment.teachers), allowed, hint))
    index = method.signal_settings.get("teacher")
    if isinstance(index, int) and index >= number:
        allowed = f"0..{number - 1}, the positions of the teachers of {dotted(place.path)}"
        yield Mistake(("methods", name, "signal_settings", "teacher"), sentence(index, allowed))


def _student_suits(
    place: _Place, at: KeyPath, name: str, method: "MethodEntry", size: tuple[int, tuple[int, ...]] | None
) -> Iterator[Mistake]:
    if size is None:
        return
    inference: ModuleType = registry.part("inference", method.inference)
    assert place.shape is not None  # or there would be no size
    hidden, student = size[1], place.experiment.student
    if method.layers == "last" and not hidden:
        text = f"found '{name}' with student '{student}', which has one layer alone; allowed: students with a hidden one "
        yield Mistake(at, text + "where layers is last")
    params = drawn_params(method, size, place.shape)
    limit = most_params(inference, settings_of("inference", method.inference, method.settings))
    if limit is not None and params > limit:
        text = f"found '{name}' with student '{student}' of {params:,} parameters; allowed: at most "
        text += f"{limit:,} for inference '{method.inference}' with these settings. Hint: take a smaller student"
        yield Mistake(at, text)
    if inference.NEEDS_HIDDEN and not hidden:
        text = f"found '{name}' with student '{student}', which has no hidden layer; allowed: students with one, "
        yield Mistake(at, text + f"for inference '{method.inference}'. Hint: take an mlp or cnn student")
    able = [name for name in registry.STUDENTS if registry.part("student", name).SYMBOLIC]
    architecture = place.config.students[student].architecture
    if inference.NEEDS_SYMBOLIC and method.layers == "all" and architecture not in able:
        text = f"found '{name}' with student '{student}' of architecture '{architecture}', which PyMC cannot express; allowed: "
        yield Mistake(at, text + f"{', '.join(sorted(able))} for inference '{method.inference}'. Hint: take sgld or vi")
