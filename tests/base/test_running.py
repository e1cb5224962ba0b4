"""mtbkd/base/running.py: who is alive, what a new run waits for, and what it takes away."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import mtbkd
from mtbkd.base import running
from mtbkd.base.running import Living, RunKilledError, announced, living, named
from mtbkd.base.writing import Process
from tests.base.test_writing import dead_process, part

ELSEWHERE = Process("elsewhere", 4711, 1)
HOLD = """
import sys, time
from mtbkd.base import running
running.BEAT = 0.1
with running.announced("student a", "job"):
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(running.RUN_VARIABLE, raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return tmp_path


@contextmanager
def job_of(run: Process, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that says it is a job of ``run`` for a minute."""
    root = str(Path(mtbkd.__file__).parents[1])
    variables = {**os.environ, "PYTHONPATH": root, running.RUN_VARIABLE: named(run), **environment}
    with subprocess.Popen([sys.executable, "-c", HOLD], env=variables, stdout=subprocess.PIPE, text=True) as job:
        try:
            yield job
        finally:
            job.kill()


def begun(job: subprocess.Popen[str]) -> None:
    assert job.stdout and job.stdout.readline() == "begun\n"


def foreign(kind: str, what: str, age: float) -> None:
    """The file of a process of another host, last touched ``age`` seconds ago."""
    other = Living(what, kind, ELSEWHERE, None, "kill 4711")
    running._write(other)
    then = time.time() - age
    os.utime(other.file, (then, then))


def test_who_is_announced_is_alive_until_the_end() -> None:
    with job_of(ELSEWHERE) as job:
        begun(job)
        assert [(other.what, other.process.pid) for other in living("job")] == [("student a", job.pid)]
        job.kill()
        job.wait()
        assert living("job") == [] and list(running.FOLDER.glob("job.*")) == []


def test_a_process_does_not_find_itself_and_leaves_nothing() -> None:
    with announced("study a", "run"):
        assert living("run") == []
    assert list(running.FOLDER.iterdir()) == []


@pytest.mark.parametrize(("age", "alive"), [(running.STALE / 2, True), (running.STALE * 2, False)])
def test_a_process_of_another_host_lives_as_long_as_its_file_is_touched(age: float, alive: bool) -> None:
    foreign("job", "student b", age)
    assert bool(living("job")) == alive


def test_a_job_whose_run_was_killed_here_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as run:
        started = Process(Process.current().host, run.pid, running.Process.current().start)
        started = replace(started, start=_start_of(run.pid))
        with job_of(started) as job:
            begun(job)
            run.kill()
            run.wait()
            assert job.wait(30) == 1
    monkeypatch.setenv(running.RUN_VARIABLE, named(started))
    with pytest.raises(RunKilledError, match="run the same command again"), announced("student c", "job"):
        pytest.fail("began a job of a dead run")


def _start_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_new_run_says_which_jobs_outlived_theirs_and_waits(caplog: pytest.LogCaptureFixture) -> None:
    with job_of(ELSEWHERE, SLURM_JOB_ID="99") as job:
        begun(job)
        waiting = threading.Thread(target=running.wait_for_orphans, args=(0.05,))
        waiting.start()
        time.sleep(0.5)
        assert waiting.is_alive()
        job.kill()
        job.wait()
        waiting.join(10)
    assert not waiting.is_alive()
    (said,) = caplog.messages
    assert f"student a on {Process.current().host}, pid {job.pid} (scancel 99)" in said


def test_nobody_waits_for_jobs_of_a_run_that_lives() -> None:
    foreign("run", "study b", 0)
    with job_of(ELSEWHERE) as job:
        begun(job)
        running.wait_for_orphans()
        assert living("job")


def test_only_a_run_that_is_alone_takes_locks_away_and_all_take_dead_parts(tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    (locks / "0.output.lock").touch()
    foreign("run", "study b", 0)
    kept, left = part(tmp_path / "results", Process.current()), part(tmp_path / "results", dead_process())
    running.clean(tmp_path / "results", locks)
    assert kept.exists() and not left.exists() and list(locks.iterdir())
    foreign("run", "study b", 2 * running.STALE)
    running.clean(tmp_path / "results", locks)
    assert not list(locks.iterdir())
