"""Two teachers who disagree, in one dimension (paper, Fig. 2)."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.figures.material import Study
from mtbkd.figures.style import BLUE, GREY, ORANGE, WIDTH
from mtbkd.lazy import lazy_import

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure
else:
    plt = lazy_import("matplotlib.pyplot")

TITLE = "What pooling priors does to a posterior"
SCOPE = "study"
CATEGORY = "Method"
CAPTION = """\
The idea in one dimension, computed exactly (the paper's Fig. 2; it does not depend on the study). Two teachers give two
opinions about one parameter, N(2, 1) and N(6, 1): the dotted curves. The data say 3.5. Multi-teacher Bayesian
distillation adds the opinions up (a mixture, or linear pool): its posterior, in blue, keeps both opinions as two humps
and lets the data weigh them. Classical distillation multiplies them (a log pool), in orange: one opinion halfway
between, which neither teacher holds. Left: data of precision 1. Right: data of precision 2 are clear enough to leave
the mixture one hump, nearer to the teacher who was right.
"""
PRIOR_MEANS = np.array([2.0, 6.0])
DATA_MEAN = 3.5
PRECISIONS = (1.0, 2.0)
PANEL_HEIGHT = 2.6


def normal(theta: np.ndarray, mean: np.ndarray | float, variance: float) -> np.ndarray:
    """Density of N(mean, variance) at ``theta``."""
    return np.exp(-0.5 * (theta - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)


def mixture_posterior(theta: np.ndarray, precision: float) -> np.ndarray:
    """Posterior density at ``theta`` (n,) under the prior (N(2, 1) + N(6, 1)) / 2.

    A mixture again: component g has mean (m_g + precision * 3.5) / (1 + precision), variance 1 / (1 + precision) and a
    weight proportional to N(3.5; m_g, 1 + 1 / precision), how well teacher g foresaw the data.
    """
    weight = normal(PRIOR_MEANS, DATA_MEAN, 1 + 1 / precision)
    mean = (PRIOR_MEANS + precision * DATA_MEAN) / (1 + precision)
    return normal(theta[:, None], mean, 1 / (1 + precision)) @ (weight / weight.sum())


def log_pool_posterior(theta: np.ndarray, precision: float) -> np.ndarray:
    """Posterior density at ``theta`` (n,) under the normalised geometric mean of the priors, which is N(4, 1)."""
    mean = (PRIOR_MEANS.mean() + precision * DATA_MEAN) / (1 + precision)
    return normal(theta, mean, 1 / (1 + precision))


def applies(study: Study) -> bool:
    return True


def draw(study: Study) -> "Figure":
    theta = np.linspace(-1, 9, 801)
    figure, axes = plt.subplots(1, len(PRECISIONS), figsize=(WIDTH, PANEL_HEIGHT), sharey=True)
    for ax, precision in zip(axes, PRECISIONS, strict=True):
        for mean in PRIOR_MEANS:
            ax.plot(theta, normal(theta, mean, 1), color=GREY, linestyle=(0, (1, 1.5)))
        pool, mixture = log_pool_posterior(theta, precision), mixture_posterior(theta, precision)
        ax.plot(theta, pool, color=ORANGE, linewidth=2)
        ax.plot(theta, mixture, color=BLUE, linewidth=2)
        ax.plot([DATA_MEAN], [0], "^", color="black", markersize=6, clip_on=False)
        ax.set_title(f"data of precision {precision:g}", fontsize=8.5)
        ax.set_xlabel("parameter θ (no unit)")
        ax.annotate("log pool", (theta[pool.argmax()], pool.max()), (0, 3), textcoords="offset points", color="#9a6a00",
                    fontsize=8, ha="left")  # fmt: skip
        ax.annotate("mixture", (theta[mixture.argmax()], mixture.max()), (-24, 4), textcoords="offset points",
                    color=BLUE, fontsize=8, ha="right")  # fmt: skip
        for number, mean in enumerate(PRIOR_MEANS, 1):
            ax.annotate(f"teacher {number}", (mean + (-1.3, 1.1)[number - 1], 0.29), ha=("right", "center")[number - 1],
                        color=GREY, fontsize=8)  # fmt: skip
        ax.annotate("data", (DATA_MEAN, 0), (0, -2), textcoords="offset points", fontsize=0.1)
    axes[0].set_ylabel("posterior density")
    return figure
