"""The section on exact answers: which methods recover posteriors that are known, and stay calibrated over many data sets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.evaluation.intervals import MIN_FOR_INTERVAL
from mtbkd.questions.exact.sbc import TOO_NARROW, power
from mtbkd.report.experiment import LOOKS
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, estimate, listed, show
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, score, text
from mtbkd.report.verdict_card import Card
from mtbkd.report.versus import Replicates, Versus, half_width, judge

PRINTED = "bkd_c5_conjugate"
# Printed as ".947 to .950" at 95 %, in the text of the same appendix.
PRINTED_COVERAGE = published.Number("coverage@0.95", "bkd", 0.9485, 0.002)
# The worst first: a case fails when any of its quantities does.
ORDER = ("fails", "not calibrated", "draws too few", "not run", "not claimed", "recovers", "calibrated")
TITLE = "Do the algorithms recover known posteriors?"
EXPLAINED = """\
Each method's inference, with its settings, was run on posteriors whose means and standard deviations are known in closed form,
and on many simulated data sets with known truth. The "power" is the probability of detecting, with this number of data sets,
posteriors that are too narrow by a factor of 1.3. A method "recovers" a case if the error of every mean is within 5 Monte
Carlo errors of its draws, plus 0.05 standard deviations for bias, and likewise for every standard deviation. "Draws too few"
means that no error was found, but that the draws, worth fewer than 400 independent ones, could not have revealed one. "Not
claimed" marks estimates that claim no posterior. If a method fails, use a smaller step or longer chains for samplers, or a
richer family for approximations. For the conjugate student the paper states neither the number of examples nor \u03bb; ours
are in the resolved configuration. Its coverage is that of the credible intervals of the deviance; the error of the probability
is summed over the two classes.
"""
GOOD, BAD = ("recovers", "calibrated"), ("fails", "not calibrated", "draws too few")


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """Verdicts by case, the calibration, and the conjugate student beside its paper; every quantity folded away."""
    cases, sbc, told = tables["cases"], tables["sbc"], _summary(tables["cases"], tables["sbc"])
    beside = versus(tables["published"])
    shown = [recovery_table(cases), calibration_table(sbc), published_table(beside)]
    asked = [("Do the algorithms recover known answers?", [told])]
    folded, cards = [quantity_table(cases)], _cards(cases, sbc)
    return Section([told], shown, folded, answers=asked, on_inference=True, cards=cards, versus={PRINTED: beside})


def _cards(cases: Frame, sbc: Frame) -> list[Card]:
    """How many methods recover posteriors that are known, and how many stay calibrated."""
    judged, complete = _recovered(cases)
    tested, calibrated = _calibrated(sbc)
    found = []
    for asked, good, of, told in (
        ("Do the algorithms recover known posteriors?", complete, judged, "with every case recovered"),
        ("Are they calibrated over many data sets?", calibrated, tested, "with calibrated draws"),
    ):
        if of:
            answer = "Yes" if len(good) == len(of) else "Most of them" if 2 * len(good) > len(of) else "Some of them"
            left = [method for method in of if method not in good]
            place = (
                f"not {listed(left)}" if 0 < len(left) <= 3 else f"not {count(len(left), 'other')}" if left else "all methods"
            )
            number = f"{len(good)} of {count(len(of), 'method')} {told}"
            found.append(Card(asked, answer if good else "None of them", number, place, ""))
    return found


def _recovered(cases: Frame) -> tuple[list[str], list[str]]:
    """Methods that claim a posterior of a known case, and those among them that recover every case they ran."""
    found = {m: {worst(rows) for _, rows in own.groupby("case")} for m, own in cases.groupby("method", sort=False)}
    judged = [m for m, verdicts in found.items() if verdicts & {"recovers", "fails", "draws too few"}]
    return judged, [m for m in judged if found[m] <= {"recovers", "not run"}]


def _calibrated(sbc: Frame) -> tuple[list[str], list[str]]:
    """Methods whose calibration was tested, and those among them that are calibrated."""
    found = {str(m): worst(rows) for m, rows in sbc.groupby("method")}
    tested = [m for m, verdict in found.items() if verdict in ("calibrated", "not calibrated", "draws too few")]
    return tested, [m for m in tested if found[m] == "calibrated"]


def worst(rows: Frame) -> str:
    """The verdict on several quantities together."""
    return min(rows["verdict"], key=ORDER.index)


def _mark(verdict: str, sub: str) -> Cell:
    sign = MARKS["passed"] if verdict in GOOD else MARKS["failed"] if verdict in BAD else MARKS["not applicable"]
    return text(f"{sign} {verdict}", sub, "good" if verdict in GOOD else "bad" if verdict in BAD else "")


def whole(value: float) -> Cell:
    """A cell of a whole number, an en dash where there is none."""
    return Cell(f"{value:.0f}" if value >= 0 else "\N{EN DASH}", "", value)


def _summary(cases: Frame, sbc: Frame) -> str:
    judged, complete = _recovered(cases)
    tested, calibrated = _calibrated(sbc)
    recover, are = f" ({listed(complete)})" if complete else "", f" ({listed(calibrated)})" if calibrated else ""
    return (
        f"Of {count(len(judged), 'method')} that claim a posterior, {len(complete)} recover every case they ran{recover}; "
        f"over many simulated data sets {len(calibrated)} of {len(tested)} are calibrated{are}."
    )


def recovery_table(cases: Frame) -> Table:
    """Methods by cases: verdict, largest error of a mean, range of the sd ratios."""
    names = list(dict.fromkeys(cases["case"]))
    rows = []
    for method, own in cases.groupby("method", sort=False):
        cells = [_recovery(own[own["case"] == name]) for name in names]
        rows.append(Row([text(method, own["inference"].iloc[0]), *cells]))
    caption = "Does each method recover known posteriors? The worst quantity of each case determines the verdict"
    return Table("exact-recovery", caption, [Column("Method"), *(Column(name.replace("_", " ")) for name in names)], rows)


def _recovery(rows: Frame) -> Cell:
    verdict = worst(rows)
    if not rows["mean_error"].notna().any():
        return _mark(verdict, str(rows["note"].iloc[0]))
    parts = [f"mean error up to {show(float(rows['mean_error'].abs().max()))} sd"]
    if (rows["sd"] > 0).any():
        parts.append(f"sd ratio {show(float(rows['sd_ratio'].min()))} to {show(float(rows['sd_ratio'].max()))}")
    parts += [f"k-hat {show(float(rows['khat'].iloc[0]))}"] if rows["khat"].notna().any() else []
    parts += [f"R-hat {show(float(rows['rhat'].max()))}"] if rows["rhat"].notna().any() else []
    return _mark(verdict, "; ".join(parts + [note for note in dict.fromkeys(rows["note"]) if note]))


_POWER = f"power: probability of detecting posteriors that are too narrow by a factor of {TOO_NARROW}"


def calibration_table(sbc: Frame) -> Table:
    """One row a method: the verdict, and for each quantity the smallest p-value with shift and spread."""
    names = [name for name in dict.fromkeys(sbc["quantity"]) if name]
    head = [
        Column("Method"),
        Column("Verdict"),
        Column("Data sets", True, _POWER),
        Column("Draws ranked", True, "in each data set"),
    ]
    hint = "smallest p-value of three tests; shift: mean of z, 0 is right; spread: sd of z, above 1 too narrow, below too wide"
    rows = []
    for method, own in sbc.groupby("method", sort=False):
        first, cells = own.iloc[0], []
        for name in names:
            found = own[own["quantity"] == name]
            cells.append(_calibration(found.iloc[0]) if len(found) else text("\N{EN DASH}"))
        datasets, ranked = (whole(float(first[key])) for key in ("datasets", "draws"))
        found_out = f"power {power(int(datasets.sort)):.0%}" if datasets.sort is not None and datasets.sort > 0 else ""
        counts = [replace(datasets, sub=found_out), ranked]
        rows.append(Row([text(method, first["inference"]), _mark(worst(own), first["note"]), *counts, *cells]))
    caption = "Simulation-based calibration: is the truth distributed like a posterior draw, over many simulated data sets?"
    return Table("exact-calibration", caption, head + [Column(name, hint=hint) for name in names], rows)


def _calibration(row: Mapping[str, Any]) -> Cell:
    p = min(row["p_uniform"], row["p_shift"], row["p_spread"])
    shown = f"p = {p:.2g}" if p >= 1e-6 else "p < 1e-6"
    return Cell(shown, f"shift {show(row['shift'], True)}, spread {show(row['spread'])}", p)


def quantity_table(cases: Frame) -> Table:
    """One row a method, case and quantity."""
    head = [Column("Case"), Column("Method"), Column("Quantity"), Column("Exact mean", True), Column("Exact sd", True)]
    head += [Column("Mean error", True, "in exact standard deviations; below: 5 Monte Carlo errors"), Column("sd ratio", True)]
    head += [Column("ESS", True, "effective sample size of the mean"), Column("Verdict")]
    rows = []
    for row in cases[cases["quantity"] != ""].sort_values("case", kind="stable").to_dict("records"):
        errors = [
            Cell(show(row[name], signed), f"± {show(row[allowance])}" if row[allowance] >= 0 else "", row[name])
            for name, allowance, signed in (("mean_error", "mean_allowance", True), ("sd_ratio", "sd_allowance", False))
        ]
        cells = [*map(text, (row["case"], row["method"], row["quantity"])), number(row["exact_mean"]), number(row["exact_sd"])]
        rows.append(Row([*cells, *errors, whole(row["ess"]), _mark(row["verdict"], row["note"])]))
    return Table("exact-quantities", "Every quantity of every case", head, rows)


def versus(found: Frame) -> list[Versus]:
    """What BKD's appendix prints of the conjugate student beside the closed form."""
    best = estimate(found[found["column"] == "bayes"].assign(se=float("nan"))).high
    beside = []
    for printed in _printed():
        rows = found[(found["quantity"] == printed.quantity) & (found["column"] == printed.column)]
        metric = published.METRIC_OF.get(printed.quantity, printed.quantity)
        ours, mean = Replicates.of(rows["value"]), estimate(rows.assign(se=float("nan")))
        half = half_width(ours, printed, metric) if ours.n >= MIN_FOR_INTERVAL else math.nan
        said = judge(printed, ours, metric, ceiling=best if metric == "accuracy" else None)
        beside.append(Versus("closed form", metric, "all", printed, mean, *said, half=half))
    return beside


def published_table(beside: Sequence[Versus]) -> Table:
    """``versus`` as a table, with the coverage, which stands in the appendix's text."""
    rows = []
    for v in beside:
        shown = text("0.947 to 0.950") if v.printed == PRINTED_COVERAGE else number(v.printed.value)
        cells = [text(v.printed.quantity), text(v.printed.column), shown, score(v.ours)]
        cells += [number(v.difference, signed=True), text(v.verdict, mark=LOOKS.get(v.verdict, ""))]
        rows.append(Row([*cells, text(v.why)]))
    head = [Column("Quantity"), Column("Classifier"), Column("Published", True), Column("Ours", True)]
    head += [Column("Ours \N{MINUS SIGN} published", True), Column("Verdict"), Column("Why")]
    source = published.source(PRINTED)
    caption = f"The conjugate student: {source.paper}, {source.place}, compared with the closed form"
    return Table("exact-published", caption, head, rows)


def _printed() -> list[published.Number]:
    rows = published.read(PRINTED)
    pairs = [(row["quantity"], column, value) for row in rows for column, value in row.items() if column != "quantity"]
    numbers = [published.Number(q, column, float(value), published.half_unit(value)) for q, column, value in pairs]
    return [*numbers, PRINTED_COVERAGE]
