"""The conformance matrix: operators against axioms."""

from typing import TYPE_CHECKING

from mtbkd.report.figures.conformance import draw_matrix
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    figure, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * len(operators)))
    rows = matrix.to_dict("records")
    found = {(row["operator"], (SHORT.get(row["title"]) or row["title"], row["form"])): row for row in rows}
    holds = {at: bool(row["holds"]) for at, row in found.items()}
    notes = {at: f"{row['teachers']} x {row['classes']}" for at, row in found.items() if not row["holds"]}
    draw_matrix(ax, operators, list(dict.fromkeys(column for _, column in found)), holds, notes)
    note = "disc: no counterexample found; cross: fails, with the smallest\ncounterexample's size (teachers x classes) below"
    ax.set_xlabel(note, fontsize=7.5, color=GREY)
    return figure
