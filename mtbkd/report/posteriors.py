"""Tables that ask whether the posteriors are right: agreement with an exact sampler, leave-one-out, predictive checks."""

import math

from mtbkd.base.frames import Frame
from mtbkd.evaluation.agreement import GOLD_ESS, MEAN_TOLERANCE, SD_RATIO
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, listed, show
from mtbkd.report.table import Cell, Column, Row, Table, number, text

LOOKS = {"agrees": "good", "reference": "good", "differs": "bad"}
SIGNS = {"agrees": MARKS["passed"], "reference": "\N{BLACK STAR}", "differs": MARKS["failed"]}
SMALL_P = 0.01
EXPLAINED = (
    "Methods with the same signal, weights and settings aim at the same posterior. Where NUTS or tempered sequential Monte "
    f"Carlo passed every gate with a bulk effective sample size of at least {GOLD_ESS:,.0f}, it is the reference; the others "
    "are compared with it at the probe inputs. A method agrees when no posterior mean probability is off by more than "
    f"{MEAN_TOLERANCE:g} and its posterior standard deviation is {SD_RATIO[0]:g} to {SD_RATIO[1]:g} times the reference's."
)


def agreement_table(name: str, rows: Frame) -> Table | None:
    """Every algorithm against the exact sampler of the same posterior; None where there is none."""
    if not len(rows):
        return None
    head = [
        Column("Method"), Column("Verdict", hint="how many replicates"), Column("Reference"),
        Column("Mean: worst gap", True, "largest difference of a mean probability at the probe inputs, worst replicate"),
        Column("Mean: gap", True, "mean absolute difference"),
        Column("Deviation: ratio", True, "posterior standard deviation over the reference's", "1 is best"),
        Column("Wasserstein", True, "mean 1-Wasserstein distance of the probabilities' marginals"),
        Column("Coverage: gap", True, "coverage of the test labels minus the reference's"),
        Column("NLL: gap", True, "negative log-likelihood of the test labels minus the reference's"),
        Column("ESS / s", True, "smallest effective sample size a second of inference; draws a second where independent"),
    ]  # fmt: skip
    found = []
    for method, own in rows.groupby("method", sort=False):
        cells = [text(method, str(own["inference"].iloc[0])), _verdict(own), text(_references(own))]
        cells += [number(own["mean_max"].max()), number(own["mean_mean"].mean()), number(own["sd_ratio"].mean())]
        cells += [number(own["w1_mean"].mean()), number(own["coverage_diff"].mean(), signed=True)]
        cells += [number(own["nll_diff"].mean(), signed=True)]
        found.append(Row([*cells, number(own["ess_per_s"].mean())]))
    caption = f"{name}: every algorithm against an exact sampler of the same posterior"
    return Table(f"agreement-{name}", caption, head, found)


def _verdict(own: Frame) -> Cell:
    """Every verdict that a replicate got, the worst first; the notes and the look are the worst's."""
    counts = own["verdict"].value_counts()
    there = [v for v in ("differs", "agrees", "reference", "not claimed", "no reference") if v in counts]
    notes = "; ".join(dict.fromkeys(note for note in own.loc[own["verdict"] == there[0], "note"] if note))
    words = [f"{SIGNS.get(v, MARKS['not applicable'])} {v} ({counts[v]} of {len(own)})" for v in there]
    return text("; ".join(words), notes, LOOKS.get(there[0], ""))


def _references(own: Frame) -> str:
    return listed(sorted({reference for reference in own["reference"] if reference})) or "\N{EN DASH}"


def loo_table(name: str, rows: Frame) -> Table | None:
    """PSIS leave-one-out of the observed labels, best first, and who has none, with the reason; None without draws."""
    if not len(rows):
        return None
    head = [
        Column("Method"), Column("elpd", True, "expected log predictive density of the left-out labels", "higher is better"),
        Column("Standard error", True), Column("Effective parameters", True),
        Column("k-hat above .7", True, "share of labels whose leave-one-out estimate cannot be trusted"),
        Column("Stacking weight", True, "share in the combination that predicts left-out labels best"),
        Column("Note"),
    ]  # fmt: skip
    found = []
    for method, own in rows.groupby("method", sort=False):
        note = text("; ".join(dict.fromkeys(each for each in own["note"] if each)))
        share = float(own["khat_bad"].mean())
        if not math.isfinite(share):
            found.append((-math.inf, Row([text(method), *[number(math.nan)] * 5, note])))
            continue
        trusted = Cell(f"{share:.1%}", "" if share < 0.05 else "do not trust the elpd", share, "" if share < 0.05 else "bad")
        means = {column: float(own[column].mean()) for column in ("elpd_loo", "se", "p_loo", "stacking_weight")}
        cells = [text(method), number(means["elpd_loo"]), number(means["se"]), number(means["p_loo"]), trusted]
        found.append((means["elpd_loo"], Row([*cells, number(means["stacking_weight"]), note])))
    found.sort(key=lambda pair: -pair[0])
    labels = f" on the first {count(int(known.iloc[0]), 'training label')}" if len(known := rows["n"].dropna()) else ""
    caption = f"{name}: leave-one-out{labels}, means over replicates"
    return Table(f"loo-{name}", caption, head, [row for _, row in found])


def check_table(name: str, rows: Frame, class_names: list[str]) -> Table | None:
    """Shares of the classes among the test labels: observed, and expected by every posterior; None without draws."""
    if not len(rows):
        return None
    classes = sorted(int(k) for k in rows["class"].unique())
    observed = rows.groupby("class")["observed"].mean()
    head = [Column("Method"), *(Column(class_names[k], True, f"observed {observed[k]:.3f}") for k in classes)]
    found = [Row([text("observed"), *(number(observed[k]) for k in classes)])]
    for method, own in rows.groupby("method", sort=False):
        cells = [text(method)]
        for k in classes:
            each = own[own["class"] == k]
            bad, expected = int((each["p_value"] < SMALL_P).sum()), float(each["expected"].mean())
            told = f"p < {SMALL_P:g} in {bad} of {len(each)}" if bad else ""
            cells.append(Cell(show(expected), told, expected, "bad" if bad else ""))
        found.append(Row(cells))
    caption = f"{name}: share of each class among the test labels, observed and expected (posterior predictive check)"
    return Table(f"checks-{name}", caption, head, found)
