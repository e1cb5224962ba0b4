"""What the report says of the guarantees of pools: which hold as proved, and what breaks where nothing is proved."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval
from mtbkd.pooling.guarantees import GUARANTEES
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import listed, show
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, text

TITLE = "Which guarantees do the pools have, and do they hold?"
EXPLAINED = """\
Some pools of teachers come with a guarantee: a bound that holds for any teachers. Each is measured against its bound on the
test examples of these teachers and on random teachers, at equal weights. If the guarantee is a theorem, it must never be
violated; otherwise the share of examples that violate it shows the risk. No pool guarantees to stay below the safest teacher:
this is an additional constraint that one can impose.
"""
OWN, RANDOM = "teachers", "random teachers"


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer, the matrix of broken shares; margins, the gain by order and the law of variance folded away."""
    bounds, gain, variance = tables["bounds"], tables["gain"], tables["variance"]
    shown = [_broken(name, bounds, source) for source in (OWN, RANDOM)]
    return Section(
        _told(bounds, gain, variance, settings), shown, [_margins(name, bounds), _gain(name, gain), _law(name, variance)]
    )


def _told(bounds: Frame, gain: Frame, variance: Frame, settings: Mapping[str, Any]) -> list[str]:
    proved = bounds[bounds["proven"].astype(bool)]
    broken = int((proved["broken"] > 0).sum())
    told = [
        f"Guarantees that are theorems were violated in {broken} of {len(proved)} measurements "
        f"({int(proved['n'].sum()):,} comparisons)."
    ]
    own = bounds[(bounds["source"] == OWN) & ~bounds["proven"].astype(bool) & (bounds["guarantee"] == "unsafe mass")]
    worse = own.groupby("operator", sort=False)[["broken", "worst"]].agg({"broken": "mean", "worst": "min"})
    worse = worse[worse["broken"] > 0].sort_values("broken", ascending=False)
    classes = listed(list(settings.get("classes", ()))) or "the last class"
    if len(worse):
        names = [f"{operator} on {row['broken']:.1%} (by up to {-row['worst']:.2f})" for operator, row in worse.iterrows()]
        told.append(
            f"Unsafe mass: the linear pool never gives {classes} more than the least safe of these teachers does; "
            f"{listed(names)} of the test examples exceed this teacher."
        )
    else:
        told.append(f"Unsafe mass: on these teachers no pool gives {classes} more than the least safe teacher does.")
    told.append(_gain_told(gain))
    gap = ((variance["measured"] - variance["law"]) / variance["se"]).abs()
    told.append(
        f"The variance of the mean of simulated teachers agrees with the law in all {len(variance)} settings to within "
        f"{gap.max():.1f} standard errors: the shared part rho does not shrink with more teachers."
    )
    return told


def _gain_told(gain: Frame) -> str:
    own = gain[gain["source"] == OWN].groupby("r")[["gain", "lost"]].mean()
    inside = own[(own.index >= 0) & (own.index <= 1)]
    outside = own[(own.index < 0) | (own.index > 1)]
    best = own["gain"].idxmax()
    told = f"Log loss: power means of order 0 to 1 were worse than the teachers' mean on {inside['lost'].max():.1%} of examples"
    if len(outside):
        least, most = outside["lost"].min(), outside["lost"].max()
        told += f", those of other orders on {least:.1%} to {most:.1%}"
    return told + f". The largest mean gain, {show(own['gain'].max())} nats, is at order {best:g}."


def _broken(name: str, bounds: Frame, source: str) -> Table:
    """Operators against guarantees: the share of examples that break each."""
    own = bounds[bounds["source"] == source]
    head = [Column("Operator"), *(Column(guarantee.capitalize(), True, GUARANTEES[guarantee]) for guarantee in GUARANTEES)]
    rows = []
    for operator, rows_of in own.groupby("operator", sort=False):
        cells = [_share(rows_of[rows_of["guarantee"] == guarantee]) for guarantee in GUARANTEES]
        rows.append(Row([text(operator), *cells]))
    count = "these teachers" if source == OWN else "random teachers"
    caption = f"Share of comparisons that violate each bound: {count}; theorems are marked; means over replicates"
    return Table(f"{name}-broken-{source.split()[0]}", caption, head, rows)


def _share(own: Frame) -> Cell:
    share, proven = float(own["broken"].mean()), bool(own["proven"].all())
    spread = interval(own["broken"], SHARE)
    if proven:
        sign = MARKS["passed"] if share == 0 else MARKS["failed"]
        return Cell(f"{sign} {share:.1%}", "theorem", share, "good" if share == 0 else "bad")
    known = spread.n >= 2 and spread.high > spread.low
    return Cell(f"{share:.1%}", f"[{max(0, spread.low):.1%}, {min(1, spread.high):.1%}]" if known else "", share)


def _margins(name: str, bounds: Frame) -> Table:
    head = [Column("Teachers"), Column("Operator"), Column("Guarantee"), Column("Measured", True), Column("Bound", True)]
    head += [Column("Margin", True, "bound minus measured, mean"), Column("Worst", True, "smallest margin")]
    rows = []
    for (source, operator, guarantee), own in bounds.groupby(["source", "operator", "guarantee"], sort=False):
        means = [number(own[column].mean()) for column in ("measured", "bound")]
        margins = [number(own["margin"].mean(), signed=True), number(own["worst"].min(), signed=True)]
        rows.append(Row([text(source), text(operator), text(guarantee), *means, *margins]))
    return Table(f"{name}-margins", "Every bound: measured, bound and margin (losses in nats)", head, rows)


def _gain(name: str, gain: Frame) -> Table:
    head = [Column("Order r", True), Column("Teachers"), Column("Gain", True, "teachers' mean log loss minus the pool's, nats")]
    head += [Column("Worst example", True), Column("Worse than the teachers", True, "share of examples")]
    rows = []
    for (r, source), own in gain.groupby(["r", "source"], sort=True):
        lost = float(own["lost"].mean())
        cells = [Cell(f"{r:g}", "", r), text(source), number(own["gain"].mean(), signed=True)]
        rows.append(Row([*cells, number(own["worst"].min(), signed=True), Cell(f"{lost:.1%}", "", lost)]))
    return Table(f"{name}-gain", "Power means: gain in log loss over the teachers' mean, by their order", head, rows)


def _law(name: str, variance: Frame) -> Table:
    head = [Column("Teachers", True), Column("Correlation", True), Column("Measured", True, "below: its standard error")]
    head += [Column("Law", True, GUARANTEES["variance"] + ", s = 1")]
    rows = [
        Row([Cell(str(row["teachers"]), "", row["teachers"]), number(row["rho"]),
             Cell(show(row["measured"]), f"se {show(row['se'])}", row["measured"]), number(row["law"])])
        for row in variance.sort_values(["rho", "teachers"]).to_dict("records")
    ]  # fmt: skip
    return Table(f"{name}-variance", "Variance of the mean of simulated teachers with correlated errors", head, rows)
