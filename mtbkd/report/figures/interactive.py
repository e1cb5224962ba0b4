"""What the interactive views of figures share: Vega-Lite specifications as plain dictionaries, with their data inline.

Plain dictionaries, because importing altair takes every job seconds; in the tests altair checks them against the schema and
vl-convert compiles them. ``template/pictures.js`` shows them: it sets widths, colours of the reader's theme, and the
parameter ``shown`` when the page is filtered.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mtbkd.base.frames import Frame
from mtbkd.base.writing import atomic
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, LIGHT, inference_mark, signal_colour
from mtbkd.report.judgement import NOT_JUDGED, judgements
from mtbkd.report.numbers import NONE, show_interval
from mtbkd.report.titles import of_table

Spec = dict[str, Any]
Record = Mapping[str, Any]
ENDING = "vl.json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
DIGITS = 4  # significant ones
PAPER = "#ffffff"  # the page's own background, whatever the theme
ROW = 18  # pixels
DOT = {"type": "point", "size": 60, "strokeWidth": 1.6, "opacity": 1, "clip": True}
EMPTY: Mapping[str, Any] = MappingProxyType({})
# Matplotlib's marks -> Vega's shapes, which are names or paths in a square from -1 to 1.
SHAPES = {
    "o": "circle", "s": "square", "D": "diamond", "d": "M0,-1L.6,0L0,1L-.6,0Z", "P": "cross", "^": "triangle-up",
    "v": "triangle-down", "<": "triangle-left", ">": "triangle-right",
    "X": "M-.7,-1L0,-.35L.7,-1L1,-.7L.35,0L1,.7L.7,1L0,.35L-.7,1L-1,.7L-.35,0L-1,-.7Z",
    "*": "M0,-1L.26,-.36L.95,-.31L.42,.14L.59,.81L0,.44L-.59,.81L-.42,.14L-.95,-.31L-.26,-.36Z",
    "p": "M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z", "h": "M0,-1L.87,-.5L.87,.5L0,1L-.87,.5L-.87,-.5Z",
    "H": "M-1,0L-.5,-.87L.5,-.87L1,0L.5,.87L-.5,.87Z",
    "|": "M-.22,-1.5L.22,-1.5L.22,1.5L-.22,1.5Z", "8": "M-.41,-1L.41,-1L1,-.41L1,.41L.41,1L-.41,1L-1,.41L-1,-.41Z",
}  # fmt: skip
# The parameter that the page's filter sets: ids of methods, or null for all; and what it leaves of a table.
FILTERS = [{"name": "shown", "value": None}]
FILTERED = [{"filter": "!shown || !datum.method || indexof(shown, datum.method) >= 0"}]


def spec(views: Spec, data: Mapping[str, Iterable[Record]], methods: Mapping[str, Record], **layout: Any) -> Spec:
    """A whole specification.

    Args:
        views: the views, with ``columns`` if there are several.
        data: name of a table -> its rows, which all have the same keys; the first is the one to download.
        methods: id -> ``title``, ``signal`` and ``inference``, which the page's filter is about.
        layout: for the page: ``label``, the pixels that an axis needs beside each view; ``least``, the width of a view from
            which on there is room for a further column; ``square``; ``renderer``, svg if not given; ``belongs``: name of a view
            -> the ``method`` or ``metric`` without which it goes.
    """
    tables = {name: [{key: rounded(value) for key, value in row.items()} for row in rows] for name, rows in data.items()}
    lean = {name: {key: told[key] for key in ("title", "signal", "inference")} for name, told in methods.items()}
    return {
        "$schema": SCHEMA,
        "usermeta": {"methods": lean, **layout},
        "params": FILTERS,
        "datasets": tables,
        "config": {"view": {"stroke": LIGHT}, "axis": {"gridColor": LIGHT, "labelLimit": 260}},
        **views,
    }


def rounded(value: Any) -> Any:
    """``value`` as JSON holds it: numbers of ``DIGITS`` digits, None for what is not finite."""
    value = getattr(value, "item", lambda: value)()
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def write(content: Spec, path: str | Path) -> None:
    """One line of JSON, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, allow_nan=False, separators=(",", ":")), encoding="utf-8")


def only(field: str, value: str) -> Spec:
    """A transform: the rows where ``field`` is ``value``."""
    return {"filter": {"field": field, "equal": value}}


def layer(mark: str | Spec, table: str = "", params: Sequence[Spec] = (), **encoding: Any) -> Spec:
    """Marks of the rows of the view, or of another ``table``."""
    own = {"data": {"name": table}} if table else {}
    return {**own, "mark": mark, "encoding": encoding, **({"params": list(params)} if params else {})}


def line(mark: Spec, **encoding: Any) -> Spec:
    """A single line of reference, at a ``datum``."""
    return {"data": {"values": [{}]}, "mark": {"type": "rule", "color": GREY, "clip": True, **mark}, "encoding": encoding}


def number(field: str, title: str | None = None, **scale: Any) -> Spec:
    """The encoding of a number, on an axis that need not start at 0."""
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False, **scale}}


def logarithmic(field: str, title: str) -> Spec:
    """The same, positive and on a logarithmic axis."""
    scale = {"type": "log", "nice": False, "padding": 14}
    return {**number(field, title), "scale": scale, "axis": {"grid": False, "tickCount": 4, "format": "~g"}}


def colour(signals: Iterable[str], others: Mapping[str, str] = EMPTY) -> Spec:
    """The encoding of ``signal``, in the colours of all figures; ``others``: what is no signal -> its colour."""
    found = list(dict.fromkeys(signals))
    scale = {"domain": found, "range": [others.get(signal) or signal_colour(signal) for signal in found]}
    return {"field": "signal", "type": "nominal", "scale": scale, "legend": None}


def shape(inferences: Iterable[str]) -> Spec:
    """The encoding of ``inference``, in the marks of all figures."""
    found = list(dict.fromkeys(inferences))
    scale = {"domain": found, "range": [SHAPES[inference_mark(inference)] for inference in found]}
    return {"field": "inference", "type": "nominal", "scale": scale, "legend": None}


def dots(rows: Sequence[Record], tips: list[Spec], others: Mapping[str, str] = EMPTY) -> Spec:
    """The encodings of the marks of ``rows``, all but their places: colour by signal, shape by inference, hollow if failed."""
    signals = [row["signal"] for row in rows]
    hue = {"stroke": colour(signals, others), "fill": fill(signals, others)}
    return {**hue, "shape": shape(row["inference"] for row in rows), "tooltip": tips}


def fill(signals: Iterable[str], others: Mapping[str, str] = EMPTY) -> Spec:
    """As ``colour``, hollow where a gate failed."""
    return {**colour(signals, others), "condition": {"test": "!datum.passed", "value": PAPER}}


def tooltip(**fields: str) -> list[Spec]:
    """What pointing at a mark tells: field -> its name."""
    return [{"field": field, "title": title, **_kind(field)} for field, title in fields.items()]


def _kind(field: str) -> Spec:
    texts = ("title", "method", "interval", "gates", "metric", "label", "setting")
    return {"type": "nominal"} if field in texts else {"type": "quantitative", "format": f".{DIGITS}~g"}


METHOD = {"title": "Method", "method": "Id"}
GATES = {"n": "Replicates", "gates": "Gates"}


def zoom(name: str, *axes: str) -> list[Spec]:
    """Wheel and drag move the ``axes``, a double click resets them; ``name`` is unique in the figure."""
    return [{"name": name, "select": {"type": "interval", "encodings": list(axes)}, "bind": "scales"}]


def interval(low: float, high: float) -> str:
    """For the tooltip."""
    return show_interval(low, high) or NONE


def label_width(titles: Iterable[str]) -> int:
    """Pixels that the longest of ``titles`` needs beside an axis."""
    return 20 + min(260, math.ceil(5.8 * max(map(len, titles), default=0)))


def named(students: Frame) -> dict[str, dict[str, Any]]:
    """Id -> ``method``, ``title``, ``signal``, ``inference``, of the methods that rows of scores are of."""
    return {method: each._asdict() for method, each in of_table(students).items()}


def known(metrics: Frame, gates: Frame) -> dict[str, dict[str, Any]]:
    """``named`` of an experiment's methods, and the verdict of their ``gates`` in words."""
    judged = judgements(gates)
    found = named(metrics[metrics["kind"] == "student"])
    return {name: {**each, "gates": judged.get(name, NOT_JUDGED).words} for name, each in found.items()}


def told(material: Material) -> dict[str, dict[str, Any]]:
    """``known`` of an experiment's methods, and ``passed``: whether their marks are filled."""
    found = known(material.table("metrics"), material.table("gates"))
    return {name: {**each, "passed": name not in material.failed} for name, each in found.items()}


class Panel(NamedTuple):
    """A panel of a forest: its rows, one a method, in order, each with ``known`` and ``mean``, ``low``, ``high``, ``passed``.

    Attributes:
        title: or a title with its properties.
        domain: of the x-axis at first.
        axis: title of the x-axis.
        mark: where a line of reference stands.
        below: layers below the dots.
    """

    name: str
    title: str | Spec
    rows: Sequence[Record]
    domain: tuple[float, float]
    axis: str
    mark: float | None = None
    below: Sequence[Spec] = ()


def forest(panels: Sequence[Panel], tips: list[Spec], further: Mapping[str, Iterable[Record]] = EMPTY, **layout: Any) -> Spec:
    """Means with intervals, a row a method, a panel each of ``panels``; ``further`` tables are for layers below."""
    rows = [{"panel": each.name, **row} for each in panels for row in each.rows]
    methods = {row["method"]: row for row in rows}
    titles = list(dict.fromkeys(row["title"] for row in rows))
    views = [_forest(each, number, titles, rows, tips) for number, each in enumerate(panels)]
    layout = {"label": label_width(titles), "least": 260, **layout}
    return spec({"concat": views, "columns": 2}, {"data": rows, **further}, methods, **layout)


def by_title(titles: Sequence[str]) -> Spec:
    """The y-axis of a forest."""
    return {"field": "title", "type": "nominal", "sort": titles, "axis": {"title": None, "grid": False}}


def _forest(panel: Panel, place: int, titles: Sequence[str], rows: Sequence[Record], tips: list[Spec]) -> Spec:
    x = number("mean", panel.axis, domain=[rounded(end) for end in panel.domain], nice=False)
    x, y, hue = {**x, "axis": {"tickCount": 5}}, by_title(titles), colour(row["signal"] for row in rows)
    bar = {"type": "rule", "strokeWidth": 2, "clip": True}
    return {
        "name": f"panel{place}",
        "title": panel.title,
        "width": 320,
        "height": {"step": ROW},
        "data": {"name": "data"},
        "transform": [*FILTERED, only("panel", panel.name)],
        "layer": [
            *([line({}, x={"datum": panel.mark})] if panel.mark is not None else []),
            *panel.below,
            layer(bar, x={**x, "field": "low"}, x2={"field": "high"}, y=y, color=hue, tooltip=tips),
            layer(DOT, params=zoom(f"zoom{place}", "x"), x=x, y=y, **dots(rows, tips)),
        ],
    }


def facets(rows: Sequence[Record], layers: Sequence[Spec], columns: int, width: int = 230, height: int = 200) -> Spec:
    """Panels with common axes, one a method, of the table ``data``; a method that is filtered away leaves no gap."""
    titles = list(dict.fromkeys(row["title"] for row in rows))
    header = {"title": None, "labelAnchor": "start", "labelLimit": width + 40}
    return {
        "data": {"name": "data"},
        "transform": FILTERED,
        "facet": {"field": "title", "type": "nominal", "sort": titles, "header": header},
        "columns": columns,
        "spec": {"width": width, "height": height, "layer": list(layers)},
    }
