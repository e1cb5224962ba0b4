"""Findings from tables whose answers are plain to see."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.data.published.tables import Number
from mtbkd.evaluation.compare import compare
from mtbkd.report import findings as page
from mtbkd.report.contrasts import (
    Case,
    Finding,
    against_scaled,
    by_inference,
    by_scaling,
    by_signal,
    by_teacher_scaling,
    by_weights,
    pairs,
    prior_and_sampler,
)
from mtbkd.report.evidence import Evidence, Pair
from mtbkd.report.judgement import Judgement
from mtbkd.report.numbers import Estimate
from mtbkd.report.versus import ABOVE_CEILING, BETTER, COMPATIBLE, FITTED, NOT_RUN, NOT_STATED, Versus, ceilings

# Method -> (signal, its r, weights, inference), and its mean accuracy and NLL; differences scatter by .002.
METHODS: dict[str, tuple[str, float | None, str | None, str]] = {
    "labels_map": ("none", None, None, "map"),
    "kd_equal_map": ("kd", None, "equal", "map"),
    "kd_entropy_map": ("kd", None, "entropy", "map"),
    "kd_entropy_sgld": ("kd", None, "entropy", "sgld"),
    "tip_entropy_map": ("tip", None, "entropy", "map"),
    "tip_entropy_sgld": ("tip", None, "entropy", "sgld"),
    "power_half_map": ("power", 0.5, "entropy", "map"),
}
ACCURACY = {
    "labels_map": 0.82, "kd_equal_map": 0.75, "kd_entropy_map": 0.75, "kd_entropy_sgld": 0.77, "tip_entropy_map": 0.80,
    "tip_entropy_sgld": 0.84, "power_half_map": 0.79, "teachers:best": 0.70, "teachers:mean": 0.78, "bayes": 0.85,
}  # fmt: skip
NLL = {method: 1.2 - accuracy for method, accuracy in ACCURACY.items()}
FAILED = {"kd_entropy_sgld": Judgement("failed", {"rhat": 3}, 10), "tip_entropy_sgld": Judgement("passed", {}, 10)}


def table(replicates: int = 10, methods: dict[str, Any] = METHODS) -> pd.DataFrame:
    """Metrics of the whole test split; all methods share what a replicate adds."""
    rng, rows = np.random.default_rng(0), []
    for metric, means in (("accuracy", ACCURACY), ("nll", NLL), ("accuracy_kde_mode", ACCURACY)):
        shared = 0.02 * rng.normal(size=replicates)
        for method, mean in means.items():
            own = METHODS.get(method)
            if (own and method not in methods) or (metric == "accuracy_kde_mode" and not (own and own[3] == "sgld")):
                continue
            kind = "student" if own else "ceiling" if method == "bayes" else "teacher"
            values = mean + shared + 0.002 * rng.normal(size=replicates)
            rows += [row(method, metric, "all", r, v, kind) for r, v in enumerate(values)]
    return pd.DataFrame(rows)


def row(method: str, metric: str, domain: str, replicate: int, value: float, kind: str) -> dict[str, Any]:
    signal = METHODS[method][0] if method in METHODS else ""
    place = {"split": "test", "domain": domain, "replicate": replicate}
    return {"method": method, "signal": signal, "kind": kind, "metric": metric, **place, "value": value, "se": 0.005, "n": 100}


def teachers(replicates: int = 10) -> pd.DataFrame:
    """up is surest where it errs; down is surest where it is right."""
    by = {"up": {"low": (0.4, 0.1), "high": (0.9, 0.3)}, "down": {"low": (0.9, 0.1), "high": (0.5, 0.3)}}
    rng = np.random.default_rng(1)
    return pd.DataFrame([
        row(teacher, metric, domain, r, value + 0.01 * rng.normal(), "teacher")
        for teacher, domains in by.items() for domain, pair in domains.items()
        for metric, value in zip(("accuracy", "entropy_total"), pair, strict=True) for r in range(replicates)
    ])  # fmt: skip


def spec(method: str) -> dict[str, Any]:
    signal, r, weights, inference = METHODS[method]
    settings = {} if r is None else {"r": r}
    return {"signal": {"name": signal, "settings": settings}, "weights": weights,
            "inference": {"name": inference, "settings": {}}, "posterior": {"lambda": [1.0]}}  # fmt: skip


@cache
def case(methods: tuple[str, ...] = tuple(METHODS), replicates: int = 10, versus: tuple[Versus, ...] = ()) -> Case:
    shown = pd.concat([table(replicates, {m: METHODS[m] for m in methods}), teachers(replicates)], ignore_index=True)
    evidence = Evidence("sim", shown, compare(shown, methods[0]), FAILED, {m: METHODS[m][3] == "sgld" for m in methods})
    planned = {"methods": {m: spec(m) for m in methods}, "data": {"simulated": True, "redrawn": True, "settings": {}},
               "teachers": [{"name": "up"}, {"name": "down"}]}  # fmt: skip
    return Case(evidence, planned, versus)


def asked(found: list[Finding], question: str, summed: bool = True) -> list[str]:
    return [each.answer for each in found if each.question == question and (each.sums_up or not summed)]


def test_pairs_differ_in_one_part_only() -> None:
    methods = {m: spec(m) for m in METHODS}
    assert set(by_signal(methods, "tip", "kd")) == {
        ("tip_entropy_map", "kd_entropy_map"), ("tip_entropy_sgld", "kd_entropy_sgld"),
    }  # fmt: skip
    assert by_signal(methods, "power", "kd") == [("power_half_map", "kd_entropy_map")]
    assert by_weights(methods) == [("kd_entropy_map", "kd_equal_map")]
    assert set(by_inference(methods)) == {("kd_entropy_sgld", "kd_entropy_map"), ("tip_entropy_sgld", "tip_entropy_map")}
    assert prior_and_sampler(methods) == [("tip_entropy_sgld", "kd_entropy_sgld", "kd_entropy_map")]
    scaled = methods | {"tip_scaled": methods["tip_entropy_map"] | {"student_scaling": True}}
    assert by_scaling(scaled) == [("tip_scaled", "tip_entropy_map")] and by_scaling(methods) == against_scaled(methods) == []
    assert against_scaled(scaled) == [("tip_entropy_sgld", "tip_scaled")]
    taught = methods | {"kd_scaled": methods["kd_equal_map"] | {"teacher_scaling": "vector"}}
    assert by_teacher_scaling(taught) == [("kd_scaled", "kd_equal_map")] and by_teacher_scaling(methods) == []
    for question in (by_weights, by_inference, prior_and_sampler):  # a scaled student stands in for no other
        assert question(scaled) == question(methods)
    methods["kd_entropy_map"] = methods["kd_entropy_map"] | {"posterior": {"lambda": [9.0]}}
    assert ("kd_entropy_sgld", "kd_entropy_map") not in by_inference(methods)  # another posterior, not another sampler


@pytest.mark.parametrize(
    ("low", "high", "p", "metric", "verdict"),
    [
        (-0.2, -0.1, 0.01, "nll", "better"),
        (-0.2, -0.1, 0.01, "accuracy", "worse"),
        (0.1, 0.2, 0.01, "accuracy", "better"),
        (-0.1, 0.2, 0.01, "accuracy", "open"),  # the interval holds 0
        (0.1, 0.2, 0.06, "accuracy", "open"),  # not after the correction
        (0.1, 0.2, float("nan"), "accuracy", "open"),  # no test
        (float("nan"), float("nan"), 0.01, "accuracy", "open"),
    ],
)
def test_a_claim_needs_interval_and_corrected_test(low: float, high: float, p: float, metric: str, verdict: str) -> None:
    (pair,) = pairs(case(), [("tip_entropy_map", "kd_entropy_map")], metric)
    assert replace_pair(pair, low, high, p).verdict == verdict


def replace_pair(pair: Pair, low: float, high: float, p: float) -> Pair:
    return pair._replace(found=pair.found._replace(low=low, high=high), p_holm=p)


def test_what_helps_is_said_with_interval_and_n() -> None:
    found = page.findings(case())
    (accuracy, nll) = asked(found, "Linear pool (tip) or log pool (kd)?")
    assert accuracy.startswith("Accuracy, tip vs kd, 2 pairs. Better: 2 (largest: tip_entropy_sgld vs kd_entropy_sgld ")
    assert "n = 10, p = 0.0039, d = +" in accuracy and "Worse: none. Inconclusive: none." in accuracy
    assert nll.startswith("NLL") and "Better: 2" in nll
    singles = [each for each in found if each.question.startswith("Linear pool") and not each.sums_up]
    assert len(singles) == 4 and all(each.low <= each.value <= each.high and each.p < 0.05 for each in singles)
    assert "kd_entropy_sgld \N{BALLOT X}" in accuracy  # it failed a gate


def test_no_claim_where_the_interval_holds_zero() -> None:
    (accuracy, _) = asked(page.findings(case()), "Are other weights better than equal weights?")
    assert accuracy.endswith("no difference can be claimed.") and "better" not in accuracy


def test_no_claim_over_few_replicates() -> None:
    found = page.findings(case(replicates=4))
    assert any("too few replicates for a test" in each.answer for each in found)
    texts = [each.answer for each in found if each.question == "Linear pool (tip) or log pool (kd)?"]
    assert "Better: none. Worse: none. Inconclusive: 2" in texts[0]


def test_labels_alone_are_beaten_by_one_and_beat_the_others() -> None:
    (accuracy, _) = asked(page.findings(case()), "What beats labels alone?")
    assert "6 pairs. Better: 1 (tip_entropy_sgld vs labels_map" in accuracy and "Worse: 5 (largest: kd_e" in accuracy


def test_prior_and_sampler_are_told_apart() -> None:
    (accuracy, _) = asked(page.findings(case()), "Is it the prior or the sampler?")
    both, rest = accuracy.split(" The sampler contributes, ")
    sampler, prior = rest.split(". The prior contributes, ")
    assert both.startswith("Accuracy: tip_entropy_sgld vs kd_entropy_map, +0.0") and both.endswith("(better).")
    (whole,) = [each for each in page.findings(case()) if each.answer == accuracy]
    assert whole.value == pytest.approx(ACCURACY["tip_entropy_sgld"] - ACCURACY["kd_entropy_map"], abs=0.005)
    assert sampler.startswith("kd_entropy_sgld \N{BALLOT X} vs kd_entropy_map: +0.0")
    assert prior.startswith("tip_entropy_sgld vs kd_entropy_sgld \N{BALLOT X}: +0.0")


def test_a_teacher_that_is_sure_where_it_errs_is_named() -> None:
    up, down = asked(page.findings(case()), "Are teachers right where they are confident?")
    assert up.startswith("up is most confident on low") and up.endswith("Entropy weights trust it where it is less accurate.")
    assert "Its best domain is high" in up and "n = 10" in up
    assert down.startswith("down is most confident on low") and ", which is also its best domain: accuracy 0." in down


def test_missing_methods_give_no_sentence() -> None:
    found = page.findings(case(methods=("labels_map", "kd_equal_map")))
    questions = {each.question for each in found}
    assert questions == {
        "How close do students come to the ceiling?",
        "What beats labels alone?",
        "Are students better than their teachers?",
        "Are teachers right where they are confident?",
    }
    without = case(methods=("kd_equal_map", "kd_entropy_map"))
    assert not asked(page.findings(without), "What beats labels alone?")


def printed(column: str, value: float, verdict: Any, quantity: str = "acc_overall") -> Versus:
    ours = Estimate(0.8, 0.79, 0.81, 10, "replicates")
    return Versus("", "accuracy", "all", Number(quantity, column, value, 0.005), ours, verdict, "")


def test_printed_numbers_are_counted_and_the_impossible_ones_named() -> None:
    versus = (
        printed("T1", 0.70, FITTED), printed("kd_equal", 0.72, BETTER), printed("tip_entropy", 0.90, ABOVE_CEILING),
        printed("bnn_equal", 0.82, NOT_RUN),
    )  # fmt: skip
    found = page.findings(case(versus=versus))
    every, students = asked(found, "Do the published numbers reproduce?")
    assert every.startswith("1 published number can be judged. Compatible: none. Differs (ours better): 1. ")
    assert "Not counted: " in every and f"{FITTED}: 1" in every and f"{ABOVE_CEILING}: 1" in every
    assert students.startswith("1 published student number can be judged. ") and FITTED not in students
    (named,) = [each for each in found if each.question == "Which published numbers exceed the Bayes ceiling?"]
    assert named.answer.startswith("Published for tip_entropy on the whole test split: 0.9. The true probabilities reach 0.8")
    assert named.low < named.value < named.high and named.value == pytest.approx(0.9 - 0.85, abs=0.02)
    (labels,) = asked(found, "How do labels alone compare with the published students?")
    assert "better than 1 of 2 published student numbers. Worse: none; compatible: 1." in labels
    assert "The best published one is 0.82 (bnn_equal)" in labels


def test_a_printed_number_beside_two_methods_is_one_number() -> None:
    versus = (printed("kd_equal", 0.72, BETTER), printed("kd_equal", 0.72, COMPATIBLE), printed("tip_equal", 0.8, COMPATIBLE))
    every, _ = asked(page.findings(case(versus=versus)), "Do the published numbers reproduce?")
    assert every.startswith("3 comparisons with 2 published numbers can be judged. Compatible: 2. ")


def test_the_printed_order_is_tried_on_our_own_methods() -> None:
    """Printed, kd by MAP is the best; ours is worse than tip, and no better than kd with equal weights."""
    columns = {
        "kd_entropy": ("kd_entropy_map", 0.83),
        "tip_entropy": ("tip_entropy_map", 0.80),
        "kd_equal": ("kd_equal_map", 0.7),
    }
    versus = tuple(replace(printed(c, value, COMPATIBLE), method=method) for c, (method, value) in columns.items())
    question = "Does the best published student remain the best?"
    found = [each for each in page.findings(case(versus=versus)) if each.question == question]
    assert [each.sums_up for each in found] == [True, False, False]
    assert (
        "Better: none. Worse: 1 (kd_entropy_map vs tip_entropy_map, " in found[0].answer
        and "Inconclusive: 1" in found[0].answer
    )
    assert found[1].answer.startswith(
        "Published: kd_entropy is 0.03 above tip_entropy. Ours: kd_entropy_map vs tip_entropy_map, "
    )
    assert found[1].answer.endswith("worse, contrary to the published order.") and found[2].answer.endswith("can be claimed.")


def test_labels_alone_are_not_set_beside_numbers_of_other_data() -> None:
    found = page.findings(case(versus=(printed("kd_equal", 0.72, NOT_STATED),)))
    assert not asked(found, "How do labels alone compare with the published students?")


def test_a_domain_has_no_ceiling_where_it_is_the_label() -> None:
    rows = pd.DataFrame([row("bayes", "accuracy", domain, 0, 0.8, "ceiling") for domain in ("all", "c1")])
    assert set(ceilings(rows)) == {"all", "c1"} and set(ceilings(rows, label_is_domain=True)) == {"all"}


def test_the_table_has_a_row_a_finding_and_the_page_its_summaries() -> None:
    known = case()
    other = replace(known, evidence=replace(known.evidence, name="other"))
    parts, frame = page.study([known, other])
    found = page.findings(known)
    assert list(frame.columns)[:8] == ["experiment", "question", "answer", "value", "low", "high", "p", "n"]
    pairs = frame[frame["method"] != ""]
    assert len(pairs) and all(method in told for method, told in zip(pairs["method"], pairs["answer"], strict=True))
    assert {*pairs["verdict"]} <= {"better", "worse", "open"} and {*pairs["metric"]} <= {"accuracy", "nll", "ece"}
    assert len(frame) == 2 * len(found) and set(frame["experiment"]) == {"sim", "other"}
    shown = [answer for _, answers in parts[0].answers for answer in answers]
    assert shown == [each.answer for each in found if each.sums_up] and len(parts[1].table.rows) == len(found)
