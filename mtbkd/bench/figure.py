"""The benchmark's figure: chain-steps per second against chains, a panel a student."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, WIDTH, save, style

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
else:
    plt = lazy_import("matplotlib.pyplot")

LOOKS = {"sgld": (BLUE, "o"), "sghmc": (SKY, "s"), "psgld": (GREEN, "^"), "csgld": (PURPLE, "v"), "vi": (ORANGE, "D")}
PEERS = {"plain loop": (BLACK, "--"), "posteriors": (VERMILION, ":")}


def draw(result: dict[str, Any], out: Path) -> None:
    """Write ``out`` with the suffixes .svg and .png."""
    students = list(result["peers"])
    with style():
        figure, axes = plt.subplots(len(students), 1, figsize=(WIDTH, 2.5 * len(students)), sharex=True, squeeze=False)
        for ax, student in zip(axes.flat, students, strict=True):
            _panel(ax, result, student)
        axes[-1, 0].set_xlabel("chains computed together (samples of q for vi)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        figure.suptitle(f"Chain-steps per second, {result['machine']['threads']} threads of {result['machine']['processor']}",
                        fontsize=9, x=0.02, ha="left")  # fmt: skip
        save(figure, out.with_suffix(".svg"), out.with_suffix(".png"))


def _panel(ax: "Axes", result: dict[str, Any], student: str) -> None:
    rows = [row for row in result["rates"] if row["student"] == student]
    for algorithm, (colour, marker) in LOOKS.items():
        points = sorted((row["chains"], row["chain_steps_per_s"]) for row in rows if row["algorithm"] == algorithm)
        if points:
            ax.plot(*zip(*points, strict=True), marker + "-", color=colour, label=algorithm, markersize=4)
    chains = sorted({row["chains"] for row in rows})
    for peer, (colour, line) in PEERS.items():
        value = result["peers"][student].get(peer)
        if isinstance(value, float):
            ax.axhline(1 / value, color=colour, linestyle=line, label=f"{peer}, one chain")
    floor = result["floors"][student]["total"]
    ax.axhline(result["floors"][student]["chains"] / floor, color=GREY, linestyle="-.", label="floor of 64 chains")
    ax.set(xscale="log", yscale="log", ylabel="chain-steps per second", title=student)
    ax.set_xticks(chains, [str(c) for c in chains])
    ax.minorticks_off()
