"""Mean ranks of the ways of joining teachers over tables, with Nemenyi's critical difference."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import, pd
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.students import colour
from mtbkd.questions.tables.verdicts import at_labels, few, groups_of, regime_title, select, title
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, WIDTH

if TYPE_CHECKING:
    import scikit_posthocs as posthocs
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    plt = lazy_import("matplotlib.pyplot")
    posthocs = lazy_import("scikit_posthocs")

TITLE = "Which aggregation rule ranks best?"
SCOPE = "question"
CATEGORY = "Tables"
CAPTION = """\
Mean rank of every student by negative log-likelihood with few labels, over the held-out tables; 1, on the left, is best. A bar
joins students that the tables do not distinguish. Blue: the mixture prior; black: labels alone; grey: controls.

One panel per teacher regime. The tables were not used to choose defaults. Each table contributes one number, the mean over its
random splits. A bar joins students whose ranks differ by less than Nemenyi's critical difference (Demsar 2006): the tables do
not distinguish them. With few tables and many students this difference is large; the prespecified paired tests in the tables
of this section are more powerful. Friedman's p tests whether the students differ at all. Controls learn nothing from teachers;
all colours are those of the students' signals. The interactive view has a grey line a critical difference behind the best.
"""


def applies(question: Question) -> bool:
    return True


def draw(question: Question) -> "Figure":
    panels = panels_of(question)
    heights = [0.13 * len(rows) + 1.05 for _, rows in panels] or [1.0]
    figure, axes = plt.subplots(len(heights), 1, figsize=(WIDTH, sum(heights)), squeeze=False, height_ratios=heights)
    for ax, (regime, rows) in zip(axes[:, 0], panels, strict=False):
        _panel(ax, rows)
        ax.set_title(_heading(regime, rows.iloc[0]), fontsize=8, pad=7)
    return figure


def panels_of(question: Question) -> list[tuple[str, Frame]]:
    """Regime -> the mean ranks by NLL with few labels over the reported tables."""
    placed = select(question.table("ranks"), metric="nll")
    _, reported = groups_of(question.settings["groups"], set(placed["group"]))
    own = placed[placed["group"].isin(reported[:1])]
    own = select(own, level=few(levels_of(own)))
    return [(str(regime), rows) for regime, rows in own.groupby("regime", sort=False)]


def _panel(ax: "Axes", rows: Frame) -> None:
    ranks = pd.Series(dict(zip(map(title, rows["method"]), rows["rank"], strict=True)))
    colours = dict(zip(ranks.index, map(colour, rows["method"]), strict=True))
    first = rows.iloc[0]
    apart = (ranks.to_numpy()[:, None] - ranks.to_numpy()).__abs__() > first["critical_difference"]
    # The diagram asks for p-values; all that it uses is whether they are below alpha.
    p_values = pd.DataFrame(1.0 - apart, index=ranks.index, columns=ranks.index)
    posthocs.critical_difference_diagram(
        ranks, p_values, ax=ax, color_palette=colours, text_h_margin=0.02, label_props={"fontsize": 7.5},
        label_fmt_left="{label} ({rank:.1f})", label_fmt_right="({rank:.1f}) {label}", marker_props={"s": 14},
        crossbar_props={"linewidth": 2, "color": BLACK}, elbow_props={"linewidth": 0.8},
    )  # fmt: skip
    ax.tick_params(labelsize=7)


def _heading(regime: str, first: Mapping[str, Any]) -> str:
    where = f"{regime_title(regime)}, {at_labels(first['level'])}, {first['tables']} tables {first['group']}"
    return f"{where}\ncritical difference {first['critical_difference']:.1f}; Friedman's p {_p(first['friedman_p'])}"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}"
