"""The same posteriors on a device and on the CPU: densities and gradients number by number, fits by what they predict.

Densities and gradients are held against the CPU's in double precision. Fits differ in their random numbers, which every kind of
device draws by itself: their mean probabilities are compared, and beside them stands what another seed changes on the CPU.
Samplers are also judged on a posterior that is known exactly, as the study ``validation`` judges them.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import torch
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.contracts.artefacts import SPLITS, Dataset, Logits, ids_digest
from mtbkd.inference import Context
from mtbkd.inference.fitting import Spec, fit
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.questions.exact.cases import gaussian
from mtbkd.questions.exact.judge import judge
from mtbkd.students import init_ensemble

# Largest relative error of float32 against the CPU's float64. CUDA's convolutions round to TF32's 10 bits.
EXACT, ROUNDED = 1e-4, 2e-2
SAME = 0.05  # largest mean absolute difference of probabilities, or twice that of two seeds on the CPU
FEATURES, CLASSES, REPLICATES, CHAINS = {"cnn": (2, 8, 8)}, 3, 2, 4
PLAIN, ON_IMAGES, ON_HIDDEN = (3,), ("map", "sgld", "vi", "dropout", "ensemble"), ("map", "hmc")
BY_LAMBDA, BY_KAPPA, NO_TEACHER = "lambda, beta", "kappa", "kappa, no teacher"  # what tells how strong the teachers are
POINT, ON_CPU = "claims no posterior", "PyMC computes it, on the CPU"
# What makes a fit small, for every Settings that has a field of that name.
SMALL: dict[str, Any] = {
    "thin": 5,
    "warmup": 150,
    "starts": 2,
    "cycles": 2,
    "chains": CHAINS,
    "draws": 200,
    "rounds": 1,
    "particles": 100,
    "hidden": (6,),
    "channels": (4,),
}
TOLD: dict[str, dict[str, Any]] = {
    "mtbkd.students.module": {"path": "torch.nn.LazyLinear", "arguments": {"out_features": CLASSES}}
}


def densities(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {student, signal, strength, density, gradient, minibatch, tolerance, agrees}: relative errors on the device."""
    return [
        _density(student, signal, strength, device)
        for student in registry.KINDS["student"]
        for signal in registry.KINDS["signal"]
        for strength in strengths(signal)
    ]


def strengths(signal: str) -> tuple[str, ...]:
    """The ways to give the strength of the teachers that ``signal`` knows."""
    uses = registry.part("signal", signal).USES
    return (BY_LAMBDA, NO_TEACHER if "no_teacher" in uses else BY_KAPPA) if "kappa" in uses else ("",)


def _density(student: str, signal: str, strength: str, device: str) -> dict[str, Any]:
    problem = random_problem(student, signal, strength)
    exact, there = on(problem, "cpu", torch.float64), on(problem, device)
    params = init_ensemble(problem.student, list(range(CHAINS * REPLICATES)))
    units, found = problem.members(CHAINS), {}
    for what in ("log_density", "gradient"):
        wanted, got = (
            _of(where, what, params.to(where.x), units.to(where.x.device)) for where in (exact, there)
        )  # fmt: skip
        found[what] = float((got.cpu().double() - wanted).norm() / wanted.norm())
    tolerance = ROUNDED if student == "cnn" else EXACT
    agrees = all(error <= tolerance for error in found.values())
    of = {"student": student, "signal": signal, "strength": strength}
    return {**of, **found, "tolerance": tolerance, "agrees": agrees}


def _of(problem: Problem, what: str, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
    if what == "log_density":
        return problem.log_density(params, units)
    return problem.gradient(params, units, problem.full(units))


def random_problem(student: str, signal: str, strength: str = BY_LAMBDA) -> Problem:
    """A posterior of two replicates on the CPU, none of whose shared settings is 1."""
    data, module = dataset(student), registry.part("signal", signal)
    built = registry.part("student", student)
    net = built.build(small(built), data.x.shape[2:], CLASSES)
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((*data.y.shape, 2, CLASSES), generator=generator) if signal != "none" else None
    weights = torch.softmax(torch.randn((*data.y.shape, 2), generator=generator), -1)
    lam, beta, scale, teacher, own = torch.tensor([[2.0, 3.0], [0.5, 0.8], [0.7, 2.0], [1.5, 2.0], [1.2, 0.9]])
    shared = Shared(lam, beta, scale, teacher, own, torch.tensor([0.5, 1.0]))
    if strength in (BY_KAPPA, NO_TEACHER):
        shared = replace(shared, no_teacher=torch.tensor([0.1, 0.3]) if strength == NO_TEACHER else None, kappa=lam * beta)
    return make_problem(
        net, net.inputs(torch.as_tensor(data.x)), torch.as_tensor(data.y), torch.arange(REPLICATES), module,
        module.Settings(), shared, logits, weights, torch.zeros(REPLICATES, dtype=torch.int64),
    )  # fmt: skip


def on(problem: Problem, device: str, dtype: "torch.dtype | None" = None) -> Problem:
    """The problem with all its tensors on ``device``, its floating-point numbers in ``dtype``."""

    def moved(value: "torch.Tensor | None") -> "torch.Tensor | None":
        return value if value is None else value.to(device, dtype if value.is_floating_point() else None)

    shared: dict[str, Any] = {name: moved(value) for name, value in vars(problem.shared).items()}
    return replace(
        problem, x=moved(problem.x), y=moved(problem.y), data_row=moved(problem.data_row), shared=Shared(**shared),
        constants={name: moved(value) for name, value in problem.constants.items()},
    )  # fmt: skip


def small(module: ModuleType, **more: Any) -> Any:
    """The part's Settings with the sizes of SMALL and ``more`` that it knows, and what it must be told."""
    known, told = module.Settings.model_fields, TOLD.get(module.__name__, {})
    return module.Settings.model_validate({name: value for name, value in (SMALL | more).items() if name in known} | told)


def dataset(student: str) -> Dataset:
    """Three overlapping classes for the ``student``: 120 training, 40 validation and 100 test examples, a third unlabelled."""
    rng, split, features = np.random.default_rng(0), np.repeat(SPLITS, (120, 40, 100)), FEATURES.get(student, PLAIN)
    y = rng.integers(0, CLASSES, (REPLICATES, len(split)))
    centre = (y - 1).reshape(*y.shape, *[1] * len(features)) * (2.0 / np.prod(features) ** 0.5)
    x = rng.normal(size=(REPLICATES, len(split), *features)) + centre
    hidden = (split == "train") & (np.arange(len(split)) % 3 == 0)
    ids = np.array([f"toy{i}" for i in range(len(split))])
    return Dataset("toy", x.astype(np.float32), np.where(hidden, -1, y), split, ("a", "b", "c"), ids, teacher_y=y).validate()


def teachers(data: Dataset) -> list[Logits]:
    """Two teachers, each right more often than not."""
    truth, found = data.teacher_y, []
    assert truth is not None
    for number in range(2):
        noise = np.random.default_rng(1 + number).normal(size=(*truth.shape, CLASSES))
        logits = (1.5 * np.eye(CLASSES)[truth] + noise).astype(np.float32)
        found.append(Logits(f"t{number}", logits, np.ones(data.num_examples, bool), ids_digest(data.ids)))
    return found


def fits(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {student, signal, strength, inference, difference, by_seed, seconds, cpu_seconds, agrees}; a ``note`` instead of
    the numbers where a fit is not the device's."""
    return [_compared(*names, device, sizes) for names in combinations()]


def combinations() -> Iterator[tuple[str, str, str, str]]:
    """(student, signal, strength, inference): every signal as MAP on a small student, every algorithm on one, and those on the
    other students that are affordable there or move in coordinates of their own."""
    for signal in registry.KINDS["signal"]:
        yield from (("linear", signal, strength, "map") for strength in strengths(signal))
    for name in registry.KINDS["inference"]:
        if name != "map":
            yield "mlp" if registry.part("inference", name).NEEDS_HIDDEN else "linear", "tip", BY_LAMBDA, name
    for student, names in ("mlp", ON_HIDDEN), ("cnn", ON_IMAGES):
        yield from ((student, "tip", BY_LAMBDA, name) for name in names)


def spec(student: str, signal: str, strength: str, inference: str, sizes: Sizes, seed: int, device: str) -> Spec:
    """One fit of two replicates, through all of ``mtbkd.inference.fitting``, tuning included."""
    built, module = registry.part("student", student), registry.part("inference", inference)
    known = small(module, steps=sizes.inference, burn_in=sizes.inference // 3).model_dump(exclude_unset=True)
    one = {"teacher_temperature": [1.0], "student_temperature": [1.0], "temperature": [1.0]}
    given: dict[str, Any] = {"lambda": [2.0], "beta": [1.0]}
    if strength in (BY_KAPPA, NO_TEACHER):
        given = {"kappa": [2.0], "lambda": ["kappa", 0.5]} | ({"no_teacher": [0.2]} if strength == NO_TEACHER else {})
    return Spec.model_validate({
        "method": f"{signal}_{inference}", "dataset": "toy",
        "student": {"architecture": student, "settings": small(built).model_dump(exclude_unset=True)},
        "signal": {"name": signal}, "weights": "entropy" if registry.part("signal", signal).NEEDS_WEIGHTS else None,
        "inference": {"name": inference, "settings": known},
        "posterior": {**given, "prior_scale": [0.5, 1.0], **one},
        "training": {"steps": sizes.training, "restarts": 2}, "output": {}, "seed": seed, "device": device,
    })  # fmt: skip


def _compared(student: str, signal: str, strength: str, inference: str, device: str, sizes: Sizes) -> dict[str, Any]:
    of = {"student": student, "signal": signal, "strength": strength, "inference": inference}
    if registry.part("inference", inference).NEEDS_SYMBOLIC:
        return {**of, "note": ON_CPU}
    data = dataset(student)
    runs = [("cpu", 1), ("cpu", 2), (device, 1)]
    found = [
        fit(spec(student, signal, strength, inference, sizes, seed, where), data, teachers(data), range(2))
        for where, seed in runs
    ]
    here, other, there = (each.prob.mean((1, 2), dtype=np.float64) for each in found)
    difference, by_seed = float(np.abs(here - there).mean()), float(np.abs(here - other).mean())
    return {
        **of, "difference": difference, "by_seed": by_seed,
        "seconds": found[2].attrs["wall_s"], "cpu_seconds": found[0].attrs["wall_s"],
        "agrees": bool(difference <= max(SAME, 2 * by_seed)),
    }  # fmt: skip


def known(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {inference, verdict, cpu_verdict, mean_error, sd_ratio, seconds, cpu_seconds, agrees} on five correlated normals, of
    every algorithm; a ``note`` instead of the numbers where there is nothing to judge."""
    found = []
    for name in registry.KINDS["inference"]:
        if note := _not_judged(name, sizes):
            found.append({"inference": name, "note": note})
            continue
        here, there = (_judged(name, sizes.known[name], where) for where in ("cpu", device))
        cpu = {f"cpu_{key}": here[key] for key in ("verdict", "seconds")}
        found.append({"inference": name, **there, **cpu, "agrees": there["verdict"] != "fails"})
    return found


def _not_judged(name: str, sizes: Sizes) -> str:
    """Why, empty where it is judged; with the full sizes every algorithm that claims a posterior is."""
    module = registry.part("inference", name)
    if not module.CLAIMS_POSTERIOR or module.NEEDS_SYMBOLIC:
        return ON_CPU if module.NEEDS_SYMBOLIC else POINT
    return "" if name in sizes.known else "too slow for a rehearsal"


def _judged(name: str, settings: dict[str, Any], device: str) -> dict[str, Any]:
    """The worst of all quantities."""
    case, module = gaussian(), registry.part("inference", name)
    case = replace(case, target=replace(case.target, device=device))  # pyright: ignore[reportArgumentType]
    context = Context(0, (0,), Training.model_validate({"restarts": 1}), device)
    rows = judge(case, module, module.Settings.model_validate(settings), context)
    verdicts = {row["verdict"] for row in rows}
    return {
        "verdict": next(word for word in ("fails", "draws too few", "recovers") if word in verdicts),
        "mean_error": max((row["mean_error"] for row in rows), key=abs),
        "sd_ratio": max((row["sd_ratio"] for row in rows), key=lambda ratio: abs(ratio - 1)),
        "seconds": rows[0]["seconds"],
    }  # fmt: skip
