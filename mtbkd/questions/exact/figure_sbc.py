"""Simulation-based calibration: ECDF of the PIT values against the uniform one (Sailynoja et al. 2022)."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, GREY, GROUPS, LIGHT, grid

if TYPE_CHECKING:
    from arviz_stats import ecdf_utils
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    ecdf_utils = lazy_import("arviz_stats.ecdf_utils")

TITLE = "Are the posteriors calibrated on average?"
SCOPE = "question"
CATEGORY = "Exact answers"
CAPTION = """\
Simulation-based calibration: with the exact posterior every rank of the true value among the draws is equally likely, and the
lines stay in the grey band (95 %, for a whole line).

Parameters are drawn from their prior and data from the parameters, many times. Each method samples the posterior of each data
set, and the true value is ranked among its draws. A line is the share of data sets with a lower rank minus its expectation
under uniform ranks. A line above zero on the left and below zero on the right means that the truth lies outside the draws too
often: the posterior is too narrow. The reverse, first below and then above, means too wide. A line on one side of zero
throughout means biased estimates. Colours are the three parameters of a logistic student and its log-likelihood. Methods
without posterior draws have no panel.
"""
LEVEL, SIMULATIONS, SEED = 0.95, 1000, 214
COLOURS = (*GROUPS[:3], BLACK, *GROUPS[3:])


def draw(question: Question) -> "Figure":
    ranks = question.table("ranks")
    shown, students = {str(method): rows for method, rows in ranks.groupby("method", sort=False)}, question.students(ranks)
    figure, axes = grid(max(1, len(shown)), 2, 2.1, sharex=True, sharey=True)
    for ax, (method, rows) in zip(axes, shown.items(), strict=False):
        _panel(ax, rows)
        ax.set_title(students[method].title, fontsize=8.5)
        ax.label_outer()
    if shown:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    else:
        axes[0].text(0.5, 0.5, "no method has draws to rank", ha="center", transform=axes[0].transAxes)
    figure.supxlabel("rank of the truth among the draws (share of the largest)", fontsize=9)
    figure.supylabel("share of data sets below,\nminus the uniform share", fontsize=8.5)
    return figure


def pit(rows: Frame) -> np.ndarray:
    """Randomised PIT values of one quantity's ranks, always the same for the same ranks."""
    noise = np.random.default_rng(SEED).uniform(size=len(rows))
    return (rows["rank"].to_numpy() + noise) / (rows["draws"].to_numpy() + 1)


def _panel(ax: "Axes", rows: Frame) -> None:
    band = None
    for colour, (quantity, own) in zip(COLOURS, rows.groupby("quantity", sort=False), strict=False):
        values = pit(own)
        if band is None:
            at, _, low, high = ecdf_utils.ecdf_pit(values, LEVEL, SIMULATIONS, rng=np.random.default_rng(SEED))
            band = ax.fill_between(at, low - at, high - at, color=LIGHT, linewidth=0)
            ax.axhline(0, color=GREY, linewidth=0.8)
        at = np.linspace(0, 1, 201)
        ax.plot(at, ecdf_utils.compute_ecdf(values, at) - at, color=colour, linewidth=1.1, label=str(quantity))
    ax.set_xlim(0, 1)
