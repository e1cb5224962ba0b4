"""Packed files, read into memory: nothing is unpacked to disk, so no path can escape a folder."""

import gzip
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Self

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import damage

MOST_BYTES = 1 << 30  # of all members together
MOST_MEMBERS = 200_000
MOST_ALONE = 1 << 28  # bytes of a file that is packed alone: four times the largest that we know
MOST_HEADER = 1 << 16  # bytes of a long name or of extended attributes, which are read before a member is known


class _Member(tarfile.TarInfo):
    """A member whose header does not claim all memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        named = member.isreg() or member.isdir() or member.issym() or member.islnk() or member.isdev()
        if not named and member.size > MOST_HEADER:
            raise ValueError(f"a header of {member.size:,} bytes; expected at most {MOST_HEADER:,}")
        return member


def unpacked(path: Path, expected: str) -> bytes:
    """Content of a file, packed by gzip or not; ContractError if it is damaged or too large."""
    with damage(path, expected) as file:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(file, "rb") as handle:
            content = handle.read(MOST_ALONE + 1)
    if len(content) > MOST_ALONE:
        raise ContractError(path, "content", f"more than {MOST_ALONE} bytes", "at most that many")
    return content


def read_members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Name -> content of the files that ``wanted`` takes by name.

    Raises:
        ContractError: no archive, cut short, too large, or with a member that has no place in data: a path that leads out of
            the archive, a link or a device. Such an archive is refused whole, whichever members are wanted.
    """
    found: dict[str, bytes] = {}
    total = count = 0
    with damage(path, "a whole tar archive") as file, tarfile.open(file, tarinfo=_Member) as archive:
        for member in archive:
            _check_member(path, member)
            total, count = total + member.size, count + 1
            if total > MOST_BYTES or count > MOST_MEMBERS:
                raise ContractError(path, "members", f"more than {MOST_MEMBERS} files or {MOST_BYTES} bytes", "fewer")
            if member.isfile() and wanted(member.name):
                found[member.name] = _content(path, archive, member)
    return found


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    inside = PurePosixPath(member.name)
    if inside.is_absolute() or ".." in inside.parts or "\\" in member.name:
        raise ContractError(path, "member", f"'{member.name}', which leads out of the archive", "paths inside it")
    if not (member.isfile() or member.isdir()):
        raise ContractError(path, "member", f"'{member.name}', which is a link or a device", "files and folders only")


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    handle = archive.extractfile(member)
    content = handle.read() if handle else b""
    if len(content) != member.size:
        raise ContractError(path, member.name, f"{len(content)} bytes", f"{member.size}", "the archive is truncated")
    return content
