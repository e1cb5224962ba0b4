"""What needs no fit: style, lint, which jobs every study would start, and how the scheduler is set."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from mtbkd.study import likeness
from mtbkd.study.config import load
from mtbkd.study.papers import reduced
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
CONFIG = likeness.resolve(read_configuration())[0]
LIMIT = 29  # process starts of the default study, without those that draw figures


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which nothing was computed."""
    return Checkout(tmp_path_factory.mktemp("clean") / "checkout")


def test_snakemake_finds_nothing_to_lint(clean: Checkout) -> None:
    assert "Congratulations" in clean.snakemake("--lint").text


def test_rules_are_formatted(clean: Checkout) -> None:
    run = clean.command("snakefmt", "--check", "workflow")
    assert run.status == 0, run.text


def test_plain_snakemake_runs_the_default_study_in_few_processes(clean: Checkout) -> None:
    jobs = clean.dry_run()
    assert any(job.output.startswith(f"results/{CONFIG['study']}/") for job in jobs)
    drawing = [job for job in jobs if job.rule.startswith("figures_")]
    assert len(jobs) - len(drawing) <= LIMIT, Counter(job.rule for job in jobs)
    assert (
        len(drawing) <= len(CONFIG["studies"][CONFIG["study"]]["experiments"]) + 2
    )  # of the study as a whole: gains, and the toy


@pytest.mark.parametrize("study", sorted(set(CONFIG["studies"]) - {CONFIG["study"]}))
def test_every_study_can_be_planned_from_nothing(clean: Checkout, study: str) -> None:
    jobs = clean.dry_run("--config", f"study={study}")
    fits = [job for job in jobs if job.rule == "student"]
    experiments = CONFIG["studies"][study]["experiments"]
    assert {tuple(fit.output.split("/")[3:5]) for fit in fits} == {
        (name, method) for name, experiment in experiments.items() for method in experiment["methods"]
    }
    assert Counter(job.rule for job in jobs)["report"] == 1


def test_a_printed_table_by_name_fits_its_own_methods_whatever_the_study_of_the_configuration_is(clean: Checkout) -> None:
    jobs = clean.dry_run("mtbkd_table1")
    fits = {job.output.removeprefix("results/mtbkd_table1/students/sim1/") for job in jobs if job.rule == "student"}
    plan = make_plan(reduced(load(read_configuration()), "mtbkd_table1"))
    assert CONFIG["study"] != plan.study and fits == {f"{method}/r0-9.nc" for method in plan.experiments["sim1"].methods}
    own = [job.output for job in jobs if job.output and not job.output.startswith("results/shared/")]
    assert all(output.startswith("results/mtbkd_table1/") for output in own) and "mtbkd_table1" in {job.rule for job in jobs}


def test_a_misspelt_table_is_refused_with_the_nearest_name(clean: Checkout) -> None:
    run = clean.command("snakemake", "-n", "mtbkd_tabel1")
    assert run.status == 1 and "did you mean 'mtbkd_table1'" in run.text and "Traceback" not in run.text


def test_a_figure_waits_for_its_owner_alone_and_several_share_a_process(clean: Checkout) -> None:
    place, smoke = "results/smoke/figures", ("--config", "study=smoke")
    one, two = f"{place}/sim1-metrics.svg", f"{place}/sim1-maps.png"
    jobs = {job.rule: job.output for job in clean.dry_run(one, two, *smoke)}
    assert {"evaluate", "student"} <= set(jobs) and not {"part_labels_fits", "part_labels_references", "report"} & set(jobs)
    assert "sim1-metrics.svg" in jobs["figures_experiment_sim1"] and jobs["figures_experiment_sim1"].endswith("and 7 more")
    curves = {job.rule for job in clean.dry_run(f"{place}/labels-label_curve.svg", *smoke)}
    assert "figures_question_labels" in curves and not {"evaluate", "student", "figures_experiment_sim1"} & curves
    (drawn,) = (job.output for job in clean.dry_run(one, "report", *smoke) if job.rule == "figures_experiment_sim1")
    assert drawn.endswith("and 60 more")  # the report needs all figures, and none is drawn by two jobs


def test_a_large_experiment_is_evaluated_by_jobs_for_methods_and_groups_of_blocks(clean: Checkout) -> None:
    small, large = "replicates: 2\n    block_size: 2", "replicates: 600\n    block_size: 100"
    with clean.edited("workflow/studies/smoke.yaml", small, large):
        jobs = clean.dry_run("results/smoke/evaluation/sim1/metrics.parquet", "--config", "study=smoke")
    counted, methods = Counter(job.rule for job in jobs), CONFIG["studies"]["smoke"]["experiments"]["sim1"]["methods"]
    assert counted["score"] == 2 * (1 + len(methods)) and (counted["relate"], counted["evaluate"]) == (2, 1)
    places = {
        job.output.split("/metrics")[0].removeprefix("results/smoke/evaluation/sim1/") for job in jobs if job.rule == "score"
    }
    assert places == {f"parts/{part}/{group}" for part in ("_references", *methods) for group in ("r0-499", "r500-599")}


COUNTING_HASHES = """
import sys
from snakemake import cli
from mtbkd.base import sources
try:
    cli.main(sys.argv[1:])
finally:
    print(f"{sources.fingerprint.cache_info().misses} fingerprints")
"""


def test_a_large_study_is_planned_in_few_words_and_hashes_sources_once_for_each_kind_of_job(clean: Checkout) -> None:
    run = clean.command(sys.executable, "-c", COUNTING_HASHES, "-n", "--config", "study=paper_simulations")
    jobs, hashed = (re.search(pattern, run.text) for pattern in (r"\ntotal +(\d+)", r"\n(\d+) fingerprints"))
    assert jobs and hashed and int(hashed[1]) < int(jobs[1]) / 2
    assert len(run.text.encode()) < 50_000


def test_a_dry_run_leaves_no_results(clean: Checkout) -> None:
    assert not (clean.root / "results").exists()


COUNTING_TIMERS = """
import sys, threading
from snakemake import cli
timer, started = threading.Timer, []
threading.Timer = lambda *given: started.append(given) or timer(*given)
try:
    cli.main(sys.argv[1:])
finally:
    print(f"{len(started)} timers")
"""


def test_the_scheduler_is_woken_by_jobs_alone_unless_a_rate_is_asked_for(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "copy")
    line = (sys.executable, "-c", COUNTING_TIMERS, "--cores", "1", "--config", "study=smoke", "--until", "prepare_sim1")
    assert "\n0 timers" in checkout.command(*line).text
    asked = checkout.command(*line, "--forceall", "--max-jobs-per-timespan", "5/1s").text
    assert "1 of " in asked and "\n0 timers" not in asked and " timers" in asked
