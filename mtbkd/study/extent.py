"""What a study asks for, from its settings alone: jobs, memory, and what its replicates can decide."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.base.device import resolve_device
from mtbkd.base.explain import KeyPath, Mistake
from mtbkd.base.lazy import torch
from mtbkd.base.settings import merged, settings_of
from mtbkd.data.datasets import Shape, redrawn
from mtbkd.evaluation.compare import MIN_FOR_TEST
from mtbkd.inference.convergence import GATES
from mtbkd.inference.fitting import Spec
from mtbkd.inference.tuning import count

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment, MethodEntry, Study
    from mtbkd.study.planned import ExperimentPlan

Size = tuple[int, tuple[int, ...]]  # parameters of a student, and its hidden layers
MAX_JOBS = 100_000  # Snakemake holds every one in memory and looks at each again and again
MAX_GB = 1_000  # one job's arrays; no machine of this project's readers has more
MAX_CANDIDATES = 10_000  # every one is a fit
ALPHA = 0.05
FEWEST = GATES["rhat"].min_draws
COPIES = 6  # of the parameters while Adam moves them: they, their gradient and its moments, and what a step is made of
_SIZES = ("n_train", "n_val", "n_test", "n_fresh")


@dataclass(frozen=True)
class Need:
    """The largest array of a job: ``factors`` (what, how many) whose product is its number of float32."""

    factors: tuple[tuple[str, int], ...]

    @property
    def gigabytes(self) -> float:
        """10^9 bytes."""
        return 4e-9 * math.prod(count for _, count in self.factors)

    def __str__(self) -> str:
        return f"{self.gigabytes:,.1f} GB ({' x '.join(f'{count:,} {what}' for what, count in self.factors)}, 4 bytes each)"


def job_mistakes(path: KeyPath, study: "Study") -> Iterator[Mistake]:
    """A study of more jobs than can be planned, counted without expanding it."""
    counts = [_blocks(study, e.replicates) * (1 + len(e.teachers) + len(e.methods)) for e in study.experiments.values()]
    for question in study.questions.values():
        checks = registry.companion(question.kind, "checks")
        if checks is not None and hasattr(checks, "jobs"):
            typed = settings_of("question", question.kind, question.settings)
            counts.append(checks.jobs(typed, _blocks(study, question.replicates)))
    if sum(counts) > MAX_JOBS:
        text = f"found about {sum(counts):,} jobs; allowed: at most {MAX_JOBS:,}. Hint: raise block_size or lower replicates"
        yield Mistake(path, text)


def _blocks(study: "Study", own: int | None) -> int:
    return math.ceil((own or study.replicates) / study.block_size)


def candidates(config: "Config", study: "Study", experiment: "Experiment | Any", name: str) -> int:
    """Settings that the method ``name`` is tuned over."""
    method = config.methods[name]
    posterior = merged(config.posterior, study.posterior, experiment.posterior, method.posterior).model_dump(by_alias=True)
    return count(posterior, registry.part("signal", method.signal).USES)


def drawn_params(method: "MethodEntry", size: Size, classes: int) -> int:
    """Parameters that a method draws, of a student of ``size``: all, or the last layer's."""
    params, hidden = size
    return params if method.layers == "all" or not hidden else (hidden[-1] + 1) * classes


def need_of_fit(
    config: "Config", study: "Study", experiment: "Experiment | Any", name: str, size: Size, shape: Shape
) -> Need:  # fmt: skip
    """The largest array of the method ``name``: its tuning, its draws, or what it keeps for the test examples."""
    method, output = config.methods[name], merged(config.output, study.output)
    training = merged(config.training, study.training, experiment.training)
    draws = _draws(settings_of("inference", method.inference, method.settings))
    entry = config.datasets[experiment.dataset]
    data = settings_of("dataset", entry.kind, entry.settings).model_dump()
    rows = sum(data.get(key) or 0 for key in ("n_test", "n_fresh"))
    replicates = ("replicates", min(experiment.replicates or study.replicates, study.block_size))
    tried, starts = ("candidates", candidates(config, study, experiment, name)), ("restarts", training.restarts)
    shown = ("draws", min(draws, output.prediction_draws))
    tuning = (replicates, tried, starts, ("parameters", size[0]), ("copies while they are fitted", COPIES))
    kept = (replicates, ("draws", draws), ("parameters", drawn_params(method, size, len(shape.class_names))))
    predicted = (replicates, shown, ("test examples", rows), ("classes", len(shape.class_names)))
    return max((Need(tuning), Need(kept), Need(predicted)), key=lambda need: need.gigabytes)


def need_of_data(config: "Config", study: "Study", experiment: "Experiment | Any", shape: Shape) -> Need:
    """The features of one block."""
    entry = config.datasets[experiment.dataset]
    settings = settings_of("dataset", entry.kind, entry.settings).model_dump()
    together = redrawn(registry.part("dataset", entry.kind))
    replicates = min(experiment.replicates or study.replicates, study.block_size) if together else 1
    return Need((("replicates", replicates), ("examples", examples_of(settings)), ("features", math.prod(shape.features))))


def examples_of(settings: dict[str, Any]) -> int:
    """Examples of a replicate by the settings of a dataset; 0 where its files decide."""
    return sum(settings.get(key) or 0 for key in _SIZES)


def _draws(settings: BaseModel) -> int:
    """Draws a replicate, over all chains, that an algorithm keeps until it has ended."""
    has = settings.model_dump()
    each = has.get("particles") or has.get("draws") or has.get("members") or 1
    if "steps" in has and "thin" in has:
        each = max(1, (has["steps"] - has.get("burn_in", 0)) // has["thin"])
    return has.get("chains", 1) * each


def candidate_mistakes(path: KeyPath, name: str, count: int) -> Iterator[Mistake]:
    """Grids whose product is beyond tuning."""
    if count > MAX_CANDIDATES:
        hint = "shorten the lists of posterior"
        yield Mistake(
            path, f"found '{name}' with {count:,} candidates to tune; allowed: at most {MAX_CANDIDATES:,}. Hint: {hint}"
        )


def memory_mistakes(path: KeyPath, name: str, need: Need) -> Iterator[Mistake]:
    """An array that no machine holds."""
    if need.gigabytes > MAX_GB:
        hint = "lower block_size, chains or draws, raise thin, or try fewer candidates"
        yield Mistake(path, f"found '{name}', which needs {need}; allowed: at most {MAX_GB:,} GB. Hint: {hint}")


def needs_here(spec: Spec, size: Size, classes: int) -> dict[str, Need]:
    """The largest groups of arrays of a fit in this process, one replicate, by what makes them smaller."""
    params, hidden = size
    drawn = (hidden[-1] + 1) * classes if spec.layers == "last" and hidden else params
    draws = _draws(settings_of("inference", spec.inference.name, spec.inference.settings))
    tried = count(spec.posterior, registry.part("signal", spec.signal.name).USES)
    starts = max(tried * spec.training.restarts, spec.inference.settings.get("chains", 1) if drawn == params else 1)
    found = {
        "fewer candidates (grid), restarts (training) or chains": Need(
            (("starts", starts), ("parameters", params), ("copies while they are fitted", COPIES))
        ),
        "fewer draws (settings)": Need((("draws", draws), ("parameters", drawn), ("copies", 2))),
    }
    if spec.output.keep_params:
        kept = (("draws that are kept", min(draws, spec.output.prediction_draws)), ("parameters", drawn), ("copies", 3))
        found["fewer draws (settings)"] = max(found["fewer draws (settings)"], Need(kept), key=lambda need: need.gigabytes)
    return found


def gigabytes_here(device: str) -> float:
    """Memory of this machine, or of its GPU where a fit is computed there."""
    if resolve_device(device) == "cuda":
        return torch.cuda.get_device_properties(0).total_memory / 1e9
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def memory_remark(where: str, need: Need) -> str:
    """Said where the array does not fit into this machine; others may run the job."""
    here = gigabytes_here("cpu")
    return f"{where} needs {need}; this machine has {here:,.1f} GB" if need.gigabytes > here else ""


def draws_per_chain(settings: BaseModel) -> int | None:
    """How many draws of a chain an inference with ``settings`` keeps; None where they do not say."""
    kept = getattr(settings, "kept", None)
    return len(kept()) if kept else settings.model_dump().get("draws")


def remarks(experiments: "Iterable[ExperimentPlan]") -> tuple[str, ...]:
    """What replicates and draws of a study cannot decide, one line for experiments that are alike; said before any job."""
    planned = list(experiments)
    return (*_untested(planned), *_too_short(planned))


def _too_short(experiments: "Iterable[ExperimentPlan]") -> Iterator[str]:
    """Chains so short that every gate of theirs fails."""
    where: dict[tuple[str, int], list[str]] = {}
    for experiment in experiments:
        for method, spec in experiment.methods.items():
            inference = spec["inference"]
            draws = draws_per_chain(settings_of("inference", inference["name"], inference["settings"]))
            if registry.part("inference", inference["name"]).DRAWS == "chains" and draws and draws < FEWEST:
                where.setdefault((method, draws), []).append(experiment.name)
    for (method, draws), names in where.items():
        yield f"{', '.join(names)}: {method} keeps {draws} draws per chain and will fail its gates, which need {FEWEST}"


def _untested(experiments: "Iterable[ExperimentPlan]") -> Iterator[str]:
    alike = [(e.replicates, len(e.methods) - 1, e.name) for e in experiments if len(e.methods) > 1]
    for (replicates, comparisons), group in groupby(sorted(alike), key=lambda each: each[:2]):
        names = ", ".join(name for *_, name in group)
        if said := _undecidable(replicates, comparisons):
            yield f"{names}: {said}"


def _undecidable(replicates: int, comparisons: int) -> str:
    """The two-sided p of n differences' signed ranks is 2 / 2^n at the lowest; Holm's correction multiplies by comparisons."""

    def smallest(n: int) -> float:
        return min(1.0, 2 / 2**n * comparisons)

    enough = max(MIN_FOR_TEST, math.ceil(math.log2(2 * comparisons / ALPHA)))
    if replicates >= enough:
        return ""
    why = f"p_holm cannot fall below {smallest(replicates):.2g}"
    if replicates < MIN_FOR_TEST:
        why = f"no test, which needs at least {MIN_FOR_TEST} replicates"
    lowest = f"p_holm can fall to {smallest(enough):.2g} with {enough}"
    return f"{replicates} replicate{'s'[: replicates > 1]}, {comparisons} comparison{'s'[: comparisons > 1]}: {why}; {lowest}"
