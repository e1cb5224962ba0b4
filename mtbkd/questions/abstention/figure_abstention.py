"""Error rate by share of examples answered: which measure of uncertainty finds the errors, for which method, on which data."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.report.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Does uncertainty detect errors?"
SCOPE = "question"
CATEGORY = "Uncertainty"
CAPTION = """\
If a student answers only the examples it is most confident about, how many of its answers are wrong? The x-axis is the share
of examples answered, the y-axis the share of wrong answers among them (first replicate). With useful uncertainty, a curve
starts low and rises to the right. The grey dotted curves are the best possible order (all errors rejected first) and a random
order (a flat line). Upper panels: one method, with examples ordered by each measure of uncertainty: 1 minus the largest
probability, the entropy of the mean prediction, the mean deviance (the paper's measure), and the part of the entropy that
comes from disagreement between its draws. Lower panels: the method next to the students with the smallest and the largest area
under this curve and the best teacher, all ordered by the largest probability. Left: test examples. Right, if available:
out-of-distribution examples with labels.
"""
MEASURES = {
    "max_prob": ("1 - largest probability", BLUE, "-"),
    "entropy_total": ("entropy of the mean", ORANGE, "-"),
    "mean_deviance": ("mean deviance", GREEN, "-"),
    "entropy_epistemic": ("disagreement of draws", PURPLE, "--"),
}
LOOKS = {"best student": (GREEN, "-"), "worst student": (ORANGE, "--"), "best teacher": (VERMILION, "-.")}
PANELS = 2


def shown(scores: Frame, settings: Any) -> str:
    """The method to tell of: the one that the settings name, else the first with several draws, else the first."""
    if settings["main"]:
        return str(settings["main"])
    several = scores[scores["measure"] == "entropy_epistemic"]
    return str((several if len(several) else scores)["method"].iloc[0])


def beside(scores: Frame, main: str) -> dict[str, str]:
    """Label -> method: the main one, the students with the smallest and largest area, the best teacher; each once."""
    areas = scores[(scores["split"] == "test") & (scores["measure"] == "max_prob") & (scores["metric"] == "aurc")]
    found = {main: main}
    for role in LOOKS:
        own = areas[(areas["kind"] == role.split()[1]) & (areas["method"] != "teachers:best")]
        means = own.groupby("method", sort=False)["value"].mean()
        if len(means):
            method = str(means.idxmax() if role.startswith("worst") else means.idxmin())
            if method not in found.values():
                found[f"{role}: {method}"] = method
    return found


def draw(question: Any) -> "Figure":
    scores, curves = question.table("scores"), question.table("curves")
    main = shown(scores, question.settings)
    splits = list(dict.fromkeys(curves["split"]))[:PANELS]
    methods = beside(scores, main)
    rows = curves[curves["method"].isin(list(methods.values())) & curves["split"].isin(splits)]
    figure = plt.figure(figsize=(WIDTH, 6.2))
    titles = (f"{main}: examples ordered by each measure", "Students and teacher: examples ordered by the largest probability")
    made: Any = figure.subfigures(2, 1)
    for part, words in zip(made, titles, strict=True):
        axes = part.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for ax, split in zip(axes, splits, strict=True):
            here = rows[rows["split"] == split]
            if words.startswith(main):
                _measures(ax, here[here["method"] == main])
            else:
                _methods(ax, here[here["measure"] == "max_prob"], methods)
            ax.set_title(split.removeprefix("ood:"), fontsize=8.5)
            ax.set_xlabel("examples answered (%)")
            ax.set_xlim(0, 100)
            ax.set_ylim(0, 105 * rows["risk"].max())
        axes[0].set_ylabel("wrong answers (%)")
        part.suptitle(words, fontsize=9, x=0.01, ha="left")
        handles, labels = axes[0].get_legend_handles_labels()
        part.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def perfect(errors: float, coverage: np.ndarray) -> np.ndarray:
    """Error rates when all wrong answers are left out first, from the error rate of all."""
    return np.maximum(0, 1 - (1 - errors) / coverage)


def _measures(ax: "Axes", rows: Frame) -> None:
    for measure, own in rows.groupby("measure", sort=False):
        label, colour, line = MEASURES[str(measure)]
        ax.plot(100 * own["coverage"], 100 * own["risk"], line, color=colour, label=label)
    if len(rows):
        _bounds(ax, rows[rows["measure"] == rows["measure"].iloc[0]])


def _methods(ax: "Axes", rows: Frame, methods: dict[str, str]) -> None:
    for label, method in methods.items():
        colour, line = LOOKS.get(label.partition(":")[0], (BLUE, "-"))
        own = rows[rows["method"] == method]
        ax.plot(100 * own["coverage"], 100 * own["risk"], line, color=colour, label=label)


def _bounds(ax: "Axes", own: Frame) -> None:
    errors, coverage = float(own["risk"].iloc[-1]), np.linspace(0.01, 1, 100)
    ax.plot(100 * coverage, 100 * perfect(errors, coverage), ":", color=GREY, linewidth=1, label="perfect order")
    ax.axhline(100 * errors, color=GREY, linestyle=(0, (5, 2)), linewidth=1, label="random order")
