"""Truth, teachers and students over the plane, to point at."""

from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_plane import Block, Map, maps
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.planes import BARS, panels


def interactive(material: Material) -> Spec:
    shown, blocks = panels(material), []
    for cmap, label in BARS.items():
        own = [panel for panel in shown if panel.cmap == cmap]
        found = [Map(panel.title, panel.rows, panel.values) for panel in own]
        if own:
            blocks.append(Block(label, found, cmap, max(panel.top for panel in own)))
    return maps(material, blocks, {})
