"""From the settings of an estimator to what a fit depends on: a study of one experiment, checked and planned as any other.

So every mistake in a setting has the message that config.yaml's would have, and the same settings give the same fit.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from mtbkd.base import registry
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.base.explain import choice, clean, validate
from mtbkd.base.settings import dump, settings_of
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference import most_params
from mtbkd.inference.fitting import Spec
from mtbkd.serving.bundle import OWN as OWN_STUDY
from mtbkd.serving.given import NAME
from mtbkd.serving.modules import Wanted, wanted
from mtbkd.study import likeness
from mtbkd.study.checking.students import Known, unsuited
from mtbkd.study.config import load
from mtbkd.study.extent import gigabytes_here, needs_here
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.study_files import CONFIG, read_configuration

ABOUT = "One fit on data of your own; its test rows chose no setting."
OWN = "own"  # a method made of parts
NO_TEACHER = "no_teacher"  # a study names at least one; nobody reads this one
SAMPLED = 150  # weights of a last layer, or of a linear student, up to which Hamiltonian Monte Carlo takes seconds
MODULES = "a torch module is handed over, or named: mypackage.nets.Net, nets.py:Net, torchvision.models.resnet18"
LARGE = 200_000  # weights beyond which only the last layer is drawn
HMC = {"draws": 500}  # of each of four chains: effective sample sizes well above 400


class Asked(NamedTuple):
    """The settings of an estimator that a method and its student are made of; None and {} where left out."""

    method: str | None
    signal: str | None
    signal_settings: Mapping[str, Any]
    weights: str | None
    inference: str | None
    settings: Mapping[str, Any]
    layers: str | None
    tuned_on: str | None
    student_scaling: bool
    student: Any
    hidden: tuple[int, ...]
    grid: Mapping[str, Any]
    training: Mapping[str, Any]
    device: str
    seed: int
    weights_settings: Mapping[str, Any] = MappingProxyType({})
    teacher_scaling: str | None = None


class Chosen(NamedTuple):
    """What is fitted; ``told`` says in one line which method it is and why."""

    plan: Plan
    spec: Spec
    told: str


@cache
def shipped() -> dict[str, Any]:
    """config.yaml and all studies, each entry with what it is like."""
    if not CONFIG.is_file():
        raise ConfigError(f"{CONFIG}: no such file; methods, grids and optimiser are read from it. Hint: install mtbkd again")
    return likeness.resolve(clean(read_configuration()))[0]


def choose(asked: Asked, dataset: Dataset, teachers: tuple[str, ...]) -> Chosen:
    """The plan and specification of a fit on ``dataset`` with ``teachers``, by name.

    Raises:
        ConfigError: a setting that its part does not take, a name that nothing has; a line for every mistake.
        ContractError: a student with more parameters than the inference takes.
    """
    for name in ("grid", "training", "settings", "signal_settings", "weights_settings"):
        if not isinstance(value := getattr(asked, name), Mapping):
            raise ConfigError(f"{name}: found {type(value).__name__}; allowed: a dictionary of names and values")
    entry, given = _student(asked)
    known = _known(entry, given, dataset)
    size, hidden = known.size
    last = (hidden[-1] + 1) * known.classes if hidden else size
    name, method, told = _method(asked, size, last, len(teachers))
    if not teachers:
        told += "; without teachers it learns from labels alone" if method["signal"] != "none" else ""
        method = {
            **method,
            "signal": "none",
            "signal_settings": {},
            "weights": None,
            "weights_settings": {},
            "teacher_scaling": "none",
        }
    elif method["signal"] == "none":
        told += "; it learns from labels alone, whatever its teachers say"
    if name == OWN:
        signal = "labels" if method["signal"] == "none" else method["signal"]
        name = "_".join(filter(None, (OWN, signal, method.get("weights"), method["inference"])))
    config = load(_content(asked, name, method, entry, teachers or (NO_TEACHER,)))
    plan = make_plan(config)
    if not teachers:
        plan = replace(plan, experiments={NAME: replace(plan.experiments[NAME], teachers=())})
    spec = Spec.model_validate(plan.experiments[NAME].methods[name])
    spec = spec.model_copy(update={"student": spec.student.model_copy(update={"given": given})})
    _check_size(spec, last if spec.layers == "last" else size)
    if mistakes := [str(mistake) for mistake in unsuited(("method",), name, config.methods[name], known)]:
        raise ConfigError("; ".join(mistakes))
    _check_memory(spec, known)
    return Chosen(plan, spec, f"method {name}: {told}")


def _known(student: Mapping[str, Any], given: Any, dataset: Dataset) -> Known:
    """The student on these data."""
    architecture = str(student["architecture"])
    module = registry.part("student", architecture)
    settings, mistakes = validate(module.Settings, student["settings"], ("student",))
    if settings is None:
        raise ConfigError("; ".join(map(str, mistakes)))
    of = settings, dataset.x.shape[2:], dataset.num_classes
    if given is not None:
        built = module.build_from(given, *of)
        return Known("student", architecture, (built.num_params, built.hidden), dataset.num_classes, built.unmasked)
    unmasked = module.unmasked(*of) if hasattr(module, "unmasked") else ()
    size = module.num_params(*of), module.hidden_sizes(*of)
    return Known("student", architecture, size, dataset.num_classes, unmasked)


def _student(asked: Asked) -> Wanted:
    """An entry of students: an architecture with its settings, one of config.yaml by name, or a torch module."""
    named, entries = asked.student, shipped()["students"]
    if named == "mlp":
        return Wanted({"architecture": "mlp", "settings": {"hidden": clean(asked.hidden)}}, None)
    if isinstance(named, str) and named in registry.STUDENTS:
        return Wanted({"architecture": named, "settings": {}}, None)
    if isinstance(named, str) and named in entries:
        return Wanted({"settings": {}, **entries[named]}, None)
    if found := wanted(named):
        return found
    if isinstance(named, Mapping):
        return Wanted({"architecture": "mlp", "settings": {}, **clean(dict(named))}, None)
    shown = named if isinstance(named, str) else type(named).__name__
    raise ConfigError(f"student: {choice(shown, {*registry.STUDENTS, *entries}, MODULES)}")


def _method(asked: Asked, size: int, last: int, teachers: int) -> tuple[str, dict[str, Any], str]:
    """Name and entry of the method, and how it came about, in words."""
    parts = {
        key: clean(value)
        for key in ("signal", "weights", "teacher_scaling", "inference", "layers", "tuned_on", "student_scaling")
        if (value := getattr(asked, key))
    }
    parts |= {
        key: clean(dict(value)) for key in ("signal_settings", "weights_settings", "settings") if (value := getattr(asked, key))
    }
    if asked.method is not None:
        entries = shipped()["methods"]
        if asked.method not in entries:
            raise ConfigError(f"method: {choice(asked.method, entries)}")
        entry = deepcopy(entries[asked.method])
        for part, own in (("signal", "signal_settings"), ("weights", "weights_settings"), ("inference", "settings")):
            if part in parts and parts[part] != entry.get(part):
                entry.pop(own, None)  # those of the part that it replaces
        settings = {**entry.get("settings", {}), **parts.pop("settings", {})}
        return asked.method, {**entry, **parts, "settings": settings}, "as in config.yaml"
    signal = parts.get("signal", "tip")
    weighs = signal not in registry.SIGNALS or registry.part("signal", signal).NEEDS_WEIGHTS  # an unknown one is told later
    base = {"signal": signal, "weights": ("entropy" if teachers > 1 else "equal") if weighs else None}
    if "inference" in parts:
        return OWN, {**base, **parts}, f"inference {parts['inference']}"
    found, why = _by_size(size, last)
    return OWN, {**base, **found, **parts}, why


def _by_size(size: int, last: int) -> tuple[dict[str, Any], str]:
    """What passes its gates at this size, in seconds."""
    layers = {} if last == size else {"layers": "last"}
    drawn = f"the last layer ({last:,} of {size:,} weights)" if layers else f"all {size:,} weights"
    if last <= SAMPLED:
        return {**layers, "inference": "hmc_laplace", "settings": HMC}, f"hmc_laplace of {drawn}, at most {SAMPLED}"
    low_rank = {"inference": "vi", "settings": {"family": "low_rank"}}
    if layers and size > LARGE:
        return {**layers, **low_rank}, f"vi of low rank of {drawn}, which are more than {LARGE:,} in all"
    told = f"vi of low rank of all {size:,} weights, as the last layer's {last:,} are more than the {SAMPLED} that are sampled"
    return low_rank, told


def _content(
    asked: Asked, name: str, method: Mapping[str, Any], student: Mapping[str, Any], teachers: tuple[str, ...]
) -> dict[str, Any]:  # fmt: skip
    """A configuration with one study of one experiment."""
    base = shipped()
    tuned_by = {key: base["methods"][key] for key in [method.get("tuned_by")] if key in base["methods"]}
    posterior = {**method.get("posterior", {}), **clean(dict(asked.grid))}
    experiment = {"dataset": NAME, "teachers": list(teachers), "student": "student", "methods": [name]}
    return {
        "study": OWN_STUDY, "seed": asked.seed, "device": asked.device, "posterior": base["posterior"],
        "training": {**base["training"], **clean(dict(asked.training))},
        "output": {**base["output"], "keep_params": True},
        "datasets": {NAME: {"kind": "table", "settings": {"path": NAME, "label": "y"}}},
        "teachers": {teacher: {"family": "released", "settings": {"path": teacher}} for teacher in teachers},
        "students": {"student": dict(student)},
        "methods": {**tuned_by, name: {**method, "posterior": posterior}},
        "studies": {OWN_STUDY: {"description": ABOUT, "levels": [0.5, 0.9, 0.95], "experiments": {NAME: experiment}}},
    }  # fmt: skip


def _check_size(spec: Spec, drawn: int) -> None:
    """ContractError where the inference does not take so many parameters."""
    inference = registry.part("inference", spec.inference.name)
    most = most_params(inference, settings_of("inference", spec.inference.name, dump(spec.inference)["settings"]))
    if most is not None and drawn > most:
        raise ContractError("student", "parameters", f"{drawn:,}", f"at most {most:,} for inference {spec.inference.name}",
                            'take fewer hidden units, inference="vi"' + ("" if spec.layers == "last" else ' or layers="last"')
                            )  # fmt: skip


def _check_memory(spec: Spec, known: Known) -> None:
    """ContractError where this machine does not hold what the fit needs."""
    here = gigabytes_here(spec.device)
    for hint, need in needs_here(spec, known.size, known.classes).items():
        if need.gigabytes > here:
            less = "" if spec.layers == "last" or not known.size[1] else ', or layers="last"'
            raise ContractError("fit", "memory", need, f"at most {here:,.1f} GB, as this machine has", hint + less)
