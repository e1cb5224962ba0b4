"""What every method gains over labels alone, to point at."""

from mtbkd.report.figures.gains import compared, limits
from mtbkd.report.figures.interactive import GATES, METHOD, Panel, Spec, forest, interval, tooltip
from mtbkd.report.figures.material import Study


def interactive(study: Study) -> Spec:
    panels = []
    for name, own in compared(study).items():
        rows = [{**each._asdict(), "mean": each.difference, "interval": interval(each.low, each.high)} for each in own]
        panels.append(Panel(name, name, rows, limits(own), "difference in NLL to labels alone (nats); left is better", 0.0))
    belongs = {f"panel{place}": {"experiment": panel.name} for place, panel in enumerate(panels)}
    return forest(panels, tooltip(**METHOD, mean="Difference", interval="95 % interval", **GATES), least=600, belongs=belongs)
