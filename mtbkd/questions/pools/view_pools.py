"""All pools of one set of teachers, to point at, and what weights change in the linear one."""

from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.questions.pools.figure_pools import MARKS, TINTS, edges, hues, points
from mtbkd.questions.pools.rules import HOME, PLAIN, TEMPERATURES, Rule, chosen, indexed, spaced, words
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import SHAPES, Record, Spec
from mtbkd.report.figures.material import Question

POOL = {"title": "Pool", "accuracy": "Accuracy", "nll": "NLL", "ece_smooth": "Smooth ECE", "interval": "NLL minus plain"}
CHANGE = {"title": "Pool", "difference": "NLL minus equal weights", "interval": "95 % interval"}


def interactive(question: Question) -> Spec:
    scores, differences = question.table("scores"), question.table("differences")
    shapes = {TEMPERATURES[name]: SHAPES[mark] for name, mark in MARKS.items()}
    shape = {**_scale("temperature", shapes), "legend": {"orient": "bottom"}}
    tables = {"data": _pools(scores, differences), "changes": _changes(differences)}
    own = {"scale": {"color": "independent"}}  # operators above, scaling below
    both = {"concat": [_plane(scores, shape), _forest(shape)], "columns": 1, "resolve": own}
    return views.spec(both, tables, {}, label=160)


def _scale(field: str, values: dict[str, str]) -> Spec:
    """The encoding of a name by colours or shapes."""
    scale = {"domain": list(values), "range": list(values.values())}
    return {"field": field, "type": "nominal", "title": field, "scale": scale}


def _pools(scores: Frame, differences: Frame) -> list[Record]:
    plain = indexed(chosen(differences, against="plain", data=HOME, metric="nll"))
    accuracy = indexed(chosen(scores, data=HOME, metric="accuracy"))
    rows: list[Record] = []
    for rule, (nll, error) in points(scores).items():
        row = plain.get(rule)
        found = f"{row['difference']:+.4f} {views.interval(row['low'], row['high'])}" if row else "reference"
        numbers = {"nll": nll, "ece_smooth": error, "accuracy": accuracy[rule]["value"]}
        rows.append({**_named(rule), "plain": rule == PLAIN, **numbers, "interval": found})
    return rows


def _named(rule: Rule) -> dict[str, Any]:
    return {"title": words(rule), "operator": spaced(rule.operator), "temperature": TEMPERATURES[rule.temperature]}


def _changes(differences: Frame) -> list[Record]:
    """The linear pools with weights other than equal ones."""
    found = indexed(chosen(differences, against="weights", data=HOME, metric="nll", operator=PLAIN.operator))
    return [
        {**_named(rule), "weights": spaced(rule.weights), **{key: row[key] for key in ("difference", "low", "high")},
         "interval": views.interval(row["low"], row["high"])}
        for rule, row in found.items()
    ]  # fmt: skip


def _plane(scores: Frame, shape: Spec) -> Spec:
    sides = [[views.rounded(end) for end in side] for side in edges(points(scores))]
    x = views.number("nll", "NLL (nats); left is better", domain=sides[0], nice=False)
    y = views.number("ece_smooth", "smooth calibration error", domain=sides[1], nice=False)
    colours = {spaced(name): colour for name, colour in hues(scores).items()}
    hue = {**_scale("operator", colours), "legend": {"orient": "bottom", "columns": 3}}
    size = {"condition": {"test": "datum.plain", "value": 160}, "value": 45}
    mark = {**views.DOT, "filled": True, "opacity": 0.8}
    dots = views.layer(
        mark, params=views.zoom("zoom0", "x", "y"), x=x, y=y, color=hue, shape=shape, size=size, tooltip=views.tooltip(**POOL)
    )
    return {"name": "panel0", "width": 480, "height": 320, "data": {"name": "data"}, "layer": [dots]}


def _forest(shape: Spec) -> Spec:
    x = views.number("difference", "NLL of the linear pool minus that with equal weights (nats)")
    y = {"field": "weights", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False}}
    hue = {**_scale("temperature", {TEMPERATURES[name]: tint for name, tint in TINTS.items()}), "legend": None}
    shift = {"field": "temperature", "sort": list(TEMPERATURES.values())}
    same: dict[str, Any] = {"y": y, "yOffset": shift, "color": hue, "tooltip": views.tooltip(**CHANGE)}
    layers = [
        views.line({}, x={"datum": 0}),
        views.layer({"type": "rule", "strokeWidth": 2, "clip": True}, x={**x, "field": "low"}, x2={"field": "high"}, **same),
        views.layer({**views.DOT, "filled": True, "size": 45}, params=views.zoom("zoom1", "x"), x=x, shape=shape, **same),
    ]
    height = {"step": 12, "for": "offset"}
    return {"name": "panel1", "width": 480, "height": height, "data": {"name": "changes"}, "layer": layers}
