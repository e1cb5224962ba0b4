"""What the mixture prior gains on labels alone, table by table, by the number of labels and the regime of teachers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.verdicts import LABELS, TIP, at_labels, champion, few, gain, groups_of, regime_title, select, title
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, GREY, GROUPS, WIDTH, estimated

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    plt = lazy_import("matplotlib.pyplot")

TITLE = "On which tables do teachers help, and with how many labels?"
SCOPE = "question"
CATEGORY = "Tables"
CAPTION = """\
What a student with the mixture prior gains over labels alone, table by table: right of the line is better. Columns are numbers
of labels, colours teacher regimes. Filled: significant; hollow: inconclusive.

A dot is a mean over random splits of the table, in nats of log-likelihood per example. Significant: its 95 % interval excludes
zero and the test, corrected for the number of methods, has p below .05. Intervals are those of the corrected resampled t-test
(Nadeau and Bengio 2003), because splits of a table share examples; long bars leave the panel. The title names the variant of
the prior that did best on the first group of tables, which also served to choose the defaults; the other tables test it.
Tables are sorted by their mean gain with few labels. A missing dot means that the table has too few rows for that many labels.
"""
ROW, HEAD = 0.3, 1.35  # inches
BOLD = {"size": 9, "weight": "bold"}


def applies(question: Question) -> bool:
    return any(method.startswith(TIP) for method in question.settings["methods"])


def draw(question: Question) -> "Figure":
    method, own, rows = shown(question)
    levels = levels_of(own)
    figure, axes = plt.subplots(
        1, max(len(levels), 1), figsize=(WIDTH, ROW * len(rows) + HEAD), sharey=True, sharex=True, squeeze=False
    )
    colours = dict(zip(dict.fromkeys(own["regime"]), GROUPS, strict=False))
    for ax, level in zip(axes[0], levels, strict=False):
        _panel(ax, select(own, level=level), rows, colours)
        ax.set_title(at_labels(level), fontsize=8)
    _frame(axes[0, 0], own, rows)
    figure.supxlabel("gain of log-likelihood (nats an example); right is better", fontsize=8.5)
    _legend(figure, axes[0, 0], colours, f"{title(method or TIP)}: gain on {title(LABELS)}")
    return figure


def shown(question: Question) -> tuple[str | None, Frame, list[tuple[str, str]]]:
    """The variant of tip that is told of, its gains, and (group, table) of every row, those reported first."""
    per_table, placed = question.table("comparisons"), question.table("ranks")
    chosen_on, reported = groups_of(question.settings["groups"], set(per_table["group"]))
    method = champion(placed, chosen_on)
    own = select(per_table, metric="nll", reference=LABELS, method=method)
    groups = [*reported, *({chosen_on} - set(reported))]
    level = few(levels_of(own))
    return method, own, [(group, table) for group in groups for table in _order(select(own, group=group), level)]


def _order(rows: Frame, level: str) -> list[str]:
    """Tables by their mean gain at ``level``, the largest first; tables without that level last."""
    gains = {table: -own["difference"].mean() for table, own in select(rows, level=level).groupby("table", sort=False)}
    return sorted(rows["table"].unique(), key=lambda table: -gains.get(table, -np.inf))


def _panel(ax: "Axes", own: Frame, rows: Sequence[tuple[str, str]], colours: Mapping[str, str]) -> None:
    ax.axvline(0, color=BLACK, linewidth=1)
    place = {table: y for y, (_, table) in enumerate(rows)}
    shifts = dict(zip(colours, np.linspace(-0.26, 0.26, len(colours)) if len(colours) > 1 else [0.0], strict=True))
    for row in own.to_dict("records"):
        middle, low, high = gain(row)
        y, decided = place[row["table"]] + shifts[row["regime"]], row["verdict"] != "open"
        estimated(ax, middle, y, (low, high), colours[row["regime"]], filled=decided, size=3.6, width=1, markeredgewidth=1)
    ax.grid(axis="y", visible=False)
    ax.tick_params(labelsize=7.5)
    ax.locator_params(axis="x", nbins=3)


def _frame(ax: "Axes", own: Frame, rows: Sequence[tuple[str, str]]) -> None:
    """Shared axes: the tables' names, a line between groups, and a width that the dots fill."""
    ax.set_yticks(range(len(rows)), [f"{table} ({group})" for group, table in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    gains = np.array([gain(row)[0] for row in own.to_dict("records")] or [0.0])
    gains = gains[np.isfinite(gains)]
    reach = np.array([min(gains.min(initial=0), 0), max(gains.max(initial=0), 0)])
    ax.set_xlim(*(reach + np.array([-0.12, 0.12]) * max(np.ptp(reach), 0.05)))
    edges = [y - 0.5 for y in range(1, len(rows)) if rows[y][0] != rows[y - 1][0]]
    for each in ax.figure.axes:
        each.tick_params(left=each is ax)
        for edge in edges:
            each.axhline(edge, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))


def _legend(figure: "Figure", ax: "Axes", colours: Mapping[str, str], heading: str) -> None:
    shown: list[Any] = [ax.plot([], [], "o", color=colour, markersize=4)[0] for colour in colours.values()]
    shown.append(ax.plot([], [], "o", color=GREY, markerfacecolor="white", markersize=4)[0])
    names = [*map(regime_title, colours), "hollow: open"]
    figure.legend(shown, names, title=heading, loc="outside upper center", ncols=2, fontsize=8, title_fontproperties=BOLD)
