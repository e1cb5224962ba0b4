"""Training curves: the objective of every method's optimiser against its steps."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.contracts.draws import Curve
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import GREY, LIGHT, grid, panel_title, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Training curves"
SCOPE = "experiment"
CATEGORY = "Convergence"
CAPTION = """\
One panel per method: what its optimiser maximises, per training example, against its steps. That is the log-posterior where the
method is a mode, averages modes or starts its chains there, and the evidence lower bound (ELBO) of a variational approximation.
Thin lines are single starts of all replicates of the first block (at most 12 of each replicate), the thick line is the median
over replicates of the best start. The optimiser has done its work where the thick line is flat: the number is the share of the
whole gain that the last tenth of the steps brought. A curve that still rises asks for more steps, one that jumps up and down
for a smaller learning rate, and starts that end apart for more restarts. Curves are measured on the same few examples at every
step and shifted to the value on all examples at the end where that is known; the steep beginning is cut off. A method without
a curve, such as tempered SMC, has no optimiser.
"""
COLUMNS = 3
STARTS, STEPS = 8, 60  # of the interactive view, evenly thinned
SHOWN_FROM = 0.02  # share of the steps after which a curve is in view


def applies(experiment: Experiment) -> bool:
    return True


def draw(material: Material) -> "Figure":
    methods = material.experiment.methods
    figure, axes = grid(len(methods), COLUMNS, 1.8)
    for ax, (name, method) in zip(axes, methods.items(), strict=True):
        panel_title(ax, material.experiment.titles[name], 3, 7.5)
        ax.tick_params(labelsize=7)
        curves = material.draws(name).curves
        if curves:
            _panel(ax, curves[-1], signal_colour(method.signal))
        else:
            ax.text(0.5, 0.5, "no curve", transform=ax.transAxes, ha="center", va="center", fontsize=7.5, color=GREY)
            ax.set(xticks=[], yticks=[])
    figure.supxlabel("optimiser steps", fontsize=9)
    figure.supylabel("nats per example", fontsize=9)
    return figure


def _middle(curve: Curve) -> np.ndarray:
    """The median (T,) over replicates of the best start."""
    return np.nanmedian(curve.best, axis=0) if np.isfinite(curve.best).any() else curve.best[0]


def _in_view(curve: Curve) -> tuple[float, float] | None:
    """Both ends of the y-axis: the steep beginning is cut off; None where nothing is finite."""
    late = curve.value[..., curve.step >= SHOWN_FROM * curve.step[-1]]
    if not np.isfinite(late).any():
        return None
    low, high = float(np.nanmin(late)), float(np.nanmax(late))
    margin = 0.06 * max(high - low, 1e-3)
    return low - margin, high + margin


def _panel(ax: "Axes", curve: Curve, colour: str) -> None:
    middle = _middle(curve)
    for each in curve.value.reshape(-1, len(curve.step)):
        ax.plot(curve.step, each, color=LIGHT, linewidth=0.7, zorder=1)
    ax.plot(curve.step, middle, color=colour, linewidth=1.4)
    if ends := _in_view(curve):
        ax.set_ylim(*ends)
    ax.set_xlabel(f"{curve.objective}\nlast tenth: {told(curve.late_gain)}", fontsize=7, color=GREY)
    ax.locator_params(nbins=4)


def told(gain: float) -> str:
    """A share of the whole gain: ``+0.4 %``."""
    return f"{100 * gain:+.1f} %" if np.isfinite(gain) else "unknown"


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
    lines = {"median of the best starts": _middle(curve)} | {f"start {i + 1}": each for i, each in enumerate(few)}
    return [
        {"method": known["method"], "label": label, "step": int(curve.step[i]), "value": float(line[i])}
        for label, line in lines.items()
        for i in at
    ]


def _evenly(count: int, most: int) -> list[int]:
    """Up to ``most`` of the numbers below ``count``, first and last among them."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _view(place: int, known: Record, curve: Curve) -> Spec:
    ends = _in_view(curve)
    scale = {"domain": [views.rounded(end) for end in ends], "nice": False} if ends else {}
    x, y = views.number("step", "optimiser steps", nice=False), views.number("value", "nats per example", **scale)
    hue = {"condition": {"test": "datum.label[0] === 'm'", "value": signal_colour(known["signal"])}, "value": LIGHT}
    wide = {"condition": {"test": "datum.label[0] === 'm'", "value": 2}, "value": 0.8}
    tips = views.tooltip(label="Line", step="Step", value="Value")
    mark = {"type": "line", "clip": True}
    subtitle = f"{curve.objective}, last tenth: {told(curve.late_gain)}"
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
