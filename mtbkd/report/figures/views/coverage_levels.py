"""Coverage of every method at the levels of the study, to point at."""

import math
from collections.abc import Sequence

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.coverage_levels import PREFIX
from mtbkd.report.figures.interactive import GATES, METHOD, Panel, Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, SELF


def interactive(material: Material) -> Spec:
    scores, told, panels = material.whole("metrics"), views.told(material), []
    levels = sorted(float(name.removeprefix(PREFIX)) for name in scores["metric"].unique() if name.startswith(PREFIX))
    methods = [name for name in told if ((scores["method"] == name) & (scores["metric"] == "entropy_expected")).any()]
    titles = [told[name]["title"] for name in methods]
    for level in levels:
        rows = [_row(told[name], scores[scores["method"] == name], level) for name in methods]
        ends = [row[end] for row in rows for end in ("mean", "low", "high", "low_one", "high_one", "own")]
        ends = [end for end in (*ends, level) if math.isfinite(end)]
        domain = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)
        axis = "coverage (share of labels and draws)"
        panels.append(Panel(f"{level:g}", f"level {level:g}", rows, domain, axis, level, _below(titles)))
    tips = views.tooltip(**METHOD, mean="Coverage", interval="95 % interval", own="Self-expected", **GATES)
    return views.forest(panels, tips)


def _row(known: Record, rows: Frame, level: float) -> Record:
    covered, own = (rows[rows["metric"] == f"{each}@{level:g}"] for each in ("coverage", "coverage_self"))
    found = interval(covered["value"], SHARE)
    one = over_examples(found.mean, float(covered["se"].mean()), int(covered["n"].mean()), SHARE)
    numbers = {"mean": found.mean, "low": found.low, "high": found.high, "n": found.n, "low_one": one.low, "high_one": one.high}
    return {**known, **numbers, "own": interval(own["value"]).mean, "interval": views.interval(found.low, found.high)}


def _below(titles: Sequence[str]) -> list[Spec]:
    """What the posterior expects, and the interval of one replicate."""
    y, grey = views.by_title(titles), {"type": "rule", "color": GREY, "clip": True}
    stroke = {"type": "tick", "color": SELF, "thickness": 3, "size": 14, "clip": True}
    one = views.layer(grey, x=views.number("low_one"), x2={"field": "high_one"}, y=y)
    return [views.layer(stroke, x=views.number("own"), y=y), one]
