"""The training curve of a method card is the figure's: the same numbers, the same ends, in a few hundred bytes."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mtbkd.report.sparkline import SIZE, places, training


def view(values: list[float | None], domain: list[float] | None = None) -> dict[str, Any]:
    scale = {"zero": False} | ({"domain": domain} if domain else {})
    panel = {"name": "panel0", "title": {"subtitle": ["ELBO", "last tenth: +0.4 %"]}, "encoding": {"y": {"scale": scale}}}
    lines = {"median of the best starts": values, "start 1": [9.0]}
    rows = [{"method": "vi", "label": label, "value": value} for label, own in lines.items() for value in own]
    return {"usermeta": {"belongs": {"panel0": {"method": "vi"}}}, "datasets": {"data": rows}, "concat": [panel]}


def written(folder: Path, content: dict[str, Any]) -> list[Path]:
    (folder / "sim-training.vl.json").write_text(json.dumps(content))
    return [folder / "sim-training.svg", folder / "sim-metrics.svg", folder / "other-training.svg"]


def test_the_median_of_a_method_is_drawn_between_the_figures_ends(tmp_path: Path) -> None:
    found = training(written(tmp_path, view([-90.0, -2.0, None, -1.0], [-2.0, -1.0])))
    assert list(found) == [("sim", "vi")]
    assert found["sim", "vi"] == ("10,50 120,50 230,10", "ELBO, last tenth: +0.4 %")


@pytest.mark.parametrize("values", [[], [1.0], [None, None]])
def test_no_curve_without_two_points(tmp_path: Path, values: list[float | None]) -> None:
    assert training(written(tmp_path, view(values))) == {}


def test_a_flat_curve_stays_inside_the_picture() -> None:
    found = places([3.0, 3.0], 3.0, 3.0)
    assert all(0 <= x <= SIZE[0] and 0 <= y <= SIZE[1] and math.isfinite(y) for x, y in found)
