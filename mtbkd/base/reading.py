"""File readers that report a missing or damaged file in one line."""

import math
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mtbkd.base import strict_json
from mtbkd.base.errors import ContractError, MtbkdError, machine_fault, unreadable

if TYPE_CHECKING:
    import numpy as np

AGAIN = "delete it and run again"
FETCH = "truncated or damaged: delete it and run the rule download"
MOST_BYTES = 1 << 29  # of an unpacked file; a small archive may unpack to more than any memory
MOST_JSON = 1 << 24  # bytes of a card


def regular_file(path: str | Path, expected: str, hint: str = "") -> Path:
    """``path`` if it is a file that can be opened; a pipe would make the reader wait forever. ``hint``: where nothing is."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return path
    except (FileNotFoundError, NotADirectoryError):
        raise ContractError(path, "file", "nothing", expected, hint) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        told = str(getattr(error, "strerror", None) or error).lower()
        raise machine_fault(error) or ContractError(str(path)[:200], "file", told, expected) from None
    raise ContractError(path, "file", "a folder" if stat.S_ISDIR(mode) else "a pipe or device", expected)


@contextmanager
def damage(path: str | Path, expected: str, hint: str = FETCH) -> Iterator[Path]:
    """Yield ``path``; whatever a library raises while it reads the file becomes one line.

    Damaged bytes make libraries raise almost any exception, so all are taken here: only the library's call belongs inside.
    """
    path = regular_file(path, expected, "run the rule download")
    try:
        yield path
    except MtbkdError:
        raise
    except Exception as error:
        raise unreadable(path, error, expected, hint) from error


def read_npy(path: str | Path, expected: str) -> "np.ndarray":
    """The numbers of a .npy file."""
    with damage(path, expected) as file, file.open("rb") as handle:
        return _array(handle, file.stat().st_size)


def read_npz(path: str | Path, expected: str) -> "dict[str, np.ndarray]":
    """Name -> numbers of a .npz file."""
    with damage(path, expected) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MOST_BYTES:
            raise ContractError(path, "content", f"more than {MOST_BYTES} bytes unpacked", "at most that many")
        found = {}
        for member in members:
            with archive.open(member) as handle:
                found[member.filename.removesuffix(".npy")] = _array(handle, member.file_size)
        return found


def _array(handle: IO[bytes], size: int) -> "np.ndarray":
    """One array; its header must tell the ``size`` of the file, or a damaged one would claim all memory."""
    import numpy as np

    version = np.lib.format.read_magic(handle)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(handle)
    if dtype.kind not in "biufc":
        raise ValueError(f"values of type {dtype}, not numbers")
    told = handle.tell() + math.prod(shape) * dtype.itemsize
    if told != size:
        raise ValueError(f"{size} bytes, but the header says {told}")
    handle.seek(0)
    return np.lib.format.read_array(handle, allow_pickle=False)


def read_json(path: str | Path, expected: str = "a complete JSON file", hint: str = AGAIN, finite: bool = False) -> Any:
    """Read a JSON file; ContractError if it is none, is cut short, or holds what ``strict_json`` refuses."""
    path = regular_file(path, expected, "run the rule that makes it")
    try:
        if (size := path.stat().st_size) > MOST_JSON:
            raise ValueError(f"{size:,} bytes, more than {MOST_JSON:,}")
        return strict_json.loads(path.read_text(encoding="utf-8"), finite)
    except (ValueError, OSError, MemoryError) as error:
        raise unreadable(path, error, expected, hint) from None


def read_arrays(path: str | Path, hint: str = AGAIN) -> "dict[str, np.ndarray]":
    """The arrays of a safetensors file; ContractError if there is none or it is damaged."""
    from safetensors.numpy import load_file

    with damage(path, "a safetensors file", hint) as file:
        return load_file(file)
