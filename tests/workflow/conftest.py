"""A copy of the checkout that Snakemake really runs in; the study `smoke` is computed there once and shared by the tests."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from filelock import FileLock

from mtbkd.base import running
from tests.base.test_writing import dead_process

ROOT = Path(__file__).resolve().parents[2]
# What Python and numba compiled goes along, so that no copy compiles it anew; files that are just being written do not.
LEFT_OUT = (".*", "results", "*.pyc.*", "*.tmp.*")
PATIENCE = 900  # seconds that a run may take on a slow machine before it counts as hung


class Job(NamedTuple):
    """A job of a dry run."""

    rule: str
    output: str


@dataclass(frozen=True)
class Run:
    """A finished process: its exit status and everything that it printed."""

    status: int
    text: str


class Checkout:
    """A copy of the repository without results, or of another copy as it is."""

    def __init__(self, root: Path, other: "Checkout | None" = None):
        self.root = root
        left_out = () if other else LEFT_OUT
        shutil.copytree(other.root if other else ROOT, root, symlinks=True, ignore=shutil.ignore_patterns(*left_out))

    def environment(self, **variables: str) -> dict[str, str]:
        """That of a shell in which the environment is active; no mirror unless one is named.

        Python keeps what it compiled, or each of many processes would compile torch anew.
        """
        left_out = ("MTBKD_MIRROR", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), inherited["PATH"]])
        return inherited | variables

    def command(self, *line: str, **options: Any) -> Run:
        """Run a command line in the copy."""
        environment = self.environment(**options.pop("environment", {}))
        options = {"cwd": self.root, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        done = subprocess.run(line, env=environment, text=True, timeout=PATIENCE, **options)
        return Run(done.returncode, done.stdout)

    def snakemake(self, *arguments: str, **options: Any) -> Run:
        """Run ``snakemake`` and insist that it succeeds."""
        run = self.command("snakemake", *arguments, **options)
        assert run.status == 0, run.text
        return run

    def dry_run(self, *arguments: str) -> list[Job]:
        """The jobs that ``snakemake --cores all -n ...`` would start, without the target rule, which starts nothing."""
        text = self.snakemake("--cores", "all", "-n", *arguments).text
        blocks = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)+)", text, re.MULTILINE)
        outputs = [(rule, re.search(r"^    output: (.*)$", body, re.MULTILINE)) for rule, body in blocks]
        jobs = [Job(rule, found[1] if found else "") for rule, found in outputs if rule != "all"]
        total = re.search(r"^total\s+(\d+)$", text, re.MULTILINE)
        assert len(blocks) == (int(total[1]) if total else 0), text
        return jobs

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """The copy with ``old`` replaced by ``new`` in a file, which is put back afterwards."""
        file = self.root / path
        content = file.read_bytes()  # ends of lines stay as they are
        assert old.encode() in content, f"{path} does not hold {old!r}"
        file.write_bytes(content.replace(old.encode(), new.encode(), 1))
        try:
            yield
        finally:
            file.write_bytes(content)

    def configure(self, path: str, text: str) -> None:
        """Put the lines of each section of ``text`` under the section of that name in a file, as a user would."""
        file = self.root / path
        config = file.read_text()
        for section, lines in re.findall(r"^(\w+):.*\n((?:  .*\n)+)", text, re.MULTILINE):
            if not re.search(rf"^{section}:", config, re.MULTILINE):
                config = f"{section}:\n{config}"
            title = re.search(rf"^{section}:.*\n", config, re.MULTILINE)
            assert title
            config = config[: title.end()] + lines + config[title.end() :]
        file.write_text(config)

    @contextmanager
    def added(self, files: dict[str, str]) -> Iterator[None]:
        """The copy with further files, which are removed afterwards."""
        for path, text in files.items():
            (self.root / path).write_text(text)
        try:
            yield
        finally:
            for path in files:
                (self.root / path).unlink()

    def files(self, pattern: str) -> dict[str, int]:
        """Files of the copy: path -> time of their last change in nanoseconds."""
        return {str(f.relative_to(self.root)): f.stat().st_mtime_ns for f in self.root.glob(pattern) if f.is_file()}


@dataclass(frozen=True)
class Smoke:
    """The study `smoke`: killed in the middle of a fit, its main process killed beside a living job, then started once more.

    Attributes:
        checkout: where it was computed.
        command: the command of both runs.
        refused: the same command while the first run was alive.
        fit: the draws' file of the fit that the kill struck.
        killed: files of results/ right after the kill, with their times.
        resumed: the second run.
    """

    checkout: Checkout
    command: tuple[str, ...]
    refused: Run
    fit: str
    killed: dict[str, int]
    resumed: Run


def kill_in_a_fit(checkout: Checkout, command: tuple[str, ...], output: Path) -> tuple[Run, str]:
    """Start ``command``, try a second one beside it, kill the first with all its children once a fit has begun.

    Returns:
        The second run, and the draws' file of the fit.
    """
    logs = checkout.root / "results" / "smoke" / "logs" / "student"
    with open(output, "w") as handle:
        run = subprocess.Popen(
            command, cwd=checkout.root, env=checkout.environment(), stdout=handle, stderr=handle, start_new_session=True
        )
        end = time.monotonic() + PATIENCE

        def wait_for(found: Callable[[], list[Path]]) -> Path:
            while not (paths := found()):
                assert run.poll() is None and time.monotonic() < end, output.read_text()
                time.sleep(0.05)
            return paths[0]

        try:
            wait_for(lambda: list(checkout.root.glob(".snakemake/locks/*.output.lock")))
            second = checkout.command(*command)
            begun = wait_for(lambda: [log for log in logs.rglob("*.log") if "tuned" in log.read_text()])
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
    return second, f"results/smoke/students/{begun.relative_to(logs).with_suffix('.nc')}"


def kill_main_while_drawing(checkout: Checkout, command: tuple[str, ...], output: Path) -> None:
    """Go on, and kill the main process alone once figures are drawn."""
    with open(output, "w") as handle:
        run = subprocess.Popen(command, cwd=checkout.root, env=checkout.environment(), stdout=handle, stderr=handle)
        end = time.monotonic() + PATIENCE
        while not (checkout.root / "results/smoke/logs/figures/experiment_sim1.log").exists():
            assert run.poll() is None and time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        run.kill()
        run.wait()


def killed_and_resumed(folder: Path) -> Smoke:
    checkout = Checkout(folder / "checkout")
    command = ("snakemake", "--cores", "all", "--config", "study=smoke")
    second, fit = kill_in_a_fit(checkout, command, folder / "killed.txt")
    killed = checkout.files("results/**/*")
    kill_main_while_drawing(checkout, command, folder / "orphans.txt")
    (checkout.root / fit).with_name(f".r0-1.nc.{running.named(dead_process())}.part").touch()  # as a kill leaves it
    resumed = checkout.command(*command)
    assert resumed.status == 0, resumed.text
    return Smoke(checkout, command, second, fit, killed, resumed)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    """Computed by the first worker that needs it; every worker has a copy, which its tests may change."""
    own = tmp_path_factory.mktemp("smoke")
    shared = own.parents["PYTEST_XDIST_WORKER" in os.environ]
    with FileLock(shared / "smoke.lock"):
        kept = shared / "smoke.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(killed_and_resumed(own)))
        computed: Smoke = pickle.loads(kept.read_bytes())
    return replace(computed, checkout=Checkout(own / "copy", computed.checkout))


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A copy of its own for a test that spoils it."""
    return Checkout(tmp_path / "checkout")
