"""What every method adds to labels alone, against the quality of the teachers, with all labels."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame, read_table
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of_difference
from mtbkd.report.figures.material import Sibling, Study
from mtbkd.report.figures.style import BLACK, GREY, WIDTH, inference_mark, mark_size, plt, signal_colour, staggered
from mtbkd.report.titles import of_metrics, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain of every method by teacher quality"
SCOPE = "study"
READS = "experiments"
CATEGORY = "Labels"
CAPTION = """\
Gain of every method over labels alone, with all labels, for experiments that share data and student and differ in their
teachers. The x-axis is the mean accuracy of the single teachers of a set, whose name is above. The y-axis is the gain on the
same replicates: accuracy on the left, negative log-likelihood (with the sign chosen so that up is better) on the right. Bars
are 95 % intervals of the mean paired difference over replicates; if a bar crosses the black line, it is inconclusive whether
the method gains. A rising line means that the method benefits from better teachers. A line near zero for poor teachers means
that it can ignore them. Dashed: equal weights.
"""
METRICS = (("accuracy_true_prob", "accuracy"), ("nll",))
NAMES = {
    "accuracy_true_prob": "gain of expected accuracy",
    "accuracy": "gain of accuracy",
    "nll": "gain of log-likelihood (nats)",
}
DASHES = {True: "dashed", False: "solid"}
Group = dict[str, Sibling]


def groups(study: Study) -> list[Group]:
    """Experiments that differ in nothing but their teachers, at least two sets; of one set the first experiment counts."""
    found: dict[tuple[str, str], dict[tuple[str, ...], str]] = {}
    siblings = study.siblings
    for name, each in siblings.items():
        found.setdefault((each.dataset, each.student), {}).setdefault(tuple(each.teachers), name)
    return [
        {n: siblings[n] for n in own.values()} for own in found.values() if len(own) > 1 and _shared(own.values(), siblings)
    ]


def _shared(names: Iterable[str], siblings: Mapping[str, Sibling]) -> list[str]:
    """Methods of all the experiments ``names``, in order; nothing where fewer than two are shared."""
    own = [siblings[name].methods for name in names]
    shared = [method for method in own[0] if all(method in methods for methods in own)]
    return shared if len(shared) > 1 else []


def applies(study: Study) -> bool:
    return bool(groups(study))


def draw(study: Study) -> "Figure":
    """One row a group, its gains of accuracy and of log-likelihood."""
    rows = groups(study)
    figure, axes = plt.subplots(len(rows), 2, figsize=(WIDTH, 2.9 * len(rows) + 1.0), squeeze=False)
    for places, group in zip(axes, rows, strict=True):
        tables = {name: _metrics(Path(each.evaluation)) for name, each in group.items()}
        shared = _shared(group, group)
        for ax, choices in zip(places, METRICS, strict=True):
            metric = next((m for m in choices if all((t["metric"] == m).any() for t in tables.values())), choices[-1])
            _panel(ax, tables, shared, metric)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=7.5)
    figure.supxlabel("accuracy of the single teachers (mean of the set)", fontsize=9)
    return figure


def _metrics(folder: Path) -> Frame:
    whole = [("split", "==", "test"), ("domain", "==", "all")]
    return read_table(folder / "metrics.parquet", "a table of the evaluation", "evaluate", where=whole)


def gains(table: Frame, metric: str) -> Frame:
    """Method x replicate: how much better than labels alone, up being better; empty without such a method."""
    own = table[(table["metric"] == metric) & (table["kind"] == "student")]
    plain = own[own["signal"] == "none"]["method"].unique()
    values = own.pivot_table(index="method", columns="replicate", values="value", sort=False)
    if not len(plain):
        return values.iloc[:0]
    better = values - values.loc[plain[0]]
    return (-better if metric == "nll" else better).drop(index=plain)


def _panel(ax: "Axes", tables: Mapping[str, Frame], methods: list[str], metric: str) -> None:
    found = {name: gains(table, metric) for name, table in tables.items()}
    quality = {name: _teacher_accuracy(table) for name, table in tables.items()}
    span = max(quality.values()) - min(quality.values()) or 1.0
    shown = [m for m in methods if all(m in each.index for each in found.values())]
    first = next(iter(tables.values()))
    names, parts = of_metrics(first), first.drop_duplicates("method").set_index("method")
    ax.axhline(0, color=BLACK, linewidth=1, label="labels alone")
    for place, method in enumerate(shown):
        shift = (place - (len(shown) - 1) / 2) * 0.02 * span
        points = sorted(
            (quality[name] + shift, interval(each.loc[method], range_of_difference(metric))) for name, each in found.items()
        )
        x, middle = [at for at, _ in points], [gain.mean for _, gain in points]
        reach = [[gain.mean - gain.low for _, gain in points], [gain.high - gain.mean for _, gain in points]]
        mark = inference_mark(parts.loc[method, "inference"])
        ax.errorbar(x, middle, reach, label=short(names[method]), color=signal_colour(parts.loc[method, "signal"]), marker=mark,
                    linestyle=DASHES[parts.loc[method, "weights"] == "equal"], markersize=mark_size(mark, 3.6), linewidth=1,
                    elinewidth=0.8)  # fmt: skip
    staggered(ax, quality, GREY)
    ax.set_ylabel(NAMES[metric], fontsize=8)
    ax.tick_params(labelsize=7)


def _teacher_accuracy(table: Frame) -> float:
    single = table[
        (table["kind"] == "teacher") & ~table["method"].str.startswith("teachers:") & (table["metric"] == "accuracy")
    ]
    return float(single["value"].mean())
