"""Students beside people: uncertainty of images against the entropy of the votes, and the distance of the predictions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.report.figures.style import (
    BLACK,
    GREY,
    LIGHT,
    TEACHER_MARK,
    TEACHERS,
    WIDTH,
    estimated,
    inference_mark,
    panel_title,
    plt,
    signal_colour,
    wrapped,
)  # fmt: skip
from mtbkd.report.titles import Student, teacher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Are students uncertain where people disagree?"
SCOPE = "question"
CATEGORY = "People"
CAPTION = """\
Predictions for test images compared with the votes of many people on the same images. Above: a line that rises along the
dotted diagonal is uncertain where people disagree. Below: left of the line, predictions are closer to people than those of
labels alone.

Upper panels: each dot is an image. The x-axis is the entropy of the votes, that is, how much people disagree; the y-axis is
the entropy of the prediction, that is, how uncertain the student is. The line joins the means over tenths of the images,
ordered by the entropy of the votes (images with unanimous votes share one point). The panels show the student trained on
labels alone, and the student and the teacher whose predictions are closest to the votes. Each panel gives Spearman's
correlation. Lower panel: the cross-entropy of the votes under each prediction minus that under labels alone, paired, with 95 %
intervals over images and seeds. Red bars are teachers, which were trained on far more labels than any student.
"""


def draw(question: Any) -> "Figure":
    scores, images = question.table("scores"), question.table("images")
    differences = question.table("differences")
    cross = differences[differences["metric"] == "cross_entropy"].sort_values("value", ascending=False)
    chosen, students = panels(differences), question.students(scores)
    figure = plt.figure(figsize=(WIDTH, 2.45 + 0.24 * len(cross) + 0.9))
    made: Any = figure.subfigures(2, 1, height_ratios=[2.45, 0.24 * len(cross) + 0.9])
    upper, lower = made
    axes = np.atleast_1d(upper.subplots(1, len(chosen), sharex=True, sharey=True))
    for ax, method in zip(axes, chosen, strict=True):
        correlation = scores[(scores["method"] == method) & (scores["metric"] == "corr_total_entropy")]["value"]
        title, colour, _ = called(method, students)
        _scatter(ax, images[images["method"] == method], colour)
        told = f"Spearman {correlation.mean():.2f}" if np.isfinite(correlation.mean()) else "no correlation"
        panel_title(ax, f"{title}\n{told}", 3, 7.5)
    axes[0].set_ylabel("entropy of the\nprediction (nats)")
    upper.supxlabel("entropy of the votes (nats)", fontsize=9)
    _forest(lower.subplots(), cross, students)
    return figure


def called(method: str, students: Mapping[str, Student]) -> tuple[str, str, str]:
    """Title, colour and mark of a student or a teacher."""
    own = students.get(method)
    return (own.title, signal_colour(own.signal), inference_mark(own.inference)) if own else (
        teacher(method), TEACHERS, TEACHER_MARK
    )  # fmt: skip


def panels(differences: Frame) -> list[str]:
    """The reference, the student and the teacher of the smallest cross-entropy to the votes."""
    cross = differences[differences["metric"] == "cross_entropy"]
    best = [
        own.loc[own["value"].idxmin(), "method"] for kind in ("student", "teacher") if len(own := cross[cross["kind"] == kind])
    ]
    return [str(differences["reference"].iloc[0]), *map(str, best)]


def tenths(human: np.ndarray, value: np.ndarray, parts: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Means of both over ``parts`` equal shares of the images by ``human``; equal values stay together."""
    edges = np.unique(np.quantile(human, np.linspace(0, 1, parts + 1)[1:-1]))
    index = np.searchsorted(edges, human, side="left")
    count = np.bincount(index)
    kept = count > 0
    return tuple(np.bincount(index, each)[kept] / count[kept] for each in (human, value))  # pyright: ignore[reportReturnType]


def _scatter(ax: "Axes", rows: Frame, colour: str) -> None:
    human, own = rows["votes_entropy"].to_numpy(), rows["total_entropy"].to_numpy()
    ax.plot(human, own, ".", color=LIGHT, markersize=1.6, rasterized=True)
    top = float(max(human.max(), own.max()))
    ax.plot([0, top], [0, top], ":", color=GREY, linewidth=1)
    ax.plot(*tenths(human, own), ".-", color=colour, markersize=6, linewidth=1.2)


def _forest(ax: "Axes", cross: Frame, students: Mapping[str, Student]) -> None:
    for place, row in enumerate(cross.to_dict("records")):
        _, colour, mark = called(row["method"], students)
        estimated(ax, row["value"], place, (row["low"], row["high"]), colour, mark)
    ax.axvline(0, color=BLACK, linewidth=0.8)
    ax.set_yticks(range(len(cross)), [wrapped(called(name, students)[0], 26) for name in cross["method"]], fontsize=7.5)
    reference = called(str(cross["reference"].iloc[0]), students)[0]
    nearer = "\N{LEFTWARDS ARROW} nearer to people"
    ax.set_xlabel(f"cross-entropy to the votes minus that of\n{reference} (nats) {nearer}", fontsize=8)
    ax.grid(axis="y", visible=False)
