"""Mass on a designated residue set: the linear pool's guarantee, the logarithmic pool breaking it, the price of more."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.questions.residues.figure_residue_bits import LOOKS
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import WIDTH, estimated, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Does the pool avoid designated residues?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Some residues are designated as residues to avoid. The linear pool never gives them more probability than every teacher does;
the logarithmic pool can. Left: how often it does; right: the price of a stronger limit.

Left: at how many of 1,000 test residues a pool gives them more probability than every single teacher does. The linear pool is
guaranteed never to do so; the logarithmic pool can, if the teachers disagree on the other residues. Right: the cost of a
stronger constraint, which gives the designated residues no more probability than the safest teacher does at the same position,
in thousandths of a bit per residue. Rows are the rules for weighting the teachers, as in the figure of the bits. Dots are
means over replicates, bars their 95 % intervals.
"""


def draw(question: Question) -> "Figure":
    rows = question.table("safety")
    pools = rows[rows["kind"] == "pool"].assign(
        exceeding=lambda own: 1000 * own["above_largest"] / own["positions"], price=lambda own: 1000 * own["price_bits"]
    )
    weightings = list(dict.fromkeys(pools["weighting"]))
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True)
    for ax, column in zip(axes, ("exceeding", "price"), strict=True):
        _panel(ax, pools, column, weightings)
    axes[0].set_yticks(range(len(weightings)), weightings)
    axes[0].set_ylim(len(weightings) - 0.5, -0.5)
    letters = question.settings["residue_set"]
    axes[0].set_title(f"Guarantee broken (set: {letters})")
    axes[0].set_xlabel("of 1,000 residues: mass on the set\nabove every teacher's", fontsize=8)
    axes[1].set_title("Price of the safest")
    axes[1].set_xlabel("1/1000 bit a residue, to stay below\nthe safest teacher's mass", fontsize=8)
    for ax in axes:
        ax.set_xlim(left=min(0, ax.get_xlim()[0]))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _panel(ax: "Axes", rows: Frame, column: str, weightings: list[str]) -> None:
    for pool, (colour, shift) in LOOKS.items():
        own = rows[rows["pool"] == pool]
        for place, name in enumerate(weightings):
            found = interval(own.loc[own["weighting"] == name, column])
            estimated(ax, found.mean, place + shift, (found.low, found.high), colour, size=4)
        ax.plot([], [], "o", color=colour, markersize=4, label=f"{pool} pool")
    ax.grid(axis="y", visible=False)
