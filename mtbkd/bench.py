"""Speed and size, as ratios measured in one run: what ``make bench`` prints and writes to results/benchmark.json.

Nothing here is asserted by a test: a machine that is busy with something else measures that, too.
"""

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.artefacts import write_json
from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem, Shared, gradient, make_problem
from mtbkd.registry import part
from mtbkd.signals import tip
from mtbkd.students import Student, init_ensemble

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

# name, student, its settings, features, classes, the bound on 8 replicates together against one
STUDENTS = (
    ("2-5-2 MLP, 27 parameters", "mlp", {"hidden": [5]}, (2,), 2, 2.0),
    ("5-10-5 MLP, 115 parameters", "mlp", {"hidden": [10]}, (5,), 5, 2.0),
    ("320-128-10 head, 42,378 parameters", "mlp", {"hidden": [128]}, (320,), 10, 4.0),
)
NUM_EXAMPLES, BATCH_SIZE, TEACHERS = 2_000, 64, 2


def run(out: Path, study: str | None = None) -> dict[str, Any]:
    """Measure, print a line each, and write ``out``; with ``study``, also time that study from nothing."""
    result: dict[str, Any] = {"machine": _machine(), "import_s": _line("import mtbkd", import_seconds(), "s (bound 0.2)")}
    result["replicates"] = [replicate_ratio(*row) for row in STUDENTS]
    if study:
        result["study"] = study_from_nothing(study)
    result["peak_memory_mb"] = _line("peak memory of this benchmark", _peak_mb(resource.RUSAGE_SELF), "MB")
    write_json(out, result)
    return result


def import_seconds(repeats: int = 5) -> float:
    """Median seconds that ``import mtbkd`` adds to a bare interpreter."""

    def median(code: str) -> float:
        command = [sys.executable, "-c", code]
        return statistics.median(_seconds(lambda: subprocess.run(command, check=True)) for _ in range(repeats))

    return round(median("import mtbkd") - median("pass"), 4)


def replicate_ratio(
    name: str, architecture: str, settings: dict[str, Any], features: tuple[int, ...], classes: int, bound: float
) -> dict[str, Any]:
    """Time of a gradient step of 8 replicates together over that of one; each with its own data and minibatches."""
    module = part("student", architecture)
    student = module.build(module.Settings.model_validate(settings), features, classes)
    one, eight = (_step_seconds(_problem(student, r, features, classes)) for r in (1, 8))
    unit = f"times (bound {bound:g}); 1 takes {one * 1e3:.2f} ms a step"
    _line(f"8 replicates against 1: {name}", round(eight / one, 2), unit)
    return {"student": name, "one_ms": one * 1e3, "eight_ms": eight * 1e3, "ratio": eight / one, "bound": bound}


def _problem(student: Student, replicates: int, features: tuple[int, ...], classes: int) -> Problem:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((replicates, NUM_EXAMPLES, *features), generator=generator)
    y = torch.randint(classes, (replicates, NUM_EXAMPLES), generator=generator)
    logits = torch.randn((replicates, NUM_EXAMPLES, TEACHERS, classes), generator=generator)
    weights = torch.full((replicates, NUM_EXAMPLES, TEACHERS), 1 / TEACHERS)
    one = torch.ones(replicates)
    shared = Shared(one, one, one, one, one)
    rows = torch.arange(replicates)
    return make_problem(student, student.inputs(x), y, rows, tip, tip.Settings(), shared, logits, weights)


def _step_seconds(problem: Problem, steps: int = 100, repeats: int = 7) -> float:
    """Best of several medians is robust against what else the machine does."""
    params = init_ensemble(problem.student, list(range(problem.num_units)))
    units, generator = problem.members(1), torch.Generator().manual_seed(0)

    def step() -> None:
        gradient(problem, params, units, problem.minibatch(units, BATCH_SIZE, generator))

    for _ in range(20):
        step()
    return min(statistics.median(_seconds(step) for _ in range(steps)) for _ in range(repeats))


def study_from_nothing(study: str) -> dict[str, Any]:
    """Wall time, peak memory of a process and number of jobs of ``study`` in an empty folder, with cold compilation caches."""
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.yaml", "workflow", "scripts", "envs", "mtbkd"):
            source = root / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder) / name)
        caches = {name: str(Path(folder) / name) for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
        caches["PYTENSOR_FLAGS"] = f"base_compiledir={folder}/pytensor"
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--config", f"study={study}"]
        environment = {**os.environ, **caches, "PYTHONPATH": folder}
        seconds = _seconds(lambda: subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True))
        jobs = len(list(Path(folder, "results").rglob("*.tsv")))
    peak = _peak_mb(resource.RUSAGE_CHILDREN)
    _line(f"study {study} from nothing", round(seconds), f"s, {jobs} jobs, at most {peak} MB a process")
    return {"study": study, "wall_s": seconds, "jobs": jobs, "peak_process_mb": peak}


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _peak_mb(who: int) -> int:
    return resource.getrusage(who).ru_maxrss // 1024


def _line(what: str, value: float, unit: str) -> float:
    print(f"{what}: {value} {unit}", flush=True)
    return value


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()}
