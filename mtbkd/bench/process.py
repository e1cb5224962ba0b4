"""Speed and memory of whole processes: the import, a study from nothing, an ensemble on its own."""

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mtbkd
from mtbkd.bench.problems import seconds

ROOT = Path(mtbkd.__file__).parents[1]


def import_seconds(repeats: int = 5) -> float:
    """Median seconds that ``import mtbkd`` adds to a bare interpreter."""

    def median(code: str) -> float:
        command = [sys.executable, "-c", code]
        return statistics.median(seconds(lambda: subprocess.run(command, check=True)) for _ in range(repeats))

    return round(median("import mtbkd") - median("pass"), 4)


def peak_memory(number: int, chains: int) -> dict[str, int]:
    """Peak MB of a process that runs ``chains`` chains of SGLD of case ``number``, and of one that prepares to run one."""
    code = (
        "from mtbkd.bench import problems, process, samplers; from mtbkd.inference import sgld\n"
        "problem = problems.make(problems.CASES[{number}])\n"
        "state, settings = samplers.prepare(problem, 'sgld', {chains}, 20)\n"
        "{run}"
        "print(process.own_peak_mb())"
    )
    run = "sgld.run(problem, settings, state, samplers.context())\n"
    found = {}
    for name, step, count in (("before_mb", "", 1), ("peak_mb", run, chains)):
        command = [sys.executable, "-c", code.format(number=number, chains=count, run=step)]
        found[name] = int(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)
    return found


def in_its_own(module: str) -> Any:
    """What ``measure`` of a module of mtbkd/bench returns in a new process, whose memory no other measurement has shaped."""
    code = f"import json; from mtbkd.bench import {module}; print(json.dumps({module}.measure()))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    return json.loads(found.stdout.splitlines()[-1])


def own_peak_mb() -> int:
    """Peak memory of this process; Linux' ru_maxrss will not do, which a child inherits from its parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def study_from_nothing(study: str, *settings: str) -> dict[str, Any]:
    """Wall time, peak memory of a process and number of jobs of ``study`` in an empty folder, with cold compilation caches.

    ``settings`` are entries of config.yaml, each ``name=value``.

    Raises:
        RuntimeError: the study did not finish.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.yaml", "pyproject.toml", "workflow", "scripts", "envs", "mtbkd"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder) / name)
        caches = {name: str(Path(folder) / name) for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
        caches["PYTENSOR_FLAGS"] = f"base_compiledir={folder}/pytensor"
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--config", f"study={study}", *settings]
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        environment, ran = {**os.environ, **caches, "PYTHONPATH": path}, []
        wall = seconds(
            lambda: ran.append(
                subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")
            )
        )
        if ran[0].returncode:
            raise RuntimeError(f"study {study}: {ran[0].stderr[-3000:]}")
        jobs = len(list(Path(folder, "results").rglob("*.tsv")))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {"study": study, "wall_s": wall, "jobs": jobs, "peak_process_mb": peak}


def machine(threads: int) -> dict[str, Any]:
    """What the numbers hold for; a ``load`` above the cores at rest tells that something else was running."""
    names = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "device": "cpu", "processor": names[0] if names else platform.machine(), "system": platform.platform(),
        "cores": os.cpu_count(), "threads": threads, "load": os.getloadavg(),
    }  # fmt: skip


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
