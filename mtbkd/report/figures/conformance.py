"""A matrix of what holds and what fails: discs and crosses, columns in groups."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.style import DARK, GREY

if TYPE_CHECKING:
    from matplotlib import patches
    from matplotlib.axes import Axes
else:
    patches = lazy_import("matplotlib.patches")

PALE = {True: "#e3e9e4", False: "#f7dfd8"}  # no colours of signals


def draw_matrix(
    ax: "Axes",
    rows: Sequence[str],
    columns: Sequence[tuple[str, str]],
    holds: Mapping[tuple[str, tuple[str, str]], bool],
    notes: Mapping[tuple[str, tuple[str, str]], str] | None = None,
    upright: bool = False,
) -> None:
    """Rows by columns (group, label); ``notes`` below the crosses. Long labels stand ``upright``, their groups at the foot."""
    for (row, column), kept in holds.items():
        x, y = columns.index(column), rows.index(row)
        ax.add_patch(patches.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALE[kept], edgecolor="white", linewidth=1.5))
        if kept:
            ax.plot(x, y, "o", color=DARK, markersize=5)
        else:
            ax.plot(x, y - (0.13 if notes else 0), "x", color=DARK, markersize=5, markeredgewidth=1.8)
            ax.text(x, y + 0.3, (notes or {}).get((row, column), ""), ha="center", va="center", fontsize=6.2, color=GREY)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_xticks(range(len(columns)), [label for _, label in columns], fontsize=7.5, rotation=90 if upright else 0)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for group in dict.fromkeys(group for group, _ in columns):
        at = [x for x, (own, _) in enumerate(columns) if own == group]
        edge, away, side = (len(rows) - 0.5, -4, "top") if upright else (-0.5, 17, "bottom")
        ax.annotate(group, (sum(at) / len(at), edge), (0, away), textcoords="offset points", ha="center", va=side, fontsize=8,
                    fontweight="bold", annotation_clip=False)  # fmt: skip
        if at[0]:
            ax.axvline(at[0] - 0.5, color="white", linewidth=5)
    ax.grid(False)
    ax.spines[:].set_visible(False)
