"""The page: one HTML file that asks for nothing outside itself; figures are embedded."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd.errors import ContractError
from mtbkd.report.table import Table

TEMPLATES = Path(__file__).parent
FIELDS = ("file", "of", "title", "category", "caption", "alt")


@dataclass(frozen=True)
class Figure:
    """A figure with what captions.json says of it; ``source`` is a data URI, ``of`` an experiment or analysis."""

    source: str
    of: str | None
    title: str
    category: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Part:
    """What the page shows of one experiment."""

    name: str
    dataset: str
    student: str
    main: Table
    over: str
    published: Table | None
    published_source: str
    published_note: str
    domains: Table
    facts: Sequence[tuple[str, str]]
    teachers: Table
    teachers_by_domain: Table
    gates: Table
    agreement: Table | None
    loo: Table | None
    checks: Table | None
    tuning: Table | None
    comparisons: Table | None


def figures(folder: str | Path) -> list[Figure]:
    """Every figure of captions.json, embedded, in its order; ContractError names what is missing."""
    folder = Path(folder)
    index = folder / "captions.json"
    if not index.is_file():
        raise ContractError(index, "file", "nothing", "the list of figures", "run the rule that draws the figures")
    found = []
    for entry in json.loads(index.read_text()):
        missing = [name for name in FIELDS if name not in entry]
        if missing:
            raise ContractError(index, entry.get("file", "entry"), f"no {', '.join(missing)}", ", ".join(FIELDS))
        path = folder / entry["file"]
        if not path.is_file():
            raise ContractError(path, "file", "nothing", f"a figure, as {index.name} names it")
        found.append(Figure(embedded(path), **{name: entry[name] for name in FIELDS[1:]}))
    return found


def embedded(path: Path) -> str:
    """An image file as a data URI."""
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def render(content: Mapping[str, Any]) -> str:
    """The page's HTML; what ``content`` must hold is what page.html.j2 names."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    inline = {name: (TEMPLATES / f"page.{name}").read_text() for name in ("css", "js")}
    return environment.get_template("page.html.j2").render(**content, **inline)
