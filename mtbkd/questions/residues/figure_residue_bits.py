"""Bits per residue of every weighting, pools and students, with and without a shift of the mix."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, WIDTH, estimated, plt, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which weights predict the next residue best?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Teachers that each know the sequences of one kingdom predict the next residue jointly. Rows are rules for weighting them; left
of zero is better. Left panels: the pool itself; right panels: the student distilled from it.

The rules: equal; token (the more confident teacher at this residue); task (the teacher with the best score on validation
sequences of this kingdom); context (the teacher whose training composition is closest to that of the residues so far); product
of these three; evidence (the teacher that best predicted the residues so far); oracle (the teacher of the true kingdom alone).
Left: the pool itself, minus the linear pool with equal weights (the open dot). Right: the student distilled from the pool,
minus the student without teachers. To the left of zero (the grey line) is better, in thousandths of a bit per residue. Dots
are means over replicates, bars 95 % intervals of the paired differences. Above, test and training use the same mix of
kingdoms; below, the mix has shifted.
"""
MIXES = ("training mix", "shifted mix")
AGAINST = {"pool": "equal, linear", "student": "no teachers"}
LOOKS = {"linear": (signal_colour("tip"), -0.15), "log": (signal_colour("kd"), 0.15)}


def draw(question: Question) -> "Figure":
    rows = question.table("comparisons")
    weightings = list(dict.fromkeys(question.table("weights")["weighting"]))
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.6), sharex="col", sharey=True)
    for mix, line in zip(MIXES, axes, strict=True):
        for (kind, against), ax in zip(AGAINST.items(), line, strict=True):
            own = rows[(rows["domain"] == mix) & (rows["kind"] == kind) & (rows["against"] == against)]
            _panel(ax, own, weightings)
            if kind == "pool":
                colour, shift = LOOKS["linear"]
                ax.plot(0, weightings.index("equal") + shift, "o", color=colour, markerfacecolor="white", markersize=4)
            ax.set_title(f"{kind.capitalize()}, {mix}")
    axes[0, 0].set_yticks(range(len(weightings)), weightings)
    axes[0, 0].set_ylim(len(weightings) - 0.5, -0.5)
    axes[1, 0].set_xlabel(
        "1/1000 bit a residue, minus\nthe linear pool, equal weights (open)\n\N{LEFTWARDS ARROW} better", fontsize=8
    )
    axes[1, 1].set_xlabel("1/1000 bit a residue, minus\nthe student without teachers\n\N{LEFTWARDS ARROW} better", fontsize=8)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _panel(ax: "Axes", rows: Frame, weightings: list[str]) -> None:
    ax.axvline(0, color=GREY, linewidth=1)
    for pool, (colour, shift) in LOOKS.items():
        for row in rows[rows["pool"] == pool].to_dict("records"):
            ends = 1000 * row["low"], 1000 * row["high"]
            estimated(ax, 1000 * row["difference"], weightings.index(row["weighting"]) + shift, ends, colour, size=4)
        ax.plot([], [], "o", color=colour, markersize=4, label=f"{pool} pool")
    ax.grid(axis="y", visible=False)
