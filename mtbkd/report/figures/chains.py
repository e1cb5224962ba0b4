"""What ArviZ's figures are drawn from: function-space quantities of the chain methods' first replicate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.draws import Draws
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import WIDTH

if TYPE_CHECKING:
    import arviz_base
    import xarray as xr
    from matplotlib.figure import Figure
else:
    arviz_base = lazy_import("arviz_base")

PROBES = 3
NOTE = (
    "Permuting hidden units changes the weights of a network but not its function, so only functions of the weights are shown."
)


def applies(experiment: Experiment) -> bool:
    """Some method draws chains."""
    return bool(experiment.methods_of("chains"))


def shown(material: Material) -> str:
    """The chain method to show where there is room for one: NUTS if there is one, else the main method or the first."""
    experiment = material.experiment
    methods = experiment.methods_of("chains")
    nuts = [name for name in methods if experiment.methods[name].inference == "nuts"]
    main = [name for name in methods if name == experiment.main_method]
    return (nuts or main or list(methods))[0]


def probes(draws: Draws) -> list[int]:
    """The probe inputs at which the last class's probability varies most in replicate 0."""
    return np.argsort(-np.nan_to_num(draws.probe_prob[0, ..., -1].std(axis=(0, 1))))[:PROBES].tolist()


def tree(draws: Draws, at: list[int]) -> "xr.DataTree":
    """ArviZ's view of replicate 0: the log-posterior, and the last class's probability at the probe inputs ``at``."""
    return arviz_base.from_dict({"posterior": _values(draws, at)})


def _values(draws: Draws, at: list[int]) -> dict[str, np.ndarray]:
    return {"log posterior": draws.log_posterior[0]} | {
        f"p at example {draws.probe_index[i]}": draws.probe_prob[0, ..., i, -1].astype(float) for i in at
    }


def quantities(material: Material) -> dict[str, np.ndarray]:
    """What figures of the chains show of the method ``shown``: quantity -> its draws (C, D)."""
    draws = material.draws(shown(material))
    return _values(draws, probes(draws))


def figure_of(collection: object, title: str) -> "Figure":
    """The matplotlib figure of an ArviZ PlotCollection, at the house's width."""
    figure: Figure = collection.viz["figure"].item()  # type: ignore[attr-defined]
    figure.set_figwidth(WIDTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    return figure


class Part(NamedTuple):
    """A column of the interactive view: what is added to the title of a quantity, and the layers: first the quantity's."""

    title: str
    layers: Sequence[Spec]


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
