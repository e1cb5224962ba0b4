"""Seals that reveal files that were changed since they were written, or swapped with another of their kind.

A seal is MARK, the SHA-256 of the file's place and that of all other bytes of the file, in hexadecimal digits. It lies between
data and footer of a Parquet file, where the format allows a gap, and at the end of any other file; HDF5 ignores what follows
its own end. So other programs read sealed files as before. Cards hold their place, the hashes of the files beside them, and
one of their own entries. A place is asked for only below results/: files that are copied elsewhere can be read there.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import AGAIN

MARK = b"\nmtbkd sha256 "
DIGITS = 64
LENGTH = len(MARK) + 2 * DIGITS
BLOCK = 1 << 20
FILES, OWN, PLACE = "files_sha256", "card_sha256", "place"  # entries of a card
KINDS = "data|logits|students|evaluation|questions"
BELOW_RESULTS = re.compile(rf".*(?:^|/)results/[^/]+/((?:{KINDS})/.+)")
SWAPPED = f"swapped with another file, or copied from there: {AGAIN}"


def place_of(path: str | Path) -> str:
    """Where ``path`` stands below results/<study>, e.g. students/sim1/labels_map/r0-7.nc; empty elsewhere."""
    found = BELOW_RESULTS.fullmatch(Path(os.path.abspath(path)).as_posix())
    return found[1] if found else ""


def seal(path: Path, final: str | Path) -> None:
    """Add the seal to a file that was just written at ``path`` and is going to lie at ``final``."""
    at = _end_of_data(path)
    with path.open("r+b") as handle:
        handle.seek(at)
        footer = handle.read()
        handle.seek(at)
        handle.write(MARK + _digits(place_of(final)))
        handle.write(footer)
    whole = _sha256(path, path.stat().st_size, 0).hex().encode()
    with path.open("r+b") as handle:
        handle.seek(at + LENGTH - DIGITS)
        handle.write(whole + footer)


def check_seal(path: Path) -> None:
    """ContractError unless the file carries a seal and its content is what was sealed; once per process for each file."""
    state = path.stat()
    end = _end_of_data(path)
    with path.open("rb") as handle:
        handle.seek(max(0, end - LENGTH))
        found = handle.read(LENGTH)
    if not found.startswith(MARK):
        raise ContractError(path, "content", "no hash", "a complete file written by this version of mtbkd",
                            f"truncated, or made by an older version or another program: {AGAIN}")  # fmt: skip
    whole = _known(path, state.st_mtime_ns, state.st_size, end - DIGITS)
    _compare(path, whole, found[-DIGITS:].decode("ascii", "replace"))
    if (place := place_of(path)) and found[len(MARK) : -DIGITS] != _digits(place):
        raise ContractError(path, "place", "a file made for another path", f"that of {place}", SWAPPED)


def file_sha256(path: Path) -> str:
    """Hash of a whole file; computed once per process while size and time of the file stay the same."""
    state = path.stat()
    return _known(path, state.st_mtime_ns, state.st_size, state.st_size)


def sealed_card(card: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """``card`` with the folder's place, the hashes of ``files`` and of its own entries; all lie in one folder."""
    hashes = {path.name: file_sha256(path) for path in files}
    try:
        plain = json.loads(json.dumps(dict(card)))
    except (TypeError, ValueError) as error:  # numpy's numbers and arrays are none
        raise ContractError(
            files[0].parent / "card.json", "entries", error, "values that JSON can represent", "use tolist()"
        ) from None
    content = plain | {FILES: hashes, PLACE: place_of(files[0].parent)}
    return content | {OWN: _card_sha256(content)}


def opened_card(card: Any, path: Path, files: Sequence[Path]) -> dict[str, Any]:
    """The entries that ``sealed_card`` was given; ContractError if they, or one of ``files``, changed since."""
    if not isinstance(card, dict) or not isinstance(card.get(FILES), dict) or OWN not in card:
        raise ContractError(path, FILES, "nothing", "hashes of the files in its folder", f"made by an older version: {AGAIN}")
    _compare(path, _card_sha256({name: value for name, value in card.items() if name != OWN}), card[OWN])
    for file in files:
        if not file.is_file():
            raise ContractError(file, "file", "nothing", f"the file that {path.name} was written with", AGAIN)
        _compare(file, file_sha256(file), card[FILES].get(file.name))
    if (place := place_of(path.parent)) and card.get(PLACE) != place:
        raise ContractError(path, PLACE, card.get(PLACE) or "none", place, SWAPPED)
    return {name: value for name, value in card.items() if name not in (FILES, OWN, PLACE)}


def _compare(path: Path, found: str, sealed: Any) -> None:
    if found != sealed:
        raise ContractError(path, "content", "changed since it was written", f"sha256 {str(sealed)[:12]}...", AGAIN)


def _digits(place: str) -> bytes:
    return hashlib.sha256(place.encode()).hexdigest().encode()


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
    return _sha256(path, at, DIGITS).hex()


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
