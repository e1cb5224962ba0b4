"""Uncertainty of groups of real examples: by split, domain and class (paper, Fig. 6)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import GREY, LIGHT, VERMILION, WIDTH, plt, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which examples are uncertain"
SCOPE = "experiment"
CATEGORY = "Uncertainty"
CAPTION = """\
The uncertainty of real examples, as in the paper's Fig. 6: the distribution over examples of the natural logarithm of the
posterior mean deviance, for the method named above the panels (replicate 0). A box covers the middle half of a group's
examples, the line in it is the median, and the whiskers extend to the 5 % and 95 % quantiles. First panel: test examples
compared with out-of-distribution examples that no label fits; useful uncertainty is higher for the latter. Then, if the data
have them, domains, and classes sorted by median: what the student knows well is at the top. Where the authors' notebook shows
the same groups, vermilion diamonds mark its medians, read off a plot by eye. Compare their order rather than their height,
because the authors' student uses other features.
"""
ROW = 0.23  # inches
PRINTED = "mtbkd_fig6_notebook"
PRINTED_SPLITS = {"single-label": "test", "multi-label": "ood:multilabel"}


def applies(experiment: Experiment) -> bool:
    return not experiment.simulated


def draw(material: Material) -> "Figure":
    groups = grouped(material)
    heights = [ROW * len(group) + 0.5 for group in groups.values()]
    figure, axes = plt.subplots(
        len(groups), 1, figsize=(WIDTH, sum(heights) + 0.4), height_ratios=heights, sharex=True, squeeze=False
    )
    printed = printed_medians(material.experiment.kind)
    colour = signal_colour(material.experiment.methods[material.experiment.main_method].signal)
    for ax, (title, values) in zip(axes.flat, groups.items(), strict=True):
        _boxes(ax, values, printed, colour)
        ax.set_title(title, fontsize=8.5)
    axes.flat[-1].set_xlabel("log of the posterior mean deviance (deviance in nats)")
    figure.suptitle(material.experiment.titles[material.experiment.main_method], fontsize=9, x=0.01, ha="left")
    if printed:
        figure.text(0.99, 0.995, "\N{WHITE DIAMOND} notebook's median", color=VERMILION, fontsize=8.5, ha="right", va="top")
    return figure


def printed_medians(kind: str) -> dict[str, float]:
    """Group -> median that the authors' notebook shows, for datasets of the kind that it is about."""
    if published.source(PRINTED).dataset_kind != kind:
        return {}
    rows = published.read(PRINTED)
    return {PRINTED_SPLITS.get(row["group"], row["group"]): float(row["median_log_mean_deviance"]) for row in rows}


def grouped(material: Material) -> dict[str, dict[str, np.ndarray]]:
    """Panel -> group -> log mean deviances (m,) of the main method, the groups of a panel sorted by median."""
    table = material.table("examples")
    table = table[(table["method"] == material.experiment.main_method) & (table["replicate"] == table["replicate"].min())]
    table = table.assign(log=np.log(table["mean_deviance"].clip(lower=1e-12)))
    test = table[table["split"] == "test"]
    panels = {"test against outside examples" if table["split"].nunique() > 1 else "all test examples": _split(table, "split")}
    if test["domain"].nunique() > 1:
        panels["test examples by domain"] = _split(test, "domain")
    names = np.array(material.dataset.class_names)
    panels["test examples by class"] = _split(test.assign(label=names[test["y"]]), "label")
    return panels


def _split(table: Frame, column: str) -> dict[str, np.ndarray]:
    found = {str(name): group["log"].to_numpy() for name, group in table.groupby(column)}
    return dict(sorted(found.items(), key=lambda item: float(np.median(item[1]))))


def _boxes(ax: "Axes", groups: Mapping[str, np.ndarray], printed: Mapping[str, float], colour: str) -> None:
    names = list(groups)
    ax.boxplot(
        list(groups.values()), orientation="horizontal", whis=(5, 95), showfliers=False, widths=0.62, patch_artist=True,
        boxprops={"facecolor": LIGHT, "edgecolor": GREY}, whiskerprops={"color": GREY}, capprops={"color": GREY},
        medianprops={"color": colour, "linewidth": 2},
    )  # fmt: skip
    known = [(printed[name], y) for y, name in enumerate(names, 1) if name in printed]
    if known:
        ax.plot(*np.transpose(known), "D", color=VERMILION, markersize=5, markerfacecolor="white", markeredgewidth=1.3)
    ax.set_yticks(range(1, len(names) + 1), [f"{name}  n={len(groups[name]):,}" for name in names], fontsize=8)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
