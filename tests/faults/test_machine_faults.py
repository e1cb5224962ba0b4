"""What the machine lacks is said in one line with the file and a way out, whatever a library says about it."""

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.errors import ContractError, MachineError, machine_fault, unreadable
from mtbkd.base.frames import write_table
from mtbkd.base.job import job
from mtbkd.base.writing import write_arrays, write_json
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.report.figures.style import save, style
from tests.conformance.examples import dataset
from tests.conftest import file_limit

LIMIT = 8192  # bytes


def draws() -> Draws:
    prob = np.full((1, 2, 50, 60, 3), 1 / 3, np.float32)
    prob[..., 0] += np.random.default_rng(0).uniform(-0.1, 0.1, prob.shape[:-1]).astype(np.float32)
    prob /= prob.sum(-1, keepdims=True)
    empty = np.zeros((1, 2, 50, 2), np.float32)
    return Draws(np.array([0]), np.zeros((1, 2, 50)), prob[..., :2, :], np.arange(2), empty, np.zeros((1, 2), np.int64),
                 prob, np.arange(60), np.zeros((1, 2), bool))  # fmt: skip


def large_dataset() -> Dataset:
    data = dataset((3,), 1)
    object.__setattr__(data, "x", np.repeat(data.x, 20, axis=2))
    return data


def figure(path: Path) -> None:
    from matplotlib import pyplot as plt

    with style():
        own, ax = plt.subplots()
        ax.plot(np.random.default_rng(0).normal(size=3000))
        save(own, path.with_suffix(".svg"), path.with_suffix(".png"))


NOISE = np.random.default_rng(0).normal(size=5000)
WRITERS: dict[str, Callable[[Path], Any]] = {
    "draws": lambda path: draws().write(path),
    "arrays": lambda path: write_arrays(path, {"a": NOISE}),
    "dataset": lambda path: large_dataset().write(path),
    "table": lambda path: write_table(pd.DataFrame({"a": NOISE}), path),
    "json": lambda path: write_json(path, NOISE.tolist()),
    "figure": figure,
}


@pytest.fixture
def limited() -> Iterator[None]:
    """No file may grow beyond LIMIT."""
    with file_limit(LIMIT):
        yield


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk with a few free blocks."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip("NO PERMISSION to mount a small disk")
    try:
        (tmp_path / "filler").write_bytes(bytes(48 << 10))
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def told(write: Callable[[Path], Any], path: Path) -> str:
    """The line that a job or a command would show."""
    with pytest.raises(Exception) as caught:
        write(path)
    fault = machine_fault(caught.value)
    assert fault is not None, repr(caught.value)
    assert "\n" not in str(fault)
    return str(fault)


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_on_files_is_named(name: str, tmp_path: Path, limited: None):
    assert "the file is larger than the limit on files. Hint: raise the limit" in told(WRITERS[name], tmp_path / "x.out")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 0]


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named(name: str, full: Path):
    line = told(WRITERS[name], full / "x.out")
    assert "the disk is full. Hint: free some space" in line
    assert {path.name for path in full.rglob("*") if path.is_file()} <= {"filler"}


@pytest.mark.parametrize("name", ["draws", "arrays", "table"])
def test_the_line_names_the_file_and_not_its_temporary_name(name: str, tmp_path: Path, limited: None):
    line = told(WRITERS[name], tmp_path / "x.out")
    assert line.startswith(f"{tmp_path}/x.out: ") and ".part" not in line


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "results/a"), "results/a: the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "results/a"), "results/a: the disk quota is used up"),
        (OSError(errno.EROFS, "Read-only file system", "results/a"), "results/a: a read-only file system"),
        (PermissionError(errno.EACCES, "Permission denied", "results/a"), "results/a: no permission"),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files. Hint: raise the limit (ulimit -n"),
        (MemoryError(), "not enough memory. Hint: run fewer jobs"),
        (np.exceptions.AxisError("x"), None),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate "
                      "400 bytes. Error code 12 (Cannot allocate memory)"), "not enough memory ("),
        (ImportError("libtorch_cuda.so: failed to map segment from shared object"), "not enough memory (libtorch_cuda.so"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has"), "the GPU does not have enough memory"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "the GPU does not have enough memory"),
        (ValueError("a mistake of ours"), None),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), None),
        (ContractError("x.csv", "label", "'out of memory'", "a class"), None),
    ],
)  # fmt: skip
def test_faults_of_the_machine_are_told_from_others(error: Exception, words: str | None):
    found = machine_fault(error)
    assert (found is None) if words is None else (str(found).startswith(words) or words in str(found))
    assert "\n" not in str(found)


def test_torch_without_memory_is_told():
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.float32)
    assert "not enough memory" in str(machine_fault(caught.value))


def test_the_cause_below_a_wrapped_error_is_found():
    with pytest.raises(RuntimeError) as caught:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "results/a")
        except OSError as error:
            raise RuntimeError("could not save") from error
    assert str(machine_fault(caught.value)).startswith("results/a: the disk is full")


def test_a_file_without_permission_is_not_called_damaged():
    denied = PermissionError(errno.EACCES, "Permission denied", "data/a.csv")
    assert isinstance(unreadable("data/a.csv", denied, "a table", "delete it"), MachineError)
    assert isinstance(unreadable("data/a.csv", ValueError("bad"), "a table", "delete it"), ContractError)


def run_job(monkeypatch: pytest.MonkeyPatch, log: Path, act: Callable[[], None]) -> None:
    rule = SimpleNamespace(rule="student", wildcards=[], threads=1, input=[], output=["results/a"], params={}, log=[str(log)],
                           resources={})  # fmt: skip
    monkeypatch.setattr(sys.modules["__main__"], "snakemake", rule, raising=False)
    with job():
        act()


@pytest.fixture
def same_logging() -> Iterator[None]:
    root, raising = logging.getLogger(), logging.raiseExceptions
    handlers, level = root.handlers[:], root.level
    environment = dict(os.environ)
    yield
    for handler in set(root.handlers) - set(handlers):
        with suppress(OSError):  # what /dev/full did not take
            handler.close()
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raising
    os.environ.clear()
    os.environ.update(environment)


def raised(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.usefixtures("same_logging")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "results/a"), "error: results/a: the disk is full. Hint"),
        (MemoryError("Unable to allocate 7 TiB"), "error: not enough memory (Unable to allocate 7 TiB). Hint"),
        (ContractError("a", "b", "c", "d"), "error: a: b: found c; expected d."),
    ],
)
def test_a_job_ends_in_one_line(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        run_job(monkeypatch, tmp_path / "job.log", raised(error))
    lines = (tmp_path / "job.log").read_text().splitlines()
    assert len(lines) == 1 and words in lines[0]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("same_logging")
def test_an_error_of_ours_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(KeyError):
        run_job(monkeypatch, tmp_path / "job.log", raised(KeyError("x")))
    assert "please report it" in (tmp_path / "job.log").read_text()


@pytest.mark.usefixtures("same_logging")
def test_a_log_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        run_job(monkeypatch, tmp_path / "none" / "job.log", lambda: None)
    assert "No such file" in capfd.readouterr().err


@pytest.mark.usefixtures("same_logging")
def test_a_log_on_a_full_disk_adds_no_tracebacks(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        run_job(monkeypatch, Path("/dev/full"), raised(OSError(errno.ENOSPC, "No space left on device", "results/a")))
    told = capfd.readouterr().err
    assert "results/a: the disk is full" in told and "Traceback" not in told and "Logging error" not in told
