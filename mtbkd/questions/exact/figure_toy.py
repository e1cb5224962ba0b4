"""Two teachers who disagree, in one dimension (MT-BKD, arXiv 2605.27967, Fig. 2): by grid and by the package's samplers.

The draws are made here: a few seconds' work that no job would share, on the very densities and with the very modules that
mtbkd/questions/exact judges; its tables keep moments only.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.inference import Context, sgld, smc
from mtbkd.inference.optimise import Training
from mtbkd.questions.exact import cases
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import BLACK, BLUE, DARK, GREY, LIGHT, ORANGE, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Effect of pooling priors on the posterior"
SCOPE = "study"
READS = ""
CATEGORY = "Method"
CAPTION = """\
The idea in one dimension (the paper's Fig. 2; independent of the study): two teachers disagree about one parameter. The linear
pool (blue) keeps both opinions and lets the data weight them; the log pool (orange) is one opinion halfway between, which
neither teacher holds.

The teachers' opinions are N(2, 1) and N(6, 1), the dotted curves; the data say 3.5, the triangle. Multi-teacher Bayesian
distillation averages the opinions (a mixture, or linear pool), classical distillation multiplies them (a log pool). Top: prior
times likelihood on a grid. Left: data of precision 1, as in the paper. Right: data of precision 2, informative enough to leave
the mixture a single mode, closer to the teacher that was right. Bottom: the two posteriors of precision 1 again, with the
draws of two of our samplers, tempered sequential Monte Carlo (grey bars) and stochastic gradient Langevin dynamics (dark
outline). The numbers are the posterior mass to the right of 3.75, where the second mode lies: they reveal a sampler that
misses a mode or weights it wrongly. Good samplers follow the curve.
"""
PRIOR_MEANS, DATA_MEAN = cases.TEACHERS, cases.DATA_MEAN
PRECISIONS = (1.0, 2.0)
PANEL_HEIGHT, SEED = 2.4, 2
THETA = np.linspace(-3, 11, 1401)
CUT = float(PRIOR_MEANS.mean() + DATA_MEAN) / 2
TRAINING = Training.model_validate({"steps": 200})
SAMPLERS = {
    "SMC": (smc, smc.Settings.model_validate({"particles": 2000, "final_sweeps": 5})),
    "SGLD": (sgld, sgld.Settings.model_validate({"step_size": 0.01, "steps": 1500, "burn_in": 300, "thin": 20, "chains": 256})),
}


class Pool(NamedTuple):
    """A way to pool the two priors: its name, the colour of its posterior, and the exact case that is this posterior."""

    name: str
    colour: str
    case: cases.Case


def normal(theta: np.ndarray, mean: np.ndarray | float, variance: float) -> np.ndarray:
    """Density of N(mean, variance) at ``theta``."""
    return np.exp(-0.5 * (theta - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)


def linear_pool(theta: np.ndarray) -> np.ndarray:
    """The prior (N(2, 1) + N(6, 1)) / 2 at ``theta`` (n,)."""
    return normal(theta[:, None], PRIOR_MEANS, 1).mean(1)


def log_pool(theta: np.ndarray) -> np.ndarray:
    """The geometric mean of the priors at ``theta`` (n,), up to a constant."""
    return np.sqrt(normal(theta[:, None], PRIOR_MEANS, 1).prod(1))


def on_grid(prior: np.ndarray, precision: float, theta: np.ndarray = THETA) -> np.ndarray:
    """Posterior density on the grid ``theta`` (n,): ``prior`` (n,) times the likelihood, normalised by the trapezoid rule."""
    product = prior * np.exp(-0.5 * precision * (theta - DATA_MEAN) ** 2)
    return product / np.trapezoid(product, theta)


def share_above(density: np.ndarray) -> float:
    """Mass of a density on the grid right of CUT."""
    right = THETA >= CUT
    return float(np.trapezoid(density[right], THETA[right]))


def sampled(case: cases.Case) -> dict[str, np.ndarray]:
    """Sampler -> its draws (S,) of the one parameter of ``case``; the same in every run."""
    context = Context(SEED, (0,), TRAINING, "cpu")
    fits = {
        name: module.run(case.target, settings, module.init(case.target, settings, context), context)
        for name, (module, settings) in SAMPLERS.items()
    }
    return {name: fit.params.flatten().double().numpy() for name, fit in fits.items()}


def applies(study: Study) -> bool:
    """Drawn beside the numbers of the paper that has it."""
    return any((each.published or "").startswith("mtbkd_") for each in study.siblings.values())


def draw(study: Study) -> "Figure":
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 2 * PANEL_HEIGHT), sharex=True, sharey=True)
    for ax, precision in zip(axes[0], PRECISIONS, strict=True):
        _exact(ax, precision)
    pools = (Pool("linear pool", BLUE, cases.toy_bimodal()), Pool("log pool", ORANGE, cases.toy_log_pool()))
    for ax, pool, prior in zip(axes[1], pools, (linear_pool, log_pool), strict=True):
        _draws(ax, pool, on_grid(prior(THETA), 1.0))
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    figure.supxlabel("parameter \N{GREEK SMALL LETTER THETA} (no unit)", fontsize=9)
    figure.supylabel("density", fontsize=9)
    return figure


def _exact(ax: "Axes", precision: float) -> None:
    _opinions(ax)
    pool, mixture = (on_grid(prior(THETA), precision) for prior in (log_pool, linear_pool))
    ax.plot(THETA, pool, color=ORANGE, linewidth=2, label="log pool")
    ax.plot(THETA, mixture, color=BLUE, linewidth=2, label="linear pool")
    ax.set_title(f"data of precision {precision:g}, by grid", fontsize=8.5)


def _draws(ax: "Axes", pool: Pool, density: np.ndarray) -> None:
    _opinions(ax)
    draws = sampled(pool.case)
    bins = np.linspace(-1, 8, 61).tolist()
    looks = {"SMC": {"color": LIGHT}, "SGLD": {"histtype": "step", "color": DARK, "linewidth": 1.1}}
    for name, values in draws.items():
        ax.hist(values, bins, density=True, **looks[name])
    ax.plot(THETA, density, color=pool.colour, linewidth=2)
    shares = {"grid": share_above(density), **{name: float((values > CUT).mean()) for name, values in draws.items()}}
    colours = {"grid": pool.colour if pool.colour == BLUE else "#9a6a00", "SMC": GREY, "SGLD": DARK}
    ax.annotate(f"share right of {CUT:g}", (0.98, 0.93), xycoords="axes fraction", ha="right", fontsize=7.5, color=BLACK)
    for line, (name, share) in enumerate(shares.items(), 1):
        ax.annotate(f"{name} {share:.3f}", (0.98, 0.93 - 0.085 * line), xycoords="axes fraction", ha="right", fontsize=7.5,
                    color=colours[name])  # fmt: skip
    ax.set_title(f"{pool.name}, by samplers", fontsize=8.5)


def _opinions(ax: "Axes") -> None:
    """The teachers' priors and what the data say."""
    for mean, label in zip(PRIOR_MEANS, ("teachers", None), strict=True):
        ax.plot(THETA, normal(THETA, mean, 1), color=GREY, linestyle=(0, (1, 1.5)), label=label)
    ax.plot([DATA_MEAN], [0], "^", color=BLACK, markersize=6, clip_on=False, label="data", linestyle="none")
    ax.set_xlim(-2.4, 9.4)
