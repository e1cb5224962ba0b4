"""The answers of the report's first screen, from tables whose answers are plain to see."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtbkd.evaluation.compare import compare
from mtbkd.report.answers import (
    best_student,
    can_posteriors_be_trusted,
    did_teachers_help,
    do_they_agree,
    sentences,
    when_it_pays,
    which_is_best,
)
from mtbkd.report.evidence import Evidence
from mtbkd.report.judgement import Judgement

SIGNALS = {"labels_map": "none", "kd_map": "kd", "tip_nuts": "tip", "tip_sgld": "tip"}
# Mean NLL and accuracy over replicates; a student's values scatter around them.
NLL = {"labels_map": 0.40, "kd_map": 0.45, "tip_nuts": 0.30, "tip_sgld": 0.20}
ACCURACY = {"labels_map": 0.80, "kd_map": 0.60, "tip_nuts": 0.85, "tip_sgld": 0.9, "teachers:best": 0.75}
PASSED, FAILED = Judgement("passed", {}, 8, sound=8), Judgement("failed", {"rhat": 8}, 8)
JUDGED = {"tip_nuts": PASSED, "tip_sgld": FAILED}
POSTERIOR = {"labels_map": False, "kd_map": False, "tip_nuts": True, "tip_sgld": True}


def metrics(replicates: int = 8, methods: tuple[str, ...] = tuple(SIGNALS)) -> pd.DataFrame:
    """Rows of the whole test split; differences to labels only scatter by .01 over replicates."""
    rng = np.random.default_rng(0)
    rows = []
    for metric, means in (("nll", NLL), ("accuracy", ACCURACY)):
        shared = 0.05 * rng.normal(size=replicates)
        for method, mean in means.items():
            if method not in methods and method in SIGNALS:
                continue
            kind = "student" if method in SIGNALS else "teacher"
            values = mean + shared + 0.01 * rng.normal(size=replicates)
            rows += [
                {"method": method, "signal": SIGNALS.get(method, ""), "kind": kind, "metric": metric, "split": "test",
                 "domain": "all", "replicate": r, "value": v, "se": 0.02, "n": 100}
                for r, v in enumerate(values)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def evidence(
    replicates: int = 8, methods: tuple[str, ...] = tuple(SIGNALS), reference: str = "labels_map", **judged
) -> Evidence:
    table = metrics(replicates, methods)
    compared = compare(table, reference)
    return Evidence("sim", table, compared, JUDGED | judged, POSTERIOR)


def test_the_best_student_is_the_best_of_those_that_failed_no_gate() -> None:
    """tip_sgld has the lowest NLL of all but failed a gate."""
    found = best_student(evidence())
    assert found is not None and found[0] == "tip_nuts"
    text = which_is_best(evidence())
    assert text.startswith("tip_nuts has the lowest NLL, 0.3")
    assert "of the 3 ranked students (1 more failed a gate on its draws)" in text
    assert "Its difference from labels_map (labels only) is \N{MINUS SIGN}0." in text
    assert ": a lower NLL; p = 0.023 after Holm's correction for 3" in text


def test_a_winner_whose_optimiser_has_not_arrived_is_named_as_such() -> None:
    hasty = Judgement("not applicable", {}, 8, {}, {"optimised": 3})
    text = which_is_best(evidence(methods=("labels_map", "kd_map"), labels_map=hasty))
    assert text.startswith("labels_map has the lowest NLL")
    assert "(but its optimiser has not converged: optimised (3 of 8))" in text


def test_a_gap_that_the_test_finds_is_told_with_its_size() -> None:
    miscalibrated = evidence(tip_nuts=Judgement("failed", {"calibration": 2}, 8))
    gaps = miscalibrated.metrics[miscalibrated.metrics["metric"] == "nll"]
    for size, told in ((0.004, "0.0040 (small)"), (0.03, "0.0300")):
        signs = [(-1) ** r * size for r in gaps["replicate"]]  # of both signs: their mean is 0, the gap is not
        metrics = pd.concat([miscalibrated.metrics, gaps.assign(metric="coverage_gap@0.9", value=signs)], ignore_index=True)
        found = replace(miscalibrated, metrics=metrics)
        assert f"calibration (2 of 8, mean |coverage gap| {told})" in which_is_best(found)
        assert f"(calibration (2 of 8, mean |coverage gap| {told}))" in can_posteriors_be_trusted(found)


def test_students_are_held_against_teachers_routed_by_domain_too() -> None:
    own = evidence()
    best = own.metrics[own.metrics["method"] == "teachers:best"]
    routed = best.assign(method="teachers:routed", value=best["value"] + 0.12)  # above every student
    told = did_teachers_help(replace(own, metrics=pd.concat([own.metrics, routed], ignore_index=True)))
    assert "tip_nuts is more accurate than the best teacher (0.7" in told
    assert "); none is more accurate than teachers routed by domain (0.9" in told


def test_labels_only_may_win() -> None:
    text = which_is_best(evidence(methods=("labels_map", "kd_map")))
    assert text.startswith("labels_map has the lowest NLL") and text.endswith("it learns from labels only")


def test_too_few_replicates_are_said_to_be_too_few() -> None:
    text = which_is_best(evidence(2))
    assert (
        "over 2 replicates: too few replicates for an interval, so no difference can be claimed" in text and "Holm" not in text
    )


def test_nobody_wins_where_every_student_failed() -> None:
    every = dict.fromkeys(SIGNALS, FAILED)
    assert best_student(evidence(**every)) is None
    assert which_is_best(evidence(**every)) == "no student can be ranked: all of them failed a gate on their draws"
    assert did_teachers_help(evidence(**every)) == (
        "no distilled student can be counted (3 more failed a gate on their draws and are not counted)"
    )


def test_trust_counts_posteriors_and_names_the_gates_that_failed() -> None:
    assert can_posteriors_be_trusted(evidence()) == "tip_nuts passes every gate; the draws of tip_sgld fail rhat"
    points = evidence(methods=("labels_map", "kd_map"))
    assert can_posteriors_be_trusted(points) == "no method computes a posterior; all are point estimates"


def test_a_bad_model_is_told_from_bad_draws() -> None:
    """Draws that are the posterior's are ranked even where their intervals are badly calibrated, and it is said."""
    miscalibrated = evidence(tip_nuts=Judgement("failed", {"calibration": 2}, 8, sound=8))
    found = best_student(miscalibrated)
    assert found is not None and found[0] == "tip_nuts"
    assert "of the 3 ranked students (1 more failed a gate on its draws)" in which_is_best(miscalibrated)
    assert "(but it is not calibrated: calibration (2 of 8))." in which_is_best(miscalibrated)
    assert can_posteriors_be_trusted(miscalibrated) == (
        "the draws of tip_nuts pass, but their intervals are not calibrated (calibration (2 of 8)); "
        "the draws of tip_sgld fail rhat"
    )
    both = can_posteriors_be_trusted(evidence(tip_nuts=FAILED))
    assert both == "the draws of tip_nuts and tip_sgld fail rhat"
    trusted = dict(sentences([miscalibrated]))["Can the posteriors be trusted?"]
    assert trusted[0] == (
        "The draws of 1 of 2 posteriors pass every gate in all replicates (8 of 16 fits). 0 of them are also calibrated."
    )


def test_what_is_not_judged_is_no_pass_and_claims_of_nothing_are_counted_apart() -> None:
    """A draw without a gate's statistic and an ensemble: neither is among the posteriors that pass every gate."""
    silent = evidence(tip_sgld=Judgement("not judged", {}, 8, {"psis_khat": 8}))
    assert can_posteriors_be_trusted(silent) == (
        "tip_nuts passes every gate; the draws of tip_sgld could not be judged by psis_khat"
    )
    apart = replace(silent, posterior=POSTERIOR, unclaimed=frozenset({"kd_map"}))
    assert can_posteriors_be_trusted(apart).endswith("; kd_map claims no posterior")
    assert dict(sentences([apart]))["Can the posteriors be trusted?"][0] == (
        "The draws of 1 of 2 posteriors pass every gate in all replicates (8 of 16 fits). 1 of them is also calibrated. "
        "1 could not be judged by every applicable gate. "
        "Counted separately: 1 method with draws that claim no posterior (dropout, ensembles)."
    )
    assert "(its draws could not be judged by psis_khat)" in which_is_best(silent)
    ensembles = replace(evidence(methods=("labels_map", "kd_map")), unclaimed=frozenset({"kd_map"}))
    assert can_posteriors_be_trusted(ensembles) == "kd_map claims no posterior"


def test_help_is_counted_against_labels_only_and_against_the_best_teacher() -> None:
    text = did_teachers_help(evidence())
    assert "1 of 2 distilled students has a lower NLL than labels only. Higher: 1; inconclusive: none" in text
    assert "tip_nuts is more accurate than the best teacher (0.7" in text
    assert text.endswith("(1 more failed a gate on its draws and is not counted)")


def test_without_a_labels_only_student_nothing_is_said_against_it() -> None:
    text = did_teachers_help(evidence(methods=("kd_map", "tip_nuts"), reference="kd_map"))
    assert "labels only" not in text and "best teacher" in text


def agreement(**verdicts: str) -> pd.DataFrame:
    """Rows of two replicates: method -> the verdict of each, by its first letter."""
    words = {"a": "agrees", "d": "differs", "n": "no reference", "r": "reference"}
    return pd.DataFrame([
        {"method": method, "verdict": words[letter], "reference": "" if letter == "n" else "nuts",
         "note": "nuts failed a gate" if letter == "n" else "", "sd_ratio": 0.6 if method == "vi" else np.nan,
         "nll_diff": 0.012 if method == "vi" else np.nan}
        for method, letters in verdicts.items() for letter in letters
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({}, ""),
        ({"nuts": "rr", "sgld": "aa"}, "2 of 2 fits agree with nuts"),
        (
            {"nuts": "rn", "sgld": "an", "vi": "dn", "map": "dn"},
            "1 of 3 fits agree with nuts; vi differs: spread 0.60 times the reference's (too narrow), NLL 0.012 higher "
            "(worse); map differs; 4 fits have no reference (nuts failed a gate)",
        ),
        ({"nuts": "nn", "sgld": "nn"}, "no reference is available (nuts failed a gate)"),
    ],
)
def test_agreement_is_counted_by_fits_and_names_who_differs(verdicts: dict[str, str], said: str) -> None:
    assert do_they_agree(replace(evidence(), agreement=agreement(**verdicts))) == said


def test_the_first_sentence_tells_where_teachers_pay_and_where_not() -> None:
    points = replace(evidence(methods=("labels_map", "kd_map")), name="points")
    few = replace(evidence(2), name="few")
    (told,) = when_it_pays([evidence(), points, few])
    better = "Distilled students predict better than labels only on sim (1 of 2 distilled students; largest gain: tip_nuts, "
    assert told.startswith(better)
    assert ", but not on points (none of 1 distilled student, 1 predicts worse; best: kd_map, NLL +0." in told
    assert "few" not in told
    assert when_it_pays([points])[0].startswith("Distilled students do not predict better than labels only on points")
    assert when_it_pays([few]) == []


def test_the_sentences_answer_three_questions_over_all_experiments() -> None:
    points = replace(evidence(methods=("labels_map", "kd_map")), name="points")
    found = sentences([evidence(), points])
    assert [question for question, _ in found] == [
        "When do teachers help?", "Which student predicts best?", "Can the posteriors be trusted?", "Did the teachers help?",
    ]  # fmt: skip
    assert [[answer.split(",")[0] for answer in answers[-2:]] for _, answers in found[1:]] == [["On sim", "On points"]] * 3
    assert all(answer.endswith(".") for _, answers in found for answer in answers)
    assert [len(answers) for _, answers in found] == [1, 2, 3, 2]
    assert found[2][1][0].startswith(
        "The draws of 1 of 2 posteriors pass every gate in all replicates (8 of 16 fits). 1 of them"
    )


def test_a_study_of_inference_asks_after_inference_first() -> None:
    found = sentences([evidence()], on_inference=True)
    assert [question for question, _ in found] == [
        "Can the posteriors be trusted?", "When do teachers help?", "Which student predicts best?", "Did the teachers help?",
    ]  # fmt: skip
