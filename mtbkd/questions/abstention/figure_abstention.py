"""Error rate by share of examples answered: which measure of uncertainty finds the errors, for which method, on which data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.report.figures.style import GREY, GROUPS, TEACHERS, WIDTH, plt, signal_colour
from mtbkd.report.titles import Student, teacher

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Does uncertainty detect errors?"
SCOPE = "question"
CATEGORY = "Uncertainty"
CAPTION = """\
If a student answers only the examples it is most confident about, how many of its answers are wrong? With useful uncertainty,
a curve starts low and rises to the right.

The x-axis is the share of examples answered, the y-axis the share of wrong answers among them (first replicate). The grey
dotted curves are the best possible order (all errors rejected first) and a random order (a flat line). Upper panels: one
method, with examples ordered by each measure of uncertainty: 1 minus the largest probability, the entropy of the mean
prediction, the mean deviance (the paper's measure), and the part of the entropy that comes from disagreement between its
draws. Lower panels: the method next to the students with the smallest and the largest area under this curve and the best
teacher, all ordered by the largest probability. Left: test examples. Right, if available: out-of-distribution examples with
labels.
"""
MEASURES = {
    "max_prob": ("1 - largest probability", GROUPS[0], "-"),
    "entropy_total": ("entropy of the mean", GROUPS[1], "-"),
    "mean_deviance": ("mean deviance", GROUPS[2], "-"),
    "entropy_epistemic": ("disagreement of draws", GROUPS[3], "--"),
}
LOOKS: dict[str, Any] = {"": "-", "best student": (0, (6, 1.5)), "worst student": (0, (2, 1.2)), "best teacher": "-."}
PANELS = 2


def shown(scores: Frame, settings: Any) -> str:
    """The method to tell of: the one that the settings name, else the first with several draws, else the first."""
    if settings["main"]:
        return str(settings["main"])
    several = scores[scores["measure"] == "entropy_epistemic"]
    return str((several if len(several) else scores)["method"].iloc[0])


def beside(scores: Frame, main: str) -> dict[str, str]:
    """Method -> role: the main one (""), the students with the smallest and largest area, the best teacher; each once."""
    areas = scores[(scores["split"] == "test") & (scores["measure"] == "max_prob") & (scores["metric"] == "aurc")]
    found = {main: ""}
    for role in list(LOOKS)[1:]:
        own = areas[(areas["kind"] == role.split()[1]) & (areas["method"] != "teachers:best")]
        means = own.groupby("method", sort=False)["value"].mean()
        if len(means):
            method = str(means.idxmax() if role.startswith("worst") else means.idxmin())
            found.setdefault(method, role)
    return found


def draw(question: Any) -> "Figure":
    scores, curves = question.table("scores"), question.table("curves")
    main = shown(scores, question.settings)
    splits = list(dict.fromkeys(curves["split"]))[:PANELS]
    methods, students = beside(scores, main), question.students(scores)
    rows = curves[curves["method"].isin(list(methods)) & curves["split"].isin(splits)]
    figure = plt.figure(figsize=(WIDTH, 6.2))
    titles = (f"{students[main].title}\nexamples ordered by each measure",
              "Students and teacher\nexamples ordered by the largest probability")  # fmt: skip
    made: Any = figure.subfigures(2, 1)
    for place, (part, words) in enumerate(zip(made, titles, strict=True)):
        axes = part.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for ax, split in zip(axes, splits, strict=True):
            here = rows[rows["split"] == split]
            if not place:
                _measures(ax, here[here["method"] == main])
            else:
                _methods(ax, here[here["measure"] == "max_prob"], methods, students)
            ax.set_title(split.removeprefix("ood:"), fontsize=8.5)
            ax.set_xlabel("examples answered (%)")
            ax.set_xlim(0, 100)
            ax.set_ylim(0, 105 * rows["risk"].max())
        axes[0].set_ylabel("wrong answers (%)")
        part.suptitle(words, fontsize=9, x=0.01, ha="left")
        handles, labels = axes[0].get_legend_handles_labels()
        part.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=7.5)
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


def called(method: str, role: str, students: Mapping[str, Student]) -> tuple[str, str]:
    """Title, with the role, and colour of a student or teacher."""
    own = students.get(method)
    title, colour = (own.title, signal_colour(own.signal)) if own else (teacher(method), TEACHERS)
    return f"{role[:1].upper()}{role[1:]}: {title}" if role and title.lower() != role else title, colour


def _methods(ax: "Axes", rows: Frame, methods: Mapping[str, str], students: Mapping[str, Student]) -> None:
    for method, role in methods.items():
        label, colour = called(method, role, students)
        own = rows[rows["method"] == method]
        ax.plot(100 * own["coverage"], 100 * own["risk"], linestyle=LOOKS[role], color=colour, label=label)


def _bounds(ax: "Axes", own: Frame) -> None:
    errors, coverage = float(own["risk"].iloc[-1]), np.linspace(0.01, 1, 100)
    ax.plot(100 * coverage, 100 * perfect(errors, coverage), ":", color=GREY, linewidth=1, label="perfect order")
    ax.axhline(100 * errors, color=GREY, linestyle=(0, (5, 2)), linewidth=1, label="random order")
