"""Values far outside a panel: an arrow at its edge with the number, so that the axis can follow what is to be compared."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RIGHT, LEFT, UP, DOWN = ">", "<", "^", "v"


def beyond(ax: "Axes", x: float, y: float, colour: str, told: str, filled: bool = True) -> bool:
    """Mark (x, y), where it lies outside the limits of ``ax``, at the edge, with ``told`` beside it; whether it does.

    The limits must be final. A value that is not a number lies nowhere.
    """
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    if not (math.isfinite(x) and math.isfinite(y)) or (left <= x <= right and low <= y <= high):
        return False
    at = min(max(x, left), right), min(max(y, low), high)
    if x != at[0]:
        marker, shift, align = (RIGHT, (-6, 0), ("right", "center")) if x > right else (LEFT, (6, 0), ("left", "center"))
    else:
        up = (y > high) != ax.yaxis_inverted()
        marker, shift, align = (UP, (0, -6), ("center", "top")) if up else (DOWN, (0, 6), ("center", "bottom"))
    ax.plot(
        [at[0]], [at[1]], marker, color=colour, markerfacecolor=colour if filled else "white", markersize=4.5, clip_on=False
    )
    ax.annotate(told, at, shift, textcoords="offset points", ha=align[0], va=align[1], color=colour, fontsize=7)
    return True
