"""Exact answers: a question in parts, which are started where a study asks for them and nowhere else."""

import pytest

from tests.workflow.conftest import Checkout, Job

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
ASKED = """\
    questions:
      judged: {kind: exact, settings: {methods: [labels_map, tip_entropy_sgld_tiny], sbc_datasets: 40}}
"""
FOLDER = "results/smoke/questions/judged"


def test_a_study_that_asks_gets_one_job_a_method_and_their_tables(fresh: Checkout) -> None:
    assert not [job for job in fresh.dry_run(*STUDY) if "judged" in job.rule]
    with fresh.edited("workflow/studies/smoke.yaml", "    questions:\n", ASKED):
        jobs = fresh.dry_run(*STUDY)
        assert _judged(jobs) == ["labels_map", "tip_entropy_sgld_tiny"]
        assert [job.output.partition(",")[0] for job in jobs if job.rule == "question_judged"] == [f"{FOLDER}/cases.parquet"]
        fresh.snakemake("--cores", "1", f"{FOLDER}/methods/labels_map/cases.parquet", *STUDY)
        made = {path.removeprefix(f"{FOLDER}/") for path in fresh.files(f"{FOLDER}/**/*")}
        assert made == {f"methods/labels_map/{table}.parquet" for table in ("cases", "sbc", "ranks")}
        for kind, ending in (("logs", "log"), ("benchmarks", "tsv")):
            assert f"results/smoke/{kind}/question/judged/methods/labels_map.{ending}" in fresh.files("results/**/*")
        with fresh.edited("mtbkd/inference/sgld.py", "import numpy as np", "import numpy as np  # edited"):
            assert _judged(fresh.dry_run(*STUDY)) == ["tip_entropy_sgld_tiny"]
        with fresh.edited("mtbkd/questions/exact/planning.py", "from typing", "# edited\nfrom typing"):
            assert _judged(fresh.dry_run(*STUDY)) == ["tip_entropy_sgld_tiny"]
        with fresh.edited("mtbkd/inference/map.py", "from typing", "# edited\nfrom typing"):
            assert _judged(fresh.dry_run(*STUDY)) == ["labels_map", "tip_entropy_sgld_tiny"]


def _judged(jobs: list[Job]) -> list[str]:
    return sorted(job.output.split("/")[5] for job in jobs if job.rule == "part_judged_methods")
