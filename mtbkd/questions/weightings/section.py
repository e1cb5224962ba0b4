"""What the report says of teachers' weights: the pools they make, the conditions they keep, and what students choose."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.pooling.conditions import STATEMENTS
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, listed, show, show_interval
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, text
from mtbkd.report.verdict_card import Card

TITLE = "How should the teachers be weighted?"
EXPLAINED = """\
Weights may depend on the example (token scale: entropy, margin, the label), on the domain (task scale: validation likelihood,
which knows each example's domain) or on the location of the inputs (context scale: density ratio); their product is
renormalised over teachers. The teachers are pooled with each of them and scored on test examples, without any student.
Conditions on weights (axioms of arXiv 2601.17910; the constants and the safety ordering are ours) are tested on these teachers
and on hard cases.
Responsibilities are the weights that a student with the mixture prior assigns itself.
"""
OWN, HARD, CHOSEN = "teachers", "hard cases", "responsibilities: "
REFERENCE = "equal"


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer, scores and conditions; the mean weights folded away."""
    scores, gains, conditions, shares = (tables[table] for table in ("scores", "gains", "conditions", "shares"))
    shown = [_scores(name, scores, gains), _conditions(name, conditions)]
    return Section(_told(scores, gains, shares), shown, [_shares(name, shares)], cards=_cards(name, scores, gains))


def _cards(name: str, scores: Frame, gains: Frame) -> list[Card]:
    """Which weights pool the teachers best: one verdict over all pools, by the test NLL of the best."""
    mean = scores.groupby(["pool", "weights"], sort=False)["nll"].mean()
    if mean.empty or mean.isna().all():
        return []
    pool, best = (str(part) for part in mean.idxmin())
    own = gains[(gains["pool"] == pool) & gains["low"].notna()]
    better = own[own["verdict"] == "better"]["weights"].tolist()
    answer = _words(best)[:1].upper() + _words(best)[1:]
    tested = f"{len(better)} of {count(len(own), 'weighting')} clearly better than equal weights" if len(own) else "not tested"
    place = f"{name}: {pool} pool without a student; {tested}"
    return [Card("Which weights pool the teachers best?", answer, f"test NLL {show(float(mean.min()))} nats", place, "")]


def _told(scores: Frame, gains: Frame, shares: Frame) -> list[str]:
    told = []
    for pool, own in gains.groupby("pool", sort=False):
        better, worse = (own[own["verdict"] == verdict]["weights"].tolist() for verdict in ("better", "worse"))
        mean = scores[scores["pool"] == pool].groupby("weights", sort=False)["nll"].mean()
        best = str(mean.idxmin())
        words = f"{pool.capitalize()} pool: the lowest test NLL, {show(mean.min())} nats, belongs to {_words(best)}"
        if own["low"].notna().any():
            words += f"; clearly better than equal weights: {listed(list(map(_words, better))) or 'none'}"
            words += f"; clearly worse: {listed(list(map(_words, worse))) or 'none'}"
        told.append(f"{words}. Equal weights: {show(mean[REFERENCE])}." if REFERENCE in mean else f"{words}.")
    return told + _chosen(shares)


def _chosen(shares: Frame) -> list[str]:
    """How far the students' own weights are from the weights of their priors' neighbours, in words."""
    mean = shares[shares["domain"] != "all"].groupby(["weights", "domain", "teacher"])["weight"].mean()
    students = [name for name in dict.fromkeys(shares["weights"]) if str(name).startswith(CHOSEN)]
    if not students or mean.empty:
        return []
    others = [str(name) for name in dict.fromkeys(shares["weights"]) if name not in students]
    told = []
    for student in students:
        distance = {name: float((mean[student] - mean[name]).abs().mean()) for name in others if name in mean}
        nearest = min(distance, key=distance.__getitem__)
        told.append(
            f"The responsibilities of {str(student).removeprefix(CHOSEN)} are, by domain, closest to "
            f"{_words(nearest)} weights: {show(distance[nearest])} apart on average."
        )
    return told


def _words(name: str) -> str:
    return name.replace("_", " ")


def _scores(name: str, scores: Frame, gains: Frame) -> Table:
    pools = list(dict.fromkeys(scores["pool"]))
    head = [Column("Weights")]
    for pool in pools:
        hint = "negative log-likelihood of the test labels, nats; means over replicates"
        head += [Column(f"{pool.capitalize()} pool: NLL", True, hint, "lower is better")]
        head += [Column("minus equal", True, "paired over replicates; below: 95 % interval", "lower is better")]
        head += [Column("Accuracy", True, "", "higher is better")]
    mean = scores.groupby(["weights", "pool"], sort=False)[["nll", "accuracy"]].mean()
    found = gains.set_index(["weights", "pool"])
    rows = []
    for weights in dict.fromkeys(scores["weights"]):
        cells = [text(_words(weights))]
        for pool in pools:
            row = mean.loc[(weights, pool)]
            gain = _gain(found.loc[(weights, pool)]) if (weights, pool) in found.index else text("\N{EN DASH}")
            cells += [number(row["nll"]), gain, number(row["accuracy"])]
        rows.append(Row(cells))
    return Table(f"{name}-scores", "Pools of the teachers with each kind of weights, on test examples", head, rows)


def _gain(row: Mapping[str, Any]) -> Cell:
    low, high = float(row["low"]), float(row["high"])
    mark = {"better": "good", "worse": "bad"}.get(row["verdict"], "")
    return Cell(show(row["difference"], signed=True), show_interval(low, high, signed=True), row["difference"], mark)


def _conditions(name: str, conditions: Frame) -> Table:
    head = [Column("Weights")]
    columns = [(where, condition) for where in (OWN, HARD) for condition in STATEMENTS]
    columns = [c for c in columns if ((conditions["where"] == c[0]) & (conditions["condition"] == c[1])).any()]
    head += [
        Column(
            f"{condition[0].upper()}{condition[1:]}: {'these teachers' if where == OWN else where}", hint=STATEMENTS[condition]
        )
        for where, condition in columns
    ]
    rows = []
    for weights, own in conditions.groupby("weights", sort=False):
        cells = [_verdict(own[(own["where"] == where) & (own["condition"] == condition)]) for where, condition in columns]
        rows.append(Row([text(_words(str(weights))), *cells]))
    caption = "Which conditions do the weights satisfy? Below: the worst value; share of examples that violate it"
    return Table(f"{name}-conditions", caption, head, rows)


def _verdict(own: Frame) -> Cell:
    if not len(own):
        return text("\N{EN DASH}")
    holds = bool(own["holds"].all())
    worst = own["worst"].min() if own["condition"].iloc[0] in ("positive", "bounded below") else own["worst"].max()
    value = f"{worst:.2g}" if (worst and abs(worst) < 0.01) or worst > 1e3 else show(worst)
    sub = f"worst {value}" + ("" if holds else f"; {own['broken'].mean():.1%}")
    return text(f"{MARKS['passed']} yes" if holds else f"{MARKS['failed']} no", sub, "good" if holds else "bad")


def _shares(name: str, shares: Frame) -> Table:
    pairs = list(dict.fromkeys(zip(shares["domain"], shares["teacher"], strict=True)))
    mean = shares.groupby(["weights", "domain", "teacher"])["weight"].mean()
    head = [Column("Weights"), *(Column(f"{domain}: {teacher}", True) for domain, teacher in pairs)]
    rows = []
    for weights in dict.fromkeys(shares["weights"]):
        values = [float(mean.get((weights, domain, teacher), np.nan)) for domain, teacher in pairs]
        rows.append(Row([text(_words(weights)), *map(number, values)]))
    teachers = count(len(dict.fromkeys(shares["teacher"])), "teacher")
    caption = f"Mean weight of each of {teachers}, over all examples and by domain"
    return Table(f"{name}-shares", caption, head, rows)
