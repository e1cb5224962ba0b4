"""What every method gains over labels alone, by experiment: the picture at the head of the page."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.base.frames import read_table
from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.beyond import beyond
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import BLACK, WIDTH, inference_mark, mark_size, signal_colour, wrapped
from mtbkd.report.judgement import judgements
from mtbkd.report.numbers import show
from mtbkd.report.titles import of_metrics, short

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    plt = lazy_import("matplotlib.pyplot")

TITLE = "What does each method gain over labels alone?"
SCOPE = "study"
READS = "experiments"
CATEGORY = "Summary"
CAPTION = """\
Negative log-likelihood on test examples, each method minus labels alone on the same replicates: left of the line predicts
better. Bars are 95 % intervals over replicates, none for fewer than three. Filled: no gate failed; hollow: one failed or
could not be judged. An arrow with a number points to a value outside the panel. Each panel has its own scale. Black: labels
alone; orange: kd; blue: teacher-informed prior; green: one teacher.
"""
ROW, HEAD = 0.21, 0.6  # inches
FAR = 3.0  # times the reach of most intervals: what lies beyond is an arrow


class Gain(NamedTuple):
    """One method's difference to labels alone, with its interval (NaN where there is none)."""

    title: str
    signal: str
    difference: float
    low: float
    high: float
    passed: bool
    inference: str = ""
    method: str = ""
    n: int = 0
    gates: str = ""


NAMED = ["method", "signal", "weights", "inference", "kind"]
JUDGED = ["method", "replicate", "gate", "stage", "verdict"]


def applies(study: Study) -> bool:
    return any(len(each.methods) > 1 for each in study.siblings.values())


def gains(folder: Path) -> list[Gain]:
    """Of an experiment's evaluation, in the order of its methods; [] where they are not compared with labels alone."""
    whole = [("split", "==", "test"), ("domain", "==", "all"), ("metric", "==", "nll")]
    read = {"metrics": (NAMED, whole), "comparisons": (None, whole), "gates": (JUDGED, None)}
    metrics, comparisons, gates = (
        read_table(folder / f"{name}.parquet", "a table of the evaluation", "evaluate", *what) for name, what in read.items()
    )
    named = {method: short(title) for method, title in of_metrics(metrics).items()}
    signals, inferences = (dict(zip(metrics["method"], metrics[part], strict=True)) for part in ("signal", "inference"))
    judged, rows = judgements(gates), comparisons.set_index("method").to_dict("index")
    if not rows or signals[next(iter(rows.values()))["reference"]] != "none":
        return []
    return [
        Gain(named[m], signals[m], row["difference"], row["low"], row["high"], judged[m].status not in ("failed", "not judged"),
             inferences[m], m, row["n"], judged[m].words)
        for m in named
        if (row := rows.get(m))
    ]  # fmt: skip


def compared(study: Study) -> dict[str, list[Gain]]:
    """Experiment -> its gains, for those that have any."""
    found = {name: gains(Path(each.evaluation)) for name, each in study.siblings.items()}
    return {name: own for name, own in found.items() if own}


def draw(study: Study) -> "Figure":
    found = compared(study)
    heights = [ROW * len(own) + HEAD for own in found.values()] or [1.0]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(1.6 * WIDTH, sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for ax, (name, own) in zip(axes[:, 0], found.items(), strict=False):
        _panel(ax, name, own)
    if not found:
        axes[0][0].set_axis_off()
        axes[0][0].text(0, 0.5, "No experiment compares its methods with labels alone.")
    else:
        axes[-1][0].set_xlabel("difference in NLL to labels alone (nats); left is better")
    return figure


def limits(own: Sequence[Gain]) -> tuple[float, float]:
    """What a panel shows: 0 and all intervals, cut where a few lie much farther out than most."""
    far = reach(own)
    ends = [end for g in own for end in (g.difference, g.low, g.high) if math.isfinite(end)]
    low, high = max(-far, min(0.0, *ends)), min(far, max(0.0, *ends))
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def reach(own: Sequence[Gain]) -> float:
    """How far from 0 a panel shows: all intervals, unless a few lie much farther out than most."""
    ends = np.array([max(map(abs, filter(math.isfinite, (g.difference, g.low, g.high)))) for g in own])
    most = float(np.quantile(ends, 0.75))
    near = ends[ends <= FAR * most]
    return 1.1 * float(near.max()) if len(near) and near.max() > 0 else 1.0


def _panel(ax: "Axes", name: str, own: Sequence[Gain]) -> None:
    low, high = limits(own)
    ax.set(xlim=(low, high), ylim=(len(own) - 0.4, -0.6))
    ax.axvline(0, color=BLACK, linewidth=0.8)
    for y, gain in enumerate(own):
        colour = signal_colour(gain.signal)
        if beyond(ax, gain.difference, y, colour, show(gain.difference, signed=True), gain.passed):
            continue
        if math.isfinite(gain.low):
            ax.plot([max(gain.low, low), min(gain.high, high)], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
        mark, face = inference_mark(gain.inference), colour if gain.passed else "white"
        ax.plot([gain.difference], [y], mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, 5.5))
    ax.set_yticks(range(len(own)), [wrapped(gain.title, 40) for gain in own])
    ax.grid(axis="y", visible=False)
    ax.set_title(name)
