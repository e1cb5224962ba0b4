"""How the settings of a method are chosen: one after another, each along its grid, by what folds inside the labels say.

Along a grid, every second value is judged, counted from the middle, and then the two values nearest to the best of these: seven
values cost five fits, and no end is tried unless the value before it was the best. Every replicate goes its own way; all
judge equally many candidates. Shapes: R replicates.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtbkd.questions.curves.bench import Rows
from mtbkd.questions.curves.fitting import choose

Row = dict[str, Any]
# Candidates, each with one row a replicate -> one row a candidate and replicate, with its loss on what folds keep out.
Judge = Callable[[Sequence[Rows]], Rows]


def winners(rows: Rows) -> Rows:
    """The chosen candidate of every replicate, in the order of the replicates."""
    return sorted((row for row in rows if row["chosen"]), key=lambda row: row["row"])


def search(start: Row, axes: Mapping[str, Sequence[float]], replicates: int, judge: Judge) -> Rows:
    """All candidates that were judged; the best one of each replicate is chosen.

    Args:
        start: a candidate whose settings ``axes`` are the middle ones of their grids (``middle``).
        axes: setting -> its grid, in the order in which they are chosen; lambda goes with kappa.
        replicates: R.
        judge: tells the loss of candidates.
    """
    rows, best = [], [start] * replicates
    for name, values in axes.items():
        grid, asked = sorted(values), [] if rows else [middle(values)]
        spread = grid[grid.index(middle(grid)) % 2 :: 2]
        asked += [value for value in spread if value != middle(grid)]
        if asked:
            rows = choose(rows + judge([[moved(row, name, value) for row in best] for value in asked]), replicates)
            best = winners(rows)
        near = [_nearest(grid, grid.index(row[name]), spread) for row in best]
        if near[0]:
            around = [[moved(row, name, v) for row, v in zip(best, own, strict=True)] for own in zip(*near, strict=True)]
            rows = choose(rows + judge(around), replicates)
            best = winners(rows)
    return rows


def middle(grid: Sequence[float]) -> float:
    """The middle value of ``grid``, the lower one of two."""
    return sorted(grid)[(len(grid) - 1) // 2]


def moved(row: Row, name: str, value: float) -> Row:
    """``row`` with another value of a setting; lambda = kappa stays so."""
    return {**row, name: value, **({"lambda": value} if name == "kappa" else {})}


def _nearest(grid: Sequence[float], at: int, known: Sequence[float]) -> list[float]:
    """The two values nearest to position ``at`` that are not ``known``, or as many as there are."""
    return sorted((v for v in grid if v not in known), key=lambda value: abs(grid.index(value) - at))[:2]
