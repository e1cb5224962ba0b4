"""How the shared settings were chosen: held-out loss and accuracy against lambda, and what else was tuned."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import Interval, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.evaluation.tables import COLUMNS
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, WIDTH, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "How strongly to trust the teachers"
SCOPE = "experiment"
CATEGORY = "Tuning"
CAPTION = """\
All scores here are on held-out labels, never on test examples: validation examples, or those that the folds of a
cross-validation within the training labels keep out. The x-axis is lambda, the strength of the teachers (or kappa if given;
lambda is then their sharpness). Left: negative log-likelihood in nats (lower is better; settings are chosen by it). Right:
accuracy (higher is better). Each row is one signal, fitted by maximum a posteriori for every candidate, and at most one
further tuned setting: its values are the lines, named on the right (s: scale of the Gaussian prior on the weights, beta: power
on the teacher term, T: temperature of the student, w0: weight of no teacher). All
other tuned settings are at their best value for each dot. Dots are means over replicates with 95 % intervals; the numbers
above a panel count the replicates that chose this lambda and this line. The dashed line is labels alone with its best
settings. A curve that stays on its worse side means that these teachers only do harm with this much data; a curve that crosses
it means that they help. If the best value is at the edge of the grid, extend the grid.
"""
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
ROW, SIDE = 2.0, 0.012
COUNT = 9.5  # points between two lines of counts
FLOOR = (0, (4, 2))
SCORES = {"val_nll": "held-out NLL (nats)", "val_accuracy": "held-out accuracy"}
OTHERS = {
    "lambda": "lambda", "no_teacher": "w0", "prior_scale": "s", "beta": "beta", "student_temperature": "T",
    "teacher_temperature": "teachers' T",
}  # fmt: skip


class Row(NamedTuple):
    """A row of panels: the method's rows of the tuning table, the setting that its lines are for, "" for none, and the one
    along the axis, kappa or lambda."""

    title: str
    table: Frame
    setting: str
    strength: str = "lambda"


class Point(NamedTuple):
    """A dot: the best candidate with this lambda, by mean held-out loss, and how many replicates chose this lambda."""

    lam: float
    scores: dict[str, Interval]
    chosen: int


def applies(experiment: Experiment) -> bool:
    return any({"kappa", "lambda"} & set(method.candidates) for method in experiment.methods.values())


def draw(material: Material) -> "Figure":
    table = material.table("tuning").dropna(subset=["val_nll"])
    shown = rows(material.experiment, table)
    figure, axes = plt.subplots(
        max(1, len(shown)), 2, figsize=(WIDTH, ROW * max(1, len(shown)) + 0.4), sharex=True, sharey="col", squeeze=False
    )
    floor = labels_only(material.experiment, table)
    for line, row in zip(axes, shown, strict=False):
        for ax, score in zip(line, SCORES, strict=True):
            _panel(ax, row, score, floor)
        line[0].set_title(row.title, fontsize=8, pad=5 + COUNT * len(lines(row)))
    axes[0][0].plot([], [], color=BLACK, linestyle=FLOOR, linewidth=1, label="labels alone")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper right")
    names = " or ".join(sorted({row.strength for row in shown} or {"lambda"}))
    figure.supxlabel(f"{names}: strength of the teachers (logarithmic)", fontsize=9)
    return figure


def rows(experiment: Experiment, table: Frame) -> list[Row]:
    """One row a way in which teachers enter and tuned setting.

    Candidates are fitted alike whatever the inference: of methods with the same losses the first is shown.
    """
    found: list[Row] = []
    seen: set[Any] = set()
    for name, method in experiment.methods.items():
        own = table[table["method"] == name]
        losses = (method.signal, method.weights, *own["val_nll"].round(9))
        if not {"kappa", "lambda"} & set(method.candidates) or losses in seen or not len(own):
            continue
        seen.add(losses)
        strength, own = _by_strength(own)
        tuned = [setting for setting in OTHERS if setting != strength and len(method.candidates.get(setting, ())) > 1]
        found += [Row(experiment.titles[name], own, setting, strength) for setting in tuned or [""]]
    return found


def _by_strength(own: Frame) -> tuple[str, Frame]:
    """What lies along the axis; where it is kappa, a lambda that is there as its value is called so."""
    if "kappa" not in own or own["kappa"].isna().all():
        return "lambda", own
    sharp = own["lambda"].map("{:g}".format).where(own["lambda"] != own["kappa"], "kappa")
    return "kappa", own.assign(**{"lambda": sharp})


def lines(row: Row) -> list[tuple[str, list[Point]]]:
    """(label, dots) of every line of a row; the label is "" where there is but one."""
    groups: Any = row.table.groupby(row.setting) if row.setting else [("", row.table)]
    found = [(value if isinstance(value, str) else f"{value:g}", group) for value, group in groups]
    return [
        (f"{OTHERS[row.setting]} = {value}" if row.setting else "", points(group, settings_of(group), row.strength))
        for value, group in found
    ]


def points(table: Frame, settings: Sequence[str], strength: str = "lambda") -> list[Point]:
    """The best candidate for each strength, of the rows of one line; ``settings`` are the tuned ones."""
    found = []
    for lam, group in table.groupby(strength):
        candidates: Any = group.groupby(list(settings), dropna=False)
        best = min((each for _, each in candidates), key=lambda each: float(each["val_nll"].mean()))
        scores = {score: interval(best[score], range_of(score.removeprefix("val_"))) for score in SCORES}
        found.append(Point(float(str(lam)), scores, int(group["chosen"].sum())))
    return found


def settings_of(table: Frame) -> list[str]:
    """The columns of the tuning table that are settings."""
    return [column for column in table.columns if column not in COLUMNS["tuning"] and table[column].notna().all()]


def labels_only(experiment: Experiment, table: Frame) -> dict[str, float]:
    """Score -> mean of the best candidate of the first labels-only method; {} where there is none."""
    names = [name for name, method in experiment.methods.items() if method.signal == "none"]
    own = table[table["method"].isin(names[:1])]
    if not len(own):
        return {}
    candidates: Any = own.groupby(settings_of(own))
    best = min((each for _, each in candidates), key=lambda each: float(each["val_nll"].mean()))
    return {score: float(best[score].mean()) for score in SCORES}


def _panel(ax: "Axes", row: Row, score: str, floor: dict[str, float]) -> None:
    shown = lines(row)
    ticks = sorted(set(row.table[row.strength]))
    # Lines that coincide stay visible side by side.
    side = (ticks[-1] / ticks[0]) ** SIDE
    for number, (label, line) in enumerate(shown):
        colour = LINES[number % len(LINES)]
        at = [point.lam * side ** (number - (len(shown) - 1) / 2) for point in line]
        found = [point.scores[score] for point in line]
        ax.plot(at, [each.mean for each in found], "o-", color=colour, markersize=3.5)
        for x, each in zip(at, found, strict=True):
            ax.plot([x, x], [each.low, each.high], color=colour, linewidth=1.1)
        if score == "val_nll":
            _choices(ax, line, len(shown) - 1 - number, colour)
        elif row.setting:
            ax.annotate(label, (1.02, 0.92 - 0.12 * number), xycoords="axes fraction",
                        color=colour, fontsize=7.5, va="center")  # fmt: skip
    if score in floor:
        ax.axhline(floor[score], color=BLACK, linestyle=FLOOR, linewidth=1)
    ax.set_ylabel(SCORES[score], fontsize=8)
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{lam:g}" for lam in ticks])
    ax.minorticks_off()
    ax.margins(x=0.1, y=0.1)
    ax.tick_params(labelsize=7.5)


def _choices(ax: "Axes", line: Sequence[Point], number: int, colour: str) -> None:
    """How many replicates chose each lambda, above the upper edge, the last line's lowest."""
    for point in line:
        if point.chosen:
            ax.annotate(f"{point.chosen}\N{MULTIPLICATION SIGN}", (point.lam, 1), (0, 2 + COUNT * number), color=colour,
                        xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", va="bottom",
                        fontsize=7.5)  # fmt: skip
