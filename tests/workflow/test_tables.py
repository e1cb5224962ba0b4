"""The question on real tables: one job a table and regime, and one that joins them."""

import pandas as pd
import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=tiny")
ASKED = """\
studies:
  tiny:
    replicates: 2
    training: {steps: 20, restarts: 1}
    questions:
      tables:
        kind: tables
        student: mlp_5
        settings:
          groups: {A: [iris], B: [wine]}
          regimes: [clusters]
          labels: [20]
          methods: [labels, self_training, kd_mean, tip_equal]
          trees: 5
    experiments:
      iris: {dataset: iris_specialists, teachers: [forest_1, forest_2, forest_3], student: mlp_5, methods: [labels_map]}
"""
TABLES = [f"results/tiny/questions/tables/{name}.parquet" for name in ("scores", "overall")]


def test_every_table_is_a_job_and_another_table_runs_no_other_again(fresh: Checkout) -> None:
    fresh.configure("config.yaml", ASKED)
    fresh.snakemake("--cores", "2", *TABLES, *STUDY)
    scores = pd.read_parquet(fresh.root / TABLES[0])
    assert set(scores.loc[scores["kind"] == "student", "method"]) == {"labels", "self_training", "kd_mean", "tip_equal"}
    assert scores.groupby("group")["table"].unique().map(list).to_dict() == {"A": ["iris"], "B": ["wine"]}
    assert scores["value"].notna().all()
    made = set(fresh.files("results/tiny/**/*"))
    assert {f"results/tiny/benchmarks/question/tables/parts/{name}-clusters.tsv" for name in ("iris", "wine")} <= made

    with fresh.edited("config.yaml", "B: [wine]}", "B: [wine, breast_cancer]}"):
        again = {(job.rule, job.output.partition(",")[0]) for job in fresh.dry_run(*TABLES, *STUDY)}
    added = "results/tiny/questions/tables/parts/breast_cancer-clusters/scores.parquet"
    assert again == {("part_tables_parts", added), ("question_tables", TABLES[0])}
