"""The tables of one experiment: main results, published numbers, teachers, domains, gates, tuning, paired comparisons."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import NORMAL
from mtbkd.evaluation.tables import COLUMNS
from mtbkd.inference.convergence import GATES
from mtbkd.inference.sharpness import COLUMN
from mtbkd.report import sharpness
from mtbkd.report.contrasts import SAID
from mtbkd.report.evidence import Evidence
from mtbkd.report.glossary import METRICS, ZERO
from mtbkd.report.grids import at_the_end, edges, of_its_own
from mtbkd.report.judgement import MARKS, WARNS
from mtbkd.report.numbers import NONE, UNKNOWN, Estimate, estimates, listed, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, number, score, text
from mtbkd.report.titles import of_metrics
from mtbkd.report.versus import (  # fmt: skip
    ABOVE_CEILING,
    BETTER,
    COMPATIBLE,
    FITTED,
    NOISY,
    NOT_RUN,
    NOT_STATED,
    WORSE,
    Verdict,
    Versus,
)

COMPARED = ("accuracy", "nll", "brier", "ece", "mse_prob", "mae_prob")
GROUPS = {"accuracy": "Predictions", "nll": "Predictions", "ece": "Calibration", "mse_prob": "Truth"}
KINDS = {"student": "student", "teacher": "teacher", "ceiling": "best possible"}
NAMES = {
    "teachers:best": ("best teacher", "by validation accuracy"),
    "teachers:mean": ("mean of teachers", "their probabilities averaged"),
    "teachers:routed": (
        "teachers routed by domain",
        "the teacher of the example's domain, which students do not know; otherwise the mean",
    ),
    "bayes": ("Bayes ceiling", "the true probabilities: no method can do better"),
}
VERDICT_MARKS: dict[Verdict, str] = {
    COMPATIBLE: "\N{CHECK MARK}",
    BETTER: "\N{BLACK UP-POINTING TRIANGLE}",
    WORSE: "\N{BLACK DOWN-POINTING TRIANGLE}",
    NOISY: "?",
    FITTED: "\N{EN DASH}",
    ABOVE_CEILING: "\N{UPWARDS ARROW}",
    NOT_STATED: "\N{EN DASH}",
    NOT_RUN: "\N{EN DASH}",
}  # fmt: skip
LOOKS = {"passed": "good", "failed": "bad", COMPATIBLE: "good", BETTER: "good", WORSE: "bad", ABOVE_CEILING: "bad"}


def gap_metric(metrics: Frame) -> str:
    """The coverage gap shown in the main table: at level 0.9 if available, otherwise at the lowest level."""
    found = sorted({m for m in metrics["metric"] if m.startswith("coverage_gap@")}, key=lambda m: float(m.partition("@")[2]))
    return "coverage_gap@0.9" if "coverage_gap@0.9" in found or not found else found[0]


def main_columns(metrics: Frame) -> dict[str, Column]:
    """Metric -> column, for the metrics of the experiment."""
    gap = gap_metric(metrics)
    level = float(gap.partition("@")[2])
    shown = {m: Column(METRICS[m][0], True, METRICS[m][2], METRICS[m][1], m, group) for m, group in GROUPS.items()}
    hint = f"coverage of {level:.0%} credible intervals minus the coverage that the method expects"
    at = list(shown).index("ece") + 1
    gaps = {gap: Column(f"Coverage gap at {level:.0%}", True, hint, ZERO, "coverage_gap", GROUPS["ece"])}
    shown = dict([*list(shown.items())[:at], *gaps.items(), *list(shown.items())[at:]])
    return {metric: column for metric, column in shown.items() if metric in set(metrics["metric"])}


def main_table(evidence: Evidence, versus: Sequence[Versus], doubtful: Mapping[str, str] | None = None) -> Table:
    """Students, teachers and ceiling, with the gates in every row.

    ``doubtful``: as ``mtbkd.pooling.unseen.doubtful`` returns it.
    """
    m = evidence.metrics[evidence.metrics["split"] == "test"]
    ours, columns = estimates(m), main_columns(m)
    beside = {v.method: v for v in versus if v.method and (v.metric, v.domain) == ("accuracy", "all")}
    head = [Column("Method", hint="its name in the configuration below"), Column("Gates", hint="is the posterior reliable?")]
    head += columns.values()
    if beside:
        head += [Column("Accuracy printed", True, metric="accuracy", group="Published")]
        head += [Column("Ours vs published", hint="verdict on the difference", metric="accuracy", group="Published")]
    described = m.drop_duplicates("method").set_index("method")
    order = [method for kind in KINDS for method in described.index[described["kind"] == kind]]
    titles = of_metrics(m)
    rows = []
    for method in order:
        row = described.loc[method]
        judged = evidence.judgement(method)
        name = _name(method, titles, row["kind"], of_its_own(evidence.methods, method))
        if doubt := (doubtful or {}).get(method):
            name = text(name.text, f"{name.sub}; {doubt}")
        cells = [name, _gates(evidence, method, row["kind"])]
        cells += [score(ours.get((method, metric, "all"), UNKNOWN), metric.startswith("coverage_gap")) for metric in columns]
        cells += _published(beside.get(method)) if beside else []
        cells[0] = _remarked(evidence, method, cells[0])
        rows.append(Row(cells, "failed" if judged.failed else row["kind"], bool(judged.failed), evidence.kin(method)))
    return Table(f"main-{evidence.name}", f"{evidence.name}: students, teachers and Bayes ceiling", head, rows, "main.csv")


def _name(method: str, titles: Mapping[str, str], kind: str, candidates: str = "") -> Cell:
    name, sub = NAMES.get(method, (titles[method], method) if kind == "student" else (method, KINDS[kind]))
    return text(name, f"{sub}; {WARNS} own candidates: {candidates}" if candidates else sub)


def _remarked(evidence: Evidence, method: str, name: Cell) -> Cell:
    """The method's name, with stacking weights and the notes of the configuration."""
    remarks = (name.sub, evidence.stacked.get(method, ""), evidence.notes.get(method, ""))
    return text(name.text, "; ".join(filter(None, remarks)))


def _gates(evidence: Evidence, method: str, kind: str) -> Cell:
    judged = evidence.judgement(method)
    if kind != "student":
        return text(f"{MARKS['not applicable']} not applicable", "no posterior")
    claimed = "every applicable gate" if evidence.posterior.get(method) else "calibration; claims no posterior"
    subs = {"failed": evidence.why_failed(method), "passed": claimed, "not applicable": "point estimate, no posterior"}
    sub = subs.get(judged.status, listed([*judged.unjudged]))
    sub += f"; {WARNS} not {judged.warnings}" if judged.warned else ""
    return text(f"{judged.mark} {judged.status}", sub, LOOKS.get(judged.status, ""))


def _published(v: Versus | None) -> list[Cell]:
    if v is None:
        return [text("\N{EN DASH}"), text("\N{EN DASH}")]
    return [Cell(f"{v.printed.value:g}", "", v.printed.value), verdict_cell(v)]


def verdict_cell(v: Versus) -> Cell:
    """Mark, word and difference."""
    known = f"ours {show(v.difference, signed=True)}" if v.ours.known and v.verdict not in (NOT_STATED, NOT_RUN) else v.why
    return text(f"{VERDICT_MARKS[v.verdict]} {v.verdict}", known, LOOKS.get(v.verdict, ""))


def published_table(name: str, versus: Sequence[Versus]) -> Table:
    """All published numbers."""
    head = [Column("Published quantity"), Column("Published column"), Column("Our method"), Column("Published", True)]
    head += [Column("Ours", True), Column("Ours \N{MINUS SIGN} published", True), Column("Verdict"), Column("Why")]
    rows = []
    for v in versus:
        cells = [text(v.printed.quantity), text(v.printed.column), text(v.method or "none")]
        cells += [number(v.printed.value), score(v.ours), number(v.difference, signed=True)]
        cells += [text(f"{VERDICT_MARKS[v.verdict]} {v.verdict}", "", LOOKS.get(v.verdict, "")), text(v.why)]
        rows.append(Row(cells, data={"method": v.method} if v.method else {}))
    return Table(f"published-{name}", f"{name}: all published numbers next to ours", head, rows, "published.csv")


def domain_table(evidence: Evidence, kinds: Sequence[str], caption: str, metric: str = "accuracy") -> Table:
    """One metric by domain, whole test split first."""
    m = evidence.metrics
    m = m[(m["split"] == "test") & m["kind"].isin(list(kinds)) & (m["metric"] == metric)]
    domains = list(dict.fromkeys(m["domain"]))
    ours, titles = estimates(m), of_metrics(m)
    head = [Column("Method"), *(Column(d if d != "all" else "whole test split", True, "", METRICS[metric][1]) for d in domains)]
    rows = []
    for method, row in m.drop_duplicates("method").set_index("method").iterrows():
        judged = evidence.judgement(str(method))
        cells = [
            _name(str(method), titles, row["kind"]),
            *(score(ours.get((str(method), metric, d), UNKNOWN)) for d in domains),
        ]
        rows.append(Row(cells, "failed" if judged.failed else "", bool(judged.failed), evidence.kin(str(method))))
    return Table(f"domains-{'-'.join(kinds)}-{metric}-{evidence.name}", caption, head, rows, "main.csv")


def gates_table(evidence: Evidence, gates: Frame) -> Table:
    """Methods by gates: the worst value and the number of failed replicates."""
    names = [gate for gate in GATES if gate in set(gates["gate"])]
    head = [Column("Method"), *(Column(name, hint=GATES[name].statistic) for name in names)]
    rows = []
    for method, own in gates.groupby("method", sort=False):
        cells = [gate_cell(own[own["gate"] == name], evidence.gap_size(str(method))) for name in names]
        judged = evidence.judgement(str(method))
        stacked = f"within chains: {evidence.stacked[str(method)]}" if method in evidence.stacked else ""
        look = "failed" if judged.failed else ""
        rows.append(Row([text(method, stacked), *cells], look, bool(judged.failed), evidence.kin(str(method))))
    caption = f"{evidence.name}: verdict of every gate, with the worst value over replicates"
    return Table(f"gates-{evidence.name}", caption, head, rows, "gates.csv")


def gate_cell(rows: Frame, gap_size: str) -> Cell:
    """The verdict of one gate over a method's replicates, with the worst value and why a replicate has none."""
    applied = rows[rows["verdict"] != "not applicable"]
    if not len(applied):
        return text(f"{MARKS['not applicable']} not applicable", "; ".join(dict.fromkeys(rows["note"])))
    gate = GATES[str(rows["gate"].iloc[0])]
    failed, judged = applied[applied["verdict"] == "failed"], applied[applied["verdict"] != "not judged"]
    worst = gate.worst(applied["value"].to_numpy(float))
    limits = (
        [f"worst {show(worst)}, requires {gate.sense} {show(float(applied['threshold'].iloc[0]))}"] if isfinite(worst) else []
    )
    limits += dict.fromkeys(failed.loc[failed["value"].isna(), "note"])
    limits += [gap_size] if gate.name == "calibration" and gap_size else []
    limit = "; ".join(limits)
    if len(failed) and gate.informs:
        return text(f"{WARNS} missed {len(failed)} of {len(applied)}", limit, "warn")
    if len(failed):
        return text(f"{MARKS['failed']} failed {len(failed)} of {len(applied)}", limit, "bad")
    if len(judged) < len(applied):
        why = "; ".join(dict.fromkeys(applied.loc[applied["verdict"] == "not judged", "note"]))
        return text(f"{MARKS['not judged']} not judged {len(applied) - len(judged)} of {len(applied)}", why)
    return text(f"{MARKS['passed']} passed", limit, "good")


def tuning_table(evidence: Evidence, tuning: Frame) -> Table | None:
    """How often each candidate was chosen, with a mark at grid edges, and the sharpness of the responsibilities.

    None if nothing was tuned and no method has a mixture.
    """
    name = evidence.name
    settings = [c for c in tuning.columns if c not in COLUMNS["tuning"]]
    tuned = [c for c in settings if tuning.groupby("method")[c].nunique().gt(1).any()]
    mixes = COLUMN in tuning and tuning[COLUMN].notna().any()
    if not tuned and not mixes:
        return None
    rows = []
    for method, own in tuning.groupby("method", sort=False):
        chosen, cells = own[own["chosen"].astype(bool)], [text(method, _how_tuned(evidence, str(method)))]
        for setting in tuned:
            times = chosen[setting].value_counts().sort_index()
            grid, ends = sorted(own[setting].dropna().unique()), edges(own, [setting])
            told = ", ".join(f"{value:g} ({n}\N{MULTIPLICATION SIGN})" for value, n in times.items())
            below = "of " + ", ".join(f"{value:g}" for value in grid)
            below += f"; {WARNS} {', '.join(map(at_the_end, ends))}" if ends else ""
            cells.append(text("not tuned") if len(grid) < 2 else text(told, below, "warn" if ends else ""))
        cells += [sharpness.cell(sharpness.of_method(tuning, str(method)))] if mixes else []
        cells.append(number(float(chosen["val_nll"].astype(float).mean())))
        rows.append(Row(cells, data=evidence.kin(str(method))))
    head = [Column("Method"), *(Column(setting.replace("_", " ")) for setting in tuned)]
    head += [Column("Sharpness of responsibilities", True, sharpness.HINT)] if mixes else []
    head.append(Column("Validation NLL", True, "mean"))
    return Table(f"tuning-{name}", f"{name}: hyperparameters chosen on the validation examples (how often)", head, rows)


def _how_tuned(evidence: Evidence, method: str) -> str:
    """Its own candidates, if any, and the method whose draws judged them unless this was a MAP fit."""
    candidates, judge = of_its_own(evidence.methods, method), evidence.methods.get(method, {}).get("tuned_by")
    told = [f"{WARNS} own candidates: {candidates}"] if candidates else []
    way = evidence.methods.get(method, {}).get("tuned_on", "validation")
    told += [f"tuned on {way.replace('_', ' ')}"] if way != "validation" else []
    return "; ".join([*told, *([f"tuned on draws of {judge['name']}"] if judge else [])])


def comparison_table(evidence: Evidence) -> Table | None:
    """Paired differences from the reference on the whole test split."""
    c = evidence.comparisons
    c = c[(c["split"] == "test") & (c["domain"] == "all") & c["metric"].isin(COMPARED)]
    if not len(c):
        return None
    rows = [_comparison(evidence, row) for row in c.to_dict("records")]
    head = [Column("Method"), Column("Metric"), Column("Difference", True), Column("95 % interval")]
    head += [Column("Detectable", True, "true difference that these replicates detect with 80 % power"), Column("Conclusion")]
    head += [Column("p (Holm)", True, "Wilcoxon signed-rank test, corrected over the methods compared on this metric")]
    head += [Column("Rank-biserial", True, "from -1 to 1; 1 if every replicate is higher")]
    head += [Column("Replicates", True), Column("Note")]
    caption = f"{evidence.name}: method minus {evidence.reference_words}, paired by replicate"
    return Table(f"comparisons-{evidence.name}", caption, head, rows, "comparisons.csv")


def _comparison(evidence: Evidence, row: Mapping[Any, Any]) -> Row:
    failed = bool(evidence.judgement(row["method"]).failed)
    cells = [text(row["method"], f"{MARKS['failed']} gates failed" if failed else ""), text(METRICS[row["metric"]][0])]
    ends, half = show_interval(row["low"], row["high"], signed=True), NORMAL * row["se_examples"]
    examples = show_interval(row["difference"] - half, row["difference"] + half, signed=True)
    below = f"{examples} e" if examples else ""
    cells += [number(row["difference"], signed=True), text(ends or NONE, below), number(row["detectable"])]
    other = evidence.unlike(row["method"], row["reference"])
    flag = (f"{WARNS} not tuned on the same candidates: {other}", "warn") if other else ()
    cells += [text(SAID[row["verdict"]], *flag), number(row["p_holm"]), number(row["rank_biserial"], signed=True)]
    cells += [Cell(str(row["n"]), "", row["n"]), text(row["note"])]
    known = {**evidence.kin(row["method"]), "metric": row["metric"]}
    return Row(cells, "failed" if failed else "", failed, known)


def long_rows(evidence: Evidence, metrics: Iterable[Frame]) -> list[dict[str, Any]]:
    """Rows of tables/main.csv: every metric, split and domain, with interval and gate status.

    ``metrics``: rows of the table metrics, of one method after another.
    """
    groups = (group for each in metrics for group in each.groupby(["split", "method"], sort=False))
    rows = []
    for (split, method), own in groups:
        first, judged = own.iloc[0], evidence.judgement(str(method))
        names = {k: first[k] for k in ("study", "experiment", "dataset", "method", "kind", "signal", "weights", "inference")}
        gates = {"gates": judged.status, "failed_gates": judged.which}
        gates |= {"stacked": evidence.stacked.get(str(method), ""), "note": evidence.notes.get(str(method), "")}
        found: dict[tuple[str, str, str], Estimate] = estimates(own, str(split))
        for (_, metric, domain), e in found.items():
            numbers = {"mean": e.mean, "low": e.low, "high": e.high, "n": e.n, "interval_over": e.basis}
            numbers |= {"low_examples": e.low_examples, "high_examples": e.high_examples}
            rows.append({**names, "split": split, "domain": domain, "metric": metric, **numbers, **gates})
    return rows
