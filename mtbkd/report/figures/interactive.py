"""What the interactive views of figures share: Vega-Lite specifications as plain dictionaries, with their data inline.

A figure may define ``interactive`` beside ``draw``, of the same argument, which returns a ``Spec`` of its numbers, bounded.
Plain dictionaries, because importing altair takes every job seconds; in the tests altair checks them against the schema and
vl-convert compiles them. ``template/pictures.js`` shows them: it sets widths, colours of the reader's theme, and the
parameters ``shown`` and ``metrics`` when the page is filtered.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mtbkd.base.frames import Frame
from mtbkd.base.writing import atomic
from mtbkd.report.figures.style import GREY, LIGHT, signal_colour
from mtbkd.report.judgement import NOT_JUDGED, judgements
from mtbkd.report.numbers import NONE, show_interval
from mtbkd.report.titles import of_metrics

Spec = dict[str, Any]
Record = Mapping[str, Any]
ENDING = "vl.json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
DIGITS = 4  # significant ones
PAPER = "#ffffff"  # the page's own background, whatever the theme
ROW = 18  # pixels
DOT = {"type": "point", "size": 60, "strokeWidth": 1.6, "opacity": 1, "clip": True}
EMPTY: Mapping[str, Any] = MappingProxyType({})
# The two parameters that the page's filter sets: ids of methods and of metrics, or null for all.
FILTERS = [{"name": "shown", "value": None}, {"name": "metrics", "value": None}]
FILTERED = [
    {"filter": f"!{name} || !datum.{field} || indexof({name}, datum.{field}) >= 0"}
    for name, field in (("shown", "method"), ("metrics", "metric"))
]


def spec(
    views: Mapping[str, Any], data: Mapping[str, Iterable[Record]], methods: Mapping[str, Record], label: int = 60
) -> Spec:
    """A whole specification.

    Args:
        views: the views, with ``columns`` if there are several.
        data: name of a table -> its rows, which all have the same keys; the first is the one to download.
        methods: id -> ``title``, ``signal`` and ``inference``, which the page's filter is about.
        label: pixels beside each view that its axis needs.
    """
    tables = {name: [{key: rounded(value) for key, value in row.items()} for row in rows] for name, rows in data.items()}
    return {
        "$schema": SCHEMA,
        "usermeta": {"methods": methods, "label": label},
        "params": FILTERS,
        "datasets": tables,
        "config": {"view": {"stroke": LIGHT}, "axis": {"gridColor": LIGHT, "labelLimit": 260}, "axisY": {"titleAnchor": "end"}},
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


def data(name: str) -> Spec:
    """The rows of a table that the page's filter leaves."""
    return {"data": {"name": name}, "transform": FILTERED}


def only(field: str, value: str) -> Spec:
    """A transform: the rows where ``field`` is ``value``."""
    return {"filter": {"field": field, "equal": value}}


def colour(signals: Iterable[str]) -> Spec:
    """The encoding of ``signal``, in the colours of all figures."""
    found = list(dict.fromkeys(signals))
    scale = {"domain": found, "range": [signal_colour(signal) for signal in found]}
    return {"field": "signal", "type": "nominal", "scale": scale, "legend": None}


def fill(signals: Iterable[str]) -> Spec:
    """As ``colour``, hollow where a gate failed."""
    return {**colour(signals), "condition": {"test": "!datum.passed", "value": PAPER}}


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


def known(metrics: Frame, gates: Frame) -> dict[str, dict[str, Any]]:
    """Id -> what marks and tooltips tell of a method: ``method``, ``title``, ``signal``, ``inference``, ``gates``."""
    judged = judgements(gates)
    students: Any = metrics[metrics["kind"] == "student"].drop_duplicates("method").set_index("method").to_dict("index")
    return {
        method: {
            "method": method, "title": title, "signal": students[method]["signal"],
            "inference": students[method]["inference"], "gates": judged.get(method, NOT_JUDGED).words,
        }
        for method, title in of_metrics(metrics).items()
    }  # fmt: skip


class Panel(NamedTuple):
    """A panel of a forest: its rows, one a method, in order, each with ``known`` and ``mean``, ``low``, ``high``, ``passed``.

    ``domain``: of the x-axis at first; ``zero``: where a line of reference stands; ``further``: layers below the dots.
    """

    name: str
    title: str
    rows: Sequence[Record]
    domain: tuple[float, float]
    axis: str
    zero: float | None = None
    further: Sequence[Spec] = ()


def forest(panels: Sequence[Panel], columns: int, tips: list[Spec], further: Mapping[str, Sequence[Record]] = EMPTY) -> Spec:
    """Means with intervals, a row a method, a panel each of ``panels``; ``further`` tables are for their further layers."""
    rows = [{"panel": each.name, **row} for each in panels for row in each.rows]
    methods = {row["method"]: {key: row[key] for key in ("title", "signal", "inference")} for row in rows}
    titles = list(dict.fromkeys(row["title"] for row in rows))
    views = [_forest(each, number, titles, [row["signal"] for row in rows], tips) for number, each in enumerate(panels)]
    return spec({"concat": views, "columns": columns}, {"data": rows, **further}, methods, label_width(titles))


def _forest(panel: Panel, number: int, titles: Sequence[str], signals: Iterable[str], tips: list[Spec]) -> Spec:
    x = {
        "type": "quantitative",
        "scale": {"domain": [rounded(end) for end in panel.domain], "nice": False},
        "axis": {"title": panel.axis, "tickCount": 5},
    }
    y = {"field": "title", "type": "nominal", "sort": titles, "axis": {"title": None, "grid": False}}
    bar = {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y, "color": colour(signals), "tooltip": tips}
    dot = {"x": {"field": "mean", **x}, "y": y, "stroke": colour(signals), "fill": fill(signals), "tooltip": tips}
    line = {"mark": {"type": "rule", "color": GREY, "clip": True}, "encoding": {"x": {"datum": panel.zero}}}
    return {
        "title": panel.title,
        "width": 320,
        "height": {"step": ROW},
        "data": {"name": "data"},
        "transform": [*FILTERED, only("panel", panel.name)],
        "layer": [
            *([line] if panel.zero is not None else []),
            *panel.further,
            {"mark": {"type": "rule", "strokeWidth": 2, "clip": True}, "encoding": bar},
            {"mark": DOT, "encoding": dot, "params": zoom(f"zoom{number}", "x")},
        ],
    }
