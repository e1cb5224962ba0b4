"""Entries of a checked configuration as jobs take them: a dataset, a teacher on it, a fit, with every name followed."""

from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.settings import dump, merged, settings_of
from mtbkd.contracts.artefacts import digest
from mtbkd.data.datasets import redrawn
from mtbkd.inference.fitting import Spec
from mtbkd.inference.tuning import ALWAYS_USED, UNUSED, read_settings
from mtbkd.study.planned import DataPlan, TeacherPlan

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment, StudentEntry, Study


def data_of(config: "Config", name: str) -> DataPlan:
    """The dataset ``name``."""
    entry = config.datasets[name]
    module = registry.part("dataset", entry.kind)
    typed = settings_of("dataset", entry.kind, entry.settings)
    settings = dump(typed)
    raw = module.raw_files(typed) if hasattr(module, "raw_files") else module.RAW
    key = digest({"kind": entry.kind, "settings": settings, "seed": config.seed})
    simulated, anew = module.SIMULATED, redrawn(module)
    return DataPlan(name, entry.kind, settings, config.seed, simulated, anew, tuple(raw), f"{name}-{key}")


def teacher_of(config: "Config", name: str, data: DataPlan) -> TeacherPlan:
    """The teacher ``name`` on ``data``."""
    entry = config.teachers[name]
    typed = settings_of("teacher", entry.family, entry.settings)
    settings, raw = dump(typed), tuple(registry.part("teacher", entry.family).raw_files(typed))
    basis = {"family": entry.family, "domain": entry.domain, "settings": settings, "data_key": data.key}
    key = f"{name}-{digest({**basis, 'seed': config.seed})}"
    return TeacherPlan(name, entry.family, entry.domain, settings, config.seed, raw, data.key, key)


def student_of(entry: "StudentEntry") -> dict[str, Any]:
    """A student with its settings, and with hashes of the user's files that they name: what is fitted anew when they change."""
    settings = settings_of("student", entry.architecture, entry.settings)
    stamped = getattr(registry.part("student", entry.architecture), "stamped", lambda settings: settings)
    return {"architecture": entry.architecture, "settings": dump(stamped(settings))}


def fit_of(config: "Config", study: "Study", experiment: "Experiment", name: str) -> dict[str, Any]:
    """Content of the ``mtbkd.inference.fitting.Spec`` of the method ``name`` in an experiment."""
    method, student = config.methods[name], config.students[experiment.student]
    tuned = config.methods[method.tuned_by] if method.tuned_by else None
    posterior = dump(merged(config.posterior, study.posterior, experiment.posterior, method.posterior))
    # What the signal does not use must not enter: a new grid for lambda leaves labels-only fits as they are.
    uses = registry.part("signal", method.signal).USES
    read = read_settings(posterior, uses)

    def part(kind: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "settings": dump(settings_of(kind, name, settings))}

    content = {
        "method": name,
        "dataset": experiment.dataset,
        "student": student_of(student),
        "signal": part("signal", method.signal, method.signal_settings),
        "weights": method.weights,
        "weights_settings": dump(settings_of("weights", method.weights, method.weights_settings)) if method.weights else {},
        "teacher_scaling": method.teacher_scaling,
        "inference": part("inference", method.inference, method.settings),
        "tuned_by": tuned and part("inference", tuned.inference, tuned.settings),
        "tuned_on": method.tuned_on,
        "layers": method.layers,
        "stack_chains": method.stack_chains,
        "student_scaling": method.student_scaling,
        "conformal_folds": method.conformal_folds,
        "posterior": {key: grid if key in uses | ALWAYS_USED else UNUSED for key, grid in read.items()},
        "training": dump(merged(config.training, study.training, experiment.training)),
        "output": dump(merged(config.output, study.output)),
        "seed": config.seed,
        "device": config.device,
    }
    return dump(Spec.model_validate(content))


def parts_of_fit(spec: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """(kind, name) of the registered parts of a fit."""
    parts = [("student", spec["student"]["architecture"]), ("signal", spec["signal"]["name"])]
    judges = [spec["tuned_by"]["name"]] if spec["tuned_by"] else ["smc"] if spec["tuned_on"].startswith("evidence") else []
    parts += [("inference", name) for name in dict.fromkeys([spec["inference"]["name"], *judges])]
    return (*parts, *([("weights", spec["weights"])] if spec["weights"] else []))
