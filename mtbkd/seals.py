"""Files that show when their content changed since it was written: each carries the SHA-256 of its other bytes.

A seal is MARK and 64 hexadecimal digits. It lies between data and footer of a Parquet file, where the format allows a gap,
and at the end of any other file; HDF5 ignores what follows its own end. So other programs read sealed files as before.
Cards hold the hashes of the files beside them, and one of their own entries.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mtbkd.errors import ContractError
from mtbkd.reading import AGAIN

MARK = b"\nmtbkd sha256 "
LENGTH = len(MARK) + 64
BLOCK = 1 << 20
FILES, OWN = "files_sha256", "card_sha256"  # entries of a card


def seal(path: Path) -> None:
    """Add the seal to a file that was just written."""
    size, at = path.stat().st_size, _end_of_data(path)
    found = _sha256(path, size, 0).hex().encode()
    with path.open("r+b") as handle:
        handle.seek(at)
        footer = handle.read()
        handle.seek(at)
        handle.write(MARK + found + footer)


def check_seal(path: Path) -> None:
    """ContractError unless the file carries a seal and its content is what was sealed; once a process for each file."""
    state = path.stat()
    at = _end_of_data(path) - LENGTH
    with path.open("rb") as handle:
        handle.seek(max(0, at))
        found = handle.read(LENGTH)
    if not found.startswith(MARK):
        raise ContractError(path, "content", "no hash of it", "a whole file that this version of mtbkd wrote",
                            f"cut short, or made by an older version or another program: {AGAIN}")  # fmt: skip
    _compare(path, _known(path, state.st_mtime_ns, state.st_size, at), found[len(MARK) :].decode("ascii", "replace"))


def file_sha256(path: Path) -> str:
    """Hash of a whole file; computed once a process while size and time of the file stay the same."""
    state = path.stat()
    return _known(path, state.st_mtime_ns, state.st_size, state.st_size)


def sealed_card(card: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """``card`` with the hashes of ``files`` and of its own entries."""
    content = json.loads(json.dumps(dict(card))) | {FILES: {path.name: file_sha256(path) for path in files}}
    return content | {OWN: _card_sha256(content)}


def opened_card(card: Any, path: Path, files: Sequence[Path]) -> dict[str, Any]:
    """The entries that ``sealed_card`` was given; ContractError where they, or one of ``files``, changed since."""
    if not isinstance(card, dict) or not isinstance(card.get(FILES), dict) or OWN not in card:
        raise ContractError(path, FILES, "nothing", "hashes of the files beside it", f"made by an older version: {AGAIN}")
    _compare(path, _card_sha256({name: value for name, value in card.items() if name != OWN}), card[OWN])
    for file in files:
        _compare(file, file_sha256(file), card[FILES].get(file.name))
    return {name: value for name, value in card.items() if name not in (FILES, OWN)}


def _compare(path: Path, found: str, sealed: Any) -> None:
    if found != sealed:
        raise ContractError(path, "content", "changed since it was written", f"sha256 {str(sealed)[:12]}...", AGAIN)


def _card_sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _end_of_data(path: Path) -> int:
    """Where the data end: before a Parquet file's footer, whose length its last 8 bytes tell, or at the file's end."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        if size < 12 or handle.read(4) != b"PAR1":
            return size
        handle.seek(size - 8)
        return max(0, size - 8 - int.from_bytes(handle.read(4), "little"))


@lru_cache(maxsize=4096)
def _known(path: Path, time: int, size: int, at: int) -> str:
    return _sha256(path, at, LENGTH).hex()


def _sha256(path: Path, at: int, skipped: int) -> bytes:
    """Hash of the bytes before ``at`` and, leaving out ``skipped`` bytes, after it."""
    whole = hashlib.sha256()
    with path.open("rb") as handle:
        left = at
        while left > 0 and (block := handle.read(min(BLOCK, left))):
            whole.update(block)
            left -= len(block)
        handle.seek(skipped, 1)
        while block := handle.read(BLOCK):
            whole.update(block)
    return whole.digest()
