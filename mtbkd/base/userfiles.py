"""User files: regular and complete files only, with at most ``LIMIT`` bytes in memory."""

import zlib
from pathlib import Path
from typing import IO

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import regular_file

LIMIT = 2**30  # bytes of content after decompression: a table of 50 million numbers
CHUNK = 2**20
# First bytes of formats that are often taken for text, and what to do about them.
FORMATS = {
    b"BZh": ("a bz2 file", "unpack it with bunzip2, or pack it with gzip"),
    b"\xfd7zXZ\x00": ("an xz file", "unpack it with unxz, or pack it with gzip"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it with unzstd, or pack it with gzip"),
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "save the sheet as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV"),
    b"PAR1": ("a parquet file", "save it as CSV; a file that is read as parquet is named .parquet"),
    b"ARROW1": ("a feather or Arrow file", "save it as CSV"),
    b"\x93NUMPY": ("a NumPy array", "name it .npy where arrays are read, or save it as CSV"),
    b"%PDF": ("a PDF document", "save the table as CSV"),
}
GZIP = b"\x1f\x8b"


def own_file(path: Path, expected: str) -> Path:
    """``path`` if it is a regular file; ContractError says what it is instead."""
    return regular_file(path, expected, "" if path.is_absolute() else "the path is relative to the working folder")


def read_bytes(path: Path, expected: str) -> bytes:
    """The content of a regular file, unpacked where it is gzip; ContractError names what else it is, or that it is too big."""
    size = own_file(path, expected).stat().st_size
    try:
        with open(path, "rb") as handle:
            if size and handle.read(2) == GZIP:
                handle.seek(0)
                return _gunzip(path, handle)
            if path.suffix == ".gz":
                raise ContractError(
                    path, "content", "not gzip, although the name ends in .gz", expected, "compress it, or rename it"
                )
            handle.seek(0)
            content = handle.read(LIMIT + 1)
    except OSError as error:
        raise ContractError(path, "file", _words(error), "a file that can be read") from None
    for mark, (found, hint) in FORMATS.items():
        if content.startswith(mark):
            raise ContractError(path, "content", found, expected, hint)
    if len(content) > LIMIT:
        raise too_big(path)
    return content


def _gunzip(path: Path, handle: IO[bytes]) -> bytes:
    """All members of a gzip file. zlib by hand, as gzip.open stops at no size that the file itself does not state."""
    unpacked, size, member = [], 0, zlib.decompressobj(wbits=31)
    data = handle.read(CHUNK)
    try:
        while data:
            piece = member.decompress(data, CHUNK)
            unpacked.append(piece)
            size += len(piece)
            if size > LIMIT:
                raise too_big(path)
            if member.eof:
                data = member.unused_data.lstrip(b"\0") or handle.read(CHUNK).lstrip(b"\0")
                member = zlib.decompressobj(wbits=31) if data else member
            else:
                data = member.unconsumed_tail or handle.read(CHUNK)
    except zlib.error as error:
        raise ContractError(path, "gzip", str(error), "a complete gzip file") from None
    if not member.eof:
        raise ContractError(path, "gzip", "unexpected end of file", "a complete gzip file")
    return b"".join(unpacked)


def too_big(path: Path) -> ContractError:
    """The refusal of a file with more content than ``LIMIT``."""
    return ContractError(path, "size", f"more than {LIMIT:,} bytes of content", f"at most {LIMIT:,}")


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
