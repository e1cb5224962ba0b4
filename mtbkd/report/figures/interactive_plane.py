"""Interactive maps over the plane of two features: the same examples in every panel, so that their places are written once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtbkd.report.figures import interactive as views
from mtbkd.report.figures import plane
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import BLACK

MOST = 700  # points of a panel
SCHEMES = {plane.PROBABILITY: "purpleorange"}  # Vega's names, where they are not matplotlib's


class Map(NamedTuple):
    """A panel: values (M,) of the examples at the rows (M,) of the dataset; of a ``method``, if it is one's."""

    title: str
    rows: np.ndarray
    values: np.ndarray
    method: str | None = None


class Block(NamedTuple):
    """Panels that share their colours, from 0 to ``top``; ``meaning`` of the colours."""

    meaning: str
    maps: Sequence[Map]
    cmap: str
    top: float = 1.0


def maps(material: Material, blocks: Sequence[Block], methods: Mapping[str, Record], columns: int = 3) -> Spec:
    """The ``blocks`` below each other."""
    numbered = [(f"v{number}_{place}", each) for number, block in enumerate(blocks) for place, each in enumerate(block.maps)]
    panels = [{"key": key, "method": each.method, "panel": each.title.replace("\n", ", ")} for key, each in numbered]
    parts = [_block(number, block, material, columns) for number, block in enumerate(blocks)]
    tables = {"points": _points(material, dict(numbered)), "panels": panels}
    whole = {"vconcat": parts, "resolve": {"scale": {"color": "independent"}}}
    return views.spec(whole, tables, methods, square=True, least=120, renderer="canvas")


def _points(material: Material, found: Mapping[str, Map]) -> list[Record]:
    """One row an example, a column a panel."""
    at = plane.rows(material)[:MOST]
    columns: dict[str, Any] = {"x1": material.dataset.x[0, at, 0], "x2": material.dataset.x[0, at, 1]}
    for key, each in found.items():
        values = dict(zip(each.rows.tolist(), each.values.tolist(), strict=True))
        columns[key] = np.array([values.get(row, np.nan) for row in at.tolist()])
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(at))]


def _block(number: int, block: Block, material: Material, columns: int) -> Spec:
    keys = [f"v{number}_{place}" for place in range(len(block.maps))]
    named = {"data": {"name": "panels"}, "key": "key", "fields": ["method", "panel"]}
    shared = [{"fold": keys, "as": ["key", "value"]}, {"lookup": "key", "from": named}, *views.FILTERED]
    x, y = views.number("x1", "feature x1", nice=False), views.number("x2", "feature x2", nice=False)
    legend = {"orient": "top", "direction": "horizontal", "gradientLength": 180, "title": block.meaning, "titleLimit": 400}
    scale = {"scheme": SCHEMES.get(block.cmap, block.cmap), "domain": [0, views.rounded(block.top)], "clamp": True}
    hue = {"field": "value", "type": "quantitative", "scale": scale, "legend": legend}
    tips = views.tooltip(panel="Panel", value="Value", x1="x1", x2="x2")
    dot, zoom = {"type": "circle", "size": 9, "opacity": 1, "clip": True}, views.zoom(f"zoom{number}", "x", "y")
    dashed = {"color": BLACK, "strokeDash": [4, 3]}
    lines = [views.line(dashed, **{"xy"[axis]: {"datum": value}}) for axis, value in plane.domain_borders(material)]
    titles = [each.title.replace("\n", ", ") for each in block.maps]
    return {
        "data": {"name": "points"},
        "transform": [*shared, {"filter": "isValid(datum.value)"}],
        "facet": {"field": "panel", "type": "nominal", "sort": titles, "header": {"title": None, "labelAnchor": "start"}},
        "columns": columns,
        "spec": {
            "width": 150,
            "height": 150,
            "layer": [views.layer(dot, params=zoom, x=x, y=y, color=hue, tooltip=tips), *lines],
        },
    }
