"""Files as they are on the disk: each reader says in one line what is wrong with a file that is damaged or none."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.errors import ContractError, unreadable

if TYPE_CHECKING:
    import numpy as np

AGAIN = "delete it and run again"


def regular_file(path: str | Path, expected: str, hint: str) -> Path:
    """``path`` if it is a file that can be opened; a pipe would make the reader wait for ever."""
    path = Path(path)
    try:
        if path.is_file():
            path.open("rb").close()
            return path
        found = "a folder" if path.is_dir() else "a pipe or a device" if path.exists() else "nothing"
    except OSError as error:
        raise unreadable(path, error, expected, hint) from None
    raise ContractError(path, "file", found, expected, hint)


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
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = regular_file(path, "a safetensors file", "run the rule that makes it")
    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, OSError, MemoryError) as error:
        raise unreadable(path, error, "a readable safetensors file", hint) from error
