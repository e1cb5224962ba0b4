"""Small curves inside method cards: what a larger figure shows, in a few hundred bytes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mtbkd.base.reading import read_json
from mtbkd.report.figures.interactive import ENDING

SIZE = 240, 60  # in units of the SVG
TRAINING = "-training"


class Training(NamedTuple):
    """The median of the best starts: ``path``, the points of an SVG polyline, and what is said of it."""

    path: str
    told: str


def places(values: Sequence[float], low: float, high: float) -> list[tuple[float, float]]:
    """Where ``values`` stand in the picture, evenly from left to right, those beyond ``low`` and ``high`` at the edge."""
    (width, height), reach, last = SIZE, (high - low) or 1.0, max(len(values) - 1, 1)
    inside = [min(max(value, low), high) for value in values]
    return [
        (round(10 + (width - 20) * k / last, 1), round(height - 10 - (height - 20) * (value - low) / reach, 1))
        for k, value in enumerate(inside)
    ]


def path(dots: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in dots)


def training(figures: Iterable[str | Path]) -> dict[tuple[str, str], Training]:
    """(experiment, method) -> its training curve, from the interactive views of the training figures among ``figures``."""
    found = {}
    for figure in map(Path, figures):
        view = figure.with_suffix(f".{ENDING}")
        if figure.stem.endswith(TRAINING) and view.exists():
            spec: Any = read_json(view)
            for panel in spec["concat"]:
                method = spec["usermeta"]["belongs"][panel["name"]]["method"]
                if curve := _curve(panel, [row for row in spec["datasets"]["data"] if row["method"] == method]):
                    found[figure.stem.removesuffix(TRAINING), method] = curve
    return found


def _curve(panel: Any, rows: Sequence[Any]) -> Training | None:
    values = [row["value"] for row in rows if row["label"] == rows[0]["label"] and row["value"] is not None]
    if len(values) < 2:
        return None
    low, high = panel["encoding"]["y"]["scale"].get("domain", (min(values), max(values)))
    return Training(path(places(values, low, high)), ", ".join(panel["title"]["subtitle"]))
