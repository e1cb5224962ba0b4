"""The verdict cards: from what the experiments show, and nothing else."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from mtbkd.data.published.tables import Number
from mtbkd.evaluation.compare import paired
from mtbkd.report.answers import can_posteriors_be_trusted
from mtbkd.report.evidence import Evidence
from mtbkd.report.headline import cards
from mtbkd.report.judgement import Judgement
from mtbkd.report.numbers import UNKNOWN
from mtbkd.report.verdict_card import Card
from mtbkd.report.versus import BETTER, COMPATIBLE, NOT_STATED, WORSE, Versus

TITLES = {"labels_map": "Labels alone, MAP", "tip": "MT-BKD, MAP", "kd": "KD, MAP", "tip_sgld": "MT-BKD, SGLD"}
SIGNALS = {"labels_map": "none", "tip": "tip", "kd": "kd", "tip_sgld": "tip"}


def experiment(name: str, gains: dict[str, list[float]], failed: bool = False) -> Evidence:
    """An experiment whose ``gains`` are differences in NLL to labels alone, a replicate each."""
    methods = ["labels_map", *gains]
    replicates = len(next(iter(gains.values())))
    rows = [
        {"method": m, "metric": "nll", "kind": "student", "split": "test", "domain": "all", "replicate": r,
         "signal": SIGNALS[m], "value": 1 + (gains[m][r] if m in gains else 0)}
        for m in methods for r in range(replicates)
    ]  # fmt: skip
    found: list[dict[str, Any]] = [
        {"method": m, "reference": "labels_map", "metric": "nll", "split": "test", "domain": "all", "p_holm": each.p_value}
        | each._asdict()
        for m, values in gains.items()
        for each in [paired(pd.Series(values).to_numpy())]
    ]
    drawn = [m for m in methods if m == "tip_sgld"]
    judgement = (
        Judgement("failed", {"rhat": 1}, replicates) if failed else Judgement("passed", replicates=replicates, sound=replicates)
    )
    judged = dict.fromkeys(drawn, judgement)
    return Evidence(name, pd.DataFrame(rows), pd.DataFrame(found), judged, {m: m in drawn for m in methods})


def printed(verdict: Any) -> Versus:
    return Versus("tip", "accuracy", "all", Number("accuracy", "tip", 0.8, 0.005), UNKNOWN, verdict, "")


def by_question(found: list[Card]) -> dict[str, Card]:
    return {card.question.split()[0]: card for card in found}


def test_the_largest_gain_that_can_be_claimed_is_named_with_its_experiment() -> None:
    few = experiment("few", {"tip": [-0.30, -0.28, -0.31, -0.33, -0.27, -0.29], "kd": [-0.1, 0.2, -0.3, 0.1, 0.0, 0.1]})
    many = experiment("many", {"kd": [0.01, -0.02, 0.03, -0.01, 0.02, -0.03]})
    found = by_question(cards([few, many], {}, TITLES))
    best = found["Which"]
    assert (best.answer, best.id, best.link) == ("MT-BKD, MAP", "tip", "experiment-few")
    assert best.number.startswith("\N{MINUS SIGN}0.297 [")
    helps = found["Does"]
    assert helps.answer == "In some experiments" and helps.number == "1 of 3 students predict better"
    assert helps.place == "helps on few; not shown on many"
    assert set(found) == {"Which", "Does"}


def test_where_nothing_can_be_claimed_no_method_is_named_the_winner() -> None:
    found = by_question(cards([experiment("many", {"kd": [0.01, -0.02, 0.03, -0.01, 0.02, -0.03]})], {}, TITLES))
    assert found["Which"].answer == "None is shown to gain"
    assert found["Does"].answer == "Not shown in any experiment"


@pytest.mark.parametrize(("failed", "answer", "number"), [
    (False, "Yes", "1 of 1 posteriors pass every gate on their draws"),
    (True, "None of them", "0 of 1 posteriors pass every gate on their draws"),
])  # fmt: skip
def test_posteriors_are_trusted_where_their_gates_pass(failed: bool, answer: str, number: str) -> None:
    card = by_question(cards([experiment("few", {"tip_sgld": [-0.3, -0.2, -0.3]}, failed)], {}, TITLES))["Can"]
    assert (card.answer, card.number, card.link) == (answer, number, "diagnostics")


def test_procedures_repeated_as_printed_are_counted_apart_from_the_posteriors() -> None:
    own = experiment("few", {"tip_sgld": [-0.3, -0.2, -0.3]})
    papers = replace(experiment("many", {"tip_sgld": [-0.3, -0.2, -0.3]}, failed=True), as_printed=frozenset({"tip_sgld"}))
    card = by_question(cards([own, papers], {}, TITLES))["Can"]
    assert (card.number, card.place) == ("1 of 1 posteriors pass every gate on their draws",
                                       "3 of 3 fits pass. Repeated as printed: none of 1 pass")  # fmt: skip
    assert can_posteriors_be_trusted(papers) == "tip_sgld repeats a paper's procedure (failed: rhat (1 of 3))"


@pytest.mark.parametrize(("gap", "answer", "place"), [
    (0.004, "Yes", "0 pass calibration, 1 more nearly"),
    (0.030, "None of them", "0 pass calibration"),
])  # fmt: skip
def test_intervals_that_are_nearly_calibrated_are_trusted_and_others_are_not(gap: float, answer: str, place: str) -> None:
    few = experiment("few", {"tip_sgld": [-0.3, -0.2, -0.3]})
    row = {"method": "tip_sgld", "kind": "student", "split": "test", "domain": "all", "replicate": 0, "signal": "tip"}
    gaps = pd.DataFrame([{**row, "metric": "coverage_gap@0.9", "value": gap}])
    failed = Judgement("failed", {"calibration": 3}, 3, sound=3)
    missed = replace(few, metrics=pd.concat([few.metrics, gaps]), judged={"tip_sgld": failed})
    card = by_question(cards([missed], {}, TITLES))["Can"]
    assert (card.answer, card.number, card.place) == (answer, "1 of 1 posteriors pass every gate on their draws", place)


def test_printed_numbers_count_only_where_they_can_be_judged() -> None:
    told = [COMPATIBLE, COMPATIBLE, BETTER, NOT_STATED]
    card = by_question(cards([], {"few": [printed(v) for v in told]}, TITLES))["Do"]
    assert (card.answer, card.number, card.place) == ("Most of them", "2 of 3 compatible", "1 ours better")
    assert cards([], {"few": [printed(NOT_STATED)]}, TITLES) == []
    better = by_question(cards([], {"few": [printed(v) for v in (COMPATIBLE, WORSE, BETTER, BETTER, BETTER)]}, TITLES))["Do"]
    assert (better.answer, better.number) == ("Few of them: most of ours are better", "1 of 5 compatible")


def test_one_replicate_claims_nothing() -> None:
    found = by_question(cards([experiment("gold", {"tip": [-0.3]})], {}, TITLES))
    assert found["Which"].answer == "None is shown to gain" and "Does" not in found
