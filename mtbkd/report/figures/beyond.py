"""Values far outside a panel: an arrow at its edge with the number, so that the axis can follow what is to be compared."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAR = 12.0  # times the middle distance to the median: what lies farther is an arrow
FEWEST = 5  # methods, below which all are shown
LENGTH = 13  # points; marks of methods are triangles without a shaft


def far(means: Mapping[str, float]) -> set[str]:
    """The methods whose mean lies so far from most that the others would be pressed into one dot; at most a third of them."""
    known = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if len(known) < FEWEST:
        return set()
    middle = float(np.median(list(known.values())))
    distances = {name: abs(mean - middle) for name, mean in known.items()}
    usual = float(np.median(list(distances.values())))
    found = {name for name, distance in distances.items() if distance > FAR * usual > 0}
    return found if 3 * len(found) <= len(known) else set()


def beyond(ax: "Axes", x: float, y: float, colour: str, told: str, filled: bool = True) -> bool:
    """Point to (x, y), where it lies outside the limits of ``ax``, with ``told`` at the arrow's tail; whether it does.

    The limits must be final. A value that is not a number lies nowhere.
    """
    (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    if not (math.isfinite(x) and math.isfinite(y)) or (left <= x <= right and low <= y <= high):
        return False
    at = min(max(x, left), right), min(max(y, low), high)
    if x != at[0]:
        shift, align = ((-LENGTH, 0), ("right", "center")) if x > right else ((LENGTH, 0), ("left", "center"))
    else:
        up = (y > high) != ax.yaxis_inverted()
        shift, align = ((0, -LENGTH), ("center", "top")) if up else ((0, LENGTH), ("center", "bottom"))
    arrow = {"arrowstyle": "-|>", "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    arrow |= {"edgecolor": colour, "facecolor": colour if filled else "white"}
    ax.annotate(
        told, at, shift, textcoords="offset points", ha=align[0], va=align[1], color=colour, fontsize=7, arrowprops=arrow
    )
    return True
