"""Forest plot of predictive probabilities under every posterior, by ArviZ."""

from typing import TYPE_CHECKING

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures import chains
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import WIDTH

if TYPE_CHECKING:
    import arviz_plots
    from matplotlib.figure import Figure
else:
    arviz_plots = lazy_import("arviz_plots")

TITLE = "Do the algorithms agree on the posterior?"
SCOPE = "experiment"
CATEGORY = "Convergence"
CAPTION = f"""\
The probability of the last class at the test examples where it varies most, under every method with a posterior (replicate 0).
The dot is the mean, the thick bar the middle 50 % and the thin bar the middle 95 % of the draws. Methods with the same signal
target the same posterior, so their bars should coincide; a shorter bar is an overconfident posterior. If NUTS is included and
passed its gates, it is the reference. {chains.NOTE}
"""


def applies(experiment: chains.Experiment) -> bool:
    """There are chains to compare with something."""
    return chains.applies(experiment) and len(experiment.methods_of("chains", "independent")) > 1


def draw(material: Material) -> "Figure":
    methods = material.experiment.methods_of("chains", "independent")
    at = chains.probes(material.draws(chains.shown(material)))
    trees = chains.aligned({name: material.draws(name) for name in methods}, at)
    collection = arviz_plots.plot_forest(
        trees,
        combined=True,
        backend="matplotlib",
        ci_kind="eti",
        ci_probs=(0.5, 0.95),
        point_estimate="mean",
        figure_kwargs={"figsize": (WIDTH, 1.2 + 0.22 * len(methods) * len(at))},
    )
    collection.add_legend("model")
    return chains.figure_of(collection, "Probability of the last class")
