"""What each multi-teacher method of the literature gains on labels alone, and on equal weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.questions.baselines.contest import REFERENCE
from mtbkd.questions.baselines.section import gains, titles_of
from mtbkd.questions.baselines.tables import PLAIN
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, DARK, GREY, estimated, grid, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain of each multi-teacher method"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Published methods for learning from several teachers, each with the same student, replicates and tuning protocol; right of the
line is better. Filled: significant; hollow: inconclusive. Blue: the teacher-informed prior.

Left: the gain over a student trained on labels alone, that is, the value of having teachers. Right: the gain over AVER, which
weights all teachers equally, that is, the value of a better weighting. The upper row is accuracy, the lower row negative
log-likelihood, with the sign chosen so that right is better everywhere. Dots are means over replicates, thick bars their 95 %
intervals, small dots the replicates. Significant: the interval excludes zero and the test, corrected for the number of
methods, has p below .05. All methods share data, teachers and starting points, so paired differences are more precise than the
scores themselves.
"""
WORDS = {REFERENCE: "against labels only", PLAIN: "against equal weights"}
UNITS = {"accuracy": "gain of accuracy", "nll": "gain of log-likelihood (nats)"}


def draw(question: Question) -> "Figure":
    tables = {name: question.table(name) for name in ("scores", "comparisons", "costs")}
    titles = titles_of(tables)
    references = [reference for reference in WORDS if reference in titles]
    shown = [method for method in titles if method != REFERENCE]
    panels = [(metric, reference) for metric in UNITS for reference in references]
    figure, axes = grid(len(panels), len(references), 0.2 * len(shown) + 0.75, sharey=True, sharex="row")
    for ax, (metric, reference) in zip(axes, panels, strict=True):
        _panel(ax, shown, gains(tables, reference, metric), _each(tables["scores"], metric, reference))
        ax.set_title(WORDS[reference], fontsize=8)
        ax.set_xlabel(UNITS[metric], fontsize=8)
        ax.locator_params(axis="x", nbins=4)
    axes[0].set_yticks(range(len(shown)), [titles[method] for method in shown])
    axes[0].set_ylim(len(shown) - 0.5, -0.5)
    return figure


def _each(scores: Any, metric: str, reference: str) -> dict[str, np.ndarray]:
    """Method -> gain of every replicate, positive is better."""
    rows = scores[(scores["kind"] == "student") & (scores["metric"] == metric)]
    values = rows.pivot(index="replicate", columns="method", values="value")
    sign = -1 if metric == "nll" else 1
    return {method: sign * (values[method] - values[reference]).to_numpy() for method in values}


def colour(method: str) -> str:
    """The signal's, of a method that is one; the weightings of the literature share one."""
    return signal_colour("tip") if method == "tip" else DARK


def _panel(ax: "Axes", shown: list[str], found: Mapping[str, Mapping[str, Any]], each: Mapping[str, np.ndarray]) -> None:
    ax.axvline(0, color=BLACK, linewidth=1)
    for y, method in enumerate(shown):
        if method not in found:
            ax.text(0, y, "  the reference", va="center", fontsize=7, color=GREY)
            continue
        own = found[method]
        height = y + 0.16 * np.sin(2.4 * np.arange(len(each[method])))
        ax.plot(each[method], height, ".", color=GREY, alpha=0.4, markersize=3.5, markeredgewidth=0, zorder=1)
        estimated(ax, own["gain"], y, (own["low"], own["high"]), colour(method), filled=bool(own["clear"]), size=5, width=2.2)
    ax.grid(axis="y", visible=False)
    ax.tick_params(labelsize=7.5)
