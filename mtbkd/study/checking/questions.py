"""Does a question fit the rest of the configuration? What it names, what its kind needs, and what its kind checks itself."""

from collections.abc import Iterator, Mapping, Sequence

from mtbkd.base import registry
from mtbkd.base.explain import KeyPath, Mistake, choice, sentence
from mtbkd.study.asked import Asked
from mtbkd.study.checking.strength import strength_mistakes
from mtbkd.study.checking.teachers import teacher_fits

OWN = ("dataset", "teachers", "student")
OTHERS = ("experiment", "replicates", "posterior", "training")


def question_mistakes(asked: Asked) -> Iterator[Mistake]:
    """Everything wrong with a question that is sound in itself."""
    question, path, study = asked.question, asked.path, asked.study
    named = {key: getattr(question, key) for key in OWN}
    yield from _unknown(asked.declared, path, named)
    if question.experiment is not None:
        if question.experiment not in study.experiments:
            yield Mistake((*path, "experiment"), choice(question.experiment, study.experiments))
        for key in (key for key, value in named.items() if value):
            allowed = f"nothing, because experiment '{question.experiment}' determines it"
            yield Mistake((*path, key), sentence(named[key], allowed, f"remove {key} or experiment"))
    if question.kind not in registry.QUESTIONS:
        return
    module = registry.part("question", question.kind)
    missing = [n for n in (*OWN, "draws") if n in module.NEEDS and question.experiment is None and not named.get(n)]
    if missing:
        keys = [key for key in missing if key != "draws"]
        hint = "name an experiment of the study" + (f", or {' and '.join(keys)}" if keys == missing else "")
        text = f"missing: kind '{question.kind}' needs {' and '.join(missing)}. Hint: {hint}"
        yield Mistake(path, text)
    yield from _unread(asked, module.NEEDS | getattr(module, "READS", frozenset({*OWN, *OTHERS})))
    yield from _unknown_methods(asked, getattr(module, "NAMES_METHODS", ()))
    yield from _unknown_classes(asked)
    if registry.companion_name(question.kind, "planning") is None:
        yield from _levels(asked)
    if question.dataset and (shape := asked.shapes.get(question.dataset)) is not None:
        for teacher in (teacher for teacher in question.teachers if teacher in asked.config.teachers):
            yield from teacher_fits(asked.config, path, question.dataset, shape, teacher)
    if (checks := registry.companion(question.kind, "checks")) is not None:
        yield from checks.mistakes(asked)


def _unread(asked: Asked, read: frozenset[str]) -> Iterator[Mistake]:
    """Keys that the kind would ignore."""
    for key in (*OWN, *OTHERS):
        if key in asked.question.model_fields_set and key not in read:
            value, allowed = getattr(asked.question, key), f"nothing, because kind '{asked.question.kind}' does not use it"
            shown = value.model_dump(by_alias=True, exclude_unset=True) if hasattr(value, "model_dump") else value
            yield Mistake((*asked.path, key), sentence(shown, allowed, f"remove {key}"))


def _levels(asked: Asked) -> Iterator[Mistake]:
    """The strength of the teachers' term, over the levels that the question's settings are merged of."""
    study, of = asked.path[:2], asked.experiment
    over = [((*study, "experiments", str(asked.question.experiment)), of.posterior)] if of else []
    levels = [(asked.path, asked.question.posterior), *over, (study, asked.study.posterior), ((), asked.config.posterior)]
    yield from strength_mistakes(levels)


def _unknown_methods(asked: Asked, keys: Sequence[str]) -> Iterator[Mistake]:
    """Settings that name methods which the experiment does not have, or which the question was told to leave out."""
    if asked.experiment is None:
        return
    known, settings = asked.experiment.methods, asked.settings
    for key in keys:
        value = getattr(settings, key)
        named = value if isinstance(value, tuple) else () if value is None else (value,)
        for name in named:
            if name not in known:
                yield Mistake((*asked.path, "settings", key), choice(name, known))
        known = value if isinstance(value, tuple) and value else known


def _unknown_classes(asked: Asked) -> Iterator[Mistake]:
    """Designated classes that the dataset does not have, as far as settings tell its classes."""
    shape = asked.shapes.get(asked.dataset)
    for index, name in enumerate(asked.question.settings.get("classes") or ()):
        if shape is not None and name not in shape.class_names:
            yield Mistake((*asked.path, "settings", "classes", index), choice(name, shape.class_names))


def _unknown(declared: Mapping[str, Sequence[str]], path: KeyPath, named: Mapping[str, object]) -> Iterator[Mistake]:
    for key, section in (("dataset", "datasets"), ("student", "students")):
        if (name := named[key]) is not None and name not in declared[section]:
            yield Mistake((*path, key), choice(name, declared[section]))
    teachers = named["teachers"]
    assert isinstance(teachers, tuple)
    for index, name in enumerate(teachers):
        if name not in declared["teachers"]:
            yield Mistake((*path, "teachers", index), choice(name, declared["teachers"]))
