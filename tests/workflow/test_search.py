"""Searches: a question of one job, which is started where a study asks for one and nowhere else."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
ASKED = """\
    questions:
      teachers:
        kind: search
        dataset: sim1_tiny
        settings: {published: mtbkd_table1_sim1, teachers: {T1: tiny_b1}, replicates: 2, grid: {steps: [20, 30]}}
      students:
        kind: search
        experiment: printed
        settings:
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


def test_a_study_that_asks_gets_one_job_a_search_and_its_table(fresh: Checkout) -> None:
    assert not _started(fresh)
    asked = fresh.edited("workflow/studies/smoke.yaml", "    questions:\n", ASKED)
    printed = fresh.edited(
        "workflow/studies/smoke.yaml",
        "    experiments:\n      sim1:\n        dataset: sim1_tiny",
        f"{PRINTED}      sim1:\n        dataset: sim1_tiny",
    )
    with asked, printed:
        searches = _started(fresh)
        assert searches == [f"results/smoke/questions/{name}/candidates.parquet" for name in ("students", "teachers")]
        fresh.snakemake("--cores", "1", *searches, *STUDY)
        made = set(fresh.files("results/smoke/**/*"))
        assert not any(path.startswith("results/shared") for path in fresh.files("results/**/*"))  # no data are waited for
        for name in ("teachers", "students"):
            assert {f"results/smoke/logs/question/{name}.log", f"results/smoke/benchmarks/question/{name}.tsv"} <= made
        with fresh.edited("mtbkd/teachers/mlp.py", "\nfrom pathlib", "\n# edited\nfrom pathlib"):
            assert searches == _started(fresh)
        with fresh.edited("mtbkd/signals/tip.py", "\nfrom typing", "\n# edited\nfrom typing"):
            assert _started(fresh) == ["results/smoke/questions/students/candidates.parquet"]
        with fresh.edited("workflow/studies/smoke.yaml", "    replicates: 2\n", "    replicates: 1\n"):
            assert _started(fresh) == [
                "results/smoke/questions/students/candidates.parquet"
            ]  # on others than experiments report
        assert not _started(fresh)


def _started(checkout: Checkout) -> list[str]:
    return sorted(job.output for job in checkout.dry_run(*STUDY) if job.output.endswith("candidates.parquet"))
