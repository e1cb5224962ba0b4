"""Where the raw files of a dataset lie: the registry's, or the user's own in their place."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.errors import ContractError
from mtbkd.base.userfiles import own_file
from mtbkd.data.raw_files import Sha256, raw_files


class OwnFile(BaseModel):
    """A file of yours instead of a raw file: another location, another hash, the same format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="the file, relative to the working directory of snakemake")
    sha256: Sha256 | None = Field(None, description="hash for verification; without it the content is not verified")


OwnFiles = Mapping[str, OwnFile]


def places(keys: Iterable[str], own: OwnFiles, raw: Path) -> dict[str, Path]:
    """Key -> path of every raw file; ContractError if one of your own is missing or has another hash."""
    return {key: _own(key, own[key]) if key in own else raw / key for key in keys}


def _own(key: str, file: OwnFile) -> Path:
    path = own_file(Path(file.path), f"a file in place of {key}")
    if file.sha256:
        with path.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
        if found != file.sha256:
            raise ContractError(path, "sha256", found, file.sha256, f"is this a different file from the one listed for {key}?")
    return path


def remarks(keys: Iterable[str], own: OwnFiles) -> dict[str, str]:
    """What a card says of files that are not the registry's or that nobody has verified; {} where all are."""
    keys, known = list(keys), raw_files()
    replaced = [f"{key} is {own[key].path}" + (f" (SHA-256 {own[key].sha256})" if own[key].sha256 else "")
                for key in keys if key in own]  # fmt: skip
    unverified = [key for key in keys if (own[key].sha256 if key in own else known[key].sha256) is None]
    told = {}
    if replaced:
        told["Files of the user"] = "; ".join(replaced)
    if unverified:
        told["Unverified content"] = (
            f"{', '.join(unverified)}: no hash is known, so that nobody can tell whether it is the original"
        )
    return told
