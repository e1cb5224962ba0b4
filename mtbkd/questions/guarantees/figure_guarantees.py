"""Guarantees of pools against what is measured."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import REAL, SHARE, interval
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, DARK, GREY, GROUPS, LIGHT, TEACHERS, WIDTH, estimated, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Do the guarantees of the pools hold?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Guarantees of pooling at equal weights on test examples. Red: the teachers of this dataset. Grey: random teachers, with
arbitrary disagreement. Filled: a theorem guarantees it; hollow: no theorem is known.

Top left: how much smaller the log loss of a pool is than the mean log loss of its teachers (nats per example; bars are 95 %
intervals over replicates). Top right: the share of examples on which a power mean is worse than the mean of its teachers, by
its order r. 0 is the logarithmic pool, 1 the linear pool; in the grey range between them, and only there, no example can lose.
Bottom left: the share of examples on which a pool gives the designated unsafe classes more probability than every single
teacher does; filled operators cannot, by theorem. Bottom right: the variance of the mean of simulated teachers whose errors
have variance 1 and the correlation given next to each line. Lines are the law rho + (1 - rho) / G, dots are measurements.
"""
SOURCES = {"teachers": TEACHERS, "random teachers": DARK}


def draw(question: Question) -> "Figure":
    bounds, gain = question.table("bounds"), question.table("gain")
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.4))
    _operators(axes[0, 0], bounds[bounds["guarantee"] == "log loss"], "margin")
    axes[0, 0].axvline(0, color=GREY, linewidth=0.8)
    axes[0, 0].set_xlabel("gain in log loss (nats)")
    axes[0, 0].set_title("Better than the mean teacher?")
    _orders(axes[0, 1], gain)
    unsafe = bounds[bounds["guarantee"] == "unsafe mass"]
    _operators(axes[1, 0], unsafe, "broken")
    axes[1, 0].set_xlabel("share above every teacher (%)")
    axes[1, 0].set_title("Unsafe mass amplified?")
    _variance(axes[1, 1], question.table("variance"))
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _operators(ax: "Axes", rows: Frame, column: str) -> None:
    """One line an operator: mean and interval over replicates, of each source; shares in per cent."""
    operators, scale = list(dict.fromkeys(rows["operator"])), 100 if column == "broken" else 1
    for source, shift in zip(SOURCES, (-0.15, 0.15), strict=True):
        for y, operator in enumerate(operators):
            own = rows[(rows["source"] == source) & (rows["operator"] == operator)]
            found, colour = interval(own[column], SHARE if column == "broken" else REAL), SOURCES[source]
            ends = scale * found.low, scale * found.high
            estimated(ax, scale * found.mean, y + shift, ends, colour, filled=bool(own["proven"].all()), size=4, clip_on=False)
    ax.set_yticks(range(len(operators)), operators, fontsize=8)
    ax.set_ylim(len(operators) - 0.5, -0.5)


def _orders(ax: "Axes", gain: Frame) -> None:
    """Share of examples that lose, against the order of the power mean."""
    ax.axvspan(0, 1, color=LIGHT, linewidth=0)
    for source, colour in SOURCES.items():
        means = gain[gain["source"] == source].groupby("r")["lost"].mean()
        label = "this dataset's teachers" if source == "teachers" else source
        ax.plot(means.index, 100 * means, "o-", color=colour, markersize=3.5, label=label)
    ax.set_xlabel("order r of the power mean")
    ax.set_ylabel("examples worse than\nthe mean teacher (%)", fontsize=8)
    ax.set_title("Which powers lose?")


def _variance(ax: "Axes", variance: Frame) -> None:
    colours = GROUPS
    for number, (rho, own) in enumerate(variance.groupby("rho")):
        colour = colours[number] if number < len(colours) else BLACK
        most = int(own["teachers"].max())
        at = np.linspace(1, most, 100)
        ax.plot(at, rho + (1 - rho) / at, color=colour, linewidth=1)
        ax.errorbar(own["teachers"], own["measured"], 2 * own["se"], fmt="o", color=colour, markersize=3.5, linewidth=1)
        ax.annotate(f"{rho:g}", (most, rho + (1 - rho) / most), (5, 0), textcoords="offset points", va="center", fontsize=8,
                    color=colour, annotation_clip=False)  # fmt: skip
    ax.set_ylim(0, None)
    ax.set_xlabel("teachers G")
    ax.set_ylabel("variance of their mean", fontsize=8)
    ax.set_title("Variance, by correlation")
