"""What a search depends on: data and teachers as configured, by printed column, and what is tried in their place."""

from typing import Any

from mtbkd.base.settings import dump
from mtbkd.questions.search.spec import OF_STUDENTS, Settings, Spec
from mtbkd.study.asked import Asked
from mtbkd.study.questions import Resolved
from mtbkd.study.resolve import data_of, fit_of, parts_of_fit, teacher_of


def resolve(asked: Asked) -> Resolved:
    """One job."""
    config, settings, of = asked.config, asked.settings, asked.experiment
    data = data_of(config, asked.dataset)
    columns = settings.teachers or {f"T{at}": entry for at, entry in enumerate(of.teachers if of else (), 1)}
    teachers = {column: teacher_of(config, entry, data) for column, entry in columns.items()}
    keys = ("name", "family", "domain", "settings")
    configured = [{"column": column, **{key: getattr(plan, key) for key in keys}} for column, plan in teachers.items()]
    fits = _fits(asked, settings)
    spec = Spec.model_validate({
        **{key: getattr(settings, key) for key in ("replicates", "grid", "dataset_grid")},
        **{"name": str(asked.path[-1]), "dataset": data.name, "kind": data.kind, "settings": data.settings, "seed": data.seed},
        **{"subject": "students" if fits else "teachers", "device": config.device, "teachers": configured},
        "published": of.published if of and fits else settings.published,
        "students": {"fits": fits, **{key: getattr(settings, key) for key in OF_STUDENTS}} if fits else None,
        "first": _first(asked) if fits else 0,
    })  # fmt: skip
    uses = [("dataset", data.kind), *(("teacher", teacher.family) for teacher in teachers.values())]
    uses += [use for fit in fits.values() for use in parts_of_fit(fit)]
    return Resolved(dump(spec), uses=tuple(dict.fromkeys(uses)))


def _fits(asked: Asked, settings: Settings) -> dict[str, dict[str, Any]]:
    of = asked.experiment
    return {column: fit_of(asked.config, asked.study, of, name) for column, name in settings.methods.items()} if of else {}


def _first(asked: Asked) -> int:
    """The first replicate that no experiment of the study reports."""
    return max(each.replicates or asked.study.replicates for each in asked.study.experiments.values())
