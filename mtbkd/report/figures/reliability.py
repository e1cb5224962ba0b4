"""Reliability diagrams: accuracy against confidence."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report import titles
from mtbkd.report.figures.beyond import beyond
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, TEACHERS, grid, inference_mark, mark_size, panel_title, signal_colour
from mtbkd.report.numbers import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Reliability diagram"
SCOPE = "experiment"
CATEGORY = "Calibration"
CAPTION = """\
When a method says 80 %, is it right 80 % of the time? Test examples are sorted by the probability of the predicted class and
divided into 15 bins of equal size. Each dot is one bin: the x-axis is its mean confidence, the y-axis the share of correct
predictions, with its 95 % interval over replicates (for a single replicate, over examples). Axes follow the students; an arrow
points to bins outside, and the title states their lowest accuracy. Dots on the diagonal are
calibrated; below it the method is overconfident, above it underconfident. The expected calibration error in the tables is the
mean vertical distance to the diagonal. Teachers that saw only one domain tend to lie far below it, which weights and prior
have to correct.
"""
TEACHER_TITLES = titles.TEACHERS


def draw(material: Material) -> "Figure":
    rows = material.whole("reliability")
    shown = [*material.experiment.methods, "teachers:mean", "teachers:best"]
    methods = [name for name in shown if (rows["method"] == name).any()]
    figure, axes = grid(len(methods), 3, 1.85, sharex=True, sharey=True)
    low, bottom = reach(rows[rows["method"].isin(list(material.experiment.methods))])
    axes[0].set(xlim=(low, 1.01), ylim=(bottom, 1.03))
    for ax, name in zip(axes, methods, strict=True):
        _panel(ax, rows[rows["method"] == name], material, name, low)
        ax.label_outer()
    figure.supxlabel("confidence: probability of the predicted class", fontsize=9)
    figure.supylabel("accuracy (share correct)", fontsize=9)
    return figure


def reach(students: Frame) -> tuple[float, float]:
    """Where the axes begin: below the students' smallest confidence, and below their smallest accuracy."""
    confidence = max(0.0, float(students["confidence"].min()) - 0.03)
    accuracy = students.groupby(["method", "bin"])["accuracy"].mean().min()
    return confidence, max(0.0, min(float(accuracy), confidence) - 0.08)


def _panel(ax: "Axes", rows: Frame, material: Material, name: str, low: float) -> None:
    method = material.experiment.methods.get(name)
    colour = signal_colour(method.signal) if method else TEACHERS
    mark = inference_mark(method.inference) if method else "o"
    ax.plot([low, 1], [low, 1], color=GREY, linewidth=1)
    outside = []
    for _, group in rows.groupby("bin"):
        found, x = interval(group["accuracy"], SHARE), group["confidence"].mean()
        if found.n == 1:
            found = over_examples(found.mean, float(group["se"].iloc[0]), int(group["n"].iloc[0]), SHARE)
        if x < low or found.mean < ax.get_ylim()[0]:
            outside.append((found.mean, x))
            continue
        ax.plot([x, x], [found.low, found.high], color=colour, linewidth=1.2, alpha=0.8)
        face = "white" if name in material.failed else colour
        ax.plot([x], [found.mean], mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, 3.2))
    for accuracy, x in outside:
        beyond(ax, x, accuracy, colour, "")
    lowest = f"\n(down to {show(min(outside)[0])})" if outside else ""
    panel_title(ax, (TEACHER_TITLES.get(name) or material.experiment.titles[name]) + lowest, 3, 7.5)
