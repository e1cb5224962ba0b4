"""Reliability diagrams: accuracy against confidence."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, VERMILION, grid, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Reliability diagram"
SCOPE = "experiment"
CATEGORY = "Calibration"
CAPTION = """\
When a method says 80 %, is it right 80 % of the time? Test examples are sorted by the probability of the predicted class and
divided into 15 bins of equal size. Each dot is one bin: the x-axis is its mean confidence, the y-axis the share of correct
predictions, with its 95 % interval over replicates (for a single replicate, over examples). Dots on the diagonal are
calibrated; below it the method is overconfident, above it underconfident. The expected calibration error in the tables is the
mean vertical distance to the diagonal. Teachers that saw only one domain tend to lie far below it, which weights and prior
have to correct.
"""


def draw(material: Material) -> "Figure":
    rows = material.whole("reliability")
    shown = [*material.experiment.methods, "teachers:mean", "teachers:best"]
    methods = [name for name in shown if (rows["method"] == name).any()]
    low = max(0.0, float(rows["confidence"].min()) - 0.03)
    figure, axes = grid(len(methods), 3, 1.75, sharex=True, sharey=True)
    for ax, name in zip(axes, methods, strict=True):
        _panel(ax, rows[rows["method"] == name], material, name, low)
        ax.label_outer()
    figure.supxlabel("confidence: probability of the predicted class", fontsize=9)
    figure.supylabel("accuracy (share correct)", fontsize=9)
    return figure


def _panel(ax: "Axes", rows: Frame, material: Material, name: str, low: float) -> None:
    method = material.experiment.methods.get(name)
    colour = signal_colour(method.signal) if method else VERMILION
    ax.plot([low, 1], [low, 1], color=GREY, linewidth=1)
    for _, group in rows.groupby("bin"):
        found, x = interval(group["accuracy"], SHARE), group["confidence"].mean()
        if found.n == 1:
            found = over_examples(found.mean, float(group["se"].iloc[0]), int(group["n"].iloc[0]), SHARE)
        ax.plot([x, x], [found.low, found.high], color=colour, linewidth=1.2, alpha=0.8)
        face = "white" if name in material.failed else colour
        ax.plot([x], [found.mean], "o", color=colour, markerfacecolor=face, markersize=3.2)
    ax.set_title(name, fontsize=7.5 if len(name) < 18 else 6.8)
    ax.set_xlim(low, 1.01)
