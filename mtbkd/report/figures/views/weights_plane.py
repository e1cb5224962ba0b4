"""How much each teacher counts over the plane, to point at."""

from mtbkd.report.figures import plane
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_plane import Block, Map, maps
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.weights_plane import panels


def interactive(material: Material) -> Spec:
    at = plane.rows(material)
    found = [Map(panel.title, at, panel.values) for panel in panels(material, at)]
    meaning = f"share of teacher {material.experiment.teachers[0]}"
    return maps(material, [Block(meaning, found, plane.PROBABILITY)], {}, columns=2)
