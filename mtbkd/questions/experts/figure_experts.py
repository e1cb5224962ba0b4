"""Which teacher weighs most, by the true group of the example: a confusion matrix of weights and experts."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.style import GREY, TEACHERS, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib import patches
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    patches = lazy_import("matplotlib.patches")

TITLE = "Do the weights find the right expert?"
SCOPE = "question"
CATEGORY = "Teachers"
CAPTION = """\
Which teacher do the weights trust on test examples? Rows are true groups of examples, columns teachers; a red box marks a
teacher that knows the group. If the weights find the expert, dark cells lie in boxes.

A group is a domain or, if the data have none, a class. Panels named "weighs most" show the share of the row's examples on
which that teacher has the largest weight; all weights that decrease with the entropy of a teacher agree on this, and share one
panel. Panels named "mean weight" show the teacher's weight, averaged over the row. A darker cell is a larger number, and each
row sums to 1. Red boxes mark the teachers that know the group, because they were trained on it or are allowed to predict it.
Weights are computed from the teachers' probabilities alone, without labels or domains. If they find the expert, dark cells lie
in boxes; a dark cell outside a box is a teacher that is confident about something it does not know.
"""


def draw(question: Any) -> "Figure":
    confusion = question.table("confusion")
    shown = panels(confusion)
    groups, teachers = (list(dict.fromkeys(confusion[key])) for key in ("group", "teacher"))
    figure, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 0.27 * len(groups) + 1.6), squeeze=False, sharey=True)
    for ax, (title, weights, column) in zip(axes.flat, shown, strict=True):
        _matrix(ax, confusion[confusion["weights"] == weights], groups, teachers, column)
        ax.set_title(title, fontsize=7)
    axes.flat[0].set_ylabel("true group")
    figure.supxlabel("teacher (boxed: knows the group)", fontsize=9)
    return figure


def panels(confusion: Frame) -> list[tuple[str, str, str]]:
    """(title, weights, column): who weighs most, once for weights that agree on it everywhere, then the mean weights."""
    found: dict[tuple[float, ...], list[str]] = {}
    for weights, own in confusion.groupby("weights", sort=False):
        found.setdefault(tuple(own["first"]), []).append(str(weights))
    alone = len(found) == 1
    first = [("weighs most" if alone else f"weighs most,\n{_words(names)}", names[0], "first") for names in found.values()]
    every = [name for names in found.values() for name in names]
    return first + [(f"mean weight,\n{_words([name])}", name, "mean_weight") for name in every]


def _words(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _matrix(ax: "Axes", own: Frame, groups: list[str], teachers: list[str], column_name: str) -> None:
    share = own.pivot(index="group", columns="teacher", values=column_name).loc[groups, teachers].to_numpy()
    knows = own.pivot(index="group", columns="teacher", values="knows").loc[groups, teachers].to_numpy()
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(len(groups)):
        for column in range(len(teachers)):
            value = share[row, column]
            ax.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color="white" if value > 0.6 else "black"
            )
            if knows[row, column]:
                box = patches.Rectangle((column - 0.46, row - 0.44), 0.92, 0.88, fill=False, edgecolor=TEACHERS, linewidth=1.8)
                ax.add_patch(box)
    ax.set_xticks(range(len(teachers)), teachers, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    ax.set_yticks(range(len(groups)), groups, fontsize=8)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=GREY)
