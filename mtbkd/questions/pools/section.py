"""What the report says of pools of one set of teachers: the best, what weights and temperatures change, and foreign data."""

from collections.abc import Iterator, Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.questions.pools.looks import HIGHER_IS_BETTER
from mtbkd.questions.pools.rules import (
    EACH,
    HOME,
    MEASURES,
    METRICS,
    NONE,
    PLAIN,
    PLAIN_WORDS,
    POOL,
    TEACHER,
    TEMPERATURES,
    VECTOR,
    Rule,
    chosen,
    counted,
    indexed,
    pools_only,
    rule_of,
    spaced,
    words,
)
from mtbkd.report.numbers import listed, show, show_interval
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, text

TITLE = "Which pool of these teachers predicts best, without a student?"
EXPLAINED = """\
Every operator, weighting and scaling on the same teachers and examples. What needs labels (scaling, validation, stacking and
domain weights) is learnt in folds: from other examples than those that it is judged on. Validation and domain weights know the
domain of an example, if the data have domains. Intervals are 95 % intervals over
examples, differences are paired, and a difference is clear if its p-value, corrected for the number of pools, is below .05.
Temperatures divide each teacher's logits before pooling, or those of the pool; vector scaling gives each class of a teacher a
slope and a shift. Foreign data are recognised by the entropy of
the pool, by the mutual information of class and teacher, or by the weight of the teachers who name another class.
"""
SAID = {"better": "better", "worse": "worse", "open": "no clear difference"}
Tables = Mapping[str, Frame]


def section(name: str, tables: Tables, settings: Mapping[str, Any]) -> Section:
    """The answer and two short tables; all pools, foreign data and the teachers folded away."""
    scores, differences = tables["scores"], tables["differences"]
    told = [_best(scores, differences), *_counted(differences), *_changed(differences)]
    told += [*_abroad(scores), _spread(tables["teachers"])]
    rules = sorted(indexed(chosen(scores, data=HOME, metric="nll")), key=lambda rule: rule.operator == TEACHER)
    short, every = ([rule for rule in rules if _is_short(rule) == wanted] for wanted in (True, False))
    details = [_home(f"{name}-all", "All other pools", scores, differences, every), *_foreign(name, scores, differences)]
    details.append(_teachers(name, tables["teachers"]))
    caption = "Accuracy and calibration of pools and single teachers"
    return Section(told, [_home(f"{name}-pools", caption, scores, differences, short)], details)


def estimate(row: Mapping[str, Any]) -> str:
    """``-0.005 [-0.006, -0.004]``."""
    return f"{show(row['difference'], True)} {show_interval(row['low'], row['high'], True)}"


def against_plain(differences: Frame, metric: str) -> dict[Rule, dict[str, Any]]:
    """Pool -> its row against the plain average on the data's own examples, without single teachers."""
    return indexed(pools_only(chosen(differences, against="plain", data=HOME, metric=metric)))


def _is_short(rule: Rule) -> bool:
    """Single teachers, every operator with equal weights, the plain average with every weighting, and both scaled."""
    if rule.operator == TEACHER or rule.weights == PLAIN.weights:
        return rule.temperature == NONE or rule.operator in ("linear", "logarithmic")
    return rule.operator == PLAIN.operator and (rule.temperature == NONE or rule.weights == "entropy")


def _best(scores: Frame, differences: Frame) -> str:
    nll = {rule: row["value"] for rule, row in indexed(pools_only(chosen(scores, data=HOME, metric="nll"))).items()}
    best = min(nll, key=nll.__getitem__)
    told = f"The lowest NLL of {len(nll)} pools, {show(nll[best])}, is that of the {words(best)}"
    told += f"; {PLAIN_WORDS} has {show(nll[PLAIN])}"
    row = against_plain(differences, "nll").get(best)
    return f"{told} ({SAID[row['verdict']]}, difference {estimate(row)})." if row else f"{told}."


def _counted(differences: Frame) -> list[str]:
    told = []
    for metric in ("nll", "accuracy", "ece_smooth"):
        better, worse, total = counted(row["verdict"] for row in against_plain(differences, metric).values())
        told.append(
            f"In {METRICS[metric][0]}, {better} of {total} pools are clearly better than {PLAIN_WORDS}, {worse} clearly worse."
        )
    return told


def _changed(differences: Frame) -> list[str]:
    """MT-BKD's weights, those by domain, and every kind of scaling, with nothing else changed."""
    rules = {
        "MT-BKD's entropy weights": PLAIN._replace(weights="entropy"),
        "Scaling each teacher before averaging": PLAIN._replace(temperature=EACH),
        "Vector-scaling each teacher before averaging": PLAIN._replace(temperature=VECTOR),
        "Weights by domain": PLAIN._replace(weights="domain"),
        "Scaling the average itself": PLAIN._replace(temperature=POOL),
    }
    found = {metric: against_plain(differences, metric) for metric in ("nll", "ece_smooth")}
    told = []
    for name, rule in rules.items():
        rows = {metric: each[rule] for metric, each in found.items() if rule in each}
        parts = [f"{METRICS[m][0]} by {estimate(row)} ({SAID[row['verdict']]})" for m, row in rows.items()]
        told += [f"{name} changes {listed(parts)}."] if parts else []
    return [each.replace("weights changes", "weights change").replace("domain changes", "domain change") for each in told]


def _abroad(scores: Frame) -> Iterator[str]:
    """Which measure tells foreign data best from the data's own, under the plain average."""
    for name in dict.fromkeys(scores["data"]):
        own = scores[scores["data"] == name] if name != HOME else scores[:0]
        values = {m: indexed(chosen(own, metric=f"auroc_{m}")) for m in MEASURES}
        found = {m: rows[PLAIN]["value"] for m, rows in values.items() if PLAIN in rows}
        if found:
            best = max(found, key=found.__getitem__)
            yield f"Foreign data ({name}) are recognised best by {MEASURES[best]}: AUROC {show(found[best])}."


def _spread(teachers: Frame) -> str:
    shares, scale = teachers["disagreement"], teachers["temperature"]
    return (
        f"Two teachers name different classes on {100 * shares.mean():.0f} % of the examples; their own temperatures range "
        f"from {show(scale.min())} to {show(scale.max())}."
    )


def _home(name: str, caption: str, scores: Frame, differences: Frame, rules: list[Rule]) -> Table:
    found = {metric: indexed(chosen(scores, data=HOME, metric=metric)) for metric in METRICS}
    found = {metric: rows for metric, rows in found.items() if rows}
    plain = {metric: indexed(chosen(differences, against="plain", data=HOME, metric=metric)) for metric in found}
    head = [Column("Operator"), Column("Weights"), Column("Temperature")]
    for metric in found:
        title, hint = METRICS[metric]
        hint += f"; below: difference from {PLAIN_WORDS} with its 95 % interval over examples"
        head.append(Column(title, True, hint, "higher is better" if HIGHER_IS_BETTER[metric] else "lower is better"))
    rows = []
    for rule in rules:
        cells = [text(spaced(rule.operator)), text(spaced(rule.weights)), text(TEMPERATURES[rule.temperature])]
        cells += [_cell(rows_of[rule], plain[metric].get(rule)) for metric, rows_of in found.items()]
        rows.append(Row(cells, last=rule.operator == TEACHER))
    return Table(name, f"{caption}, on {_size(scores)}", head, rows)


def _size(scores: Frame) -> str:
    return f"{int(scores['n'].max()):,} examples"


def _cell(row: Mapping[str, Any], difference: Mapping[str, Any] | None) -> Cell:
    if difference is None:
        return Cell(show(row["value"]), show_interval(row["low"], row["high"]), row["value"])
    mark = {"better": "good", "worse": "bad"}.get(difference["verdict"], "")
    said = difference["verdict"] if mark else ""
    return Cell(show(row["value"]), f"{estimate(difference)} {said}".strip(), row["value"], mark)


def _foreign(name: str, scores: Frame, differences: Frame) -> Iterator[Table]:
    """One table of all foreign data: a row a pool, AUROC and false alarms by each measure."""
    foreign = [data for data in dict.fromkeys(scores["data"]) if data != HOME]
    if not foreign:
        return
    head, columns = [Column("Operator"), Column("Weights"), Column("Temperature")], []
    for data in foreign:
        for kind, title, better in (("auroc", "AUROC", "higher is better"), ("fpr", "FPR at 95 %", "lower is better")):
            for measure, said in MEASURES.items():
                columns.append((data, f"{kind}_{measure}"))
                head.append(Column(f"{title}: {said}", True, _meaning(kind), better, group=data))
    values = {c: indexed(chosen(scores, data=c[0], metric=c[1])) for c in columns}
    plain = {c: indexed(chosen(differences, against="plain", data=c[0], metric=c[1])) for c in columns}
    rows = []
    for rule in dict.fromkeys(rule_of(row) for row in scores.to_dict("records")):
        cells = [text(spaced(rule.operator)), text(spaced(rule.weights)), text(TEMPERATURES[rule.temperature])]
        cells += [_cell(values[c][rule], plain[c].get(rule)) if rule in values[c] else text("\N{EN DASH}") for c in columns]
        rows.append(Row(cells, last=rule.operator == TEACHER))
    yield Table(f"{name}-foreign", "How well do pools tell foreign data from their own?", head, rows)


def _meaning(kind: str) -> str:
    if kind == "auroc":
        return "probability that a foreign example is the less certain one"
    return "share of foreign examples that pass where 95 % of the data's own do"


def _teachers(name: str, teachers: Frame) -> Table:
    head = [Column("Teacher"), Column("Disagreement", True, "share of examples on which another teacher names another class"),
            Column("Entropy", True, "mean, of the scaled teacher, nats"),
            Column("Temperature", True, "mean over folds; below: smallest and largest")]  # fmt: skip
    rows = [
        Row([
            text(row["teacher"]), Cell(show(row["disagreement"]), "", row["disagreement"]),
            Cell(show(row["entropy"]), "", row["entropy"]),
            Cell(show(row["temperature"]), show_interval(row["temperature_low"], row["temperature_high"]), row["temperature"]),
        ])
        for row in teachers.to_dict("records")
    ]  # fmt: skip
    return Table(f"{name}-teachers", "The teachers", head, rows)
