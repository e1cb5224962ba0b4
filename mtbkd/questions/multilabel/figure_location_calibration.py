"""Calibration of the locations' probabilities: forecast against the share of proteins that have the location."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval
from mtbkd.report.figures.style import BLUE, GREY, VERMILION, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Calibration of the location probabilities"
SCOPE = "question"
CATEGORY = "Several labels"
CAPTION = """\
If a student gives a protein a 30 % probability for a location, is the protein there in 30 % of the cases? All pairs of a
protein and a location are grouped into ten bins by probability (0 to 10 %, 10 to 20 %, and so on). The x-axis is the mean
probability of a bin, the y-axis the share of its pairs that are true, with its 95 % interval over replicates. Dots on the grey
diagonal are calibrated; below it a prediction is overconfident, above it underconfident. Bins with fewer than 20 pairs are
omitted. Blue dots: test proteins; red squares: out-of-distribution data. Most pairs lie in the first bin, because most
proteins are in one or two locations only.
"""
LOOKS = ((BLUE, "o"), (VERMILION, "s"), (GREY, "^"))
LEAST = 20  # pairs of a bin, below which its share says little


def draw(question: Any) -> "Figure":
    rows = question.table("calibration")
    methods = [m for m in dict.fromkeys(rows["method"]) if not str(m).startswith("teacher:") and m != "teachers:best"]
    splits = list(dict.fromkeys(rows["split"]))[: len(LOOKS)]
    figure, axes = grid(len(methods), 3, 1.8, sharex=True, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for split, (colour, marker) in zip(splits, LOOKS, strict=False):
            own = rows[(rows["method"] == method) & (rows["split"] == split)]
            _dots(ax, own, colour, marker, split.removeprefix("ood:"))
        ax.set_title(str(method), fontsize=7.5)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.label_outer()
    axes[0].legend(fontsize=7, loc="upper left")
    figure.supxlabel("probability of a location", fontsize=9)
    figure.supylabel("share of proteins that have it", fontsize=9)
    return figure


def _dots(ax: "Axes", rows: Frame, colour: str, marker: str, label: str) -> None:
    for _, own in rows.groupby("bin"):
        if own["n"].mean() < LEAST:
            continue
        found, x = interval(own["share"], SHARE), own["forecast"].mean()
        ax.plot([x, x], [found.low, found.high], color=colour, linewidth=1.1, alpha=0.8)
        ax.plot([x], [found.mean], marker, color=colour, markersize=3.2, linestyle="none", label=label)
        label = ""
