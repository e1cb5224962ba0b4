"""What the report says of uncertainty under growing noise."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.numbers import UNKNOWN, Estimate, listed
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, number, score, text
from mtbkd.report.versus import NOT_RUN, NOT_STATED, Versus

TITLE = "Does uncertainty rise with noise?"
EXPLAINED = """\
Gaussian noise of increasing size gamma is added to test images, which are then rescaled. A student's predictions should become
less certain: its mean deviance should rise. Out-of-distribution images, of other objects or from another domain, should also
be uncertain.
"""


PRINTED = "bkd_table7"
OTHER = "other students, on images at full size: compare the shapes of the curves, not their heights"


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """Which curves rise, the curves, and how well outside images are told."""
    curve, detection = tables["curve"], tables["detection"]
    return Section(
        _told(curve, tables["published"]),
        [_curve_table(name, curve, tables["published"])],
        [_detection_table(name, detection), _accuracy_table(name, curve)],
        versus={PRINTED: versus(curve)},
    )


def versus(curve: Frame) -> list[Versus]:
    """The published deviances beside those of the MAP student by kd and of the student by bkd, at the sizes that ours have."""
    rows = {
        "kd": curve[(curve["signal"] == "kd") & (curve["inference"] == "map")],
        "bkd_dirichlet": curve[curve["signal"] == "bkd"],
    }
    found = []
    for line in published.read(PRINTED):
        for column, printed in list(line.items())[1:]:
            number = published.Number(line["gamma"], column, float(printed), published.half_unit(printed))
            own = rows[column][rows[column]["gamma"] == float(line["gamma"])] if column in rows else curve.iloc[:0]
            methods = {str(method): each for method, each in own.groupby("method", sort=False)} or {"": own}
            for method, each in methods.items():
                said = (NOT_STATED, OTHER) if method else (NOT_RUN, "not computed by us")
                estimate = _estimate(each, "mean_deviance") if method else UNKNOWN
                found.append(Versus(method, "mean_deviance", "all", number, estimate, *said))
    return found


def rises(values: Mapping[float, float]) -> bool:
    """Is the largest value at the largest gamma, and the smallest at the smallest?"""
    ordered = [values[gamma] for gamma in sorted(values)]
    return len(ordered) > 1 and max(ordered) == ordered[-1] and min(ordered) == ordered[0]


def _told(curve: Frame, printed: Frame) -> list[str]:
    means = {str(m): dict(own.groupby("gamma")["mean_deviance"].mean()) for m, own in curve.groupby("method", sort=False)}
    steady = [method for method, values in means.items() if rises(values)]
    others = [method for method in means if method not in steady]
    ends = f"from gamma {curve['gamma'].min():g} to {curve['gamma'].max():g}"
    told = [
        f"Mean deviance is smallest at the smallest noise and largest at the largest ({ends}) for "
        f"{listed(steady) if steady else 'no method'}" + (f"; not for {listed(others)}." if others else ".")
    ]
    columns = {str(c): dict(own.groupby("gamma")["mean_deviance"].mean()) for c, own in printed.groupby("column", sort=False)}
    falls = [column for column, values in columns.items() if not rises(values)]
    source = published.source(PRINTED)
    told.append(
        f"In {source.paper}, {source.place}, it decreases again for {listed(falls) if falls else 'no method'}. Its students "
        "and data (full size) differ: compare the shapes of the curves, not their heights."
    )
    return told


def _curve_table(name: str, curve: Frame, printed: Frame) -> Table:
    sizes = sorted(curve["gamma"].unique())
    head = [Column("Students"), *(Column(f"gamma {gamma:g}", True) for gamma in sizes)]
    rows = [Row([text(method, own["inference"].iloc[0]), *_over(own, sizes, "mean_deviance")])
            for method, own in curve.groupby("method", sort=False)]  # fmt: skip
    for column, own in printed.groupby("column", sort=False):
        values = own.set_index("gamma")["mean_deviance"]
        rows.append(Row([text(column, "published"), *(number(float(values.get(g, float("nan")))) for g in sizes)], last=True))
    caption = f"{name}: posterior mean deviance of perturbed test images, mean over replicates with its 95 % interval"
    return Table(f"{name}-curve", caption, head, rows)


def _accuracy_table(name: str, curve: Frame) -> Table:
    sizes = sorted(curve["gamma"].unique())
    head = [Column("Students"), *(Column(f"gamma {gamma:g}", True) for gamma in sizes)]
    rows = [Row([text(method), *_over(own, sizes, "accuracy")]) for method, own in curve.groupby("method", sort=False)]
    return Table(f"{name}-accuracy", f"{name}: accuracy on the same perturbed images", head, rows)


def _over(own: Frame, sizes: list[float], column: str) -> list[Any]:
    return [score(_estimate(own[own["gamma"] == gamma], column)) for gamma in sizes]


def _estimate(rows: Frame, metric: str) -> Estimate:
    found = interval(rows[metric], range_of(metric))
    return Estimate(found.mean, found.low, found.high, found.n, "replicates")


def _detection_table(name: str, detection: Frame) -> Table:
    splits = list(dict.fromkeys(detection["split"]))
    head = [Column("Students"), Column("Measure")]
    head += [Column(split.replace("_", " "), True, "", "higher") for split in splits]
    rows = []
    for (method, measure), own in detection.groupby(["method", "measure"], sort=False):
        cells = [score(_estimate(own[own["split"] == split], "auroc")) for split in splits]
        rows.append(Row([text(method), text(measure), *cells]))
    caption = f"{name}: separation of out-of-distribution from unperturbed test images (AUROC: 0.5 is guessing)"
    return Table(f"{name}-detection", caption, head, rows)
