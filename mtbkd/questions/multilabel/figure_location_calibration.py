"""Calibration of the locations' probabilities: forecast against the share of proteins that have the location."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval
from mtbkd.report.figures.style import GREY, LIGHT, TEACHERS, grid, inference_mark, mark_size, panel_title, signal_colour
from mtbkd.report.titles import teacher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Calibration of the location probabilities"
SCOPE = "question"
CATEGORY = "Several labels"
CAPTION = """\
If a student gives a protein a 30 % probability for a location, is the protein there in 30 % of the cases? Marks on the grey
diagonal are calibrated; below it a prediction is overconfident. Filled: test proteins; hollow: out-of-distribution data.

All pairs of a protein and a location are grouped into ten bins by probability (0 to 10 %, 10 to 20 %, and so on). The x-axis
is the mean probability of a bin, the y-axis the share of its pairs that are true, with its 95 % interval over replicates. Bins
with fewer than 20 pairs are omitted. Most pairs lie in the first bin, because most proteins are in one or two locations only.
"""
MOST_SPLITS = 3
LEAST = 20  # pairs of a bin, below which its share says little


def draw(question: Any) -> "Figure":
    rows = question.table("calibration")
    methods = [m for m in dict.fromkeys(rows["method"]) if not str(m).startswith("teacher:") and m != "teachers:best"]
    splits = list(dict.fromkeys(rows["split"]))[:MOST_SPLITS]
    students = question.students(question.table("scores"))
    figure, axes = grid(len(methods), 3, 1.95, sharex=True, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        student = students.get(method)
        colour = signal_colour(student.signal) if student else TEACHERS
        mark = inference_mark(student.inference) if student else "o"
        for split, face in zip(splits, (colour, "white", LIGHT), strict=False):
            _dots(ax, rows[(rows["method"] == method) & (rows["split"] == split)], colour, mark, face)
        panel_title(ax, student.title if student else teacher(method), 3, 7.5)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.label_outer()
    for split, face in zip(splits, (GREY, "white", LIGHT), strict=False):
        axes[0].plot([], [], "o", color=GREY, markerfacecolor=face, label=split.removeprefix("ood:"))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(splits))
    figure.supxlabel("probability of a location", fontsize=9)
    figure.supylabel("share of proteins that have it", fontsize=9)
    return figure


def _dots(ax: "Axes", rows: Frame, colour: str, mark: str, face: str) -> None:
    for _, own in rows.groupby("bin"):
        if own["n"].mean() < LEAST:
            continue
        found, x = interval(own["share"], SHARE), own["forecast"].mean()
        ax.plot([x, x], [found.low, found.high], color=colour, linewidth=1.1, alpha=0.8)
        ax.plot([x], [found.mean], mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, 3.4), linestyle="none")
