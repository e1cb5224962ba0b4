"""Uncertainty over the plane, to point at."""

from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_plane import Block, Map, maps
from mtbkd.report.figures.maps import LABELS, Panel, largest, panels
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import SEQUENTIAL


def interactive(material: Material) -> Spec:
    told = views.told(material)

    def named(panel: Panel) -> Map:
        known = told.get(panel.title)
        title = known["title"] + ("" if known["passed"] else " (gate failed)") if known else panel.title
        return Map(title, panel.rows, panel.values, panel.title if known else None)

    blocks = [
        Block(label, [named(panel) for panel in block], SEQUENTIAL, largest(block))
        for label, block in zip(LABELS, panels(material), strict=True)
        if block
    ]
    return maps(material, blocks, told)
