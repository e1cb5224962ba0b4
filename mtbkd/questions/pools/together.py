"""Which pool of strong teachers should I use? What all questions of this kind say together: advice made from the numbers."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.questions.pools.rules import (
    EACH,
    HOME,
    MEASURES,
    METRICS,
    PLAIN,
    PLAIN_WORDS,
    POOL,
    TEMPERATURES,
    VECTOR,
    Rule,
    chosen,
    counted,
    indexed,
    needs_labels,
    pools_only,
    spaced,
    words,
)
from mtbkd.questions.pools.section import against_plain, estimate
from mtbkd.report.numbers import count, listed, show
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, text
from mtbkd.report.verdict_card import Card

NAME, TITLE = "pools_advice", "Which way of pooling strong teachers should I use?"
EXPLAINED = """\
Advice from all sets of teachers below, without any student. A pool is safe if it is clearly worse than the plain average (the
arithmetic mean with equal weights) on no set, neither in accuracy nor in NLL nor in smooth calibration error. The rank is the
position of a pool among all pools by NLL, 1 is best, averaged over the sets of teachers: a description, not a test.
"""
KIND = "pools"
JUDGED = ("accuracy", "nll", "ece_smooth")
ANSWERED = 5  # pools of each sort in the short table
Tables = Mapping[str, Frame]
Verdicts = Mapping[str, Mapping[str, Mapping[Rule, Mapping[str, Any]]]]  # set of teachers -> metric -> pool -> row


def section(questions: Mapping[str, tuple[str, Tables]]) -> Section | None:
    """The advice; None where the study judges no pools.

    Args:
        questions: question -> (kind, its tables).
    """
    sets = {name: tables for name, (kind, tables) in questions.items() if kind == KIND}
    if not sets:
        return None
    found = {name: {m: against_plain(tables["differences"], m) for m in JUDGED} for name, tables in sets.items()}
    ranks = mean_ranks(sets)
    safe = safe_rules(found, ranks)
    told = [*_advised(safe, found), *_entropy(found, sets), *_scaling(sets), *_domains(sets), *_abroad(sets)]
    short = [*safe[:ANSWERED], *[r for r in safe if not needs_labels(r)][:ANSWERED], *_usual(ranks)]
    caption = "Differences in NLL from the plain average on every set of teachers"
    tables = [_table(f"{NAME}-short", f"{caption}: the safest and the usual pools", list(dict.fromkeys(short)), ranks, found)]
    tables.append(_choices(sets))
    details = [_table(f"{NAME}-all", f"{caption}: all pools", sorted(ranks, key=ranks.__getitem__), ranks, found)]
    return Section(told, tables, details, answers=[(TITLE, told[:2])], cards=_cards(safe, found))


def mean_ranks(sets: Mapping[str, Tables]) -> dict[Rule, float]:
    """Pool -> its rank by NLL, averaged over sets of teachers; only pools that every set has."""
    each = []
    for tables in sets.values():
        own = pools_only(chosen(tables["scores"], data=HOME, metric="nll"))
        each.append({rule: row["rank"] for rule, row in indexed(own.assign(rank=own["value"].rank())).items()})
    shared = set.intersection(*(set(ranks) for ranks in each))
    return {rule: float(np.mean([ranks[rule] for ranks in each])) for rule in each[0] if rule in shared}


def safe_rules(found: Verdicts, ranks: Mapping[Rule, float]) -> list[Rule]:
    """Pools that are clearly worse than the plain average nowhere, the best mean rank first."""
    safe = [r for r in ranks if r != PLAIN and not any(_is(own, m, r, "worse") for own in found.values() for m in JUDGED)]
    return sorted(safe, key=ranks.__getitem__)


def _is(own: Mapping[str, Mapping[Rule, Mapping[str, Any]]], metric: str, rule: Rule, verdict: str) -> bool:
    row = own[metric].get(rule)
    return row is not None and row["verdict"] == verdict


def _gains(found: Verdicts, rule: Rule, metric: str, verdict: str = "better") -> list[str]:
    """Sets of teachers on which a pool has the verdict."""
    return [name for name, own in found.items() if _is(own, metric, rule, verdict)]


def _advised(safe: list[Rule], found: Verdicts) -> list[str]:
    told, sets = [], count(len(found), "set of teachers", "sets of teachers")
    for sort, kept in (("With labelled examples", safe), ("Without labels", [r for r in safe if not needs_labels(r)])):
        if kept:
            told.append(
                f"{sort}, use the {words(kept[0])}: it is clearly worse than {PLAIN_WORDS} nowhere, and clearly better in NLL "
                f"on {len(_gains(found, kept[0], 'nll'))} of {sets}."
            )
        else:
            told.append(f"{sort}, use {PLAIN_WORDS}: every other pool is clearly worse somewhere.")
    return told


def _only(rule: Rule, key: str) -> bool:
    """Does a pool differ from the plain average in ``key`` alone?"""
    return rule != PLAIN and rule._replace(**{key: getattr(PLAIN, key)}) == PLAIN


def _entropy(found: Verdicts, sets: Mapping[str, Tables]) -> Iterable[str]:
    """Where MT-BKD's weights help and where they hurt, and how much the teachers disagree there."""
    rule = PLAIN._replace(weights="entropy")
    for verdict, verb in (("better", "help"), ("worse", "hurt")):
        names = _gains(found, rule, "nll", verdict)
        if names:
            each = [
                f"{name} ({estimate(found[name]['nll'][rule])}; "
                f"{100 * sets[name]['teachers']['disagreement'].mean():.0f} % disagreement)"
                for name in names
            ]
            yield f"MT-BKD's entropy weights {verb} in NLL on {listed(each)}."


def _scaling(sets: Mapping[str, Tables]) -> Iterable[str]:
    """Over all pools that differ in scaling alone: how often scaling makes them better."""
    for name, temperature in (("each teacher", EACH), ("each teacher by class", VECTOR), ("the pool", POOL)):
        if told := _shares(_verdicts(sets, "temperature", "nll", temperature=temperature)):
            yield f"Scaling {name} makes NLL clearly better {told}."
    if told := _shares(_verdicts(sets, "vector", "nll")):
        yield f"Vector scaling in place of each teacher's temperature makes NLL clearly better {told}."


def _domains(sets: Mapping[str, Tables]) -> Iterable[str]:
    """Over all pools that differ in weights alone: how often those by domain make them better."""
    if told := _shares(_verdicts(sets, "weights", "nll", weights="domain")):
        yield f"Weights by domain make NLL clearly better {told}, on data with domains."


def _shares(verdicts: list[str]) -> str:
    better, worse, total = counted(verdicts)
    return f"in {100 * better / total:.0f} % of all pools and worse in {100 * worse / total:.0f} %" if total else ""


def _verdicts(sets: Mapping[str, Tables], against: str, metric: str, **where: str) -> list[str]:
    """Of all pools with one operator, weighting or scaling, against the same pool with the usual one, on all sets."""
    tables = [chosen(each["differences"], against=against, data=HOME, metric=metric, **where) for each in sets.values()]
    return [verdict for table in tables for verdict in pools_only(table)["verdict"]]


def _choices(sets: Mapping[str, Tables]) -> Table:
    """How often each operator, weighting and scaling is better and worse than the usual one, all else equal."""
    head = [Column("Choice"), Column("Compared with")]
    for metric in JUDGED:
        title, hint = METRICS[metric]
        head += [Column("Better", True, hint, group=title), Column("Worse", True, hint, group=title)]
    rows = []
    for key, usual in PLAIN._asdict().items():
        names = dict.fromkeys(str(n) for tables in sets.values() for n in pools_only(tables["differences"])[key])
        for name in names:
            each = [counted(_verdicts(sets, key, metric, **{key: name})) for metric in JUDGED]
            shares = [
                Cell(f"{100 * n / total:.0f} %", "", n / total)
                for better, worse, total in each
                if total
                for n in (better, worse)
            ]
            if len(shares) == 2 * len(JUDGED):
                rows.append(Row([text(_called(key, name)), text(_called(key, usual)), *shares]))
    caption = "Share of pools in which a choice is clearly better or worse, all else equal, over all sets of teachers"
    return Table(f"{NAME}-choices", caption, head, rows)


def _called(key: str, name: str) -> str:
    """An operator, weighting or scaling in words."""
    if key == "temperature":
        return TEMPERATURES[name]
    return f"{spaced(name)} {'pool' if key == 'operator' else 'weights'}"


def _abroad(sets: Mapping[str, Tables]) -> Iterable[str]:
    """By which measure foreign data are told apart, over all pools."""
    for name, tables in sets.items():
        scores = pools_only(tables["scores"])
        for data in dict.fromkeys(scores["data"]):
            own = chosen(scores, data=data)
            medians = {m: float(own[own["metric"] == f"auroc_{m}"]["value"].median()) for m in MEASURES}
            best = max(medians, key=medians.__getitem__)
            if data != HOME:
                told = f"Foreign data {data} ({name}) are recognised best by {MEASURES[best]}"
                yield f"{told}: median AUROC {show(medians[best])}."


def _usual(ranks: Mapping[Rule, float]) -> list[Rule]:
    """The plain average, every weighting of it, every operator with equal weights, and both scalings."""
    return [r for r in ranks if r == PLAIN or any(_only(r, key) for key in Rule._fields)]


def _table(name: str, caption: str, rules: list[Rule], ranks: Mapping[Rule, float], found: Verdicts) -> Table:
    head = [Column("Pool"), Column("Needs labels"), Column("Mean rank", True, "by NLL, over the sets of teachers", "1 is best")]
    hint = "NLL minus that of the plain average, paired; below: 95 % interval over examples"
    head += [Column(each, True, hint, "lower is better") for each in found]
    rows = []
    for rule in rules:
        cells = [text(words(rule)), text("yes" if needs_labels(rule) else "no"), number(ranks[rule])]
        rows.append(Row([*cells, *(_cell(own["nll"].get(rule)) for own in found.values())]))
    return Table(name, caption, head, rows)


def _cell(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return text("reference")
    mark = {"better": "good", "worse": "bad"}.get(row["verdict"], "")
    shown, _, interval = estimate(row).partition(" ")
    return Cell(shown, f"{interval} {row['verdict'] if mark else ''}".strip(), row["difference"], mark)


def _cards(safe: list[Rule], found: Verdicts) -> list[Card]:
    best = safe[0] if safe else PLAIN
    better = len(_gains(found, best, "nll"))
    answer = words(best)
    place = f"among pools that are clearly worse than {PLAIN_WORDS} on no set, in accuracy, NLL and calibration"
    number_of = f"clearly better NLL on {better} of {count(len(found), 'set of teachers', 'sets of teachers')}"
    return [Card("Which pool of strong teachers?", answer[0].upper() + answer[1:], number_of, place, "")]
