"""Files as they are on the disk: each reader says in one line what is wrong with a file that is damaged or none."""

import json
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mtbkd.errors import ContractError, MtbkdError, unreadable

if TYPE_CHECKING:
    import numpy as np

AGAIN = "delete it and run again"
FETCH = "cut short or damaged: delete it and run the rule download"
MOST_BYTES = 1 << 29  # of an unpacked file; a small archive may unpack to more than any memory


def regular_file(path: str | Path, expected: str, hint: str = "") -> Path:
    """``path`` if it is a file that can be opened; a pipe would make the reader wait for ever."""
    path = Path(path)
    try:
        if path.is_file():
            path.open("rb").close()
            return path
        found = "a folder" if path.is_dir() else "a pipe or a device" if path.exists() else "nothing"
    except OSError as error:
        raise unreadable(path, error, expected, hint) from None
    raise ContractError(path, "file", found, expected, hint if found == "nothing" else "")


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
            raise ContractError(path, "content", f"more than {MOST_BYTES} bytes unpacked", "at most so many")
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
        raise ValueError(f"values of type {dtype}, no numbers")
    told = handle.tell() + math.prod(shape) * dtype.itemsize
    if told != size:
        raise ValueError(f"{size} bytes where the header tells {told}")
    handle.seek(0)
    return np.lib.format.read_array(handle, allow_pickle=False)


def read_json(path: str | Path) -> Any:
    """Read a JSON file; ContractError where it is none, is cut short or names a key twice."""
    path = regular_file(path, "a JSON file", "run the rule that makes it")
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError, OSError, MemoryError) as error:
        raise unreadable(path, error, "a whole JSON file", AGAIN) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key that stands there twice")
    return content


def read_arrays(path: str | Path, hint: str = AGAIN) -> "dict[str, np.ndarray]":
    """The arrays of a safetensors file; ContractError where there is none or it is damaged."""
    from safetensors.numpy import load_file

    with damage(path, "a safetensors file", hint) as file:
        return load_file(file)
