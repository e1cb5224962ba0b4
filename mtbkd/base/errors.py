"""Errors for people: where, what was found, what is allowed, and a hint."""

import difflib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_AGAIN = "then run the same command again: finished results are kept"
_SPACE = "free some space (df -h and df -i show what is free)"
_MEMORY = "run fewer jobs at once (--cores), use fewer draws, replicates or examples, or use a larger machine"
_OWNER = "change its owner or mode (ls -ld shows them), or use another folder"
_FILES = "raise the limit (ulimit -n 4096) or run fewer jobs at once"
# errno -> what is wrong, what to do
_FAULTS = {
    errno.ENOSPC: ("the disk is full", _SPACE),
    errno.EDQUOT: ("the disk quota is used up", "free some of your space (quota -s shows it)"),
    errno.EFBIG: ("the file is larger than the limit on files", "raise the limit (ulimit -f unlimited)"),
    errno.EACCES: ("no permission", _OWNER),
    errno.EPERM: ("no permission", _OWNER),
    errno.EROFS: ("a read-only file system", "use another folder, or mount it for writing"),
    errno.EMFILE: ("too many open files", _FILES),
    errno.ENFILE: ("too many open files on this machine", _FILES),
    errno.ENOMEM: ("not enough memory", _MEMORY),
    errno.EIO: ("the disk failed to read or write", "look at the system's log (dmesg); use another disk"),
}
_GPU_MEMORY = "free the GPU (nvidia-smi shows which processes use it), run fewer jobs at once, or set `device: cpu`"
# How libraries say in their own words that memory is short: torch, the C++ library, the dynamic loader, threads.
_NO_MEMORY = re.compile(
    r"(can't|cannot|could not|failed to) allocate|out of memory|bad_alloc|failed to map segment|can't start new thread", re.I
)
_NO_GPU_MEMORY = re.compile(r"(cuda|gpu).*out of memory|out of memory.*(cuda|gpu)|CUBLAS_STATUS_ALLOC_FAILED", re.I | re.S)
_OS_ERROR = re.compile(r"os error (\d+)")  # of libraries in Rust: safetensors


class MtbkdError(Exception):
    """Base of every error that a user's input can cause; its text stands by itself, without a traceback."""


class ConfigError(MtbkdError):
    """The configuration is invalid."""


class ContractError(MtbkdError):
    """A file, array or argument breaks its contract.

    Args:
        where: the file or object, as the user knows it.
        field: the part of it that is wrong.
        found: what was there.
        expected: what is allowed.
        hint: what to do about it.
    """

    def __init__(self, where: object, field: str, found: object, expected: object, hint: str = ""):
        self.where, self.field, self.found, self.expected, self.hint = str(where), field, found, expected, hint
        super().__init__(f"{where}: {field}: found {found}; expected {expected}." + (f" Hint: {hint}" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """So that a worker process can hand it on."""
        return type(self), (self.where, self.field, str(self.found), str(self.expected), self.hint)


class MachineError(MtbkdError):
    """The machine, not the input, stopped the work: a full disk, no memory, no permission."""


def machine_fault(error: BaseException, path: str | Path = "", memory: str = "", again: str = _AGAIN) -> MachineError | None:
    """One line on the resource that is exhausted, with advice; None if ``error`` has another cause.

    Args:
        error: as a library raised it; its causes are looked at, too.
        path: what was read or written, for errors that do not name it.
        memory: what to do where memory is short, instead of the advice for jobs of the workflow.
        again: how to go on when the fault is mended.
    """
    for each in _chain(error):
        if isinstance(each, MachineError):
            return each
        told = str(each)
        named = re.search(_OS_ERROR, told)
        code = each.errno if isinstance(each, OSError) else int(named[1]) if named else None
        if code in _FAULTS:
            what, hint = _FAULTS[code]
            return _said(getattr(each, "filename", None) or path, what, memory if memory and hint == _MEMORY else hint, again)
        if isinstance(each, MtbkdError):
            continue
        if re.search(_NO_GPU_MEMORY, told):
            return _said(path, f"the GPU does not have enough memory ({_line(told)})", memory or _GPU_MEMORY, again)
        if isinstance(each, MemoryError) or (isinstance(each, Exception) and re.search(_NO_MEMORY, told)):
            return _said(path, "not enough memory" + (f" ({_line(told)})" if told else ""), memory or _MEMORY, again)
    return None


def write_fault(error: Exception, part: Path, path: str | Path) -> Exception:
    """Why writing ``part`` for ``path`` failed, for libraries that do not say it: one more block tells; else ``error``."""
    if found := machine_fault(error, path):
        return found
    try:
        with part.open("ab") as handle:
            handle.write(bytes(1 << 16))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as again:
        again.filename = None  # the user knows the file by its final name
        return machine_fault(again, path) or error
    return error


def unreadable(path: object, error: Exception, expected: str, hint: str) -> MtbkdError:
    """The error to raise if reading ``path`` failed: the machine's fault, or content that is not as ``expected``."""
    return machine_fault(error, str(path)) or ContractError(path, "content", _line(str(error)) or repr(error), expected, hint)


def _said(path: object, what: str, hint: str, again: str) -> MachineError:
    return MachineError(f"{path}: {what}. Hint: {hint}, {again}." if path else f"{what}. Hint: {hint}, {again}.")


def _line(text: str) -> str:
    """The first line, of bounded length."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= 200 else f"{first[:197]}..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what caused it."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        seen.append(at)
        yield at
        at = at.__cause__ or at.__context__


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The hint that names the closest legal name, or an empty string when none is close."""
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""
