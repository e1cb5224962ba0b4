"""What a typical table gains from teachers, against the number of labels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.students import colour
from mtbkd.questions.tables.verdicts import CONTROL, LABELS, SHARPENED, champion, groups_of, regime_title, select, title
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain on a typical table, by number of labels"
SCOPE = "question"
CATEGORY = "Tables"
CAPTION = """\
Gain over a student trained on labels alone, by number of labels, on the held-out tables: above zero is better. Lines are
medians over tables, bars span the first to the third quartile. Left: log-likelihood; right: accuracy.

One row per teacher regime. The tables were not used to choose defaults. Below each number of labels is the number of tables
that have that many. Small tables drop out to the right, so neighbouring points are not based on the same tables. Self-training
is the control: it uses the same unlabelled examples but no teacher, so what it gains is not due to the teachers.
"""
METRICS = {"nll": "log-likelihood gain (nats)", "accuracy": "accuracy gain"}


def applies(question: Question) -> bool:
    return True


def draw(question: Question) -> "Figure":
    own, methods, reported = shown(question)
    colours = {method: colour(method) for method in methods}
    regimes = list(dict.fromkeys(own["regime"]))
    rows = max(len(regimes), 1)
    figure, axes = grid(rows * len(METRICS), len(METRICS), 1.6 + 1.1 / rows, sharex=True, sharey="col")
    panels = [(regime, metric) for regime in regimes for metric in METRICS]
    for ax, (regime, metric) in zip(axes, panels, strict=False):
        _panel(ax, select(own, regime=regime, metric=metric), levels_of(own), colours)
        ax.set_title(regime_title(regime), fontsize=8)
        ax.set_ylabel(METRICS[metric], fontsize=7.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    figure.supxlabel(f"labels, validation included (tables {reported})", fontsize=8.5)
    return figure


def shown(question: Question) -> tuple[Frame, list[str], str]:
    """Gains over the reported tables, the methods to draw, and the name of the group of tables."""
    found, placed = question.table("overall"), question.table("ranks")
    chosen_on, reported = groups_of(question.settings["groups"], set(found["group"]))
    own = select(found[found["group"].isin(reported[:1])], reference=LABELS)
    listed = (champion(placed, chosen_on), SHARPENED, "kd_equal", "bkd_best", CONTROL)
    return own, [m for m in listed if m is not None and (own["method"] == m).any()], ", ".join(reported[:1])


def _panel(ax: "Axes", rows: Frame, levels: Sequence[str], colours: Mapping[str, str]) -> None:
    ax.axhline(0, color=BLACK, linewidth=1)
    place = {level: x for x, level in enumerate(levels)}
    tables = rows.groupby("level")["n"].max()
    for number, (method, hue) in enumerate(colours.items()):
        own = select(rows, method=method)
        own = own.iloc[np.argsort([place[level] for level in own["level"]])]
        sign = np.where(own["higher_is_better"], 1, -1)
        x = np.array([place[level] for level in own["level"]]) + 0.09 * (number - (len(colours) - 1) / 2)
        ends = np.sort([sign * own["first_quartile"], sign * own["third_quartile"]], axis=0)
        ax.vlines(x, *ends, color=hue, linewidth=1)
        ax.plot(x, sign * own["median"], "o-", color=hue, markersize=3.2, linewidth=1.2, label=title(method))
    ax.set_xticks(range(len(levels)), [f"{level}\n({tables.get(level, 0)})" for level in levels])
    ax.grid(axis="x", visible=False)
    ax.tick_params(labelsize=7.5)
