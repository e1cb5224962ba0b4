"""What ArviZ's figures are drawn from: function-space quantities of the chain methods' first replicate."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.draws import Draws
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
    values = {"log posterior": draws.log_posterior[0]} | {
        f"p at example {draws.probe_index[i]}": draws.probe_prob[0, ..., i, -1].astype(float) for i in at
    }
    return arviz_base.from_dict({"posterior": values})


def figure_of(collection: object, title: str) -> "Figure":
    """The matplotlib figure of an ArviZ PlotCollection, at the house's width."""
    figure: Figure = collection.viz["figure"].item()  # type: ignore[attr-defined]
    figure.set_figwidth(WIDTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    return figure
