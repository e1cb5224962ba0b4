"""How often two teachers differ, beside how often one of them is right."""

from typing import TYPE_CHECKING, Any

from mtbkd.report.figures.style import TEACHERS, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "How often do teachers differ?"
SCOPE = "question"
CATEGORY = "Teachers"
CAPTION = """\
Each dot is a pair of teachers. The x-axis is the share of test examples of which the two name different classes, the y-axis
the share of which at least one names the right class. Dots to the right have something to add to each other; of two dots at
the same place on the x-axis, a student can learn more from the upper one.
"""


def draw(question: Any) -> "Figure":
    pairs = question.table("pairs")
    figure, ax = plt.subplots(figsize=(WIDTH, 3))
    ax.plot(pairs["differ"], pairs["either"], "o", color=TEACHERS)
    for row in pairs.to_dict("records"):
        ax.annotate(f"{row['first']}, {row['second']}", (row["differ"], row["either"]), (4, 3), textcoords="offset points")
    ax.set(xlabel="test examples on which they differ (share)", ylabel="one of them is right (share)")
    return figure
