"""The study `smoke` for real: what a run leaves, what it never leaves, and what the next one does."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mtbkd.serving.cli import main
from mtbkd.study.study_files import read_configuration
from tests.workflow.conftest import ROOT, Checkout, Smoke

pytestmark = pytest.mark.workflow
EXPERIMENTS = read_configuration()["studies"]["smoke"]["experiments"]


def test_a_second_run_of_the_same_files_is_refused_while_the_first_is_alive(smoke: Smoke) -> None:
    assert smoke.refused.status != 0 and "cannot be locked" in smoke.refused.text


def test_a_killed_fit_leaves_no_draws_behind(smoke: Smoke) -> None:
    assert smoke.fit not in smoke.killed
    assert smoke.fit in smoke.checkout.files("results/smoke/students/**/*.nc")


def test_the_same_command_goes_on_where_the_kill_struck(smoke: Smoke) -> None:
    done = {path: when for path, when in smoke.killed.items() if path.startswith("results/shared/")}
    assert any("/logits/" in path for path in done)
    now = smoke.checkout.files("results/shared/**/*")
    assert {path: now[path] for path in done} == done
    assert "rule prepare_sim1" not in smoke.resumed.text and "rule teacher" not in smoke.resumed.text


def test_no_unfinished_file_stays(smoke: Smoke) -> None:
    results = smoke.checkout.files("results/**/*")
    assert results and not [path for path in results if path.endswith(".part") or "/." in path]


def test_every_method_was_fitted_and_evaluated(smoke: Smoke) -> None:
    import pandas as pd

    for name, experiment in EXPERIMENTS.items():
        folder = smoke.checkout.root / "results" / "smoke"
        metrics = pd.read_parquet(folder / "evaluation" / name / "metrics.parquet")
        assert set(metrics[metrics.kind == "student"].method) == set(experiment["methods"])
        assert {file.parent.name for file in (folder / "students" / name).rglob("*.nc")} == set(experiment["methods"])


def test_an_experiment_evaluated_in_parts_has_the_tables_of_one_job(smoke: Smoke, fresh: Checkout) -> None:
    import pandas as pd

    for folder in ("results/shared", "results/smoke/students"):
        shutil.copytree(smoke.checkout.root / folder, fresh.root / folder)
    folder, command = "results/smoke/evaluation/sim1", ("--rerun-triggers", "mtime", "--config", "study=smoke", "--")
    with fresh.edited("mtbkd/study/shares.py", "ONE_JOB = 1_000", "ONE_JOB = 0"):
        fresh.snakemake("--cores", "all", *command, f"{folder}/metrics.parquet")
    assert (fresh.root / folder / "parts/_together/r0-1/loo.parquet").is_file()
    for table in sorted((smoke.checkout.root / folder).glob("*.parquet")):
        pd.testing.assert_frame_equal(
            pd.read_parquet(fresh.root / folder / table.name), pd.read_parquet(table), check_exact=True
        )


def test_no_score_moved_from_the_reference(smoke: Smoke, capsys: pytest.CaptureFixture[str]) -> None:
    finished = str(smoke.checkout.root / "results" / "smoke")
    status = main(["compare", finished, str(ROOT / "tests" / "reference" / "smoke.csv")])
    assert status == 0, capsys.readouterr().out


def test_the_report_names_every_method_and_needs_nothing_else(smoke: Smoke) -> None:
    report = (smoke.checkout.root / "results" / "smoke" / "report.html").read_text()
    for experiment in EXPERIMENTS.values():
        assert all(method in report for method in experiment["methods"])


def test_snakemakes_own_report_holds_every_figure_with_a_caption(smoke: Smoke) -> None:
    target = smoke.checkout.root / "own.html"
    smoke.checkout.snakemake("--config", "study=smoke", "--report", str(target))
    figures = [Path(path).name for path in smoke.checkout.files("results/smoke/figures/*.svg")]
    text = target.read_text()
    assert figures and all(name in text for name in figures)
    assert "caption" in text and target.stat().st_size > 100_000
    headline = json.loads((smoke.checkout.root / "results" / "smoke" / "headline.json").read_text())
    assert headline["cards"] and all(json.dumps(card["answer"])[1:-1] in text for card in headline["cards"])
    tables = [Path(path).name for path in smoke.checkout.files("results/smoke/tables/*.csv")]
    assert all(name in text for name in [*tables, "report.html"])


def test_the_study_is_listed_among_all_studies(smoke: Smoke) -> None:
    listed = (smoke.checkout.root / "results" / "index.html").read_text()
    assert 'href="smoke/report.html"' in listed and "Finished" in listed


FIGURES = "results/smoke/figures"
ONE = f"{FIGURES}/sim1-maps.svg"


def test_a_figure_asked_for_is_drawn_alone_and_counts_as_drawn(smoke: Smoke) -> None:
    before = smoke.checkout.files(f"{FIGURES}/*")
    (smoke.checkout.root / ONE).unlink()
    run = smoke.checkout.snakemake(ONE, *smoke.command[1:])
    now = smoke.checkout.files(f"{FIGURES}/*")
    drawn = {f"{ONE[:-3]}{ending}" for ending in ("svg", "png", "json", "rst", "vl.json")}
    assert {path for path in now if now[path] != before[path]} == drawn
    assert "1 of 1 steps" in run.text and not smoke.checkout.dry_run(*smoke.command[3:])


def test_the_manifest_says_what_ran_with_what(smoke: Smoke) -> None:
    manifest = json.loads((smoke.checkout.root / "results" / "smoke" / "manifest.json").read_text())
    assert manifest["study"] == "smoke"
    assert {"torch", "snakemake", "numpy"} <= set(manifest["versions"])


def test_every_job_left_its_log_and_its_benchmark(smoke: Smoke) -> None:
    for folder in ("results", "results/smoke"):
        logs = {path.removesuffix(".log").replace("/logs/", "/") for path in smoke.checkout.files(f"{folder}/logs/**/*")}
        benchmarks = smoke.checkout.files(f"{folder}/benchmarks/**/*")
        assert benchmarks and {path.removesuffix(".tsv").replace("/benchmarks/", "/") for path in benchmarks} <= logs


def test_the_second_run_does_nothing(smoke: Smoke) -> None:
    before = smoke.checkout.files("results/**/*")
    run = smoke.checkout.snakemake(*smoke.command[1:])
    assert "Nothing to be done" in run.text
    assert smoke.checkout.files("results/**/*") == before


def test_a_moved_checkout_computes_nothing_anew(smoke: Smoke) -> None:
    root = smoke.checkout.root
    moved = root.rename(root.with_name("moved"))
    try:
        run = smoke.checkout.command(*smoke.command, "-n", cwd=moved)
    finally:
        moved.rename(root)
    assert "Nothing to be done" in run.text


def test_a_snakefile_named_through_a_link_computes_nothing_anew(smoke: Smoke, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(smoke.checkout.root)
    assert not smoke.checkout.dry_run("-s", str(tmp_path / "link" / "workflow" / "Snakefile"), *smoke.command[3:])


def test_a_dry_run_does_not_list_the_package(smoke: Smoke) -> None:
    text = smoke.checkout.snakemake(*smoke.command[1:], "-n", "--verbose", "--forceall").text
    assert "rule student" in text and "    input: results/shared/data/" in text
    assert not re.search(r"[ ,]mtbkd/\w+", text)  # as inputs are shown; a folder of the environment may be called so


def test_a_lost_output_is_made_again_alone(smoke: Smoke) -> None:
    report = smoke.checkout.root / "results" / "smoke" / "report.html"
    kept = report.with_suffix(".kept")
    shutil.move(report, kept)
    try:
        assert {job.rule for job in smoke.checkout.dry_run(*smoke.command[3:])} == {"report"}
    finally:
        shutil.move(kept, report)
