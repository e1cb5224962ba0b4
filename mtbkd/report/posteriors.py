"""Tables on the correctness of posteriors: agreement with an exact sampler, leave-one-out, posterior predictive checks."""

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
    "Methods with the same signal, weights and settings target the same posterior. If NUTS or tempered sequential Monte "
    f"Carlo passed every gate with a bulk effective sample size of at least {GOLD_ESS:,.0f}, it is the reference, and the "
    "others are compared with it at the probe inputs. A method agrees if no posterior mean probability deviates by more than "
    f"{MEAN_TOLERANCE:g} and its posterior standard deviation is {SD_RATIO[0]:g} to {SD_RATIO[1]:g} times the reference's."
)


def agreement_table(name: str, rows: Frame) -> Table | None:
    """Every algorithm compared with the exact sampler of the same posterior; None without one."""
    if not len(rows):
        return None
    head = [
        Column("Method"), Column("Verdict", hint="number of replicates"), Column("Reference"),
        Column("Mean: largest error", True, "largest error of a mean probability at the probe inputs, worst replicate"),
        Column("Mean: error", True, "mean absolute error of the posterior mean probabilities"),
        Column("SD ratio", True, "posterior standard deviation divided by the reference's", "1 is best"),
        Column("Wasserstein", True, "mean 1-Wasserstein distance between the marginals of the probabilities"),
        Column("Coverage difference", True, "coverage of the test labels minus the reference's"),
        Column("NLL difference", True, "negative log-likelihood of the test labels minus the reference's"),
        Column("ESS / s", True, "smallest effective sample size per second of inference; draws per second if independent"),
    ]  # fmt: skip
    found = []
    for method, own in rows.groupby("method", sort=False):
        cells = [text(method, str(own["inference"].iloc[0])), _verdict(own), text(_references(own))]
        cells += [number(own["mean_max"].max()), number(own["mean_mean"].mean()), number(own["sd_ratio"].mean())]
        cells += [number(own["w1_mean"].mean()), number(own["coverage_diff"].mean(), signed=True)]
        cells += [number(own["nll_diff"].mean(), signed=True)]
        found.append(Row([*cells, number(own["ess_per_s"].mean())], data={"method": str(method)}))
    caption = f"{name}: every algorithm compared with an exact sampler of the same posterior"
    return Table(f"agreement-{name}", caption, head, found, "agreement.csv")


def _verdict(own: Frame) -> Cell:
    """All verdicts over replicates, worst first; notes and style are those of the worst."""
    counts = own["verdict"].value_counts()
    there = [v for v in ("differs", "agrees", "reference", "not claimed", "no reference") if v in counts]
    notes = direction(own) or "; ".join(dict.fromkeys(note for note in own.loc[own["verdict"] == there[0], "note"] if note))
    words = [f"{SIGNS.get(v, MARKS['not applicable'])} {v} ({counts[v]} of {len(own)})" for v in there]
    return text("; ".join(words), notes, LOOKS.get(there[0], ""))


def direction(own: Frame) -> str:
    """How a method's draws differ from the reference's, a mean over the replicates that do; "" if none does.

    ``spread 0.60 times the reference's (too narrow), NLL 0.012 higher (worse)``
    """
    rows = own[own["verdict"] == "differs"]
    ratio, nll = float(rows["sd_ratio"].mean()), float(rows["nll_diff"].mean())
    wide = "too wide" if ratio > SD_RATIO[1] else "too narrow" if ratio < SD_RATIO[0] else "as it should be"
    told = [f"spread {ratio:.2f} times the reference's ({wide})"] if math.isfinite(ratio) else []
    told += [f"NLL {show(abs(nll))} {'higher (worse)' if nll > 0 else 'lower (better)'}"] if math.isfinite(nll) else []
    return ", ".join(told)


def _references(own: Frame) -> str:
    return listed(sorted({reference for reference in own["reference"] if reference})) or "\N{EN DASH}"


def loo_table(name: str, rows: Frame) -> Table | None:
    """PSIS leave-one-out of the observed labels, best first; methods without it last, with the reason. None without draws."""
    if not len(rows):
        return None
    head = [
        Column("Method"), Column("elpd", True, "expected log predictive density of the held-out labels", "higher is better"),
        Column("Standard error", True), Column("Effective parameters", True),
        Column("k-hat above .7", True, "share of labels whose leave-one-out estimate is unreliable"),
        Column("Stacking weight", True, "weight in the combination that best predicts held-out labels"),
        Column("Note"),
    ]  # fmt: skip
    found = []
    for method, own in rows.groupby("method", sort=False):
        note = text("; ".join(dict.fromkeys(each for each in own["note"] if each)))
        share = float(own["khat_bad"].mean())
        if not math.isfinite(share):
            found.append((-math.inf, Row([text(method), *[number(math.nan)] * 5, note], data={"method": str(method)})))
            continue
        trusted = Cell(f"{share:.1%}", "" if share < 0.05 else "elpd unreliable", share, "" if share < 0.05 else "bad")
        means = {column: float(own[column].mean()) for column in ("elpd_loo", "se", "p_loo", "stacking_weight")}
        cells = [text(method), number(means["elpd_loo"]), number(means["se"]), number(means["p_loo"]), trusted]
        found.append((means["elpd_loo"], Row([*cells, number(means["stacking_weight"]), note], data={"method": str(method)})))
    found.sort(key=lambda pair: -pair[0])
    labels = f" on the first {count(int(known.iloc[0]), 'training label')}" if len(known := rows["n"].dropna()) else ""
    caption = f"{name}: leave-one-out{labels}, means over replicates"
    return Table(f"loo-{name}", caption, head, [row for _, row in found], "loo.csv")


def check_table(name: str, rows: Frame, class_names: list[str]) -> Table | None:
    """Class frequencies of the test labels: observed, and expected by every posterior; None without draws."""
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
        found.append(Row(cells, data={"method": str(method)}))
    caption = f"{name}: class frequencies of the test labels, observed and expected (posterior predictive check)"
    return Table(f"checks-{name}", caption, head, found)
