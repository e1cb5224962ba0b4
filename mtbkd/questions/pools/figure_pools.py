"""All pools of one set of teachers: NLL against calibration, and what weights change."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.questions.pools.rules import (
    EACH,
    HOME,
    NONE,
    PLAIN,
    POOL,
    TEACHER,
    TEMPERATURES,
    VECTOR,
    Rule,
    chosen,
    indexed,
    spaced,
)
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    OCHRE,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    plt,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which pool is accurate and calibrated?"
SCOPE = "question"
CATEGORY = "Aggregation"
CAPTION = """\
Top: each mark is a pool of the teachers, without a student; lower left is better, the worst pools lie outside. Colours are
operators; circles are not scaled, triangles have each teacher scaled (pointing down: by class), squares
the pool. Bottom: what weights change in the
linear pool, with 95 % paired intervals over examples; left of zero is better than equal weights.
"""
MARKS = {NONE: "o", EACH: "^", VECTOR: "v", POOL: "s"}
HUES = (BLUE, ORANGE, SKY, GREEN, PURPLE, OCHRE, YELLOW, VERMILION, GREY)
SHIFTS = {NONE: -0.27, EACH: -0.09, VECTOR: 0.09, POOL: 0.27}
TINTS = {NONE: BLACK, EACH: BLUE, VECTOR: GREEN, POOL: ORANGE}
NEAR = 0.7  # share of the pools that the picture holds on each axis


def draw(question: Question) -> "Figure":
    scores, differences = question.table("scores"), question.table("differences")
    weights = [str(w) for w in dict.fromkeys(differences[differences["against"] == "weights"]["weights"])]
    heights = (3.2, 0.3 * len(weights) + 0.7)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, sum(heights) + 1.0), height_ratios=heights)
    _plane(top, scores)
    _weights(bottom, differences, weights)
    figure.legend(*top.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def hues(scores: Frame) -> dict[str, str]:
    """Operator -> colour; single teachers are black."""
    names = [str(name) for name in dict.fromkeys(scores["operator"]) if name != TEACHER]
    return {name: HUES[number % len(HUES)] for number, name in enumerate(names)} | {TEACHER: BLACK}


def points(scores: Frame) -> dict[Rule, tuple[float, float]]:
    """Pool -> NLL and smooth calibration error."""
    nll, error = (indexed(chosen(scores, data=HOME, metric=metric)) for metric in ("nll", "ece_smooth"))
    return {rule: (row["value"], error[rule]["value"]) for rule, row in nll.items()}


def edges(places: Mapping[Rule, tuple[float, float]]) -> list[tuple[float, float]]:
    """Of the picture, axis by axis: the better pools and the plain average fill it."""
    found = []
    for axis, usual in enumerate(places[PLAIN]):
        values = sorted(place[axis] for place in places.values())
        low, high = values[0], max(values[int(NEAR * (len(values) - 1))], usual)
        found.append((low - 0.04 * (high - low), high + 0.04 * (high - low)))
    return found


def _plane(ax: "Axes", scores: Frame) -> None:
    places, colours = points(scores), hues(scores)
    for operator, colour in colours.items():
        own = {rule: place for rule, place in places.items() if rule.operator == operator}
        for temperature, mark in MARKS.items():
            those = [place for rule, place in own.items() if rule.temperature == temperature]
            if those:
                label = spaced(operator) if temperature == NONE else None
                face = colour if operator != TEACHER else "none"
                ax.plot(*zip(*those, strict=True), mark, color=colour, markerfacecolor=face, markersize=4.2, alpha=0.85,
                        label=label, linestyle="none")  # fmt: skip
    named = {PLAIN: "plain average", PLAIN._replace(weights="entropy"): "entropy weights"}
    for place, (rule, name) in zip(((0.3, 0.93), (0.03, 0.85)), named.items(), strict=True):
        if rule in places:
            ax.plot(*places[rule], "o", color=BLACK, markerfacecolor="none", markersize=7, linestyle="none")
            ax.annotate(name, places[rule], place, textcoords="axes fraction", fontsize=8,
                        arrowprops={"arrowstyle": "-", "color": BLACK, "linewidth": 0.6, "shrinkB": 4})  # fmt: skip
    sides = edges(places)
    ax.set_xlim(sides[0])
    ax.set_ylim(sides[1])
    ax.set_xlabel("NLL (nats); left is better")
    ax.set_ylabel("smooth calibration error")


def _weights(ax: "Axes", differences: Frame, names: list[str]) -> None:
    found = indexed(chosen(differences, against="weights", data=HOME, metric="nll"))
    for temperature, shift in SHIFTS.items():
        own = [found.get(Rule(PLAIN.operator, name, temperature)) for name in names]
        for at, row in enumerate(own):
            if row:
                ax.plot([row["low"], row["high"]], [at + shift] * 2, color=TINTS[temperature], linewidth=1.2)
        known = [(row["difference"], at + shift) for at, row in enumerate(own) if row]
        if known:
            ax.plot(*zip(*known, strict=True), MARKS[temperature], color=TINTS[temperature], markersize=4, linestyle="none",
                    label=TEMPERATURES[temperature])  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(names)), [spaced(name) for name in names], fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel("NLL of the linear pool minus that with equal weights (nats)")
    ax.legend(fontsize=7.5, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
