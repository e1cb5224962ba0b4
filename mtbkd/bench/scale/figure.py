"""Time and memory against replicates, a line a step."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, WIDTH, save, style

if TYPE_CHECKING:
    from matplotlib import pyplot as plt
else:
    plt = lazy_import("matplotlib.pyplot")

BOUND_MB = 3_000
TICKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000)
LOOKS = {
    "plan": (BLACK, "o", "plan"), "score": (BLUE, "s", "score (all jobs)"), "relate": (SKY, "^", "several methods at once"),
    "evaluate": (GREEN, "v", "join, or all in one job"), "figures": (ORANGE, "D", "figures"), "report": (PURPLE, "P", "report"),
}  # fmt: skip


def draw(result: dict[str, Any], out: Path) -> None:
    """Write ``out`` with the suffixes .svg and .png; ``result`` as ``scale.run`` writes it."""
    studies = result["studies"]
    with style():
        drawn, (left, right) = plt.subplots(2, 1, figsize=(WIDTH, 5.0), sharex=True)
        for step, (colour, marker, label) in LOOKS.items():
            for axes, of in ((left, "cpu_s"), (right, "peak_mb")):
                found = [
                    (each["replicates"], each["steps"][step][of]) for each in studies if each["steps"].get(step, {}).get("jobs")
                ]
                if found:
                    axes.plot(*zip(*found, strict=True), marker + "-", color=colour, label=label, markersize=4)
        right.axhline(BOUND_MB, color=VERMILION, linestyle="--", label="3 GB")
        replicates = [each["replicates"] for each in studies]
        for axes, unit, ends in ((left, "processor seconds", (1, 3_000)), (right, "peak memory (MB)", (100, 5_000))):
            axes.set(xscale="log", yscale="log", ylabel=unit, ylim=ends)
            axes.set_xticks(replicates, [f"{each:,}" for each in replicates])
            shown = [each for each in TICKS if ends[0] <= each <= ends[1]]
            axes.set_yticks(shown, [f"{each:,}" for each in shown])
            axes.minorticks_off()
        right.set_xlabel(f"replicates, {result['methods']} methods")
        drawn.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(drawn, out.with_suffix(".svg"), out.with_suffix(".png"))
