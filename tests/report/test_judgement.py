"""What the gates' rows say of a method: passed, failed, not judged, or nothing claimed."""

import numpy as np
import pandas as pd

from mtbkd.evaluation.tables import Tables
from mtbkd.inference.convergence import Claim, judge
from mtbkd.report.answers import Evidence
from mtbkd.report.experiment import gate_cell, gates_table, main_table
from mtbkd.report.judgement import is_posterior, judgements, unclaimed

CLAIMS = {
    "map": Claim("point", False),
    "hasty": Claim("point", False),
    "dropout": Claim("independent", False),
    "silent": Claim("independent", True),
    "vi": Claim("independent", True, frozenset({"log_ratio"})),
    "sgld": Claim("chains", True),
}


def gates() -> pd.DataFrame:
    """Two replicates of each algorithm; calibration, which all but points have, is passed."""
    rng, tables = np.random.default_rng(0), Tables({"study": "s", "experiment": "e", "dataset": "d"})
    for name, claim in CLAIMS.items():
        shape = (2, 4 if claim.draws == "chains" else 1, 1 if claim.draws == "point" else 500)
        given = {"temperature": rng.normal(1, 0.2, shape)}
        given |= {"shortfall": np.full(shape, 0.1 if name == "hasty" else 0.001)} if claim.draws == "point" else {}
        given |= {"log_ratio": rng.normal(size=shape)} if "log_ratio" in claim.supplies else {}
        values = rng.normal(size=shape), rng.dirichlet([3, 3], (*shape, 2)), given, np.zeros(shape[:2], bool)
        applies = None if claim.draws == "point" else True
        calibration = [
            {"gate": "calibration", "replicate": r, "value": 1.0, "threshold": 2.0, "verdict": applies, "judged": True}
            for r in range(2)
        ]
        tables.add_gates(judge(claim, *values) + calibration, method=name, inference=name)
    return tables.frame("gates")


def test_each_kind_of_claim_has_its_word() -> None:
    found = judgements(gates())
    assert {name: each.status for name, each in found.items()} == {
        "map": "not applicable", "hasty": "not applicable",
        "dropout": "passed", "silent": "not judged", "vi": "passed", "sgld": "passed",
    }  # fmt: skip
    assert found["silent"].unjudged == {"psis_khat": 2}
    assert [found[name].sound for name in ("vi", "sgld", "silent")] == [2, 2, 0]


def test_a_posterior_is_what_claims_to_be_one_judged_or_not() -> None:
    assert {name for name, claims in is_posterior(gates()).items() if claims} == {"silent", "vi", "sgld"}
    assert unclaimed(gates()) == {"dropout"}


def test_an_optimiser_that_has_not_arrived_is_shown_and_counts_against_nobody() -> None:
    found = judgements(gates())
    assert (found["hasty"].warned, found["hasty"].failed, found["map"].warned) == ({"optimised": 2}, {}, {})
    assert found["hasty"].warnings == "optimised (2 of 2)"
    row = gates().query("method == 'hasty' and gate == 'optimised'").iloc[0]
    assert (row["stage"], row["verdict"]) == ("fit", "failed") and "more steps" in row["note"]


def test_tables_say_what_was_not_judged_and_who_claims_nothing() -> None:
    rows = gates()
    columns = {"study": "s", "experiment": "e", "dataset": "d", "signal": "tip", "weights": "", "kind": "student"}
    columns |= {"metric": "nll", "split": "test", "domain": "all", "value": 1.0, "se": 0.1, "n": 10}
    metrics = pd.DataFrame([{**columns, "method": m, "inference": m, "replicate": r} for m in CLAIMS for r in range(2)])
    evidence = Evidence("e", metrics, pd.DataFrame(), judgements(rows), is_posterior(rows), None, unclaimed(rows))
    by_method = {row.cells[0].sub: row.cells[1] for row in main_table(evidence, []).rows}
    assert (by_method["silent"].text, by_method["silent"].sub) == ("? not judged", "psis_khat")
    assert by_method["dropout"].sub == "calibration; claims no posterior"
    assert by_method["vi"].sub == "every applicable gate"
    names = [row.cells[0].sub for row in main_table(evidence, [], {"vi": "teachers judged by labels they saw"}).rows]
    assert [sub.endswith("; teachers judged by labels they saw") for sub in names] == [m == "vi" for m in CLAIMS]
    assert by_method["map"].sub == "point estimate, no posterior"
    assert by_method["hasty"].sub == "point estimate, no posterior; \N{WARNING SIGN} not optimised (2 of 2)"
    table = gates_table(evidence, rows)
    arrived = [column.name for column in table.columns].index("optimised")
    cells = {row.cells[0].text: row.cells[arrived] for row in table.rows}
    assert cells["map"].mark == "good" and cells["hasty"].mark == "warn" and "worst 0.100" in cells["hasty"].sub
    at = [column.name for column in table.columns].index("psis_khat")
    told = {row.cells[0].text: row.cells[at] for row in table.rows}
    assert told["silent"].text == "? not judged 2 of 2" and "log_ratio" in told["silent"].sub


def test_a_failure_without_a_value_says_why() -> None:
    claim, rng = CLAIMS["sgld"], np.random.default_rng(0)
    tables = Tables({"study": "s", "experiment": "e", "dataset": "d"})
    given, diverged = {"temperature": np.ones((1, 4, 25))}, np.zeros((1, 4), bool)
    rows = judge(claim, rng.normal(size=(1, 4, 25)), rng.dirichlet([3, 3], (1, 4, 25, 2)), given, diverged)
    tables.add_gates(rows, method="sgld", inference="sgld")
    found = tables.frame("gates")
    cell = gate_cell(found[found["gate"] == "rhat"], "")
    assert "failed 1 of 1" in cell.text and cell.sub == "too few draws to tell: 25 draws per chain, needs at least 100"
