"""Stacked chains are named as such wherever the page speaks of their posterior; so is what a method's note says."""

from dataclasses import replace

import pandas as pd

from mtbkd.evaluation.tables import COLUMNS
from mtbkd.inference.chain_stacking import UNTRUSTED
from mtbkd.report.answers import can_posteriors_be_trusted, sentences, which_is_best
from mtbkd.report.contrasts import Case, by_inference, by_signal, by_stacking
from mtbkd.report.evidence import Evidence
from mtbkd.report.experiment import gates_table, long_rows, main_table
from mtbkd.report.judgement import Judgement
from mtbkd.report.stacking import said, stacking_table
from mtbkd.report.trust import failed_gates
from tests.report.test_answers import evidence
from tests.report.test_findings import METHODS, spec

WORDS = "stacked from 2 of 4 chains, weights 0.60, 0.40"
PASSED = Judgement("passed", {}, 8, sound=8)


def stacked(**judged: Judgement) -> Evidence:
    given = evidence(**{"tip_sgld": PASSED, **judged})
    complete = given.metrics.assign(study="s", experiment="sim", dataset="d", weights="", inference="sgld")
    return replace(given, metrics=complete, stacked={"tip_sgld": WORDS}, notes={"tip_nuts": "as the paper has it"})


def weights_of(method: str, *by_replicate: list[float], why_not: str = "") -> pd.DataFrame:
    rows = [
        {"method": method, "inference": "sgld", "replicate": r, "chain": c, "weight": w, "elpd": -10.0 - c,
         "khat_bad": 0.01 * c, "why_not": why_not}
        for r, own in enumerate(by_replicate) for c, w in enumerate(own)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS["chain_weights"])


def test_the_first_screen_counts_stacked_posteriors_apart() -> None:
    trusted = dict(sentences([stacked()]))["Can the posteriors be trusted?"]
    assert trusted[0].startswith(
        "The draws of 2 of 2 posteriors pass every gate in all replicates (16 of 16 fits), 1 of them within chains, "
        "which are stacked instead of pooled (sim: tip_sgld)"
    )
    assert "stacked" not in dict(sentences([evidence(tip_sgld=PASSED)]))["Can the posteriors be trusted?"][0]
    failed = Judgement("failed", {"rhat": 2}, 8)
    assert "not pooled" not in dict(sentences([stacked(tip_sgld=failed)]))["Can the posteriors be trusted?"][0]
    assert "tip_sgld (stacked chains) fail rhat" in can_posteriors_be_trusted(stacked(tip_sgld=failed))


def test_sentences_about_a_stacked_method_say_that_it_is() -> None:
    assert "tip_nuts and tip_sgld (stacked chains) pass every gate" in can_posteriors_be_trusted(stacked())
    assert which_is_best(stacked()).startswith("tip_sgld (stacked chains) has the lowest NLL")
    (finding,) = failed_gates(Case(stacked(), {"methods": {}}, ()))
    assert f"tip_sgld is judged within chains: {WORDS}." in finding.answer


def test_the_main_table_tells_weights_and_notes_beside_the_name() -> None:
    names = {row.cells[0].sub.partition(";")[0]: row.cells[0].sub for row in main_table(stacked(), []).rows}
    assert names["tip_sgld"].endswith(WORDS) and names["tip_nuts"].endswith("; as the paper has it")
    assert not names["kd_map"].endswith((WORDS, "has it"))
    rows = {row["method"]: row for row in long_rows(stacked(), [stacked().metrics])}
    assert rows["tip_sgld"]["stacked"] == WORDS and rows["tip_nuts"]["note"] == "as the paper has it"
    assert rows["kd_map"]["stacked"] == rows["kd_map"]["note"] == ""


def test_the_gates_table_says_that_stacked_chains_are_judged_within() -> None:
    row = {"replicate": 0, "gate": "rhat", "value": 1.005, "threshold": 1.01, "verdict": "passed", "note": ""}
    table = gates_table(stacked(), pd.DataFrame([{**row, "method": method} for method in ("tip_sgld", "tip_nuts")]))
    assert [line.cells[0].sub for line in table.rows] == [f"within chains: {WORDS}", ""]


def test_weights_are_told_over_replicates_with_those_that_could_not_be_stacked() -> None:
    assert said(weights_of("a", [0.4, 0.6, 0.0, 0.0])) == {"a": WORDS}
    both = pd.concat([weights_of("a", [0.4, 0.6]), weights_of("b", [0.4, 0.6], [0.2, 0.8])])
    assert said(both)["b"] == "stacked from 2 of 2 chains, mean weights 0.70, 0.30"
    lost = weights_of("a", [0.5, 0.5], why_not=UNTRUSTED).assign(replicate=3)
    assert said(lost) == {"a": UNTRUSTED}
    mixed = said(pd.concat([weights_of("a", [0.4, 0.6]), lost]))["a"]
    assert mixed == f"stacked from 2 of 2 chains, weights 0.60, 0.40; in 1 of 2 replicates {UNTRUSTED}"


def test_every_replicate_has_its_row_of_weights() -> None:
    table = stacking_table("sim", weights_of("a", [0.4, 0.6], [1.0, 0.0]))
    assert table is not None
    assert [[cell.text for cell in row.cells[:4]] for row in table.rows] == [
        ["a", "0", "0.40, 0.60", "-11.0 to -10.0"], ["a", "1", "1.00, 0.00", "-11.0 to -10.0"],
    ]  # fmt: skip
    assert stacking_table("sim", weights_of("a")) is None


def test_a_stacked_method_is_no_partner_of_a_pooled_one_for_signal_or_weights() -> None:
    methods = {name: spec(name) | {"stack_chains": False} for name in METHODS}
    methods["tip_stacked"] = methods["tip_entropy_sgld"] | {"stack_chains": True}
    assert ("tip_stacked", "kd_entropy_sgld") not in by_signal(methods, "tip", "kd")
    assert ("tip_stacked", "tip_entropy_map") in by_inference(methods)
    assert by_stacking(methods) == [("tip_stacked", "tip_entropy_sgld")]
