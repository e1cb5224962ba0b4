"""How the shared settings were chosen: validation loss against lambda."""

from typing import TYPE_CHECKING, Any

from mtbkd.figures.material import Experiment, Material
from mtbkd.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, grid
from mtbkd.figures.summary import interval
from mtbkd.frames import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Choosing lambda on validation data"
SCOPE = "experiment"
CATEGORY = "Tuning"
CAPTION = """\
How much to trust the teachers, decided on validation labels and never on test labels. Each panel is one way in which
teachers enter; to the right grows lambda, the strength of the teacher-informed prior, upwards the negative
log-likelihood of the validation labels (smaller is better), fitted by maximum a posteriori for every candidate. Dots
are means over replicates with 95 % intervals; each line is one scale of the Gaussian prior on the weights. A large
circle counts how many replicates chose that candidate. The dashed line is the best labels-only candidate: a curve that
stays above it says that these teachers only do harm on this much data, one that dips below it that they help. A minimum
at the edge of the grid asks for a wider grid.
"""
LINES = (BLUE, ORANGE, GREEN, PURPLE, VERMILION)


def applies(experiment: Experiment) -> bool:
    return any("lambda" in method.candidates for method in experiment.methods.values())


def draw(material: Material) -> "Figure":
    table = material.table("tuning").dropna(subset=["val_nll"])
    chosen = first_of_each_signal(material.experiment)
    panels = {label: table[table["method"] == name] for label, name in chosen.items()}
    labels_only = [name for name, method in material.experiment.methods.items() if method.signal == "none"]
    floor = _best(table[table["method"].isin(labels_only[:1])])
    figure, axes = grid(max(1, len(panels)), 2, 2.5, sharex=True, sharey=True)
    for ax, (label, rows) in zip(axes, panels.items(), strict=False):
        _panel(ax, rows, label, floor)
        ax.label_outer()
    figure.supxlabel("lambda: strength of the teachers (logarithmic)", fontsize=9)
    figure.supylabel("validation negative log-likelihood (nats)", fontsize=9)
    return figure


def first_of_each_signal(experiment: Experiment) -> dict[str, str]:
    """Signal and weights -> the first method with them that tunes lambda; tuning is the same for all its inferences."""
    found: dict[str, str] = {}
    for name, method in experiment.methods.items():
        if "lambda" in method.candidates:
            found.setdefault(" ".join(filter(None, (method.signal, method.weights))), name)
    return found


def _best(rows: Frame) -> float | None:
    """The lowest mean over replicates of a candidate."""
    if not len(rows):
        return None
    settings = [c for c in rows.columns if c not in ("study", "experiment", "method", "replicate", "val_nll", "chosen")]
    return float(rows.groupby(settings)["val_nll"].mean().min())


def _panel(ax: "Axes", rows: Frame, label: str, floor: float | None) -> None:
    groups: Any = rows.groupby("prior_scale")
    for colour, (scale, group) in zip(LINES, groups, strict=False):
        candidates = {float(lam): each for lam, each in group.groupby("lambda")}
        found = {lam: interval(each["val_nll"]) for lam, each in candidates.items()}
        ax.plot(list(found), [each.mean for each in found.values()], "o-", color=colour, markersize=4)
        for lam, each in found.items():
            ax.plot([lam, lam], [each.low, each.high], color=colour, linewidth=1.2)
            wins = int(candidates[lam]["chosen"].sum())
            if wins:
                ax.plot([lam], [each.mean], "o", markersize=13, markerfacecolor="none", color=colour, markeredgewidth=1)
                ax.annotate(str(wins), (lam, each.mean), (8, 5), textcoords="offset points", color=colour, fontsize=7.5)
        last = max(found)
        ax.annotate(f"s = {scale:g}", (last, found[last].mean), (7, -3), textcoords="offset points", color=colour, fontsize=7.5)
    if floor is not None:
        ax.axhline(floor, color=BLACK, linestyle=(0, (4, 2)), linewidth=1)
        ax.annotate("labels only", (1, floor), (-2, -3), xycoords=("axes fraction", "data"), textcoords="offset points",
                    ha="right", va="top", fontsize=7.5)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(sorted(set(rows["lambda"])), [f"{lam:g}" for lam in sorted(set(rows["lambda"]))])
    ax.minorticks_off()
    ax.margins(x=0.18, y=0.12)
    ax.set_title(label, fontsize=8.5)
