"""Live runs of the workflow and their jobs, so that nothing is started twice or deleted under a writer.

Every run and every job keeps a small file in .snakemake/mtbkd/ while it lives and touches it now and then. Whether a process
of this host lives, the system says; one of another host counts as alive while its file is fresh.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from mtbkd.base.errors import MtbkdError
from mtbkd.base.writing import Process, abandoned_parts, atomic

log = logging.getLogger(__name__)

FOLDER = Path(".snakemake/mtbkd")
RUN_VARIABLE = "MTBKD_RUN"  # tells a job which run started it
BEAT = 5.0  # seconds between two touches
KILLED = "the run that started this job was killed, so its result would not be recorded; run the same command again"
STALE = 300.0  # seconds without a touch after which a process of another host counts as dead: network disks are late


class RunKilledError(MtbkdError):
    """The run that started this job has ended without it."""


@dataclass(frozen=True)
class Living:
    """A run or a job.

    Attributes:
        what: for people, e.g. "student sim1/labels_map/r0-7".
        kind: "run" or "job".
        process: who does it.
        run: the process of the run that started a job, None for a run or a script started by hand.
        cancel: the command that ends it.
    """

    what: str
    kind: str
    process: Process
    run: Process | None
    cancel: str

    @classmethod
    def current(cls, what: str, kind: str) -> Self:
        """This process, started by the run that the environment names."""
        me, slurm = Process.current(), os.environ.get("SLURM_JOB_ID")
        cancel = f"scancel {slurm}" if slurm and kind == "job" else f"kill {me.pid}"
        return cls(what, kind, me, run_of_environment() if kind == "job" else None, cancel)

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.kind}.{named(self.process)}.json"

    @property
    def orphaned(self) -> bool:
        """Whether its run was killed on this host: nobody would record what was made with which sources."""
        return self.run is not None and self.run.here and not self.run.alive()

    def alive(self, now: float) -> bool:
        """Whether it still runs; ``now`` is the time by the clock of the disk."""
        if self.process.here:
            return self.process.alive()
        with suppress(FileNotFoundError):
            return now - self.file.stat().st_mtime < STALE
        return False


def named(process: Process) -> str:
    """A process as one word."""
    return f"{process.host}.{process.pid}.{process.start}"


def run_of_environment() -> Process | None:
    """The run that started this job."""
    host, _, numbers = os.environ.get(RUN_VARIABLE, "").partition(".")
    pid, _, start = numbers.partition(".")
    return Process(host, int(pid), int(start)) if pid.isdigit() and start.isdigit() else None


@contextmanager
def announced(what: str, kind: str) -> Iterator[Living]:
    """Let other processes know that this one lives. A job whose run was killed on this host ends itself.

    Raises:
        RunKilledError: the job's run has ended before the job began or before it finished.
    """
    me, done = Living.current(what, kind), threading.Event()
    if me.orphaned:
        raise RunKilledError(KILLED)
    _write(me)
    beating = threading.Thread(target=_beat, args=(me, done), daemon=True)
    beating.start()
    try:
        yield me
        if me.orphaned:
            raise RunKilledError(KILLED)
    finally:
        done.set()
        beating.join()
        me.file.unlink(missing_ok=True)


def _write(me: Living) -> None:
    with atomic(me.file) as temporary:
        temporary.write_text(json.dumps(asdict(me)), encoding="utf-8")


def _beat(me: Living, done: threading.Event) -> None:
    while not done.wait(BEAT):
        if me.orphaned:
            log.error("error: %s", KILLED)
            os._exit(1)
        try:
            os.utime(me.file)
        except FileNotFoundError:
            _write(me)
        except OSError as error:
            log.warning("%s: %s", me.file, error)


def living(kind: str) -> list[Living]:
    """All runs or jobs that are alive but this process itself; files of dead ones are taken away."""
    now, found = _disk_time(), []
    for file in sorted(FOLDER.glob(f"{kind}.*.json")):
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            stored = json.loads(file.read_text(encoding="utf-8"))
            run = Process(**stored["run"]) if stored["run"] else None
            other = Living(**{**stored, "process": Process(**stored["process"]), "run": run})
            if not other.alive(now):
                file.unlink(missing_ok=True)
            elif other.process != Process.current():
                found.append(other)
    return found


def _disk_time() -> float:
    """The time by the clock that stamps files here, which may be another machine's."""
    probe = FOLDER / f"clock.{named(Process.current())}"
    probe.parent.mkdir(parents=True, exist_ok=True)
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def wait_for_orphans(pause: float = 2.0) -> None:
    """Return when no job is alive whose run has ended, after saying which ones are waited for."""
    said: set[str] = set()
    while orphans := _orphans():
        new = [job for job in orphans if job.what not in said]
        said |= {job.what for job in new}
        if new:
            text = "; ".join(f"{job.what} on {job.process.host}, pid {job.process.pid} ({job.cancel})" for job in new)
            log.warning("jobs of a killed run are still running: %s. Waiting for them; the commands in "
                        "brackets stop them", text)  # fmt: skip
        time.sleep(pause)


def _orphans() -> list[Living]:
    runs = {run.process for run in living("run")} | {Process.current()}
    return [job for job in living("job") if job.run and job.run not in runs]


def clean(results: Path, locks: Path) -> None:
    """Remove what dead processes left: their unfinished files and, if no other run is alive, Snakemake's locks."""
    others = living("run")
    for run in others:
        log.warning("another run is active here: %s on %s, pid %d", run.what, run.process.host, run.process.pid)
    left = [*abandoned_parts(results), *abandoned_parts(FOLDER)]
    for path in [*left, *([] if others else locks.glob("*.lock"))]:
        path.unlink(missing_ok=True)
