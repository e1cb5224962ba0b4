"""Does an analysis of config.yaml fit together? What it names, and what its kind needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import KeyPath, Mistake, choice, sentence
from mtbkd.base.settings import settings_of
from mtbkd.study.asked.analyses import Analysis

if TYPE_CHECKING:
    from mtbkd.study.models import Study

OWN = ("dataset", "teachers", "student")


def analysis_mistakes(
    declared: Mapping[str, Sequence[str]], path: KeyPath, study: "Study", analysis: Analysis
) -> Iterator[Mistake]:
    """Names that refer to nothing, and what the kind needs and the entry lacks.

    Args:
        declared: per section every name in the file.
        path: where the analysis stands.
        study: the study that it belongs to.
        analysis: sound in itself.
    """
    named = {key: getattr(analysis, key) for key in OWN}
    yield from _unknown(declared, path, named)
    if analysis.experiment is not None:
        if analysis.experiment not in study.experiments:
            yield Mistake((*path, "experiment"), choice(analysis.experiment, study.experiments))
        for key in (key for key, value in named.items() if value):
            allowed = f"nothing, as experiment '{analysis.experiment}' gives it"
            yield Mistake((*path, key), sentence(named[key], allowed, f"remove {key} or experiment"))
    if analysis.kind not in registry.ANALYSES:
        return
    needs = registry.part("analysis", analysis.kind).NEEDS
    missing = [need for need in (*OWN, "draws") if need in needs and analysis.experiment is None and not named.get(need)]
    if missing:
        keys = [key for key in missing if key != "draws"]
        hint = "name an experiment of the study" + (f", or {' and '.join(keys)}" if keys == missing else "")
        text = f"missing: kind '{analysis.kind}' needs {' and '.join(missing)}. Hint: {hint}"
        yield Mistake(path, text)
    yield from _unknown_methods(path, study, analysis)


def _unknown_methods(path: KeyPath, study: "Study", analysis: Analysis) -> Iterator[Mistake]:
    """Settings that name methods which the experiment does not have, or which the analysis was told to leave out."""
    experiment = study.experiments.get(analysis.experiment or "")
    if experiment is None:
        return
    known, settings = experiment.methods, settings_of("analysis", analysis.kind, analysis.settings)
    for key in getattr(registry.part("analysis", analysis.kind), "NAMES_METHODS", ()):
        value = getattr(settings, key)
        named = value if isinstance(value, tuple) else () if value is None else (value,)
        for name in named:
            if name not in known:
                yield Mistake((*path, "settings", key), choice(name, known))
        known = value if isinstance(value, tuple) and value else known


def _unknown(declared: Mapping[str, Sequence[str]], path: KeyPath, named: Mapping[str, object]) -> Iterator[Mistake]:
    for key, section in (("dataset", "datasets"), ("student", "students")):
        if (name := named[key]) is not None and name not in declared[section]:
            yield Mistake((*path, key), choice(name, declared[section]))
    teachers = named["teachers"]
    assert isinstance(teachers, tuple)
    for index, name in enumerate(teachers):
        if name not in declared["teachers"]:
            yield Mistake((*path, "teachers", index), choice(name, declared["teachers"]))
