"""What needs no run: style, lint, and which jobs every study would start."""

from collections import Counter

import pytest
import yaml

from tests.workflow.conftest import ROOT, Checkout

pytestmark = pytest.mark.workflow
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
LIMIT = 30  # process starts of the default study


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
    assert len(jobs) <= LIMIT, Counter(job.rule for job in jobs)


@pytest.mark.parametrize("study", sorted(set(CONFIG["studies"]) - {CONFIG["study"]}))
def test_every_study_can_be_planned_from_nothing(clean: Checkout, study: str) -> None:
    jobs = clean.dry_run("--config", f"study={study}")
    fits = [job for job in jobs if job.rule == "student"]
    experiments = CONFIG["studies"][study]["experiments"]
    assert {tuple(fit.output.split("/")[3:5]) for fit in fits} == {
        (name, method) for name, experiment in experiments.items() for method in experiment["methods"]
    }
    assert Counter(job.rule for job in jobs)["report"] == 1


def test_a_dry_run_leaves_no_results(clean: Checkout) -> None:
    assert not (clean.root / "results").exists()
