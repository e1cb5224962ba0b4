"""Views of estimates of several groups, a panel each: in rows with a name each, or as lines along an axis."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import EMPTY, Record, Spec
from mtbkd.report.figures.style import inference_mark, signal_colour
from mtbkd.report.titles import Student

SOLID = (1, 0)
TIPS = views.tooltip(group="Name", mean="Mean", interval="95 % interval", n="Replicates")
BESIDE = 8  # pixels between the estimates of a row
LEGEND = {"title": None, "orient": "bottom", "columns": 2, "labelLimit": 300, "symbolStrokeWidth": 2}


class Group(NamedTuple):
    """The look of a group; ``mark`` as matplotlib names it, see ``interactive.SHAPES``."""

    colour: str
    mark: str = "o"
    dash: Sequence[float] = SOLID


class Panel(NamedTuple):
    """A panel.

    Attributes:
        title: "" for none.
        rows: ``estimate`` each.
        axis: title of the axis of the estimates.
        lines: where lines of reference stand: label -> place and colour.
        kin: ``metric`` or ``method`` without which the page's filter takes it away.
        domain: of the estimates at first; None for all of them.
    """

    title: str
    rows: Sequence[Record]
    axis: str
    lines: Mapping[str, tuple[float, str]] = EMPTY
    kin: Mapping[str, str] = EMPTY
    domain: tuple[float, float] | None = None


def estimate(
    at: float | str, group: str, ends: tuple[float, float, float], method: str | None = None, filled: bool = True, n: int = 0
) -> Record:
    """A row.

    Args:
        at: its place along the axis, or the name of its row.
        group: a key of the groups.
        ends: mean, and both ends of the interval; NaN for none.
        method: what the page's filter knows it by; None: it always stays.
        filled: hollow otherwise.
        n: replicates; 0 if not known.
    """
    mean, low, high = ends
    said = {"interval": views.interval(low, high), "n": n or None}
    return {"at": at, "group": group, "method": method, "mean": mean, "low": low, "high": high, "passed": bool(filled), **said}


def of_students(students: Mapping[str, Student]) -> dict[str, Group]:
    """Title of a student -> its group, in the colours and marks of all figures."""
    return {each.title: Group(signal_colour(each.signal), inference_mark(each.inference)) for each in students.values()}


def in_rows(
    panels: Sequence[Panel], groups: Mapping[str, Group], methods: Mapping[str, Record], of_rows: bool = False, **layout: Any
) -> Spec:
    """Estimates beside the names of their rows, those of one row below each other.

    ``of_rows``: every row is a group of its own, so that nothing needs a legend.
    """
    names = list(dict.fromkeys(str(row["at"]) for panel in panels for row in panel.rows))
    shown = _known(panels, groups)
    y = {"field": "at", "type": "nominal", "sort": names, "axis": {"title": None, "grid": False}}
    offset = {"yOffset": {"field": "group", "type": "nominal", "sort": list(shown), "scale": {"paddingOuter": 0.5}}}
    place_in_row: Mapping[str, Any] = {} if of_rows else offset
    legend = LEGEND if not of_rows and len(shown) > 1 else None
    step = {"step": views.ROW} if of_rows else {"step": max(BESIDE, views.ROW / max(1, len(shown)))}

    def view(place: int, panel: Panel) -> Spec:
        x = {**_value(panel, padding=8), "axis": {"tickCount": 5}}
        marks = [
            *(views.line({"color": colour, "tooltip": label}, x={"datum": views.rounded(value)})
              for label, (value, colour) in panel.lines.items()),
            views.layer({"type": "rule", "clip": True, "strokeWidth": 1.6}, x={**x, "field": "low"}, x2={"field": "high"}, y=y,
                        color=_hue(shown, legend), **place_in_row),
            views.layer({**views.DOT, "size": 40}, params=views.zoom(f"zoom{place}", "x"), x=x, y=y, **place_in_row,
                        **_dots(shown, TIPS, legend)),
        ]  # fmt: skip
        return _view(place, panel, marks, step)

    return _whole(panels, view, methods, **{"label": views.label_width(names), "least": 240, **layout})


def along(panels: Sequence[Panel], groups: Mapping[str, Group], x: Spec, methods: Mapping[str, Record], **layout: Any) -> Spec:
    """Estimates over the axis ``x`` of the field ``at``, those of a group joined by a line."""
    shown = _known(panels, groups)
    legend = LEGEND if len(shown) > 1 else None
    dash = {"field": "group", "type": "nominal", "legend": legend}
    dash |= {"scale": {"domain": list(shown), "range": [list(each.dash) for each in shown.values()]}}
    tips = [{"field": "at", "type": x["type"], "title": x.get("title")}, *TIPS]

    def view(place: int, panel: Panel) -> Spec:
        y, line = _value(panel), {"type": "line", "clip": True, "strokeWidth": 1.6}
        dots = {**views.DOT, "size": 30} if any(row["interval"] or row["n"] for row in panel.rows) else {**views.DOT, "size": 9}
        marks = [
            *(views.line({"color": colour, "tooltip": label, "strokeDash": [4, 3]}, y={"datum": views.rounded(value)})
              for label, (value, colour) in panel.lines.items()),
            views.layer({"type": "rule", "clip": True}, x=x, y={**y, "field": "low"}, y2={"field": "high"},
                        color=_hue(shown, legend)),
            views.layer(line, x=x, y=y, color=_hue(shown, legend), strokeDash=dash),
            views.layer(dots, params=views.zoom(f"zoom{place}", *(("x", "y") if x["type"] == "quantitative" else ("y",))),
                        x=x, y=y, **_dots(shown, tips, legend)),
        ]  # fmt: skip
        return _view(place, panel, marks, 190)

    return _whole(panels, view, methods, **layout)


def _known(panels: Sequence[Panel], groups: Mapping[str, Group]) -> dict[str, Group]:
    found = {row["group"] for panel in panels for row in panel.rows}
    return {name: group for name, group in groups.items() if name in found}


def _value(panel: Panel, **scaled: Any) -> Spec:
    scale = {"domain": [views.rounded(end) for end in panel.domain], "nice": False} if panel.domain else scaled
    return views.number("mean", panel.axis, **scale)


def _hue(groups: Mapping[str, Group], legend: Spec | None) -> Spec:
    scale = {"domain": list(groups), "range": [each.colour for each in groups.values()]}
    return {"field": "group", "type": "nominal", "scale": scale, "legend": legend}


def _dots(groups: Mapping[str, Group], tips: list[Spec], legend: Spec | None) -> Spec:
    shapes = {"domain": list(groups), "range": [views.SHAPES[each.mark] for each in groups.values()]}
    return {
        "stroke": _hue(groups, legend),
        "fill": {**_hue(groups, legend), "condition": {"test": "!datum.passed", "value": views.PAPER}},
        "shape": {"field": "group", "type": "nominal", "scale": shapes, "legend": legend},
        "tooltip": tips,
    }


def _view(place: int, panel: Panel, marks: list[Spec], height: object) -> Spec:
    own = [*views.FILTERED, {"filter": f"datum.panel === {place}"}]
    titled = {"title": panel.title} if panel.title else {}
    return {"name": f"panel{place}", **titled, "width": 240, "height": height, "data": {"name": "data"}, "transform": own,
            "layer": marks}  # fmt: skip


def _whole(
    panels: Sequence[Panel], view: Callable[[int, Panel], Spec], methods: Mapping[str, Record], columns: int = 2, **layout: Any
) -> Spec:
    rows = [{"panel": place, **row} for place, panel in enumerate(panels) for row in panel.rows]
    belongs = {f"panel{place}": dict(panel.kin) for place, panel in enumerate(panels) if panel.kin}
    made = [view(place, panel) for place, panel in enumerate(panels)]
    return views.spec({"concat": made, "columns": columns}, {"data": rows}, methods, belongs=belongs, **layout)
