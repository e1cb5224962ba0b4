"""The question on real tables: one job a table and regime, one that joins them; a change runs again what depends on it."""

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
    analyses:
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
TABLES = [f"results/tiny/analyses/tables/{name}.parquet" for name in ("scores", "overall")]
PARTS = "results/tiny/analyses/tables/parts"


def test_every_table_is_a_job_and_a_change_runs_again_what_depends_on_it(fresh: Checkout) -> None:
    fresh.configure(ASKED)
    fresh.snakemake("--cores", "2", *TABLES, *STUDY)
    scores = pd.read_parquet(fresh.root / TABLES[0])
    assert set(scores.loc[scores["kind"] == "student", "method"]) == {"labels", "self_training", "kd_mean", "tip_equal"}
    assert scores.groupby("group")["table"].unique().map(list).to_dict() == {"A": ["iris"], "B": ["wine"]}
    assert scores["value"].notna().all()
    made = set(fresh.files("results/tiny/**/*"))
    assert {f"results/tiny/benchmarks/analysis/tables/{name}-clusters.tsv" for name in ("iris", "wine")} <= made

    def again(path: str, old: str, new: str) -> set[tuple[str, str]]:
        with fresh.edited(path, old, new):
            return {(job.rule, job.output.partition(",")[0]) for job in fresh.dry_run(*TABLES, *STUDY)}

    assert again("config.yaml", "study: demo", "study: smoke") == set()
    joined = ("analysis_tables", TABLES[0])
    assert again("mtbkd/tables/verdicts.py", "FEW = 60", "FEW = 61") == {joined}
    more = again("config.yaml", "B: [wine]}", "B: [wine, breast_cancer]}")
    assert more == {joined, ("analysis_tables_part", f"{PARTS}/breast_cancer-clusters/scores.parquet")}
    refit = again("mtbkd/signals/kd_mean.py", "\nfrom mtbkd.lazy", "\n# edited\nfrom mtbkd.lazy")
    assert refit == {joined, *(("analysis_tables_part", f"{PARTS}/{t}-clusters/scores.parquet") for t in ("iris", "wine"))}
