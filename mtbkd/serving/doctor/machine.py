"""Memory, and where compiled code is kept."""

import os
from collections.abc import Iterator
from pathlib import Path

import mtbkd
from mtbkd.serving.doctor.finding import Asked, Finding, gigabytes
from mtbkd.serving.doctor.folders import refusal
from mtbkd.study.checking.experiments import memory_remarks

LEAST, A_JOB = 1e9, 4e9  # bytes; a fit asks for 4,000 MB (workflow/rules)


def memory(asked: Asked) -> Iterator[Finding]:
    """Memory that is free now, and fits that need more than there is."""
    free = available()
    state = "fails" if free < LEAST else "warning" if free < A_JOB else "ok"
    jobs = f"{gigabytes(free)} available, for {max(1, int(free // A_JOB))} large jobs at once"
    yield Finding("memory", state, jobs if state == "ok" else f"{gigabytes(free)} available",
                  "" if state == "ok" else "end other programs, or run with --cores 1")  # fmt: skip
    remote = asked.executor != "local"
    for said in memory_remarks(asked.config, asked.plan.study) if asked.config and asked.plan and not remote else ():
        yield Finding("memory", "warning", said, "run it on a larger machine, or lower block_size, chains or draws")


def available(root: Path = Path("/")) -> float:
    """Bytes that programs can still have: of the machine, or of the container where that is less."""
    info = root / "proc/meminfo"
    if not info.is_file():
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    fields = dict(line.split(":", 1) for line in info.read_text(encoding="utf-8").splitlines() if ":" in line)
    free = 1024.0 * int(fields["MemAvailable"].split()[0])
    group = root / "sys/fs/cgroup"
    limit = _number(group / "memory.max")
    return free if limit is None else min(free, limit - (_number(group / "memory.current") or 0))


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # `max`: no limit
        return None


def compiled_code(asked: Asked) -> Iterator[Finding]:
    """Folders where numba and PyTensor keep what they compiled; without one, every job compiles anew."""
    own = os.environ.get("NUMBA_CACHE_DIR")
    # numba takes the first that it may write to: beside the source, or the user's cache
    places = [Path(own)] if own else [Path(mtbkd.__file__).parent / "posterior" / "compiled" / "__pycache__", user_cache()]
    wrong = [refusal(place) for place in places]
    found = next((str(place) for place, why in zip(places, wrong, strict=True) if not why), None)
    hint = "set NUMBA_CACHE_DIR to a folder that can be written to"
    yield Finding("compiled code", "ok" if found else "warning", found or wrong[0], "" if found else hint)
    place = Path.home() / ".pytensor"
    if "compiledir" not in os.environ.get("PYTENSOR_FLAGS", "") and (why := refusal(place)):
        yield Finding("compiled code", "fails", f"PyTensor: {why}", "set PYTENSOR_FLAGS=base_compiledir=FOLDER")


def user_cache() -> Path:
    """Where programs of this user keep what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
