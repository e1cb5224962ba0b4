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


def aligned(found: dict[str, Draws], at: list[int]) -> "dict[str, xr.DataTree]":
    """The probe probabilities of several methods as one chain each, evenly thinned to the same number of draws.

    Diverged chains are left out and stacked ones are in proportion to their weights; NaN where no chain is left.
    """
    flat = {name: draws.probe_draws(0)[:, at, -1] for name, draws in found.items()}
    count = min((len(values) for values in flat.values() if len(values)), default=1)
    whole = {name: values if len(values) else np.full((count, len(at)), np.nan) for name, values in flat.items()}
    rows = {name: values[np.linspace(0, len(values) - 1, count).round().astype(int)] for name, values in whole.items()}
    index = next(iter(found.values())).probe_index
    posteriors = {
        name: {f"p at example {index[i]}": values[None, :, k].astype(float) for k, i in enumerate(at)}
        for name, values in rows.items()
    }
    return {name: arviz_base.from_dict({"posterior": posterior}) for name, posterior in posteriors.items()}


def figure_of(collection: object, title: str) -> "Figure":
    """The matplotlib figure of an ArviZ PlotCollection, at the house's width."""
    figure: Figure = collection.viz["figure"].item()  # type: ignore[attr-defined]
    figure.set_figwidth(WIDTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    return figure
