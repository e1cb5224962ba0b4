"""The registry of raw files, and verification of files. Keys are '<group>/<file>', listed in raw_files.yaml."""

import gzip
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import AGAIN

TARGET = "downloads"  # name of the folder of raw files below results/

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(pattern=r"^\w[\w.-]*/\w[\w.-]*$")]


class Source(BaseModel):
    """A URL that should give the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://", description="download address")
    status: Literal["verified", "unverified"] = Field(description="verified: downloaded once and found to be this file")
    note: str = Field("", description="remarks about the source")


class RawFile(BaseModel):
    """One raw file: its size, hash and licence, and its sources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(ge=1, le=10**11, description="size of the file; an upper bound if the note says so")
    sha256: Sha256 | None = Field(description="hash of the file; null: unknown, and downloads are not verified")
    licence: str = Field(min_length=1, description="licence stated by the publisher, or that none is stated")
    note: str = Field("", description="content of the file and differences from the original")
    content_sha256: Sha256 | None = Field(
        None, description="gzip only: hash of the content; other compressions of it are accepted"
    )
    sources: tuple[Source, ...] = Field((), description="sources in order of preference; none: from a mirror or by hand only")


@cache
def raw_files() -> dict[str, RawFile]:
    """The registry: key '<group>/<file>' -> RawFile."""
    content = yaml.safe_load(Path(__file__).with_name("raw_files.yaml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[Key, RawFile]).validate_python(content)


def check_fetched(paths: Iterable[str | Path]) -> None:
    """ContractError if a raw file among ``paths``, <target>/<group>/<file>, changed since it was fetched."""
    for path in map(Path, paths):
        file = raw_files().get("/".join(path.parts[-2:])) if path.parts[-3:-2] == (TARGET,) else None
        if file and path.is_file() and (reason := reason_to_reject(path, file)):
            raise ContractError(path, "content", reason, "the file that was fetched", AGAIN)


def reason_to_reject(path: Path, file: RawFile) -> str:
    """Why the file at ``path`` is not ``file``; empty when it is."""
    size = path.stat().st_size
    if size > most_bytes(file):
        return f"{size} bytes; expected {file.bytes}" if file.sha256 else f"{size} bytes; expected at most {file.bytes}"
    if file.sha256 is None:
        return "" if size else "an empty file"
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found == file.sha256 or (file.content_sha256 and _content_sha256(path) == file.content_sha256):
        return ""
    if size != file.bytes and not file.content_sha256:
        return f"{size} bytes; expected {file.bytes}"
    return f"sha256 {found}; expected {file.sha256}" + (" or another packing of its content" if file.content_sha256 else "")


def _content_sha256(path: Path) -> str:
    try:
        with gzip.open(path) as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]
    except (OSError, EOFError, ValueError) as error:
        return f"unreadable gzip: {error}"


def most_bytes(file: RawFile) -> int:
    """Bound on the size of what is accepted: another packing of the same content may be larger."""
    return 2 * file.bytes + 1024 if file.content_sha256 else file.bytes
