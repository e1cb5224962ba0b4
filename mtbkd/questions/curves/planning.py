"""The parts of a label-count curve: every set of teachers with every method, the method without teachers once."""

from mtbkd.base import registry
from mtbkd.base.settings import dump
from mtbkd.questions.curves.spec import NO_TEACHERS, Joined, References, Settings, Spec
from mtbkd.study.asked import Asked
from mtbkd.study.questions import Part, Resolved
from mtbkd.study.resolve import data_of, fit_of, parts_of_fit, teacher_of


def resolve(asked: Asked) -> Resolved:
    """A part of the step ``fits`` for each set and method, and one of the step ``references``."""
    config, settings, name = asked.config, asked.settings, str(asked.path[-1])
    data = data_of(config, asked.dataset)
    sets = {title: tuple(teacher_of(config, t, data) for t in own) for title, own in settings.teachers.items()}
    alike = asked.alike(settings.methods, ())
    fits = {method: fit_of(config, asked.study, alike, method) for method in settings.methods}
    baseline = next(method for method, fit in fits.items() if fit["signal"]["name"] == "none")
    pairs = [(NO_TEACHERS, baseline), *((title, m) for title in sets for m in fits if m != baseline)]
    parts = {}
    for title, method in pairs:
        asks = {"curve": name, "teachers": title, "fit": fits[method], "steps": _steps(settings, fits[method])}
        spec = Spec.model_validate({**asks, **settings.model_dump(include={"labels", "folds", "transfer"})})
        parts[f"{title}/{method}"] = Part(dump(spec), sets.get(title, ()), uses=parts_of_fit(fits[method]))
    asks = {"curve": name, "labels": settings.labels, "transfer": settings.transfer, "seed": config.seed}
    beside = References.model_validate({**asks, "sets": settings.teachers})
    everyone = tuple({teacher.key: teacher for own in sets.values() for teacher in own}.values())
    controls = [title for title, own in sets.items() if not any(_informed(teacher.family) for teacher in own)]
    candidates = {method: {"signal": fit["signal"], "posterior": fit["posterior"]} for method, fit in fits.items()}
    joined = Joined.model_validate({"sets": list(sets), "controls": controls, "candidates": candidates})
    return Resolved(dump(joined), {"fits": parts, "references": {"teachers": Part(dump(beside), everyone)}})


def _steps(settings: Settings, fit: dict) -> tuple[int, ...]:
    return settings.steps or (fit["training"]["steps"],)


def _informed(family: str) -> bool:
    return getattr(registry.part("teacher", family), "INFORMED", True)
