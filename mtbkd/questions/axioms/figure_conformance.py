"""The conformance matrix: operators against axioms."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import DARK, GREY, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib import patches
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    patches = lazy_import("matplotlib.patches")

TITLE = "Which properties does each pooling operator have?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Pooling operators (rows) combine several teachers' distributions into one. Columns are desirable properties, each in a weak and
a strong form. Disc: no counterexample among all candidates tried (evidence, not a proof). Cross: a counterexample was found.

Below a cross is the size of its counterexample: 2 x 3 means two teachers and three classes. Convexity: the result lies between
the teachers. Positivity: no class is excluded that all teachers (strong: some teacher) allow. Continuity: the result changes
little if teachers (strong: or weights) change little. Weight monotonicity: the result moves towards a teacher whose weight
increases. Temperature: tempering preserves the order of classes that all teachers rank alike (strong: tempering before or
after pooling gives the same result). The formal statements are ours; the tables of the report give them, with every
counterexample in numbers.
"""
PALE = {True: "#e3e9e4", False: "#f7dfd8"}
SHORT = {
    "Convexity": "Convexity",
    "Positivity": "Positivity",
    "Continuity": "Continuity",
    "Weight monotonicity": "Weights",
    "Temperature coherence": "Tempering",
}


def draw(question: Question) -> "Figure":
    matrix = question.table("matrix")
    operators = list(dict.fromkeys(matrix["operator"]))
    axioms = list(dict.fromkeys(zip(matrix["axiom"], matrix["form"], strict=True)))
    figure, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * len(operators)))
    for row in matrix.to_dict("records"):
        x, y = axioms.index((row["axiom"], row["form"])), operators.index(row["operator"])
        ax.add_patch(
            patches.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALE[row["holds"]], edgecolor="white", linewidth=1.5)
        )
        if row["holds"]:
            ax.plot(x, y, "o", color=DARK, markersize=5)
        else:
            ax.plot(x, y - 0.13, "x", color=DARK, markersize=5, markeredgewidth=1.8)
            ax.text(x, y + 0.3, f"{row['teachers']} x {row['classes']}", ha="center", va="center", fontsize=6.2, color=GREY)
    ax.set_xlim(-0.5, len(axioms) - 0.5)
    ax.set_ylim(len(operators) - 0.5, -0.5)
    ax.set_yticks(range(len(operators)), operators)
    ax.set_xticks(range(len(axioms)), [form for _, form in axioms], fontsize=7.5)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    _headings(ax, matrix, axioms)
    note = "disc: no counterexample found; cross: fails, with the smallest\ncounterexample's size (teachers x classes) below"
    ax.set_xlabel(note, fontsize=7.5, color=GREY)
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    return figure


def _headings(ax: "Axes", matrix: Frame, axioms: list[tuple[str, str]]) -> None:
    """The axioms' names above their two columns, and a gap between two axioms."""
    titles = dict(zip(matrix["axiom"], matrix["title"], strict=True))
    for key, title in titles.items():
        at = [x for x, (own, _) in enumerate(axioms) if own == key]
        shown, middle = SHORT.get(title) or title, (sum(at) / len(at), -0.5)
        ax.annotate(shown, middle, (0, 17), textcoords="offset points", ha="center", va="bottom", fontsize=8, fontweight="bold",
                    annotation_clip=False)  # fmt: skip
        if at[0]:
            ax.axvline(at[0] - 0.5, color="white", linewidth=5)
