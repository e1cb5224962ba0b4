"""Which GPU a job computes on: of those it may use, one that no other job of this user on this machine has.

A job holds a lock file of its device in the system's folder for temporary files; the system releases it when the process ends,
however it ends. Whoever set CUDA_VISIBLE_DEVICES, a scheduler or a person, has said which devices there are; where that is one,
nothing is left to choose.
"""

import logging
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from mtbkd.base.device import VISIBLE
from mtbkd.base.lazy import torch

log = logging.getLogger(__name__)

_DEVICE = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")  # CUDA takes an index, or the name that `nvidia-smi -L` shows


def visible() -> list[str]:
    """The devices that this process may use, by the names that CUDA_VISIBLE_DEVICES takes; CUDA is not started."""
    told = os.environ.get(VISIBLE)
    if told is None:
        # Without a driver's device file there is none, and torch need not be imported.
        return [str(index) for index in range(torch.cuda.device_count())] if any(Path("/dev").glob("nvidia[0-9]*")) else []
    found = []
    for name in map(str.strip, told.split(",")):
        if not _DEVICE.fullmatch(name):
            break  # CUDA reads no further
        found.append(name)
    return found


@contextmanager
def taken(devices: Sequence[str]) -> Iterator[str | None]:
    """Make this process, before it starts CUDA, compute on one of ``devices`` inside; yields its name, None without a choice.

    With more jobs than devices, jobs share: the first devices get the additional ones.
    """
    if len(devices) < 2:
        yield devices[0] if devices else None
        return
    with ExitStack() as held:
        try:
            device, others = _lock(devices, held)
        except OSError as error:
            log.warning("no GPU is reserved for this job, which uses the first: %s", error)
            device, others = devices[0], 0
        shared = f", shared with {others} more: --resources gpu={len(devices)} gives every job its own" if others else ""
        log.info("GPU %s of %s%s", device, ", ".join(devices), shared)
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = device
        try:
            yield device
        finally:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def _lock(devices: Sequence[str], held: ExitStack) -> tuple[str, int]:
    """A device, locked as long as ``held`` is open, and how many jobs had taken it before."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for others in count():
        for device in devices:
            lock = FileLock(folder / f"{re.sub(r'\W', '-', device)}.{others}.lock")
            try:
                held.enter_context(lock.acquire(timeout=0))
            except Timeout:
                continue
            return device, others
    raise AssertionError


def _folder() -> Path:
    """Inside a SLURM job indices count its own devices, so that other jobs' locks mean other devices."""
    name = f"mtbkd-gpus-{os.getuid()}"
    return Path(tempfile.gettempdir()) / "-".join(filter(None, [name, os.environ.get("SLURM_JOB_ID")]))
