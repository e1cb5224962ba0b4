"""Training curves: the objective of every method's optimiser against its steps."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.contracts.draws import Curve
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


def middle(curve: Curve) -> np.ndarray:
    """The median (T,) over replicates of the best start."""
    return np.nanmedian(curve.best, axis=0) if np.isfinite(curve.best).any() else curve.best[0]


def in_view(curve: Curve) -> tuple[float, float] | None:
    """Both ends of the y-axis: the steep beginning is cut off; None where nothing is finite."""
    late = curve.value[..., curve.step >= SHOWN_FROM * curve.step[-1]]
    if not np.isfinite(late).any():
        return None
    low, high = float(np.nanmin(late)), float(np.nanmax(late))
    margin = 0.06 * max(high - low, 1e-3)
    return low - margin, high + margin


def _panel(ax: "Axes", curve: Curve, colour: str) -> None:
    for each in curve.value.reshape(-1, len(curve.step)):
        ax.plot(curve.step, each, color=LIGHT, linewidth=0.7, zorder=1)
    ax.plot(curve.step, middle(curve), color=colour, linewidth=1.4)
    if ends := in_view(curve):
        ax.set_ylim(*ends)
    ax.set_xlabel(f"{curve.objective}\nlast tenth: {told(curve.late_gain)}", fontsize=7, color=GREY)
    ax.locator_params(nbins=4)


def told(gain: float) -> str:
    """A share of the whole gain: ``+0.4 %``."""
    return f"{100 * gain:+.1f} %" if np.isfinite(gain) else "unknown"
