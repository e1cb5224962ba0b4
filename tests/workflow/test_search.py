"""The rule for the teacher search: started where a study asks for it and nowhere else."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
ASKED = """\
  smoke:
    teacher_search:
      mine: {dataset: sim1_tiny, published: mtbkd_table1_sim1, teachers: {T1: tiny_b1}, replicates: 2, grid: {steps: [20, 30]}}
"""


def test_a_study_that_asks_gets_one_job_a_search_and_its_tables(fresh: Checkout) -> None:
    assert "teacher_search" not in {job.rule for job in fresh.dry_run(*STUDY)}
    with fresh.edited("config.yaml", "  smoke:\n", ASKED):
        searches = [job.output for job in fresh.dry_run(*STUDY) if job.rule == "teacher_search"]
        assert searches == ["results/smoke/teacher_search/mine.parquet"]
        fresh.snakemake("--cores", "1", *searches, *STUDY)
        made = set(fresh.files("results/smoke/**/*"))
        assert {"results/smoke/logs/teacher_search/mine.log", "results/smoke/benchmarks/teacher_search/mine.tsv"} <= made
        with fresh.edited("mtbkd/teachers/mlp.py", "\nfrom pathlib", "\n# edited\nfrom pathlib"):
            assert searches == [job.output for job in fresh.dry_run(*STUDY) if job.rule == "teacher_search"]
        assert not [job for job in fresh.dry_run(*STUDY) if job.rule == "teacher_search"]
