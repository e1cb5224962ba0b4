"""Fit one method on one block of replicates: tune the shared settings, run the inference, keep function-space draws.

Everything a fit depends on is in its ``Spec``, its data and its teachers' logits; the rule passes exactly these.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.bounds import Folds, Seed
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.progress import stage
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.contracts.draws import Draws
from mtbkd.inference import Context, Fit, averaging, chain_stacking, convergence, student_scaling, within_chains
from mtbkd.inference.arrival import shortfalls
from mtbkd.inference.choosing import AVERAGE, TunedOn, judge_of, way
from mtbkd.inference.cross_fitting import cross_fit
from mtbkd.inference.function_space import Output, function_space, kept_draws, kept_of_chain
from mtbkd.inference.last_layer import Frozen
from mtbkd.inference.optimise import Training
from mtbkd.inference.sharpness import COLUMN, sharpness
from mtbkd.inference.temperature import temperatures
from mtbkd.inference.tuning import shared_of, tune
from mtbkd.pooling import context as weighing
from mtbkd.pooling import unseen
from mtbkd.pooling.scaling import Scaling, scaled
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.students import Student

log = logging.getLogger(__name__)


class Named(BaseModel):
    """A registered part with its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    settings: dict[str, Any] = {}


class StudentSpec(BaseModel):
    """The student's architecture with its settings; ``given``: a module handed over in Python, which no file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    settings: dict[str, Any] = {}
    given: Any = Field(None, exclude=True, repr=False)


class Spec(BaseModel):
    """All settings that a fit depends on; ``posterior`` holds the candidates of each shared setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    dataset: str
    student: StudentSpec
    signal: Named
    weights: str | None
    weights_settings: dict[str, Any] = {}
    teacher_scaling: Scaling = "none"
    inference: Named
    tuned_by: Named | None = None
    tuned_on: TunedOn = "validation"
    layers: Literal["all", "last"] = "all"
    stack_chains: bool = False
    student_scaling: bool = False
    conformal_folds: Folds = 0
    posterior: dict[str, list[float | Literal["kappa"]]]
    training: Training
    output: Output
    seed: Seed
    device: Literal["auto", "cpu", "cuda"] = "auto"


@dataclass(frozen=True)
class Material:
    """A block's data and teachers as tensors: ``rows`` of it in ``x`` (D, n, ...), ``y`` and ``domain`` (D, n), D = R or 1."""

    x: "torch.Tensor"
    y: "torch.Tensor"
    logits: "torch.Tensor | None"
    weights: "torch.Tensor | None"
    domain: "torch.Tensor | None" = None


def fit(spec: Spec, dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> Draws:
    """Draws of the method's posterior for ``replicates``.

    Args:
        spec: the settings.
        dataset: with R = len(replicates), or R = 1 (real data), then replicates differ by the student's seeds.
        teachers: logits that cover the training split; unused by the ``none`` signal.
        replicates: the replicates' numbers.
    """
    started = time.monotonic()
    if spec.stack_chains:
        chain_stacking.check_labels(dataset, spec.method)
    device = resolve_device(spec.device)
    student = student_of(spec, dataset)
    teachers = scaled(teachers, dataset, spec.teacher_scaling, spec.seed)
    training = material_of(spec, student, dataset, teachers, device)
    context = Context(spec.seed, tuple(replicates), spec.training, device, curves=[])
    best = best_teacher(spec, teachers, dataset, device)
    make = partial(_problem, spec, student, training, best, device)
    signal = registry.part("signal", spec.signal.name)
    tuning = tune(spec.posterior, signal.USES, make, dataset, context, way(spec.tuned_on, judge_of(spec), dataset))
    if spec.tuned_on == AVERAGE and len(tuning) > len(replicates):
        units, weight = averaging.contributing(tuning, len(replicates))
        several = replace(context, replicates=tuple(unit["replicate"] for unit in units))
        draws = averaging.mixed(_drawn(spec, make(units), dataset, several, started), weight, spec.seed)
    else:
        problem = make([next(row for row in tuning if row["replicate"] == r and row["chosen"]) for r in replicates])
        draws = _drawn(spec, problem, dataset, context, started)
    draws.attrs.update(_attributes(spec, student, dataset, teachers, device))
    draws.tuning.extend(tuning)
    return draws


def _drawn(spec: Spec, problem: Problem, dataset: Dataset, context: Context, started: float) -> Draws:
    """Draws of the tuned posterior, or of its last layer, judged by the gates."""
    inference = registry.part("inference", spec.inference.name)
    settings = inference.Settings.model_validate(spec.inference.settings)
    problem_of_all = problem
    with stage("fit of all layers"):
        frozen = Frozen.of(problem, dataset, context) if spec.layers == "last" else None
    if frozen:
        problem, dataset = frozen.problem, frozen.dataset
    tuned = time.monotonic()
    with stage("fit"):
        result = inference.run(problem, settings, inference.init(problem, settings, context), context)
    inference_s = round(time.monotonic() - tuned, 3)
    log.info("%s: %s draws of %d parameters", spec.method, tuple(result.params.shape[:3]), problem.num_params)
    stacked = None
    if spec.stack_chains:
        temperature = float(spec.posterior["temperature"][0])
        stacked = chain_stacking.weigh(problem, result.params, dataset, temperature, context.device)
    kept = kept_draws(spec.output, result) if stacked is None else _stacked(spec.output, result, stacked)
    kept, scaled_by = student_scaling.scaled(problem, kept, dataset, context.device) if spec.student_scaling else (kept, [])
    with stage("predictions"):
        draws = function_space(spec.output, problem, result, dataset, context, kept)
    draws.attrs.update({student_scaling.ATTRIBUTE: scaled_by} if scaled_by else {})
    draws.attrs.update(inference_s=inference_s, wall_s=round(time.monotonic() - started, 3))
    if found := sharpness(problem, result.params):
        draws.attrs[COLUMN] = found
    with stage("convergence checks"):
        judge_draws(draws, convergence.Claim.of(inference), problem, result, stacked, context.device)
    draws.curves.extend(context.curves or ())
    if frozen and draws.params is not None:
        if hasattr(problem_of_all.student, "headed"):  # large: one copy of what all draws share
            return replace(draws, trunk=frozen.before(draws.params.shape[-1]))
        return replace(draws, params=frozen.whole(draws.params))
    return draws


def judge_draws(
    draws: Draws, claim: convergence.Claim, problem: Problem, result: Fit, stacked: "list[chain_stacking.Weights] | None",
    device: str,
) -> None:  # fmt: skip
    """Add the verdicts of the gates to ``draws``, and how its chains are stacked."""
    stats = draws.sample_stats
    if claim.posterior:
        stats = stats | {"temperature": temperatures(problem, result.params, device, stats.get("mode"))}
    if claim.draws == "point":
        stats = stats | {"shortfall": shortfalls(problem, result.params)}
    evidence = draws.log_posterior, draws.probe_prob, stats, draws.diverged, draws.replicates
    if stacked is None:
        draws.gates.extend(convergence.judge(claim, *evidence))
        return
    draws.stacking.extend(row for r, each in zip(draws.replicates.tolist(), stacked, strict=True) for row in each.rows(r))
    draws.gates.extend(within_chains.judge(claim, *evidence, stacked))


def _stacked(output: Output, result: Fit, weights: Sequence[chain_stacking.Weights]) -> "torch.Tensor":
    """The draws (U, C, S, P) to predict by, of every chain in proportion to its weight."""
    chains, draws = result.params.shape[1:3]
    kept = kept_of_chain(output, chains)
    found = []
    for own, weight in zip(result.params, weights, strict=True):
        diverged = ~torch.isfinite(own).all(-1).all(-1).numpy()
        found.append(own.flatten(0, 1)[torch.as_tensor(chain_stacking.chosen(weight.weight, diverged, draws, kept))])
    return torch.stack(found)


def student_of(spec: Spec, dataset: Dataset) -> Student:
    """The network that ``spec`` asks for, for examples of ``dataset``."""
    module = registry.part("student", spec.student.architecture)
    settings = module.Settings.model_validate(spec.student.settings)
    if spec.student.given is not None:
        return module.build_from(spec.student.given, settings, dataset.x.shape[2:], dataset.num_classes)
    return module.build(settings, dataset.x.shape[2:], dataset.num_classes)


def material_of(spec: Spec, student: Student, dataset: Dataset, teachers: Sequence[Logits], device: str) -> Material:
    """The training examples; a label-only student drops those without a label, which tell it nothing."""
    rows = np.broadcast_to(dataset.rows("train"), (dataset.num_replicates, int((dataset.split == "train").sum())))
    uses_teachers = spec.signal.name != "none"
    labelled = np.take_along_axis(dataset.y, rows, 1) >= 0
    if not uses_teachers and len(set(labelled.sum(1).tolist())) == 1 and labelled.any():
        rows = np.stack([row[mask] for row, mask in zip(rows, labelled, strict=True)])
    at = np.arange(len(rows))[:, None]
    x = student.inputs(torch.as_tensor(dataset.x[at, rows], device=device))
    y = torch.as_tensor(dataset.y[at, rows], device=device)
    if not uses_teachers:
        return Material(x, y, None, None)
    missing = [t.teacher for t in teachers if not t.covered[dataset.split == "train"].all()]
    if missing or not teachers:
        raise ContractError(f"method {spec.method} on {dataset.name}", "teachers", f"no training logits of {missing or 'any'}",
                            "teachers that cover the whole training split")  # fmt: skip
    stacked = stack_logits(list(teachers))[:, dataset.rows("train")]
    weights = None
    if spec.weights is not None:
        prob = torch.softmax(torch.as_tensor(stacked, dtype=torch.float64), -1).numpy()
        found = weighing.teacher_weights(
            spec.weights, prob, weighing.Context(dataset, teachers, dataset.rows("train"), spec.weights_settings)
        )
        weights = torch.as_tensor(found, dtype=x.dtype, device=device)
    domain = None if dataset.domain is None else torch.as_tensor(np.take_along_axis(dataset.domain, rows, 1), device=device)
    return Material(x, y, torch.as_tensor(stacked, device=device), weights, domain)


def best_teacher(spec: Spec, teachers: Sequence[Logits], dataset: Dataset, device: str) -> "torch.Tensor | None":
    """Position (R or 1,) of the teacher with the highest accuracy on labels that may choose (``mtbkd.pooling.unseen``), where
    the signal asks for it and all teachers cover these."""
    if not teachers or not unseen.takes_best(spec.signal.name, spec.signal.settings):
        return None
    rows = unseen.judging_rows(dataset, teachers)
    if not all(t.covered[rows].all() for t in teachers):
        return None
    if len(teachers) > 1:
        unseen.warn(f"method {spec.method} on {dataset.name}", teachers)
    right = stack_logits(list(teachers))[:, rows].argmax(-1) == dataset.y[:, rows, None]
    return torch.as_tensor(right.mean(1).argmax(-1), device=device)


def _problem(
    spec: Spec, student: Student, material: Material, best: "torch.Tensor | None", device: str,
    units: Sequence[dict[str, Any]],
) -> Problem:  # fmt: skip
    """The posterior of ``units``: one {shared setting: value, replicate, ...} each, in blocks of all replicates."""
    signal = registry.part("signal", spec.signal.name)
    first = units[0]["replicate"]
    single = material.x.shape[0] == 1
    rows = torch.tensor([0 if single else unit["replicate"] - first for unit in units], device=device)
    problem = make_problem(
        student, material.x, material.y, rows, signal, signal.Settings.model_validate(spec.signal.settings),
        shared_of(units, device), material.logits, material.weights, best,
    )  # fmt: skip
    return replace(problem, domain=material.domain)


def _attributes(spec: Spec, student: Student, dataset: Dataset, teachers: Sequence[Logits], device: str) -> dict[str, Any]:
    return {
        **spec.model_dump(mode="json", exclude={"signal", "inference"}),
        "signal": spec.signal.name,
        "signal_settings": spec.signal.settings,
        "inference": spec.inference.name,
        "settings": spec.inference.settings,
        "num_params": student.num_params,
        "teachers": [t.teacher for t in teachers],
        "teachers_learnt_from": unseen.learnt_from({t.teacher: t.card for t in teachers}),
        "calibration": {t.teacher: t.card["scaling"] for t in teachers if "scaling" in t.card},
        "device_used": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "seeds": {
            "base": spec.seed,
            "axes": "student: replicate, chain; minibatch and noise: first replicate of the block",
        },
    }


def fit_with_folds(spec: Spec, dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> Draws:
    """``fit``, with out-of-fold predictions where ``conformal_folds`` asks for them."""
    draws = fit(spec, dataset, teachers, replicates)
    if not spec.conformal_folds:
        return draws
    with stage(f"{spec.conformal_folds} folds"):
        folds = cross_fit(lambda data: fit(spec, data, teachers, replicates), dataset, spec.conformal_folds, spec.seed)
    return replace(draws, folds=folds)


def fit_files(spec: dict[str, Any], block: str, data: str | Path, logits: Sequence[str | Path], out: str | Path) -> None:
    """Read data and logits, fit ``spec`` on ``block``, write the draws to ``out``: what the rule ``student`` calls."""
    dataset = Dataset.read(data)
    teachers = [Logits.read(folder, dataset) for folder in logits]
    fit_with_folds(Spec.model_validate(spec), dataset, teachers, block_range(block)).write(out)
