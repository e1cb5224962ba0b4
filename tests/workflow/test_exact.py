"""The rules for exact answers: started where a study asks for them and nowhere else."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
ASKED = "  smoke:\n    exact: {methods: [labels_map, tip_entropy_sgld_tiny], sbc_datasets: 40}\n"


def test_a_study_that_asks_gets_one_job_a_method_and_their_tables(fresh: Checkout) -> None:
    assert not {job.rule for job in fresh.dry_run(*STUDY)} & {"exact", "published"}
    folder = "results/smoke/exact"
    with fresh.edited("workflow/studies/smoke.yaml", "  smoke:\n", ASKED):
        jobs = fresh.dry_run(*STUDY)
        judged = [job.output.split("/")[3] for job in jobs if job.rule == "exact"]
        assert sorted(judged) == ["labels_map", "tip_entropy_sgld_tiny"]
        assert [job.output for job in jobs if job.rule == "published"] == [f"{folder}/published.parquet"]
        fresh.snakemake("--cores", "1", f"{folder}/labels_map/cases.parquet", f"{folder}/published.parquet", *STUDY)
        made = {path.removeprefix(f"{folder}/") for path in fresh.files(f"{folder}/**/*")}
        assert made == {*(f"labels_map/{table}.parquet" for table in ("cases", "sbc", "ranks")), "published.parquet"}
        for kind, ending in (("logs", "log"), ("benchmarks", "tsv")):
            assert {f"results/smoke/{kind}/exact/labels_map.{ending}", f"results/smoke/{kind}/published.{ending}"} <= set(
                fresh.files("results/**/*")
            )
        with fresh.edited("mtbkd/inference/sgld.py", "import numpy as np", "import numpy as np  # edited"):
            assert "labels_map" not in {job.output.split("/")[3] for job in fresh.dry_run(*STUDY) if job.rule == "exact"}
