"""Which aggregation should I use? What all questions of a study say together: ranks, gains, costs, and what is guaranteed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.questions.baselines import BASELINES
from mtbkd.questions.baselines.contest import REFERENCE
from mtbkd.questions.baselines.section import METRICS, gain_cell, gains, relative_costs, titles_of
from mtbkd.questions.baselines.tables import PLAIN
from mtbkd.report.numbers import count, listed, show
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, number, text

NAME, TITLE = "advice", "Which aggregation rule should I use?"
EXPLAINED = """\
Joint conclusions from the comparisons below. The rank is the position of a method among all methods by negative log-likelihood
(1 is best), averaged over replicates and then over data sets; with so few data sets it is descriptive, not a test. A gain is
clear if the paired interval over replicates excludes zero and the corrected test has p below .05.
"""
Tables = Mapping[str, Frame]


def section(questions: Mapping[str, tuple[str, Tables]]) -> Section | None:
    """The advice; None where the study compares no methods.

    Args:
        questions: question -> (kind, its tables).
    """
    contests = {name: tables for name, (kind, tables) in questions.items() if kind == "baselines"}
    if not contests:
        return None
    known = [titles_of(tables) for tables in contests.values()]
    titles = {method: next(t[method] for t in known if method in t) for method in BASELINES if any(method in t for t in known)}
    ranks, costs = mean_ranks(contests), _mean(relative_costs(tables["costs"]) for tables in contests.values())
    found = {name: {r: gains(tables, r, "nll") for r in (REFERENCE, PLAIN)} for name, tables in contests.items()}
    told = [_first(ranks, titles, len(contests)), *_clear(found, titles), _worth(found, titles, costs), _axioms(questions)]
    return Section([sentence for sentence in told if sentence], [_table(titles, ranks, costs, found)])


def mean_ranks(contests: Mapping[str, Tables]) -> dict[str, float]:
    """Method -> its rank by negative log-likelihood, averaged over data sets; only methods that every data set has."""
    each = []
    for tables in contests.values():
        own = tables["ranks"][tables["ranks"]["metric"] == "nll"]
        each.append(dict(zip(own["method"], own["rank"], strict=True)))
    shared = set.intersection(*(set(ranks) for ranks in each))
    return {method: float(np.mean([ranks[method] for ranks in each])) for method in BASELINES if method in shared}


def _mean(each: Any) -> dict[str, float]:
    known = list(each)
    methods = {method for costs in known for method in costs}
    return {method: float(np.mean([costs[method] for costs in known if method in costs])) for method in methods}


def _first(ranks: Mapping[str, float], titles: Mapping[str, str], sets: int) -> str:
    if not ranks:
        return ""
    order = sorted(ranks, key=ranks.__getitem__)
    top = [f"{titles[method]} ({show(ranks[method])})" for method in order[:3]]
    place = f"; labels only has rank {show(ranks[REFERENCE])}" if REFERENCE in ranks and REFERENCE not in order[:3] else ""
    return f"The best average ranks over {count(sets, 'data set')}, of {len(ranks)} methods: {listed(top)}{place}."


def _clear(found: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]) -> list[str]:
    """Which methods gain or lose clearly, and on how many data sets."""
    told = []
    for reference in (REFERENCE, PLAIN):
        if reference not in titles:
            continue
        words = []
        for sign, word in ((1, "gain clearly"), (-1, "lose clearly")):
            counted = {m: sum(own[reference].get(m, {"clear": 0})["clear"] == sign for own in found.values()) for m in titles}
            sets = {m: f" (on {n} of {len(found)} data sets)" if len(found) > 1 else "" for m, n in counted.items()}
            those = [f"{titles[m]}{sets[m]}" for m, n in counted.items() if n]
            words.append(f"{word}: {listed(those) or 'none'}")
        told.append(f"Compared with {titles[reference]}, in {METRICS['nll']}, these {words[0]}. These {words[1]}.")
    return told


def _worth(found: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str], costs: Mapping[str, float]) -> str:
    """The cheapest method that is clearly better than equal weights on some data set, or that none is."""
    better = [m for m in titles if m in costs and any(own[PLAIN].get(m, {"clear": 0})["clear"] > 0 for own in found.values())]
    if PLAIN not in titles:
        return ""
    if not better:
        return f"No method is clearly better than {titles[PLAIN]}, equal weights, on any data set: start with equal weights."
    cheapest = min(better, key=costs.__getitem__)
    return (
        f"Of the methods that are clearly better than equal weights somewhere, {titles[cheapest]} is the cheapest, at "
        f"{show(costs[cheapest])} times the CPU time of equal weights."
    )


def _axioms(questions: Mapping[str, tuple[str, Tables]]) -> str:
    """How many of the axioms each pool keeps, where the study has searched for counterexamples."""
    for kind, tables in questions.values():
        matrix = tables.get("matrix")
        if kind == "axioms" and matrix is not None and {"operator", "holds"} <= set(matrix.columns):
            kept = matrix.groupby("operator", sort=False)["holds"].agg(["sum", "count"])
            told = [f"{operator} {row['sum']} of {row['count']}" for operator, row in kept.iterrows()]
            return (
                f"By a search for counterexamples, these pools satisfy properties: {listed(told)}. If a loss is a "
                "weighted sum of divergences to the teachers, its optimum is their linear pool with these weights, whatever "
                "the method that finds them; the prior of MT-BKD is a pool of densities, not of probabilities."
            )
    return ""


def _table(
    titles: Mapping[str, str], ranks: Mapping[str, float], costs: Mapping[str, float], found: Mapping[str, Any]
) -> Table:
    head = [Column("Method"), Column("Mean rank", True, "over data sets, by negative log-likelihood", "1 is best")]
    hint = "in negative log-likelihood, paired; positive is better; below: 95 % interval"
    head += [Column(f"Gain on {titles.get(r, r)}: {name}", True, hint) for r in (REFERENCE, PLAIN) for name in found]
    head.append(Column("Cost", True, "CPU time of training a student, relative to equal weights"))
    rows = []
    for method in sorted(titles, key=lambda m: ranks.get(m, float("inf"))):
        cells = [text(titles[method]), number(ranks.get(method, float("nan")))]
        cells += [gain_cell(found[name][r].get(method)) for r in (REFERENCE, PLAIN) for name in found]
        rows.append(Row([*cells, number(costs.get(method, float("nan")))]))
    return Table(f"{NAME}-methods", "Every method on every data set, the best average rank first", head, rows)
