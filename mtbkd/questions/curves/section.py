"""The section on label-count curves: until how many labels each set of teachers helps, in a sentence, tables and CSV."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.inference.tuning import SHARED_NAMES
from mtbkd.questions.curves.crossing import judged_metrics
from mtbkd.report import sharpness
from mtbkd.report.grids import edges, of_its_own
from mtbkd.report.numbers import NONE, listed, show, show_interval
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, text

TITLE = "When does distillation help?"
EXPLAINED = """\
Every method gets the same labelled examples, from a few up to all of them. The number counts all labels: the settings,
including the training time, are chosen by cross-validation within these labels, in the same way and from the same grid for
every method. The student without teachers is one of the methods; it has no teacher strength to choose. Candidates are fitted
from one start each, the final students from several. The other training examples are either kept unlabelled, so that the
teachers contribute predictions for them, or dropped. The tables show the number of labels at which labels alone catch up with
the distilled student: with fewer labels these teachers help, with more they add nothing or do harm. Intervals are over
replicates. A crossing is stated only if the advantage at the fewest labels is significant. "Better" and "worse" require that
the interval excludes 0 and that the Wilcoxon signed-rank test, corrected (Holm) over the methods and numbers of labels of one
set of teachers, has p < 0.05. A set of uninformative teachers, with the same probability for every class, is a control: it
helps by smoothing alone. If a curve has a control, a set of teachers helps only by what it gains beyond it: its students count
as significantly better only if they are so compared with labels alone and with the same method with the control. If a setting
is chosen at the edge of its grid, the grid rather than the labels may have determined it; consider extending the grid.
At the lowest lambda, the labels prefer weaker teachers, or none; at the highest prior scale, the prior has little effect.
"""
NAMES = {
    "accuracy_true_prob": "accuracy",
    "accuracy": "accuracy",
    "nll": "negative log-likelihood",
}
HELD = {True: "other examples kept unlabelled", False: "other examples dropped"}
Decided = dict[tuple[str, str, bool, str], list[int]]


def section(name: str, tables: Mapping[str, Frame], content: Mapping[str, Any]) -> Section:
    """Until how many labels each set of teachers helps; advantages, and choices at the ends of grids, are folded away."""
    scores, tuning, crossed = tables["scores"], tables["tuning"], tables["crossings"]
    differing, controls = tables["summary"][tables["summary"]["advantage"].notna()], content["controls"]
    counts = sorted(int(n) for n in scores["labels"].unique())
    known, metrics = decided(differing), judged_metrics(scores)
    details = [difference_table(name, metric, differing, counts) for metric in metrics]
    if controls:
        beyond = _beyond(differing)
        details += [difference_table(name, metric, beyond, counts, controls[0]) for metric in metrics]
    details += [sharpness.curve_table(name, tuning, counts), ends_table(name, content["candidates"], tuning)]
    sets = {each: crossed[crossed["teachers"] == each] for each in dict.fromkeys(crossed["teachers"])}
    told = [f"Teachers {each}: {sentence(own, scores, known, counts)}" for each, own in sets.items()]
    pays = f"On {name}, {headline(crossed, known, metrics[0], counts, controls)}."
    shown = [crossing_table(name, crossed, known, counts)]
    return Section(told, shown, [table for table in details if table is not None], answers=[(TITLE, [pays])])


def labels_in_words(labels: float, counts: Sequence[int]) -> str:
    """``about 410``, or what the ends of the range say."""
    if math.isnan(labels):
        return "not known"
    if labels <= 0:
        return f"below {counts[0]:,}"
    return f"beyond {counts[-1]:,}" if math.isinf(labels) else f"{float(f'{labels:.2g}'):,.0f}"


def _interval_in_words(row: Mapping[str, Any], counts: Sequence[int]) -> str:
    if math.isnan(row["low"]):
        return "no interval below 3 replicates"
    ends = [labels_in_words(row[end], counts) for end in ("low", "high")]
    return f"95 % interval {ends[0]}{f' to {ends[1]}' if ends[0] != ends[1] else ''}"


def decided(differing: Frame) -> Decided:
    """(set of teachers, method, transfer, metric) -> label counts at which its teachers pay beyond doubt."""
    keys = ["teachers", "method", "transfer", "metric"]
    better = differing[(differing["pays"] == "better") & (differing["kind"] == "student")]
    return {key: sorted(int(n) for n in rows["labels"]) for key, rows in better.groupby(keys, sort=False)}


def _decided_in_words(row: Mapping[str, Any], known: Decided) -> str:
    found = known.get((row["teachers"], row["method"], row["transfer"], row["metric"]), [])
    where = f"at {listed([f'{n:,}' for n in found])} labels" if found else "at no number of labels"
    return f"distilled significantly better {where}"


def headline(crossed: Frame, known: Decided, metric: str, counts: Sequence[int], controls: Sequence[str] = ()) -> str:
    """At how many labels a student of each set of teachers is significantly more accurate, and when labels alone catch up.

    ``controls`` are told as such: what they gain is smoothing, and the other sets are credited with what they gain beyond it.
    """
    found = []
    for name in dict.fromkeys(crossed["teachers"]):
        where = sorted({n for (teachers, *_, of), each in known.items() if (teachers, of) == (name, metric) for n in each})
        title = f"{name} (an uninformative control)" if name in controls else name
        if not where:
            found.append(f"{title} at no number of labels")
            continue
        own = crossed[(crossed["teachers"] == name) & (crossed["metric"] == metric) & (crossed["kind"] == "student")]
        found.append(f"{title} at {listed([f'{n:,}' for n in where])} labels ({_caught_up(own, counts)})")
    than = f"labels alone and than with the control {controls[0]}" if controls else "labels alone"
    return f"distilled students are significantly more accurate than {than} with these teachers: {'; '.join(found)}"


def _caught_up(rows: Frame, counts: Sequence[int]) -> str:
    """From how many labels on the methods in ``rows`` are no longer ahead."""
    if (rows["state"] == "always better").all():
        return f"labels alone do not catch up within {counts[-1]:,}"
    if (rows["state"] == "undecided").any():
        return f"inconclusive at {counts[0]:,}, so no crossing is stated"
    ends = rows.loc[rows["state"] == "crosses", "labels"].astype(float)
    words = dict.fromkeys(labels_in_words(end, counts) for end in (ends.min(), ends.max()))
    return f"labels alone catch up at about {' to '.join(words)}" if len(ends) else "not at every larger number"


def sentence(crossed: Frame, scores: Frame, known: Decided, counts: Sequence[int]) -> str:
    """Until how many labels the students of one set of teachers stay ahead of labels alone, by accuracy."""
    metric, name = judged_metrics(scores)[0], str(crossed["teachers"].iloc[0])
    own = scores[(scores["teachers"] == name) & (scores["kind"] == "teacher") & (scores["metric"] == metric)]
    single = own[~own["method"].str.startswith("teachers:")].groupby("method", sort=False)["value"].mean()
    students = crossed[(crossed["kind"] == "student") & (crossed["metric"] == metric)]
    parts = []
    for method, rows in students.groupby("method", sort=False):
        where = [f"{_ends(row, known, counts)}, {HELD[bool(row['transfer'])]}" for row in rows.to_dict("records")]
        parts.append(f"compared with {method}, they {'; they '.join(where)}")
    told = f"The teachers score {listed([show(value) for value in single])} in accuracy."
    return f"{told} Labels alone, in accuracy: {'. And '.join(parts)}."


def _ends(row: Mapping[str, Any], known: Decided, counts: Sequence[int]) -> str:
    within = f"({_interval_in_words(row, counts)}; {_decided_in_words(row, known)})"
    match row["state"]:
        case "crosses":
            return f"catch up at about {labels_in_words(float(row['labels']), counts)} labels {within}"
        case "always better":
            return f"do not catch up within {counts[-1]:,} labels {within}"
        case "better later":
            return f"are ahead at {counts[0]:,} labels but not at every larger number {within}"
        case "never better":
            return f"are ahead at {counts[0]:,} labels and never significantly behind {within}"
        case _:
            return f"are not significantly ahead or behind at {counts[0]:,} labels, so no crossing is stated {within}"


def crossing_table(name: str, crossed: Frame, known: Decided, counts: Sequence[int]) -> Table:
    """One row a set of teachers, method and use of the other examples; teachers without a student among them."""
    metrics = list(dict.fromkeys(crossed["metric"]))
    shown = crossed[(crossed["kind"] == "student") | (crossed["transfer"] & crossed["method"].str.startswith("teachers:"))]
    rows = []
    for keys, own in shown.groupby(["teachers", "method", "transfer", "kind"], sort=False):
        found = {row["metric"]: row for row in own.to_dict("records")}
        cells = [cell for metric in metrics for cell in _crossing_cells(found[metric], known, counts)]
        teachers, method, transfer, kind = keys
        held = HELD[bool(transfer)] if kind == "student" else "no student"
        rows.append(Row([text(teachers), text(method), text(held), *cells, text(int(own["n"].iloc[0]))]))
    head = [Column("Teachers"), Column("Method"), Column("Other examples")]
    hint = "labels at which a student without teachers catches up; below: 95 % interval over replicates"
    better = "numbers of labels at which the distilled student is significantly better, also than with uninformative teachers"
    for metric in metrics:
        head += [Column(f"Catches up: {NAMES[metric]}", True, hint), Column("Better at", False, better)]
    head.append(Column("Replicates", True))
    caption = f"{name}: the number of labels at which labels alone catch up"
    return Table(f"crossings-{name}", caption, head, rows)


def _crossing_cells(row: Mapping[str, Any], known: Decided, counts: Sequence[int]) -> tuple[Cell, Cell]:
    """Where labels alone catch up, and at which counts the student is significantly better."""
    labels = float(row["labels"])
    within = _interval_in_words(row, counts)
    sort = None if math.isnan(labels) else min(labels, 10.0 * counts[-1])
    told = [row["state"]] * (row["state"] != "crosses") + [within]
    found = known.get((row["teachers"], row["method"], row["transfer"], row["metric"]), [])
    better = listed([f"{n:,}" for n in found]) or "none"
    return Cell(labels_in_words(labels, counts), "; ".join(told), sort), text(better if row["kind"] == "student" else NONE)


def _beyond(differing: Frame) -> Frame:
    """Rows of ``differences`` with the comparison with the control in place of that with labels alone."""
    rows = differing[differing["verdict_control"].notna()]
    return rows.assign(**{name: rows[f"{name}_control"] for name in ("advantage", "low", "high", "detectable", "verdict")})


def difference_table(name: str, metric: str, differing: Frame, counts: Sequence[int], control: str = "") -> Table:
    """The advantage over labels alone, or over the set ``control``, at every number of labels, marked where it is decided."""
    students = differing[(differing["kind"] == "student") & (differing["metric"] == metric)]
    rows = []
    for keys, own in students.groupby(["teachers", "method", "transfer"], sort=False):
        found = {int(row["labels"]): row for row in own.to_dict("records")}
        cells = [_difference_cell(found[n]) for n in counts]
        rows.append(Row([text(keys[0]), text(keys[1]), text(HELD[bool(keys[2])]), *cells]))
    over = f"the same method with {control}" if control else "labels alone"
    hint = f"distilled student minus {over}, positive is better; below: 95 % interval, detectable difference"
    head = [Column("Teachers"), Column("Method"), Column("Other examples")]
    head += [Column(f"{n:,} labels", True, hint) for n in counts]
    caption = f"{name}: advantage over {over} in {NAMES[metric]}, paired over replicates; positive is better"
    return Table(f"advantage-{f'over-{control}-' if control else ''}{metric}-{name}", caption, head, rows)


def ends_table(name: str, methods: Mapping[str, Any], tuning: Frame) -> Table | None:
    """Which settings were chosen at the ends of their grids, and methods with candidates of their own; None if none."""
    settings = [c for c in (*SHARED_NAMES, "steps") if c in tuning and tuning[c].nunique() > 1]
    rows = []
    for (teachers, method), own in tuning.groupby(["teachers", "method"], sort=False):
        found = {each: edges(own, [each]) for each in settings}
        candidates = of_its_own(methods, str(method))
        if any(found.values()) or candidates:
            cells = [text("; ".join(f"{e.end}, {e.value:g}, in {e.times} of {e.of}" for e in found[each])) for each in settings]
            rows.append(Row([text(teachers), text(method, f"own candidates: {candidates}" * bool(candidates)), *cells]))
    head = [Column("Teachers"), Column("Method"), *(Column(each.replace("_", " ")) for each in settings)]
    caption = (
        f"{name}: how often the edge of a grid was chosen, over replicates, numbers of labels and uses of the other examples"
    )
    return Table(f"ends-{name}", caption, head, rows) if rows else None


def _difference_cell(row: Mapping[str, Any]) -> Cell:
    word = "" if row["verdict"] == "open" else row["verdict"]
    detects = f"detects {show(row['detectable'])}" if math.isfinite(row["detectable"]) else ""
    below = "; ".join(filter(None, [" ".join(filter(None, [show_interval(row["low"], row["high"], True), word])), detects]))
    mark = {"better": "good", "worse": "bad"}.get(word, "")
    return Cell(show(row["advantage"], True), below, row["advantage"], mark)
