"""The rule for searches: started where a study asks for one and nowhere else."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
ASKED = """\
  smoke:
    teacher_search:
      mine: {dataset: sim1_tiny, published: mtbkd_table1_sim1, teachers: {T1: tiny_b1}, replicates: 2, grid: {steps: [20, 30]}}
    student_search:
      mine:
        experiment: printed
        methods: {kd_equal: kd_equal_map, tip_equal: tip_equal_map}
        replicates: 2
        posterior: {kappa: [0.5, 5], lambda: [kappa, 20]}
        steps: [20]
"""
PRINTED = """\
    experiments:
      printed:
        dataset: sim1_tiny
        teachers: [tiny_b1, tiny_b3]
        student: quadratic
        published: mtbkd_table1_sim1
        methods: [labels_map]
"""


def test_a_study_that_asks_gets_one_job_a_search_and_its_tables(fresh: Checkout) -> None:
    assert not _started(fresh)
    asked = fresh.edited("workflow/studies/smoke.yaml", "  smoke:\n", ASKED)
    printed = fresh.edited(
        "workflow/studies/smoke.yaml",
        "    experiments:\n      sim1:\n        dataset: sim1_tiny",
        f"{PRINTED}      sim1:\n        dataset: sim1_tiny",
    )
    with asked, printed:
        searches = _started(fresh)
        assert searches == ["results/smoke/student_search/mine.parquet", "results/smoke/teacher_search/mine.parquet"]
        fresh.snakemake("--cores", "1", *searches, *STUDY)
        made = set(fresh.files("results/smoke/**/*"))
        for kind in ("teacher_search", "student_search"):
            assert {f"results/smoke/logs/{kind}/mine.log", f"results/smoke/benchmarks/{kind}/mine.tsv"} <= made
        with fresh.edited("mtbkd/teachers/mlp.py", "\nfrom pathlib", "\n# edited\nfrom pathlib"):
            assert searches == _started(fresh)
        with fresh.edited("mtbkd/signals/tip.py", "\nfrom typing", "\n# edited\nfrom typing"):
            assert _started(fresh) == ["results/smoke/student_search/mine.parquet"]
        assert not _started(fresh)


def _started(checkout: Checkout) -> list[str]:
    return sorted(job.output for job in checkout.dry_run(*STUDY) if job.rule == "search")
