"""Files that appear completely or not at all, and which unfinished ones a dead process left behind.

An unfinished file lies beside its place as ``.<name>.<host>.<pid>.<start>.part``. The three tell whether its writer still
lives: no process of another host is judged, and a later process with the same number has another start.
"""

import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mtbkd.base.errors import write_fault
from mtbkd.base.lazy import lazy_import

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_import("numpy")

PART = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<pid>\d+)\.(?P<start>\d+)\.part")


@dataclass(frozen=True)
class Process:
    """One process: a number means something only on its host, and is given again after the process ended.

    Attributes:
        host: the machine and, where the system has them, the namespace of process numbers (containers share host names).
        pid: the number of the process.
        start: when it started, in clock ticks since boot; 0 where the system does not say.
    """

    host: str
    pid: int
    start: int

    @classmethod
    def current(cls) -> Self:
        """The process that asks."""
        return cls(_host(), os.getpid(), _start(os.getpid()) or 0)

    @property
    def here(self) -> bool:
        """Whether it belongs to this host, so that ``alive`` can know."""
        return self.host == _host()

    def alive(self) -> bool:
        """Whether the process still runs; only for processes of this host."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody else's
            pass
        return _start(self.pid) in (self.start, 0)


def _host() -> str:
    name = re.sub(r"[^\w-]", "-", socket.gethostname())
    with suppress(OSError):
        name += f"-{os.stat('/proc/self/ns/pid').st_ino}"
    return name


def _start(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat; None for a process that has ended, 0 without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else 0
    return None if fields[0] in "ZX" else int(fields[19])


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success flush it to the disk and move it into place, else remove it.

    A device or a pipe, such as /dev/null or /dev/stdout, stays what it is and gets the content.
    """
    path, me = Path(path), Process.current()
    if path.exists() and not path.is_file() and not path.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / path.name
            yield temporary
            with temporary.open("rb") as content, path.open("wb", buffering=0) as kept:
                shutil.copyfileobj(content, kept)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{me.host}.{me.pid}.{me.start}.part")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        with suppress(OSError):  # some file systems cannot flush a folder
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def abandoned_parts(root: Path) -> list[Path]:
    """Unfinished files under ``root`` whose process was one of this host and has ended."""
    found = []
    for path in root.glob("**/.*.part"):
        named = PART.fullmatch(path.name)
        if named:
            writer = Process(named["host"], int(named["pid"]), int(named["start"]))
            if writer.here and not writer.alive():
                found.append(path)
    return found


def write_json(path: str | Path, content: Any) -> None:
    """Write ``content`` as indented JSON, completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_arrays(path: str | Path, arrays: "Mapping[str, np.ndarray]") -> None:
    """Write a safetensors file, completely or not at all."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    with atomic(path) as temporary:
        try:
            save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, temporary)
        except (SafetensorError, OSError, MemoryError) as error:
            raise write_fault(error, temporary, path) from error
