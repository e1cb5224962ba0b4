"""What ways to choose the strength of teachers gain on cross-validation, table by table and by the number of labels."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.questions.tables.strength_gains import REFERENCE, WAYS
from mtbkd.questions.tables.verdicts import at_labels, gain, select
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, GROUPS, WIDTH, estimated

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure
else:
    plt = lazy_import("matplotlib.pyplot")

TITLE = "How should the strength of the teachers be chosen?"
SCOPE = "question"
CATEGORY = "Tables"
CAPTION = """\
What a way to choose kappa, the strength of the teachers, gains on cross-validation within the labels: right of the line is
better. Columns are numbers of labels, colours are ways. Filled: significant; hollow: inconclusive.

All ways choose among the same posteriors of a linear student with specialists by cluster, so only the choice differs.
Validation holds out one fold of the labels, cross-validation each fold in turn. The evidence is the probability of all labels
under each kappa, by sequential Monte Carlo with and without labels; the average weighs every kappa by it. A dot is a mean over
random splits in nats of log-likelihood per example, with the interval of the corrected resampled t-test.
"""
ROW, HEAD = 0.36, 1.35  # inches


def applies(question: Question) -> bool:
    return bool(question.settings.get("strengths", {}).get("tables"))


def draw(question: Question) -> "Figure":
    rows = select(question.table("strength_gains"), metric="nll")
    labels, tables = list(dict.fromkeys(rows["labels"])), list(dict.fromkeys(rows["table"]))
    figure, axes = plt.subplots(
        1, max(1, len(labels)), figsize=(WIDTH, ROW * len(tables) + HEAD), sharey=True, sharex=True, squeeze=False
    )
    ways = [way for way in WAYS if way != REFERENCE]
    colours, shifts = dict(zip(ways, GROUPS, strict=False)), dict(zip(ways, np.linspace(-0.22, 0.22, len(ways)), strict=True))
    for ax, number in zip(axes[0], labels, strict=False):
        ax.axvline(0, color=BLACK, linewidth=1)
        for row in select(rows, labels=number).to_dict("records"):
            middle, low, high = gain(row)
            y = tables.index(row["table"]) + shifts[row["way"]]
            estimated(ax, middle, y, (low, high), colours[row["way"]], filled=row["verdict"] != "open", size=3.6, width=1)
        ax.set_title(at_labels(str(number)), fontsize=8)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(tables)), tables)
    axes[0, 0].set_ylim(len(tables) - 0.5, -0.5)
    figure.supxlabel("gain of log-likelihood (nats an example) on cross-validation; right is better", fontsize=8.5)
    marks = [axes[0, 0].plot([], [], "o", color=colour, markersize=4)[0] for colour in colours.values()]
    figure.legend(marks, [WAYS[way] for way in ways], loc="outside upper center", ncols=3, fontsize=8)
    return figure
