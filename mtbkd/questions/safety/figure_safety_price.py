"""What it costs to hold a class set's probability below a limit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import UNIT, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, TEACHERS, WIDTH, estimated, plt, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "What does it cost to avoid some classes?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Students are distilled under the constraint that their mean probability for a designated set of classes stays below a limit,
stricter to the left. Bottom: what that costs in test log-likelihood and accuracy. Red: the limit is the safest teacher's
probability.

Top left: the mean probability on training examples, where the constraint is imposed (filled), and on test examples (open); the
grey diagonal is the limit, the dotted line the unconstrained student. Top right: the Lagrange multiplier, which is the slope
of the cost: nats of the training objective per example for a unit of probability; 0 where the limit costs nothing. Bottom:
negative log-likelihood and accuracy on test examples, minus those of the unconstrained student. Limits are stated or, in red,
the probability that the safest teacher gives to the set. Dots are means over replicates, bars 95 % intervals.
"""
PRICES = {"nll": "Test NLL, change (nats)", "accuracy": "Test accuracy, change"}
ORIGINS: tuple[str, ...] = ("stated", "safest teacher")


def draw(question: Question) -> "Figure":
    students, prices = question.table("students"), question.table("prices")
    colours = colours_of(question)
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.8), sharex=True)
    _masses(axes[0, 0], students, colours)
    _multipliers(axes[0, 1], students, colours)
    for ax, (metric, title) in zip(axes[1], PRICES.items(), strict=True):
        _price(ax, prices[prices["metric"] == metric], colours)
        ax.set_title(title)
        ax.set_xlabel("limit on the mean probability")
    ticks = sorted(set(students.loc[students["origin"] == "stated", "limit"]))
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0, 0].minorticks_off()
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def colours_of(question: Question) -> dict[str, str]:
    """Origin of a limit -> the colour of the students that keep it."""
    return dict(zip(ORIGINS, (signal_colour(question.settings["signal"]), TEACHERS), strict=True))


def by_limit(students: Frame, origin: str, column: str) -> "tuple[np.ndarray, np.ndarray]":
    """Limits (L,), and mean with both ends (3, L) of ``column``; the safest teacher's limits are averaged."""
    own = students[students["origin"] == origin]
    groups = own.groupby("limit") if origin == "stated" else [(own["limit"].mean(), own)]
    found = [
        (limit, *interval(rows[column], UNIT if column.startswith("mass") else range_of(column))[:3]) for limit, rows in groups
    ]
    return np.array([each[0] for each in found]), np.array([each[1:] for each in found]).T


def _bars(ax: "Axes", x: np.ndarray, found: np.ndarray, colour: str, filled: bool = True) -> None:
    for at, mean, low, high in zip(x, *found, strict=True):
        estimated(ax, at, mean, (low, high), colour, upright=True, filled=filled)


def _masses(ax: "Axes", students: Frame, colours: Mapping[str, str]) -> None:
    ends = np.array([students["limit"].min(), students.loc[np.isfinite(students["limit"]), "limit"].max()])
    ax.plot(ends, ends, color=GREY, linewidth=1)
    free = students.loc[students["origin"] == "none", "mass_train"].mean()
    ax.axhline(free, color=GREY, linestyle=":", linewidth=1.2)
    ax.annotate("without limit", (0.02, free), (0, -3), ("axes fraction", "data"), "offset points", va="top", fontsize=7.5,
                color=GREY)  # fmt: skip
    for origin, colour in colours.items():
        if not (students["origin"] == origin).any():
            continue
        x, train = by_limit(students, origin, "mass_train")
        _bars(ax, x, train, colour)
        x, test = by_limit(students, origin, "mass_test")
        _bars(ax, x * 1.06, test, colour, filled=False)
    ax.set_title("Mean probability of the set")
    ticks = sorted(set(students.loc[students["origin"] == "stated", "limit"]))
    ax.set_yscale("log")
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def _multipliers(ax: "Axes", students: Frame, colours: Mapping[str, str]) -> None:
    for origin, colour in colours.items():
        if (students["origin"] == origin).any():
            x, found = by_limit(students, origin, "multiplier")
            _bars(ax, x, found, colour)
            ax.plot([], [], "o", color=colour, label="stated limits" if origin == "stated" else "limit: the safest teacher's")
    ax.set_title("Multiplier (nats per unit)")


def _price(ax: "Axes", rows: Frame, colours: Mapping[str, str]) -> None:
    ax.axhline(0, color=GREY, linewidth=1)
    for origin, colour in colours.items():
        own = rows[rows["origin"] == origin]
        if len(own):
            _bars(ax, own["limit"].to_numpy(), own[["difference", "low", "high"]].to_numpy().T, colour)
