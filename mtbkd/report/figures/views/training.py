"""Training curves, to zoom into."""

import numpy as np

from mtbkd.contracts.draws import Curve
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import LIGHT, signal_colour
from mtbkd.report.figures.training import in_view, middle, told

STARTS, STEPS = 5, 40  # evenly thinned


def interactive(material: Material) -> Spec:
    known, rows, panels = views.told(material), [], {}
    for name, method in known.items():
        if curves := material.draws(name).curves:
            rows += _lines(method, curves[-1])
            panels[name] = _view(len(panels), method, curves[-1])
    belongs = {panel["name"]: {"method": name} for name, panel in panels.items()}
    whole = {"concat": list(panels.values()), "columns": 3}
    return views.spec(whole, {"data": rows}, known, belongs=belongs, least=150)


def _lines(known: Record, curve: Curve) -> list[Record]:
    """The median over replicates and some starts, at some steps."""
    starts = curve.value.reshape(-1, len(curve.step))
    few = starts[_evenly(len(starts), STARTS)]
    at = _evenly(len(curve.step), STEPS)
    lines = {"median of the best starts": middle(curve)} | {f"start {i + 1}": each for i, each in enumerate(few)}
    return [
        {"method": known["method"], "label": label, "step": int(curve.step[i]), "value": float(line[i])}
        for label, line in lines.items()
        for i in at
    ]


def _evenly(count: int, most: int) -> list[int]:
    """Up to ``most`` of the numbers below ``count``, first and last among them."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _view(place: int, known: Record, curve: Curve) -> Spec:
    ends = in_view(curve)
    scale = {"domain": [views.rounded(end) for end in ends], "nice": False} if ends else {}
    x, y = views.number("step", "optimiser steps", nice=False), views.number("value", "nats per example", **scale)
    hue = {"condition": {"test": "datum.label[0] === 'm'", "value": signal_colour(known["signal"])}, "value": LIGHT}
    wide = {"condition": {"test": "datum.label[0] === 'm'", "value": 2}, "value": 0.8}
    tips = views.tooltip(label="Line", step="Step", value="Value")
    mark = {"type": "line", "clip": True}
    subtitle = [curve.objective, f"last tenth: {told(curve.late_gain)}"]  # two lines: a panel is narrow
    lines = views.layer(
        mark, params=views.zoom(f"zoom{place}", "x", "y"), x=x, y=y, detail={"field": "label"}, color=hue, strokeWidth=wide,
        order={"field": "label"}, tooltip=tips,
    )  # fmt: skip
    title = {"text": known["title"], "subtitle": subtitle, "limit": 240}
    own = [views.only("method", known["method"])]
    return {
        "name": f"panel{place}",
        "title": title,
        "width": 190,
        "height": 130,
        "data": {"name": "data"},
        "transform": own,
    } | lines
