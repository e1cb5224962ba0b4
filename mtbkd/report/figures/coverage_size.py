"""Coverage against the number of test examples (BKD, Fang et al., ICML 2024: its coverage study)."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import GAP, SHARE, interval
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, panel_title, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Coverage by number of test examples"
SCOPE = "experiment"
CATEGORY = "Calibration"
CAPTION = """\
How many test examples are needed to assess coverage, as in BKD's coverage study. From each replicate's test examples, 20
random subsets of each size are drawn, nested and the same for every method; the last point is the full test set. Left:
coverage of the credible intervals at each level, with the nominal level as a dotted line. Right: coverage minus the coverage
that the posterior itself expects; 0 is calibrated. Lines are means over subsets and replicates. Bands contain 90 % of the
subsets of one replicate (mean over replicates): a test set of that size could have given any value in the band. Towards the
last point the subsets share most of their examples, so the band closes by construction; the bar there is the 95 % interval
over replicates. Lines at 0 on the right are calibrated methods, whatever the band. At most six methods are shown, those with
published numbers first.
"""
MOST, ROW = 6, 1.7
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
QUANTITIES = {"coverage": "coverage", "gap": "coverage minus\nself-expected"}


def applies(experiment: Experiment) -> bool:
    return bool(experiment.methods_of("independent", "chains"))


def draw(material: Material) -> "Figure":
    table = material.table("coverage_size")
    methods = shown(material.experiment, set(table["method"]))
    rows = max(1, len(methods))
    figure, axes = plt.subplots(rows, 2, figsize=(WIDTH, ROW * rows + 0.5), sharex=True, sharey="col", squeeze=False)
    for line, name in zip(axes, methods, strict=False):
        own = table[table["method"] == name]
        for ax, quantity in zip(line, QUANTITIES, strict=True):
            _panel(ax, own, quantity)
        panel_title(line[0], material.experiment.titles[name] + ("\n(a gate failed)" if name in material.failed else ""), 2)
        for ax, label in zip(line, QUANTITIES.values(), strict=True):
            ax.set_ylabel(label, fontsize=8)
    if methods:
        figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLOURS))
    figure.supxlabel("test examples (logarithmic)", fontsize=9)
    return figure


def shown(experiment: Experiment, available: set[str]) -> list[str]:
    """The methods to draw, in the experiment's order."""
    having = [name for name in experiment.methods if name in available]
    chosen = sorted(having, key=lambda name: name not in experiment.columns)[:MOST]
    return [name for name in having if name in chosen]


def _panel(ax: "Axes", rows: Frame, quantity: str) -> None:
    if quantity == "gap":
        ax.axhline(0, color=GREY, linewidth=0.8)
    for colour, (level, own) in zip(COLOURS, rows.groupby("level"), strict=False):
        if quantity == "coverage":
            ax.axhline(float(str(level)), color=colour, linewidth=0.8, linestyle=(0, (1, 1.5)))
        means = own.groupby("size")[[quantity, f"{quantity}_low", f"{quantity}_high"]].mean()
        sizes = means.index.to_numpy()
        ax.fill_between(sizes, means[f"{quantity}_low"], means[f"{quantity}_high"], color=colour, alpha=0.15, linewidth=0)
        ax.plot(sizes, means[quantity], "o-", color=colour, markersize=3, linewidth=1.2, label=f"level {level:g}")
        last = interval(own.loc[own["size"] == sizes[-1], quantity], SHARE if quantity == "coverage" else GAP)
        ax.plot([sizes[-1]] * 2, [last.low, last.high], color=colour, linewidth=1.6)
    ax.set_xscale("log")
    ticks = sorted(set(rows["size"]))
    ax.set_xticks(ticks, [f"{n // 1000}k" if n >= 1000 and n % 1000 == 0 else str(n) for n in ticks])
    ax.minorticks_off()
    ax.margins(x=0.1)
    ax.tick_params(labelsize=7.5)
