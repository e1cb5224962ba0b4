"""What the views of chains share: the function-space quantities of the method that is shown, a row each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.chains import probes, shown, tree
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.material import Material


class Part(NamedTuple):
    """A column: what is added to the title of a quantity, and the layers: first the quantity's."""

    title: str
    layers: Sequence[Spec]


def quantities(material: Material) -> dict[str, np.ndarray]:
    """Quantity -> its draws (C, D), of the method ``shown``."""
    draws = material.draws(shown(material))
    return {str(name): values.values for name, values in tree(draws, probes(draws))["posterior"].data_vars.items()}


def view(material: Material, tables: Mapping[str, Sequence[Record]], parts: Sequence[Part]) -> Spec:
    """A row a quantity, a column a part."""
    method = views.told(material)[shown(material)]
    panels = [
        _panel(f"zoom{number}", quantity, part)
        for number, (quantity, part) in enumerate((q, part) for q in quantities(material) for part in parts)
    ]
    whole = {"concat": panels, "columns": 2, "title": {"text": method["title"], "offset": 14}}
    return views.spec(whole, tables, {method["method"]: method})


def _panel(zoom: str, quantity: str, part: Part) -> Spec:
    first, *further = part.layers
    own = [{**first, "transform": [views.only("quantity", quantity)], "params": views.zoom(zoom, "x", "y")}, *further]
    return {"title": quantity + part.title, "width": 250, "height": 130, "layer": own}
