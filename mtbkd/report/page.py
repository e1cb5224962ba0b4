"""The page: one self-contained HTML file with embedded figures."""

import base64
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import AGAIN, damage, read_json, regular_file
from mtbkd.report import captions, glossary
from mtbkd.report.figures.style import signal_css
from mtbkd.report.pictures import packed
from mtbkd.report.table import Table
from mtbkd.report.wording import called, in_words

TEMPLATES = Path(__file__).parent / "template"
HEAVY = 100_000  # bytes: a study of the papers' simulations has figures of 30 MB in all
COLOURS = 96
PLACES = re.compile(r' (?:d|x|y)="[^"]*"')  # attributes that hold coordinates in points, a 72nd of an inch
TOO_FINE = re.compile(r"\s*\b([MLCQz])\s+|(\.\d\d)\d+")  # spaces around a command of a path, digits beyond the second
SCRIPTS = ("common", "tables", "filter", "contents", "tips", "methods")
FIELDS = ("of", "title", "category", "caption", "alt")


@dataclass(frozen=True)
class Figure:
    """A figure with the content of its JSON file.

    Attributes:
        source: its static picture as a data URI.
        of: an experiment or question.
        stem: its files' name, without ending; links lead to them where they lie in ``figures/`` beside the page.
        caption, help: what it shows, and how to read it.
        picture: its interactive view, see ``pictures.packed``; "" for none.
    """

    source: str
    of: str | None
    title: str
    category: str
    caption: str
    alt: str
    stem: str
    picture: str
    help: str = ""


@dataclass(frozen=True)
class Part:
    """One experiment on the page; ``labels``: the label budget, for fitting and for tuning."""

    name: str
    dataset: str
    student: str
    main: Table
    over: str
    labels: str
    published: Table | None
    published_source: str
    published_note: str
    domains: Table
    facts: Sequence[tuple[str, str]]
    teachers: Table
    teachers_by_domain: Table
    gates: Table
    stacking: Table | None
    agreement: Table | None
    loo: Table | None
    checks: Table | None
    tuning: Table | None
    comparisons: Table | None
    sets: Table | None
    all_sets: Table | None
    about_sets: Sequence[str]


def figures(paths: Iterable[str | Path], interactive: bool, unprinted: Collection[str] = ()) -> list[Figure]:
    """Every SVG of ``paths``, embedded, with its caption and, if ``interactive``, its view; ContractError: what is missing.

    Of experiments in ``unprinted``, which no paper reports, captions name no paper's figure.
    """
    return [_figure(Path(path), interactive, unprinted) for path in paths]


def _figure(path: Path, interactive: bool, unprinted: Collection[str]) -> Figure:
    beside = path.with_suffix(".json")
    told = read_json(beside)
    if not isinstance(told, dict):
        raise ContractError(beside, "content", "something else", f"{', '.join(FIELDS)} of a figure", AGAIN)
    if missing := [name for name in FIELDS if name not in told]:
        raise ContractError(beside, "entry", f"no {', '.join(missing)}", ", ".join(FIELDS), AGAIN)
    source, picture = embedded(regular_file(path, "a figure")), packed(path) if interactive else ""
    if told["of"] in unprinted:
        told |= {name: captions.unprinted(told[name]) for name in ("caption", "alt")}
    shown, help = captions.divided(told["caption"])
    own = {**{name: told[name] for name in FIELDS}, "caption": shown, "help": help}
    return Figure(source, **own, stem=path.stem, picture=picture)


def embedded(path: Path) -> str:
    """An SVG as a data URI, ``slim``; if it is large (many points, maps), the PNG beside it in few colours instead, as WebP."""
    content, kind = slim(path.read_text(encoding="utf-8")).encode(), "svg+xml"
    bitmap = path.with_suffix(".png")
    if len(content) > HEAVY and bitmap.is_file():
        light = _few_colours(bitmap)
        content, kind = min((content, kind), (light, "webp"), key=lambda each: len(each[0]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def slim(svg: str) -> str:
    """An SVG as the page needs it: coordinates to a hundredth of a point, no metadata, no names of groups."""
    lean = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    lean = PLACES.sub(lambda place: TOO_FINE.sub(r"\1\2", place[0]), lean)
    return re.sub(r">\s+<", "><", re.sub(r'<g id="[^"]*"', "<g", lean))


def _few_colours(path: Path) -> bytes:
    from PIL import Image

    light = BytesIO()
    with damage(path, "a figure", AGAIN) as file, Image.open(file) as image:
        few = image.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.convert("RGB").save(light, "WEBP", lossless=True, quality=50, method=2)  # no smaller with more effort
    return light.getvalue()


def render(content: Mapping[str, Any], template: str = "page.html.j2") -> str:
    """The HTML of a page; ``content`` must hold the names that its template uses."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "explained": glossary.explained, "in_words": in_words, "called": partial(called, titles=content.get("titles", {}))
    }  # fmt: skip
    scripts = [(TEMPLATES / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    inline = {
        "css": (TEMPLATES / "page.css").read_text(encoding="utf-8") + signal_css(),
        "js": "\n".join(scripts),
        "terms": glossary.TERMS,
    }
    inline |= {f"pictures_{name}": (TEMPLATES / f"pictures.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    return environment.get_template(template).render(**content, **inline)
