"""Disk: room, permission to write, locks, clock, and whether other machines share the folder."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mtbkd.base.errors import machine_fault
from mtbkd.data.downloads import at_hand
from mtbkd.data.raw_files import TARGET, raw_files
from mtbkd.serving.doctor.finding import Asked, Finding, gigabytes

PROBE = 1 << 20  # bytes: what a small disk or a quota refuses
LEAST, ROOM = 200e6, 3e9  # bytes: a run of the smallest study, one of the larger ones
LATE = 60.0  # seconds between the clocks of disk and machine
NETWORK = {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "panfs",
           "smb3", "smbfs", "wekafs"}  # fmt: skip
MOUNTS = Path("/proc/self/mountinfo")


def existing(path: Path) -> Path:
    """``path``, or the nearest folder above it that is there already."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def disk(asked: Asked) -> Finding:
    """Room for results and for the raw files that are still to come."""
    place = existing(asked.folder / "results")
    free, files = shutil.disk_usage(place).free, os.statvfs(place)
    wanted = sum(raw_files()[key].bytes for key in to_fetch(asked))
    found = f"{gigabytes(free)} free" + (f", {gigabytes(wanted)} to download" if wanted else "")
    if files.f_files and not files.f_favail:
        return Finding("disk", "fails", "no room for another file (inodes)", "remove small files, or use another disk")
    state = "fails" if free < wanted + LEAST else "warning" if free < wanted + ROOM else "ok"
    return Finding("disk", state, found, "" if state == "ok" else "free space, or run in a folder of another disk")


def to_fetch(asked: Asked) -> list[str]:
    """Keys of the study's raw files that are neither here nor in the mirror."""
    keys = asked.plan.raw if asked.plan else ()
    return [key for key in keys if not at_hand(key, asked.folder / "results" / TARGET)]


def writable(asked: Asked) -> Iterator[Finding]:
    """Folders that a run writes to."""
    for name, place in (("results", asked.folder / "results"), (".snakemake", asked.folder / ".snakemake"),
                        ("temporary files", Path(tempfile.gettempdir()))):  # fmt: skip
        wrong = refusal(place)
        hint = "change its owner or mode, or run elsewhere" if name != "temporary files" else "set TMPDIR to another folder"
        yield Finding(f"write {name}", "fails" if wrong else "ok", wrong or str(place), hint if wrong else "")


def refusal(place: Path) -> str:
    """Why ``place``, or the folder that it will be made in, takes no file of some size; empty where it does."""
    folder = existing(place)
    if not folder.is_dir():
        return f"{folder}: a file, where a folder is needed"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor.") as probe:
            probe.write(os.urandom(PROBE))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        error.filename = None  # the probe's own name says nothing
        told = machine_fault(error, folder)
        return str(told).partition(". Hint:")[0] if told else f"{folder}: {error.strerror}"
    return ""


def locks(asked: Asked) -> Finding:
    """Whether a lock held here keeps another one out, as caches of encoders and shared GPUs need."""
    folder = existing(asked.folder / "results")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor.") as place:
        held, other = (FileLock(Path(place) / "lock", timeout=0, fallback_to_soft=False) for _ in range(2))
        try:
            with held:
                try:
                    with other:
                        return Finding("locks", "fails", f"{folder}: two processes hold one lock", "use another disk")
                except Timeout:
                    pass
        except (OSError, NotImplementedError) as error:
            return Finding("locks", "fails", f"{folder}: no locks ({error})", "use another disk, or mount this one with locks")
    return Finding("locks", "ok", "one holder at a time")


def clock(asked: Asked) -> Finding:
    """Whether the disk stamps files by this machine's time, by which Snakemake decides what is out of date."""
    with tempfile.NamedTemporaryFile(dir=existing(asked.folder / "results"), prefix=".doctor.") as probe:
        late = os.stat(probe.name).st_mtime - time.time()
    if abs(late) < LATE:
        return Finding("clock", "ok", "disk and machine agree")
    hint = "set both clocks by NTP: jobs would be repeated or skipped"
    return Finding("clock", "fails", f"the disk's is {abs(late):,.0f} s {'ahead' if late > 0 else 'behind'}", hint)


def sharing(asked: Asked) -> Finding:
    """Whether other machines see the folder: jobs of SLURM must; two hosts should not run in one."""
    kind, source = file_system(existing(asked.folder))
    if kind in NETWORK:
        hint = "start runs in it from one machine only"
        return Finding(
            "shared folder", "warning", f"{kind} of {source}; locks between machines cannot be tested from one", hint
        )
    if asked.executor == "slurm" and kind:
        return Finding("shared folder", "warning", f"{kind}, which may be of this machine alone",
                       "run on a disk that all nodes see")  # fmt: skip
    return Finding("shared folder", "ok", f"{kind or 'a disk'} of this machine")


def file_system(folder: Path, mounts: Path = MOUNTS) -> tuple[str, str]:
    """(kind, source) of the mount that holds ``folder``; empty where the system does not say."""
    if not mounts.is_file():
        return "", ""
    best, found = -1, ("", "")
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        place = Path(before.split()[4].replace("\\040", " "))
        if folder.resolve().is_relative_to(place) and len(place.parts) >= best:
            best, found = len(place.parts), (after.split()[0], after.split()[1])
    return found
