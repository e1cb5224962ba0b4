"""Parts that run in processes of their own: marked tests, NUTS in JAX, a whole study; and what the machine is."""

import datetime
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.bench.peers import nuts_problem
from mtbkd.bench.problems import seconds
from mtbkd.bench.process import ROOT, study_from_nothing
from mtbkd.inference import Context
from mtbkd.inference import nuts as algorithm
from mtbkd.inference.optimise import Training

PACKAGES = ("torch", "numpy", "numba", "jax", "numpyro", "pymc", "snakemake")
APART = 0.25  # largest difference of posterior means, in posterior standard deviations
PATIENCE = 150  # seconds that a process may take


def machine(device: str) -> dict[str, Any]:
    """What the numbers hold for."""
    found = {"device": device, "name": platform.machine(), "date": datetime.date.today().isoformat(),
             "python": platform.python_version(),
             "cores": os.cpu_count(), "threads": torch.get_num_threads(),
             "versions": {name: _version(name) for name in PACKAGES}}  # fmt: skip
    if device != "cpu":
        properties = torch.cuda.get_device_properties(0)
        found |= {"name": properties.name, "memory_gib": round(properties.total_memory / 2**30, 1),
                  "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}  # fmt: skip
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def tests(device: str, sizes: Sizes) -> dict[str, Any]:
    """Numbers of the tests marked ``gpu`` that passed, failed and were skipped, by name where they failed."""
    if missing := _missing("pytest"):
        return missing
    with tempfile.TemporaryDirectory() as folder:
        # Other files may need what is not installed.
        marked = [
            str(path) for path in sorted(ROOT.glob("tests/**/test_*.py")) if "mark.gpu" in path.read_text(encoding="utf-8")
        ]
        together = ["-n", "4"] if device != "cpu" and find_spec("xdist") else []
        options = ["-q", "-m", "gpu", "--tb=short", f"--basetemp={folder}/tests", *together]
        command = [sys.executable, "-m", "pytest", *options, *marked]
        ran = _run(command, {})
    last = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() else ""
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    if ran.returncode:
        print(ran.stdout[-6_000:] + ran.stderr[-2_000:], flush=True)
    return {**counts, "names": failed, "agrees": ran.returncode == 0 and (device == "cpu" or counts.get("passed", 0) > 0)}


def nuts(device: str, sizes: Sizes) -> dict[str, Any]:
    """numpyro's NUTS where JAX computes on the CPU and on the device: seconds with compilation, and do the means agree?"""
    if missing := _missing("pymc", "jax", "numpyro"):
        return missing
    found = {}
    for where, column in (("cpu", "cpu"), (device, "device")):
        code = f"import json; from mtbkd.bench.gpu import elsewhere; print(json.dumps(elsewhere.sample({sizes.nuts_draws})))"
        ran = _run([sys.executable, "-c", code], {"JAX_PLATFORMS": where, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"})
        if ran.returncode:
            raise RuntimeError(f"JAX on {where}: {ran.stderr.strip().splitlines()[-1]}")
        found[column] = json.loads(ran.stdout.splitlines()[-1])
    apart = np.abs(np.subtract(found["device"]["mean"], found["cpu"]["mean"])) / np.array(found["cpu"]["sd"])
    return {
        "parameters": len(apart), "draws": 4 * sizes.nuts_draws, "jax_device": found["device"]["device"],
        "seconds": found["device"]["seconds"], "cpu_seconds": found["cpu"]["seconds"],
        "difference": float(apart.max()), "agrees": bool(apart.max() <= APART),
    }  # fmt: skip


def sample(draws: int) -> dict[str, Any]:
    """NUTS of numpyro on a linear student in this process: posterior means and deviations, seconds, JAX's device."""
    jax, problem = importlib.import_module("jax"), nuts_problem()
    settings = algorithm.Settings.model_validate({"sampler": "numpyro", "chains": 4, "draws": draws, "tune": 300})
    context = Context(0, (0,), Training.model_validate({}), "cpu")
    state, found = algorithm.State(torch.zeros(4, problem.num_params)), []
    took = seconds(lambda: found.append(algorithm.run(problem, settings, state, context)))
    params = found[0].params[0].flatten(0, 1).double()
    return {"mean": params.mean(0).tolist(), "sd": params.std(0).tolist(), "seconds": took,
            "device": jax.devices()[0].device_kind}  # fmt: skip


def study(device: str, sizes: Sizes) -> dict[str, Any]:
    """Wall time of a whole study with ``device: cuda``."""
    if missing := _missing("snakemake"):
        return missing
    if sizes.study is None:
        return {"not_run": "a rehearsal runs no study"}
    return {**study_from_nothing(sizes.study, "device=cuda"), "agrees": True}


def _missing(*modules: str) -> dict[str, str]:
    absent = [name for name in modules if find_spec(name) is None]
    return {"not_run": f"not installed: {', '.join(absent)}"} if absent else {}


def _run(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE)
