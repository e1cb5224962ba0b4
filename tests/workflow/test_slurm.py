"""The profile `slurm` on a SLURM of this machine: interrupted, killed, cancelled, and right at last; then with accounting."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.kills import differences
from tests.workflow.conftest import PATIENCE, Checkout, Smoke

pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.early]
SCRIPT = Path(__file__).with_name("slurm.sh")
DAEMONS = ("munged", "slurmctld", "slurmd")
ACCOUNTING = ("slurmdbd", "mariadbd")
OPTIONS = ("--profile", "workflow/profiles/slurm", "--config", "study=smoke", "--slurm-init-seconds-before-status-checks", "2")
SCANT = 130  # megabytes that are too few for a job, while twice as many are enough
# The executor waits 10 s longer after every look at which no job has ended.
IMPATIENT = """
import sys
from snakemake import cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 2, lambda self, seconds: None)
cli.main(sys.argv[1:])
"""
COMMAND = (sys.executable, "-c", IMPATIENT, *OPTIONS, "--max-status-checks-per-second", "1")


@dataclass(frozen=True)
class Cluster:
    """A SLURM whose commands are in ``folder``/bin."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """With these commands, and without what an outer SLURM would tell."""
        return {"PATH": os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])}

    def command(self, name: str, *arguments: str) -> str:
        line = (str(self.folder / "bin" / name), *arguments)
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout

    def script(self, verb: str) -> None:
        # daemons keep what they inherit open, so that reading a pipe would wait for their end
        with open(self.folder / f"{verb}.txt", "w+") as output:
            done = subprocess.run(("bash", str(SCRIPT), verb, str(self.folder)), stdout=output, stderr=output, timeout=600)
            output.seek(0)
            assert done.returncode == 0, output.read()

    def running(self) -> list[str]:
        """Ids of the jobs that run."""
        return self.command("squeue", "--noheader", "--states=running,completing", "--format=%i").split()


def missing(*programs: str) -> list[str]:
    return [name for name in programs if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("a SLURM of this machine needs Linux and root")
    if absent := missing(*DAEMONS):
        pytest.skip(f"NO SLURM: {absent[0]} is not installed (Debian: slurmctld, slurmd, slurm-client, munge)")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("snakemake-executor-plugin-slurm is not installed: make setup EXTRAS='dev slurm'")
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        found.script("start")
        yield found
    finally:
        found.script("stop")
    assert list(found.folder.glob("*.pid")) == []


class Running:
    """A run in the background."""

    def __init__(self, checkout: Checkout, cluster: Cluster, output: Path, *arguments: str):
        self.output, self.cluster, self.end = output, cluster, time.monotonic() + PATIENCE
        with open(output, "w") as handle:
            self.process = subprocess.Popen(
                (*COMMAND, *arguments),
                cwd=checkout.root,
                env=checkout.environment(**cluster.environment),
                stdout=handle,
                stderr=handle,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def jobs(self) -> set[str]:
        """Ids of the jobs that it submitted."""
        return set(re.findall(r"has been submitted with SLURM jobid (\d+)", self.text))

    def wait_for(self, what: Callable[[], object]) -> None:
        while not what():
            assert self.process.poll() is None and time.monotonic() < self.end, self.text
            time.sleep(0.2)

    def finished(self) -> int:
        try:
            return self.process.wait(max(1, self.end - time.monotonic()))
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(frozen=True)
class History:
    """One study through SLURM: stopped by Ctrl-C, its main process killed, then a job cancelled and the controller restarted.

    Attributes:
        checkout: where it was computed.
        interrupted, killed, last: what the three runs printed.
        after_interrupt: jobs that ran on after Ctrl-C.
        status: exit status of the last run.
    """

    checkout: Checkout
    interrupted: str
    killed: str
    last: str
    after_interrupt: list[str]
    status: int


@pytest.fixture(scope="module")
def history(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("run")
    checkout = Checkout(folder / "checkout")
    runs: list[Running] = []

    def begun() -> Running:
        runs.append(Running(checkout, cluster, folder / f"{len(runs)}.txt"))
        return runs[-1]

    try:
        first = begun()
        first.wait_for(lambda: first.jobs & set(cluster.running()))
        os.killpg(first.process.pid, signal.SIGINT)
        first.finished()
        time.sleep(2)
        after_interrupt = cluster.running()

        second = begun()
        second.wait_for(lambda: second.jobs & set(cluster.running()))
        second.kill()

        last = begun()
        last.wait_for(lambda: last.jobs & set(cluster.running()))
        cluster.command("scancel", *last.jobs)
        last.wait_for(lambda: "Trying to restart" in last.text)
        restart_controller(cluster)
        return History(checkout, first.text, second.text, last.text, after_interrupt, last.finished())
    finally:
        for run in runs:
            run.kill()


def restart_controller(cluster: Cluster) -> None:
    """End slurmctld and start it again from the state that it saved."""
    file = cluster.folder / "slurmctld.pid"
    os.kill(int(file.read_text()), signal.SIGTERM)
    while file.exists():
        time.sleep(0.1)
    cluster.script("controller")


def test_results_are_those_of_one_machine(history: History, smoke: Smoke) -> None:
    assert history.status == 0, history.last
    ours, theirs = (c.root / "results" for c in (history.checkout, smoke.checkout))
    made_by_other_tests = ("bundles", "alive", "dead", "elsewhere")
    assert [d for d in differences(ours, theirs) if not {*Path(d).parts} & {*made_by_other_tests}] == []


def test_the_run_says_who_tells_how_jobs_end(history: History) -> None:
    found = re.search(
        r"^SLURM: squeue .*no accounting.* partition 'all', at most (\d+) cores? a job, 30 minutes$", history.last, re.M
    )
    assert found and int(found[1]) == os.cpu_count()


def test_control_c_cancels_the_jobs(history: History) -> None:
    assert "submitted" in history.interrupted and history.after_interrupt == []


def test_jobs_share_submissions_and_a_cancelled_one_is_tried_again(history: History) -> None:
    jobs = int(re.findall(r"^total +(\d+)$", history.last, re.M)[-1])
    assert "CANCELLED" in history.last
    submitted = history.last.count("has been submitted with SLURM jobid")
    assert 0 < submitted < jobs - 3 or os.cpu_count() == 1  # where nothing runs side by side


@pytest.fixture(scope="module")
def accounted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of one job says with accounting; the job asks for less than it takes, and for twice as much the next time."""
    if absent := missing(*ACCOUNTING):
        pytest.skip(f"NO ACCOUNTING: {absent[0]} is not installed (Debian: slurmdbd, slurm-wlm-mysql-plugin, mariadb-server)")
    cluster.script("accounting")
    folder = tmp_path_factory.mktemp("accounted")
    checkout = Checkout(folder / "checkout")
    scant = checkout.edited("mtbkd/study/resources.py", "INTERPRETER_MB = 1_500", f"INTERPRETER_MB = {SCANT}")
    with scant, checkout.edited("workflow/rules/datasets.smk", "2500 * attempt", "0"):
        run = Running(checkout, cluster, folder / "output.txt", "--until", "prepare_sim1")
        status = run.finished()
    assert status == 0, run.text
    return run.text


def test_with_accounting_sacct_tells_how_jobs_end(accounted: str) -> None:
    assert "SLURM: sacct tells how jobs end (there is accounting); partition 'all'" in accounted


def test_a_job_out_of_memory_is_tried_again_with_twice_as_much(accounted: str, cluster: Cluster) -> None:
    first, second = re.findall(r"has been submitted with SLURM jobid (\d+)", accounted)
    told = cluster.command("sacct", "-X", "-n", "-P", f"--jobs={first},{second}", "--format=State,ReqMem")
    (state, asked), (last, twice) = (line.split("|") for line in told.split())
    assert (state, last) == ("FAILED", "COMPLETED")
    assert SCANT <= int(asked[:-1]) == int(twice[:-1]) / 2
