"""What it costs to hold a class set's probability below a limit."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import UNIT, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLUE, GREY, VERMILION, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What does it cost to avoid some classes?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Students are distilled under the constraint that their mean probability for a designated set of classes stays below a limit
(stricter to the left). Top left: the mean probability on training examples, where the constraint is imposed (filled), and on
test examples (open); the grey diagonal is the limit, the dotted line the unconstrained student. Top right: the Lagrange
multiplier, which is the slope of the cost: nats of the training objective per example for a unit of probability; 0 where the
limit costs nothing. Bottom: negative log-likelihood and accuracy on test examples, minus those of the unconstrained student.
Blue: stated limits; red: the limit is the probability that the safest teacher gives to the set. Dots are means over
replicates, bars 95 % intervals.
"""
PRICES = {"nll": "Test NLL, change (nats)", "accuracy": "Test accuracy, change"}
COLOURS = {"stated": BLUE, "safest teacher": VERMILION}


def draw(question: Question) -> "Figure":
    students, prices = question.table("students"), question.table("prices")
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.8), sharex=True)
    _masses(axes[0, 0], students)
    _multipliers(axes[0, 1], students)
    for ax, (metric, title) in zip(axes[1], PRICES.items(), strict=True):
        _price(ax, prices[prices["metric"] == metric])
        ax.set_title(title)
        ax.set_xlabel("limit on the mean probability")
    ticks = sorted(set(students.loc[students["origin"] == "stated", "limit"]))
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0, 0].minorticks_off()
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _by_limit(students: Frame, origin: str, column: str) -> "tuple[np.ndarray, np.ndarray]":
    """Limits (L,), and mean with both ends (3, L) of ``column``; the safest teacher's limits are averaged."""
    own = students[students["origin"] == origin]
    groups = own.groupby("limit") if origin == "stated" else [(own["limit"].mean(), own)]
    found = [
        (limit, *interval(rows[column], UNIT if column.startswith("mass") else range_of(column))[:3]) for limit, rows in groups
    ]
    return np.array([each[0] for each in found]), np.array([each[1:] for each in found]).T


def _bars(ax: "Axes", x: np.ndarray, found: np.ndarray, colour: str, **look: object) -> None:
    ax.vlines(x, found[1], found[2], color=colour, linewidth=1.1)
    ax.plot(x, found[0], "o", color=colour, markersize=4.5, **look)  # pyright: ignore[reportArgumentType]


def _masses(ax: "Axes", students: Frame) -> None:
    ends = np.array([students["limit"].min(), students.loc[np.isfinite(students["limit"]), "limit"].max()])
    ax.plot(ends, ends, color=GREY, linewidth=1)
    free = students.loc[students["origin"] == "none", "mass_train"].mean()
    ax.axhline(free, color=GREY, linestyle=":", linewidth=1.2)
    ax.annotate("without limit", (0.02, free), (0, -3), ("axes fraction", "data"), "offset points", va="top", fontsize=7.5,
                color=GREY)  # fmt: skip
    for origin, colour in COLOURS.items():
        if not (students["origin"] == origin).any():
            continue
        x, train = _by_limit(students, origin, "mass_train")
        _bars(ax, x, train, colour)
        x, test = _by_limit(students, origin, "mass_test")
        _bars(ax, x * 1.06, test, colour, markerfacecolor="white")
    ax.set_title("Mean probability of the set")
    ticks = sorted(set(students.loc[students["origin"] == "stated", "limit"]))
    ax.set_yscale("log")
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def _multipliers(ax: "Axes", students: Frame) -> None:
    for origin, colour in COLOURS.items():
        if (students["origin"] == origin).any():
            x, found = _by_limit(students, origin, "multiplier")
            _bars(ax, x, found, colour, label="stated limits" if origin == "stated" else "limit: the safest teacher's")
    ax.set_title("Multiplier (nats per unit)")


def _price(ax: "Axes", rows: Frame) -> None:
    ax.axhline(0, color=GREY, linewidth=1)
    for origin, colour in COLOURS.items():
        own = rows[rows["origin"] == origin]
        if len(own):
            _bars(ax, own["limit"].to_numpy(), own[["difference", "low", "high"]].to_numpy().T, colour)
