"""Provenance of a study's results (inputs, machine, time): the content of manifest.json."""

import math
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from mtbkd.base import suite
from mtbkd.contracts.artefacts import digest
from mtbkd.data import raw_files

ROOT = suite.root()
# Axes from which mtbkd.base.seeds derives each seed, in addition to the base seed; nothing else enters.
SEED_AXES = {
    "data": ["replicate", "part"],
    "exposure": ["replicate"],
    "teacher": ["name", "replicate"],
    "teacher minibatch": ["name", "first replicate of the block"],
    "student": ["replicate", "chain"],
    "minibatches and noise": ["first replicate of the block"],
}


def json_able(content: Any) -> Any:
    """The same content for strict JSON: tuples become lists, infinities ``.inf`` as in config.yaml, NaN None."""
    if isinstance(content, Mapping):
        return {str(key): json_able(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [json_able(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else ".inf" if content > 0 else "-.inf"
    return content


def keys_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of data and teachers (name and hash of what they depend on) and a hash of each method's settings."""
    experiments = plan["experiments"]
    return {
        "datasets": sorted({e["data"]["key"] for e in experiments.values()}),
        "teachers": sorted({t["key"] for e in experiments.values() for t in e["teachers"]}),
        "methods": {name: {m: digest(spec) for m, spec in e["methods"].items()} for name, e in experiments.items()},
    }


def raw_hashes(plan: Mapping[str, Any]) -> dict[str, str]:
    """sha256 of every raw file that the study needs, as listed in the registry, if known."""
    parts = [part for e in plan["experiments"].values() for part in (e["data"], *e["teachers"])]
    known = raw_files.raw_files()
    return {key: known[key].sha256 or "not known" for key in sorted({key for part in parts for key in part["raw"]})}


def versions() -> dict[str, str]:
    """Version of Python, of mtbkd and of every package that pyproject.toml names, where installed."""
    project = suite.project()
    names = [match[0] for line in project["dependencies"] if (match := re.match(r"[\w.-]+", line))]
    found = {"python": platform.python_version(), "mtbkd": project["version"]}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git() -> dict[str, Any] | None:
    """Commit of the checkout and whether files differ from it; None without git or a checkout."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return None

    def ask(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (subprocess.CalledProcessError, OSError):
        return None


def lock_hash() -> str | None:
    """sha256 of uv.lock; None outside a checkout."""
    path = ROOT / "uv.lock"
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def shortened(argv: list[str]) -> list[str]:
    """A Snakemake command line without interpreter and folders: [snakemake, --cores, all]; [] when it is none."""
    for index, word in enumerate(argv[:4]):
        if Path(word).name in ("snakemake", "snakemake.exe"):
            return ["snakemake", *argv[index + 1 :]]
    return []


def command() -> tuple[list[str], float]:
    """Command line and start (seconds since 1970) of the outermost Snakemake above this process, else of this process."""
    import psutil

    own = psutil.Process()
    lines = [(shortened(process.cmdline()), process.create_time()) for process in own.parents()]
    found = [(argv, start) for argv, start in lines if argv]
    return found[-1] if found else ([Path(sys.argv[0]).name, *sys.argv[1:]], own.create_time())


def host() -> dict[str, Any]:
    """Description of the machine."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    system = f"{platform.system()} {platform.machine()}"
    return {"name": platform.node(), "system": system, "cores": cores, "memory_gib": memory, "gpus": gpus()}


def gpus() -> list[str]:
    """Names of the CUDA devices, [] where there is none."""
    if not shutil.which("nvidia-smi"):
        return []
    asked = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, encoding="utf-8")
    return [line.strip() for line in asked.stdout.splitlines() if line.strip()] if asked.returncode == 0 else []


def manifest(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The content of manifest.json."""
    argv, started = command()
    moments = {"start": datetime.fromtimestamp(started, UTC), "end": datetime.now(UTC)}
    return {
        "study": plan["study"],
        "argv": argv,
        **{name: moment.isoformat(timespec="seconds") for name, moment in moments.items()},
        "git": git(),
        "versions": versions(),
        "lock_sha256": lock_hash(),
        "seeds": {"base": plan["seed"], "axes": SEED_AXES},
        "keys": keys_of(plan),
        "raw_files": raw_hashes(plan),
        "host": host(),
        "plan": json_able(plan),
    }
