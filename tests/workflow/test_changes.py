"""What is computed anew after a change, and what is not: dry runs after the finished study `smoke`."""

import pytest

from mtbkd.study import likeness
from mtbkd.study.study_files import read_configuration
from tests.workflow.conftest import ROOT, Job, Smoke

pytestmark = pytest.mark.workflow
STUDY = ("--config", "study=smoke")
CONFIG = likeness.resolve(read_configuration())[0]
SMOKE = "workflow/studies/smoke.yaml"
DRAWING = {"figures_experiment_sim1", "report"}  # and no figure of a curve
METHODS = {name for e in CONFIG["studies"]["smoke"]["experiments"].values() for name in e["methods"]}


def refitted(jobs: list[Job]) -> set[str]:
    """Methods that would be fitted."""
    return {job.output.split("/")[-2] for job in jobs if job.rule == "student"}


def parts(jobs: list[Job]) -> set[str]:
    """Parts of the study's question on labels that would be computed."""
    return {job.output.split("/")[6] for job in jobs if job.rule == "part_labels_fits"}


def inference_of(method: str) -> str:
    return CONFIG["methods"][method]["inference"]


def test_editing_a_figure_redraws_and_refits_nothing(smoke: Smoke) -> None:
    with smoke.checkout.edited("mtbkd/report/figures/metrics.py", "import ", "# edited\nimport "):
        rules = {job.rule for job in smoke.checkout.dry_run(*STUDY)}
    assert rules == DRAWING


def test_editing_an_algorithm_refits_its_methods_only(smoke: Smoke) -> None:
    with smoke.checkout.edited("mtbkd/inference/sgld.py", "import numpy as np", "import numpy as np  # edited"):
        jobs = smoke.checkout.dry_run(*STUDY)
    expected = {method for method in METHODS if inference_of(method) == "sgld"}
    assert expected and refitted(jobs) == expected
    assert not {job.rule for job in jobs} & {"teacher", "prepare_sim1"}


def test_editing_the_evaluation_refits_nothing(smoke: Smoke) -> None:
    with smoke.checkout.edited("mtbkd/evaluation/compare.py", "import ", "# edited\nimport "):
        jobs = smoke.checkout.dry_run(*STUDY)
    assert {job.rule for job in jobs} >= {"evaluate", "report"} and refitted(jobs) == set()


def test_a_new_method_is_all_that_is_fitted(smoke: Smoke) -> None:
    listed = "methods: [labels_map, tip_entropy_sgld_tiny"
    with smoke.checkout.edited(SMOKE, listed, listed.replace("[", "[kd_equal_map, ")):
        jobs = smoke.checkout.dry_run(*STUDY)
    assert refitted(jobs) == {"kd_equal_map"}
    assert not {job.rule for job in jobs} & {"teacher", "prepare_sim1"}


def test_a_new_method_of_a_question_is_all_that_is_fitted_there(smoke: Smoke) -> None:
    listed = "methods: [labels_map, tip_entropy_map]"
    with smoke.checkout.edited(SMOKE, listed, listed.replace("]", ", kd_equal_map]")):
        jobs = smoke.checkout.dry_run(*STUDY)
    assert parts(jobs) == {"kd_equal_map"} and refitted(jobs) == set()
    assert {"question_labels", "report"} <= {job.rule for job in jobs} and "evaluate" not in {job.rule for job in jobs}


def test_editing_a_signal_refits_the_parts_of_a_question_that_use_it(smoke: Smoke) -> None:
    with smoke.checkout.edited("mtbkd/signals/tip.py", "\nfrom typing", "\n# edited\nfrom typing"):
        jobs = smoke.checkout.dry_run(*STUDY)
    assert parts(jobs) == {"tip_entropy_map"} and "part_labels_references" not in {job.rule for job in jobs}


def test_a_new_dataset_and_study_leave_every_other_study_as_it_is(smoke: Smoke) -> None:
    checkout = smoke.checkout
    added = {"mtbkd/data/datasets/other.py": (ROOT / "mtbkd/data/datasets/sim1.py").read_text()}
    experiment = "{dataset: other, teachers: [tiny_b1, tiny_b3], student: linear, methods: [labels_map]}"
    study = f"datasets:\n  other: {{kind: other}}\nstudies:\n  other: {{experiments: {{other: {experiment}}}}}\n"
    with checkout.added(added | {"workflow/studies/other.yaml": study}):
        assert checkout.dry_run(*STUDY) == []
        jobs = checkout.dry_run("--config", "study=other")
    assert [job.rule for job in jobs].count("prepare_other") == 1 and refitted(jobs) == {"labels_map"}


def test_a_new_setting_of_one_method_refits_that_one(smoke: Smoke) -> None:
    with smoke.checkout.edited(SMOKE, "settings: {steps: 400, burn_in: 100", "settings: {steps: 401, burn_in: 100"):
        assert refitted(smoke.checkout.dry_run(*STUDY)) == {"tip_entropy_sgld_tiny"}


def test_a_new_teacher_setting_trains_it_and_leaves_labels_only_fits(smoke: Smoke) -> None:
    with smoke.checkout.edited(SMOKE, "{hidden: [8], steps: 200}", "{hidden: [8], steps: 201}"):
        jobs = smoke.checkout.dry_run(*STUDY)
    signal = {method: CONFIG["methods"][method]["signal"] for method in METHODS}
    assert [job.rule for job in jobs].count("teacher") == 2
    assert refitted(jobs) == {method for method in METHODS if signal[method] != "none"} != METHODS
    assert parts(jobs) == {"tip_entropy_map"} and "part_labels_references" in {job.rule for job in jobs}
