"""results/index.html: every study of a results folder with its verdicts and the state of its results.

Each report job writes its own study's headline.json and then the index of all that are there. Two jobs may do so at once: each
reads again after it wrote, and writes once more if a study came meanwhile, so that the last file written knows all of them.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtbkd.base.errors import MtbkdError
from mtbkd.base.reading import read_json
from mtbkd.base.writing import atomic, write_json
from mtbkd.report import page
from mtbkd.report.verdict_card import Card

log = logging.getLogger(__name__)

HEADLINE, PAGE, INDEX = "headline.json", "report.html", "index.html"
NOT_STUDIES = frozenset({"shared", "benchmarks", "downloads", "logs"})
TRIES = 20
SHOWN = ("python", "mtbkd", "torch", "snakemake")


class Commit(BaseModel):
    """Where the code stood; ``dirty``: with changes of its own."""

    commit: str
    dirty: bool


class Headline(BaseModel):
    """What the index tells of a study: headline.json.

    ``end`` is when its report was written, ISO 8601; ``ran`` says how much was computed.
    """

    model_config = ConfigDict(extra="ignore")

    kind: Literal["mtbkd headline"] = "mtbkd headline"
    study: str
    description: str
    ran: str
    end: str
    git: Commit | None
    versions: dict[str, str]
    cards: list[Card] = Field(default_factory=list)
    answers: list[str] = Field(default_factory=list)


class Entry(BaseModel):
    """A folder of the index: its headline, or why there is none."""

    folder: str
    page: bool
    headline: Headline | None
    fault: str = ""


def headline_of(told: Mapping[str, Any], description: str, ran: str, cards: Sequence[Card], answers: Sequence[str]) -> Headline:
    """The headline of a study with the manifest ``told``."""
    versions = {name: told["versions"][name] for name in SHOWN if name in told["versions"]}
    return Headline(
        study=told["study"], description=description, ran=ran, end=told["end"], git=told["git"], versions=versions,
        cards=list(cards), answers=list(answers),
    )  # fmt: skip


def publish(folder: Path, headline: Headline) -> None:
    """Write a study's headline.json into its ``folder``, results/<study>, and the index beside that folder.

    The index is of use beyond the study: a fault in it is logged and leaves the study's own files as they are.
    """
    write_json(folder / HEADLINE, headline.model_dump())
    try:
        write_index(folder.parent)
    except (MtbkdError, OSError) as error:
        log.warning("%s was not written: %s", folder.parent / INDEX, error)


def write_index(results: Path) -> None:
    """Write results/index.html of the studies that are there, and again while studies come."""
    shown: list[Entry] | None = None
    for _ in range(TRIES):
        if (found := entries(results)) == shown:
            return
        html = page.render({"entries": found}, "index.html.j2")
        with atomic(results / INDEX) as temporary:
            temporary.write_text(html, encoding="utf-8")
        shown = found


def entries(results: Path) -> list[Entry]:
    """The studies of a results folder, the latest first, then those that cannot be read."""
    folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [_entry(folder) for folder in folders if folder.name not in NOT_STUDIES]
    kept = [each for each in found if each is not None]
    by_name = sorted(kept, key=lambda each: each.folder)
    return sorted(by_name, key=lambda each: each.headline.end if each.headline else "", reverse=True)


def _entry(folder: Path) -> Entry | None:
    """What a folder holds; None where it holds neither a page nor a headline."""
    path, has_page = folder / HEADLINE, (folder / PAGE).is_file()
    if not path.exists():
        return Entry(folder=folder.name, page=has_page, headline=None, fault="no headline yet") if has_page else None
    try:
        return Entry(folder=folder.name, page=has_page, headline=Headline.model_validate(read_json(path)))
    except ValidationError as error:
        first = error.errors()[0]
        fault = f"{HEADLINE}: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
    except (MtbkdError, OSError, ValueError) as error:
        fault = str(error).splitlines()[0]
    return Entry(folder=folder.name, page=has_page, headline=None, fault=fault)
