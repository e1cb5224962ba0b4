"""The conformance matrix of adaptive weights: operators against the fifteen axioms."""

from typing import TYPE_CHECKING

from mtbkd.report.figures.conformance import draw_matrix
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Which adaptive weights keep the fifteen axioms?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Rows are operators that turn the teachers' uncertainties (and safety scores) into weights; columns are the five axioms of arXiv
2601.17910 at each scale. Blue disc: no counterexample found. Red cross: broken; the report gives the smallest counterexample.
Pareto compatibility is read with weights that follow the losses they weigh.
"""
SHORT = {
    "Normalisation": "sums to 1", "Positivity": "positive", "Bounded influence": "bounded", "Boundedness": "bounded",
    "Regularity": "continuous", "Continuity": "continuous", "Ordinal safety": "safer first", "Pareto compatibility": "Pareto",
    "Safety contexts first": "safer first",
}  # fmt: skip
GROUPS = {"token": "Token scale", "task": "Task scale", "context": "Context scale"}


def draw(question: Question) -> "Figure":
    matrix = question.table("matrix")
    rows = list(dict.fromkeys(matrix["operator"]))
    key = [
        (GROUPS[row["scale"]], f"{row['axiom']} {SHORT.get(row['title']) or row['title']}") for row in matrix.to_dict("records")
    ]
    holds = dict(zip(zip(matrix["operator"], key, strict=True), map(bool, matrix["holds"]), strict=True))
    figure, ax = plt.subplots(figsize=(WIDTH, 1.5 + 0.27 * len(rows)))
    draw_matrix(ax, rows, list(dict.fromkeys(key)), holds, upright=True)
    ax.set_xlabel("disc: no counterexample found; cross: broken", fontsize=7.5, color=GREY, labelpad=14)
    return figure
