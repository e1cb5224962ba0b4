"""The folder that runs share: what they take away there, what they leave alone, and what they need not write to."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mtbkd.base import running
from mtbkd.base.writing import Process
from tests.base.test_running import ELSEWHERE, HOLD
from tests.base.test_writing import dead_process, part
from tests.workflow.conftest import ROOT, Checkout, Smoke
from tests.workflow.test_faults import assert_refused, bound_by_permissions

pytestmark = pytest.mark.workflow


def parts(root: Path) -> dict[str, Path]:
    """Unfinished files of a dead process, of a living one and of one of another host."""
    dead = dead_process()
    writers = {"dead": dead, "alive": Process.current(), "elsewhere": replace(dead, host="elsewhere")}
    return {name: part(root / "results" / "smoke" / name, writer) for name, writer in writers.items()}


@pytest.mark.parametrize("option", ["-n", "--unlock", "--summary"])  # executed without jobs, and not executed
def test_what_computes_nothing_takes_nothing_away(smoke: Smoke, option: str) -> None:
    left = parts(smoke.checkout.root)
    smoke.checkout.snakemake(*smoke.command[1:], option)
    assert all(path.exists() for path in left.values())
    for path in left.values():
        path.unlink()


def test_a_run_takes_away_what_dead_processes_of_this_host_left_and_nothing_else(smoke: Smoke) -> None:
    left = parts(smoke.checkout.root)
    smoke.checkout.snakemake(*smoke.command[1:])
    assert {name: path.exists() for name, path in left.items()} == {"dead": False, "alive": True, "elsewhere": True}
    for path in left.values():
        path.unlink(missing_ok=True)


def test_a_run_names_the_jobs_that_outlived_theirs_and_goes_on_after_them(smoke: Smoke) -> None:
    environment = smoke.checkout.environment(**{running.RUN_VARIABLE: running.named(ELSEWHERE), "PYTHONPATH": str(ROOT)})
    code = HOLD.replace("time.sleep(60)", "input()")
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=smoke.checkout.root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as job:
        assert job.stdin and job.stdout and job.stdout.readline() == b"begun\n"
        with subprocess.Popen(
            smoke.command, cwd=smoke.checkout.root, env=smoke.checkout.environment(), stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stderr
            said = next(line for line in run.stderr if "still run" in line)
            assert f"student a on {Process.current().host}, pid {job.pid} (kill {job.pid})" in said
            assert run.poll() is None
            job.stdin.write(b"\n")
            job.stdin.flush()
            assert "Nothing to be done" in run.stderr.read() and run.wait() == 0


def writable(root: Path, mode: int) -> None:
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(mode)


def test_complete_results_serve_who_may_only_read_them(smoke: Smoke) -> None:
    results, report = smoke.checkout.root / "results", smoke.checkout.root / "results/smoke/report.html"
    text = report.read_bytes()
    readers = bound_by_permissions()
    writable(results, 0o555)
    try:
        done = smoke.checkout.command(*smoke.command, preexec_fn=readers)
        assert done.status == 0 and "Nothing to be done" in done.text, done.text
        (results / "smoke").chmod(0o755)
        report.unlink()
        (results / "smoke").chmod(0o555)
        planned = smoke.checkout.command(*smoke.command, "-n", preexec_fn=readers)
        assert planned.status == 0 and "rule report" in planned.text
        refused = smoke.checkout.command(*smoke.command, preexec_fn=readers)
        assert_refused(refused, "results/smoke: permission: found a folder not to write to")
        (results / "smoke").chmod(0o755)  # results/shared stays as it is: only the report is to be made
        for path in ("tables", "logs", "benchmarks"):
            writable(results / "smoke" / path, 0o755)
        made = smoke.checkout.command(*smoke.command, preexec_fn=readers)
        assert made.status == 0, made.text
    finally:
        writable(results, 0o755)
        report.write_bytes(text)


def test_a_folder_with_an_odd_name_is_one_to_work_in(tmp_path: Path) -> None:
    run = Checkout(tmp_path / "it's ünïcode#1").snakemake("--cores", "1", "--config", "study=smoke", "--until", "prepare_sim1")
    assert "1 of " in run.text


def test_a_folder_with_a_brace_is_refused(tmp_path: Path) -> None:
    run = Checkout(tmp_path / "a{b}").command("snakemake", "-n", "--config", "study=smoke")
    assert_refused(run, "a{b}: path: found a brace")


def test_a_python_that_no_job_could_start_from_is_refused(fresh: Checkout, tmp_path: Path) -> None:
    place = tmp_path / "a blank"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (packages,) = place.glob("lib/python3*/site-packages")
    (packages / "ours.pth").write_text(os.pathsep.join(path for path in sys.path if path.endswith("site-packages")))
    run = fresh.command(str(place / "bin" / "python"), "-m", "snakemake", "-n", "--config", "study=smoke")
    assert_refused(run, "a Python whose path needs no quotes", "UV_PROJECT_ENVIRONMENT=")


def test_a_locale_without_utf8_is_one_to_work_in(fresh: Checkout) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with fresh.edited("config.yaml", "datasets:  ", "datasets:  # für alle "):
        command = ("--cores", "1", "--config", "study=smoke", "--until", "prepare_sim1")
        assert "1 of " in fresh.snakemake(*command, environment=ascii_only).text
