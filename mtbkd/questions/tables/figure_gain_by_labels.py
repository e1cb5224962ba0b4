"""What a typical table gains from teachers, against the number of labels."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.verdicts import CONTROL, LABELS, SHARPENED, champion, groups_of, regime_title, select, title
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, BLUE, GREEN, OCHRE, ORANGE, PURPLE, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain on a typical table, by number of labels"
SCOPE = "question"
CATEGORY = "Tables"
CAPTION = """\
Gain over a student trained on labels alone, by number of labels, on the held-out tables, which were not used to choose
defaults. Lines are medians over tables, bars span the first to the third quartile; above zero is better. Left: log-likelihood
in nats per example. Right: accuracy. One row per teacher regime. Below each number of labels is the number of tables that have
that many. Small tables drop out to the right, so neighbouring points are not based on the same tables. Self-training is the
control: it uses the same unlabelled examples but no teacher, so what it gains is not due to the teachers.
"""
METRICS = {"nll": "log-likelihood gain (nats)", "accuracy": "accuracy gain"}


def applies(question: Question) -> bool:
    return True


def draw(question: Question) -> "Figure":
    found, placed = question.table("overall"), question.table("ranks")
    chosen_on, reported = groups_of(question.settings["groups"], set(found["group"]))
    own = select(found[found["group"].isin(reported[:1])], reference=LABELS)
    colours = _colours(own, champion(placed, chosen_on))
    regimes = list(dict.fromkeys(own["regime"]))
    rows = max(len(regimes), 1)
    figure, axes = grid(rows * len(METRICS), len(METRICS), 1.6 + 1.1 / rows, sharex=True, sharey="col")
    panels = [(regime, metric) for regime in regimes for metric in METRICS]
    for ax, (regime, metric) in zip(axes, panels, strict=False):
        _panel(ax, select(own, regime=regime, metric=metric), levels_of(own), colours)
        ax.set_title(regime_title(regime), fontsize=8)
        ax.set_ylabel(METRICS[metric], fontsize=7.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    figure.supxlabel(f"labels, validation included (tables {', '.join(reported[:1])})", fontsize=8.5)
    return figure


def _colours(own: Frame, best: str | None) -> dict[str, str]:
    """The methods to draw, those that there are."""
    listed = {best: BLUE, SHARPENED: OCHRE, "kd_equal": ORANGE, "bkd_best": GREEN, CONTROL: PURPLE}
    return {method: colour for method, colour in listed.items() if method is not None and (own["method"] == method).any()}


def _panel(ax: "Axes", rows: Frame, levels: Sequence[str], colours: Mapping[str, str]) -> None:
    ax.axhline(0, color=BLACK, linewidth=1)
    place = {level: x for x, level in enumerate(levels)}
    tables = rows.groupby("level")["n"].max()
    for number, (method, colour) in enumerate(colours.items()):
        own = select(rows, method=method)
        own = own.iloc[np.argsort([place[level] for level in own["level"]])]
        sign = np.where(own["higher_is_better"], 1, -1)
        x = np.array([place[level] for level in own["level"]]) + 0.09 * (number - (len(colours) - 1) / 2)
        ends = np.sort([sign * own["first_quartile"], sign * own["third_quartile"]], axis=0)
        ax.vlines(x, *ends, color=colour, linewidth=1)
        ax.plot(x, sign * own["median"], "o-", color=colour, markersize=3.2, linewidth=1.2, label=title(method))
    ax.set_xticks(range(len(levels)), [f"{level}\n({tables.get(level, 0)})" for level in levels])
    ax.grid(axis="x", visible=False)
    ax.tick_params(labelsize=7.5)
