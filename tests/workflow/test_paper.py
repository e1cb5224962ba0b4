"""A reduced version of the study of the papers' simulations: every printed number has its cell, every fit its gates."""

import json
from typing import Any

import pytest

from tests.workflow.conftest import Checkout

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
STUDY = """\
methods:
  tiny_kd: {signal: kd, weights: equal, inference: map, published: kd_equal}
  tiny_dropout: {signal: kd, weights: entropy, inference: dropout, settings: {draws: 40}, published: dropout_entropy}
  tiny_tip:
    signal: tip
    weights: entropy
    inference: sgld
    settings: {steps: 200, burn_in: 40, thin: 4, chains: 2, step_size: 1.0e-6}
    published: tip_entropy
studies:
  reduced:
    replicates: 3
    block_size: 3
    training: {steps: 150}
    posterior: {lambda: 0.5, prior_scale: 1}
    output: {prediction_draws: 30}
    experiments:
      sim1:
        dataset: sim1_paper
        teachers: [tiny_b1, tiny_b3]
        student: mlp_5
        published: mtbkd_table1_sim1
        methods: [labels_map, tiny_kd, tiny_dropout, tiny_tip]
"""
RUN = {"labels_map": None, "tiny_kd": "kd_equal", "tiny_dropout": "dropout_entropy", "tiny_tip": "tip_entropy"}


def test_the_reduced_study_fills_every_cell_and_respects_the_ceiling(fresh: Checkout) -> None:
    import pandas as pd

    fresh.configure("config.yaml", STUDY)
    fresh.snakemake("--cores", "all", "--config", "study=reduced")
    results = fresh.root / "results" / "reduced"
    printed: Any = pd.read_csv(results / "tables" / "published.csv", keep_default_na=False, na_values=[""])
    source: Any = pd.read_csv(fresh.root / "mtbkd" / "data" / "published" / "mtbkd_table1_sim1.csv", index_col="row")
    assert {(row.row, row.column): row.published for row in printed.itertuples()} == source.stack().to_dict()
    computed = printed["column"].isin([*filter(None, RUN.values()), "T1", "T2"])
    assert printed[computed][["method", "ours", "low", "high", "difference"]].notna().all(axis=None)
    said = {"compatible", "differs (ours better)", "differs (ours worse)", "too noisy to tell", "above the ceiling"}
    assert set(printed[computed]["verdict"]) <= said
    assert set(printed[~computed]["verdict"]) == {"not computed"}

    gates: Any = pd.read_parquet(results / "evaluation" / "sim1" / "gates.parquet")
    assert set(gates["method"]) == set(RUN) and set(gates["verdict"]) <= {"passed", "failed", "not applicable"}
    assert (gates.groupby("method")["replicate"].nunique() == 3).all()
    assert (gates[gates["method"] == "tiny_tip"].query("gate == 'rhat'")["verdict"] != "not applicable").all()

    metrics: Any = pd.read_parquet(results / "evaluation" / "sim1" / "metrics.parquet")
    whole: Any = metrics.query("split == 'test' and domain == 'all' and metric == 'accuracy_true_prob'")
    assert set(whole["n"]) == {20_000}
    ceiling = whole[whole["kind"] == "ceiling"]["value"].mean()
    for method in RUN:
        own = whole[whole["method"] == method]["value"]
        assert 0.5 < own.mean() <= ceiling + 3 * own.std(ddof=1) / len(own) ** 0.5

    card = json.loads(next((fresh.root / "results" / "shared" / "data").rglob("card.json")).read_text())
    assert [card["settings"][name] for name in ("n_train", "n_val", "n_test", "n_fresh")] == [12_000, 3_000, 5_000, 15_000]
    findings: Any = pd.read_csv(results / "tables" / "findings.csv")
    assert {"experiment", "question", "answer", "n"} <= set(findings) and len(findings) > 3
    assert "sim1" in (results / "report.html").read_text()
