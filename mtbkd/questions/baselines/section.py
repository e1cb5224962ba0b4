"""The multi-teacher methods of one data set: who gained on labels alone, who on equal weights, and at what cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import Interval, interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.baselines import BASELINES
from mtbkd.questions.baselines.contest import REFERENCE
from mtbkd.questions.baselines.tables import PLAIN
from mtbkd.report.grids import at_ends
from mtbkd.report.numbers import Estimate, count, listed, show, show_interval
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, score, text

TITLE = "Which published multi-teacher method works best?"
EXPLAINED = """\
Which published rule for weighting several teachers gives the better student? Every method trains the same student on the same
data, teachers, starting points and minibatches, tunes the same settings on the same validation labels, and is scored on test
examples. A gain is positive if the method is better than the reference on the same replicates. Its interval is a 95 % interval
over replicates (Student's t). A gain is called clear if this interval excludes zero and the Wilcoxon test, corrected for the
number of methods, has p below .05.
"""
SETTINGS = {"share": "share of the teachers", "temperature": "temperature", "prior_scale": "prior scale"}
METRICS = {"nll": "negative log-likelihood", "accuracy": "accuracy"}


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The sentences and tables of the question ``name``."""
    titles = titles_of(tables)
    told = [_best(tables, titles), *(_against(tables, titles, reference) for reference in (REFERENCE, PLAIN))]
    told += [
        _resolution(tables["comparisons"]),
        _teachers(tables["scores"]),
        _experts(tables["weights"], titles),
        _edges(tables["tuning"], titles),
        _dearest(tables["costs"], titles),
    ]
    details = [_weights(name, tables["weights"], titles), _tuned(name, tables["tuning"], titles)]
    return Section([sentence for sentence in told if sentence], [_main(name, tables, titles)], [t for t in details if t])


def titles_of(tables: Mapping[str, Frame]) -> dict[str, str]:
    """Method -> its name in the literature, in the order of the methods."""
    named = dict(zip(tables["costs"]["method"], tables["costs"]["title"], strict=True))
    return {method: named[method] for method in BASELINES if method in named}


def gains(tables: Mapping[str, Frame], reference: str, metric: str) -> dict[str, dict[str, Any]]:
    """Method -> its paired gain on ``reference``: gain, low, high (positive is better) and clear (-1, 0 or 1)."""
    rows = tables["comparisons"]
    rows = rows[(rows["reference"] == reference) & (rows["metric"] == metric)]
    found = {}
    for row in rows.to_dict("records"):
        sign = 1 if row["higher_is_better"] else -1
        ends = sorted((sign * row["low"], sign * row["high"]))
        clear = {"better": 1, "worse": -1, "open": 0}[row["verdict"]]
        gain = sign * row["difference"]
        found[row["method"]] = {"gain": gain, "low": ends[0], "high": ends[1], "clear": clear}
    return found


def _students(scores: Frame, metric: str) -> Frame:
    return scores[(scores["kind"] == "student") & (scores["metric"] == metric)]


def _best(tables: Mapping[str, Frame], titles: Mapping[str, str]) -> str:
    rows = _students(tables["scores"], "nll")
    means = rows.groupby("method")["value"].mean().sort_values()
    first, runs = str(means.index[0]), int(rows["replicate"].nunique())
    told = f"The lowest {METRICS['nll']} is that of {titles[first]}, {show(means.iloc[0])}"
    if first != REFERENCE and REFERENCE in means:
        told += f" vs {show(means[REFERENCE])} without teachers"
    return f"{told} (means over {count(runs, 'replicate')})."


def _against(tables: Mapping[str, Frame], titles: Mapping[str, str], reference: str) -> str:
    """Who is clearly better and worse than ``reference``."""
    parts = []
    for metric, word in METRICS.items():
        found = gains(tables, reference, metric)
        if not found:
            return ""
        named = {sign: [titles[m] for m in titles if m in found and found[m]["clear"] == sign] for sign in (1, -1)}
        parts.append(
            f"in {word}, {_are(named[1], 'clearly better')} and {_are(named[-1], 'clearly worse')}{_leaning(found, titles)}"
        )
    return f"Compared with {titles[reference]}: {'; '.join(parts)}."


def _leaning(found: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Methods whose interval leaves out zero though the corrected test does not."""
    told = []
    for word, end, sign in (("above", "low", 1), ("below", "high", -1)):
        those = [titles[m] for m in titles if m in found and sign * found[m][end] > 0 and not found[m]["clear"]]
        if those:
            told.append(f"{word} zero for {listed(those)}")
    return f" (before correction the interval lies {listed(told)})" if told else ""


def _are(names: Sequence[str], what: str) -> str:
    """``none is better``, ``A is better``, ``A and B are better``."""
    return f"{listed(list(names)) or 'none'} {'are' if len(names) > 1 else 'is'} {what}"


def _resolution(comparisons: Frame) -> str:
    """A warning where the test cannot be passed, however large the gains."""
    limits = [note for notes in comparisons["note"] for note in notes.split("; ") if note.startswith("p_holm cannot")]
    few = comparisons["p_holm"].isna().all()
    if not few and not limits:
        return ""
    told = "there are too few replicates to test" if few else limits[0].replace("p_holm", "the corrected p-value")
    return f"No gain can be called clear here: {told}. See the intervals."


def _teachers(scores: Frame) -> str:
    rows = scores[(scores["metric"] == "accuracy") & (scores["kind"] != "student")]
    means = rows.groupby("method", sort=False)["value"].mean()
    single = [show(value) for method, value in means.items() if method not in ("teachers:mean", "bayes")]
    if not single:
        return ""
    mean = show(means["teachers:mean"])
    told = f"The accuracy of the single teachers is {listed(single)}; the mean of their probabilities reaches {mean}"
    return told + (f"; no method can exceed about {show(means['bayes'])}." if "bayes" in means else ".")


def _experts(weights: Frame, titles: Mapping[str, str]) -> str:
    """How much each weighting listens to a teacher in the domain that it was trained on."""
    own = weights[weights["own"].astype(bool)]
    if not len(own):
        return ""
    shares = own.groupby("method")["weight"].mean()
    told = [f"{show(shares[method])} with {titles[method]}" for method in shares.sort_values(ascending=False).index]
    return f"In its own training domain, the mean share of a teacher is {listed(told)}."


def _dearest(costs: Frame, titles: Mapping[str, str]) -> str:
    relative = relative_costs(costs)
    if PLAIN not in relative:
        return ""
    known = {method: value for method, value in relative.items() if method != PLAIN}
    if not known:
        return ""
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return (
        f"Training a student takes from {show(known[low])} ({titles[low]}) to {show(known[high])} ({titles[high]}) times the "
        f"CPU time with equal weights."
    )


def relative_costs(costs: Frame) -> dict[str, float]:
    """Method -> seconds a student, in units of those of equal weights; {} without that method.

    Labels only are left out: they train fewer students at once, so that each costs more.
    """
    each = dict(zip(costs["method"], costs["seconds"] / costs["students"], strict=True))
    return {m: float(value / each[PLAIN]) for m, value in each.items() if m != REFERENCE} if PLAIN in each else {}


def _main(name: str, tables: Mapping[str, Frame], titles: Mapping[str, str]) -> Table:
    head = [Column("Method", hint="labels only has no teacher")]
    for metric, word in METRICS.items():
        better = "higher is better" if metric == "accuracy" else "lower is better"
        head.append(Column(word.capitalize(), True, "mean and 95 % interval over replicates", better))
        head += [Column(f"Gain on {titles[r]}", True, f"in {word}, paired; positive is better") for r in _references(titles)]
    head += [Column("Mean rank", True, "by negative log-likelihood, over replicates", "1 is best"), Column("Cost", True, COST)]
    means = {metric: _means(_students(tables["scores"], metric), metric) for metric in METRICS}
    found = {(m, r): gains(tables, r, m) for m in METRICS for r in _references(titles)}
    ranks = tables["ranks"]
    placed = dict(zip(*(ranks.loc[ranks["metric"] == "nll", column] for column in ("method", "rank")), strict=True))
    costs, rows = relative_costs(tables["costs"]), []
    for method, title in titles.items():
        cells = [text(title)]
        for metric in METRICS:
            cells.append(score(Estimate(*means[metric][method], "replicates")))
            cells += [gain_cell(found[metric, reference].get(method)) for reference in _references(titles)]
        cells += [number(placed.get(method, float("nan"))), number(costs.get(method, float("nan")))]
        rows.append(Row(cells))
    return Table(f"{name}-methods", f"{name}: every method, its paired gains, and its cost", head, rows)


def _means(rows: Frame, metric: str) -> dict[str, Interval]:
    """Method -> its mean and interval over replicates."""
    return {str(name): interval(own["value"], range_of(metric)) for name, own in rows.groupby("method", sort=False)}


COST = "CPU time of training a student, relative to equal weights"


def _references(titles: Mapping[str, str]) -> list[str]:
    return [reference for reference in (REFERENCE, PLAIN) if reference in titles]


def gain_cell(found: Mapping[str, Any] | None) -> Cell:
    """A gain with its interval; marked and said in words where it is clear."""
    if found is None:
        return text("reference")
    word = {1: "better", -1: "worse", 0: ""}[found["clear"]]
    below = " ".join(filter(None, [show_interval(found["low"], found["high"], True), word]))
    return Cell(show(found["gain"], True), below, found["gain"], {"better": "good", "worse": "bad"}.get(word, ""))


def _weights(name: str, weights: Frame, titles: Mapping[str, str]) -> Table | None:
    """Mean share of every teacher, over all training examples and by domain."""
    if not len(weights):
        return None
    means = weights.groupby(["method", "domain", "teacher"], sort=False)["weight"].mean()
    teachers = list(dict.fromkeys(weights["teacher"]))
    domains = list(dict.fromkeys(weights["domain"]))
    head = [Column("Method"), Column("Training examples of"), *(Column(teacher, True) for teacher in teachers)]
    rows = [
        Row([text(titles[method]), text(domain), *(number(float(means[method, domain, teacher])) for teacher in teachers)])
        for method in titles
        if method in means.index.get_level_values(0)
        for domain in domains
    ]
    caption = f"{name}: mean share of every teacher in the loss, over all training examples and by domain"
    return Table(f"{name}-weights", caption, head, rows)


def _tuned(name: str, tuning: Frame, titles: Mapping[str, str]) -> Table:
    """How often validation chose each candidate."""
    chosen = tuning[tuning["chosen"]]
    names = {"share": "Share of the teachers l", "temperature": "Temperature T", "prior_scale": "Prior scale s"}
    rows = [
        Row([text(title), *(text(_counted(chosen[chosen["method"] == method][key])) for key in names)])
        for method, title in titles.items()
    ]
    head = [Column("Method"), *(Column(word) for word in names.values())]
    return Table(f"{name}-tuned", f"{name}: hyperparameters chosen on validation data (number of replicates)", head, rows)


def _edges(tuning: Frame, titles: Mapping[str, str]) -> str:
    """Methods that chose the end of a grid, so that a wider one might change their numbers."""
    found = at_ends(tuning.assign(method=tuning["method"].map(titles)), ["share", "temperature", "prior_scale"])
    told = [
        f"the {end} {SETTINGS[setting]}, {value:g}, for {listed([f'{title} ({e.times} of {e.of})' for title, e in chosen])}"
        for (setting, end, value), chosen in found.items()
    ]
    return f"Validation chose the edge of a grid: {'; '.join(told)}. Wider grids may change these numbers." if told else ""


def _counted(values: Sequence[float]) -> str:
    counts: dict[float, int] = {}
    for value in sorted(values):
        counts[value] = counts.get(value, 0) + 1
    return ", ".join(f"{value:g} \N{MULTIPLICATION SIGN} {times}" for value, times in counts.items())
