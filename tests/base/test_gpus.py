"""Jobs of one machine share out its GPUs: by name only, as no driver is needed to lock one."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mtbkd.base import gpus
from mtbkd.base.device import VISIBLE, resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.job import _may_use_gpu

HOLD = """
import os, sys
from mtbkd.base import gpus
with gpus.taken(gpus.visible()):
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.read()
"""
BOTH = ["0", "1"]


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (VISIBLE, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def start(folder: Path, devices: str) -> "subprocess.Popen[str]":
    """A process that took one of ``devices``, which it prints, and holds it until its input ends."""
    env = os.environ | {VISIBLE: devices, "TMPDIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", HOLD], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_take_two_devices_and_one_that_is_killed_gives_its_back(tmp_path: Path) -> None:
    first, second = (start(tmp_path, "0,1") for _ in range(2))
    try:
        held = line(first)
        assert {held, line(second)} == {"0", "1"}
        with gpus.taken(BOTH) as shared:
            assert shared == "0"
        first.kill()
        first.wait()
        with gpus.taken(BOTH) as free:
            assert free == held
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_a_job_sees_its_device_alone_and_afterwards_all_of_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "2,GPU-5ebe9f43")
    with gpus.taken(gpus.visible()), gpus.taken(["2", "GPU-5ebe9f43"]):
        assert os.environ[VISIBLE] == "GPU-5ebe9f43"
    assert os.environ[VISIBLE] == "2,GPU-5ebe9f43"
    monkeypatch.delenv(VISIBLE)
    with gpus.taken(BOTH):
        assert os.environ[VISIBLE] == "0"
    assert VISIBLE not in os.environ


def test_more_jobs_than_devices_share_evenly_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with gpus.taken(BOTH) as a, gpus.taken(BOTH) as b, gpus.taken(BOTH) as c, gpus.taken(BOTH) as d:
        assert [a, b, c, d] == ["0", "1", "0", "1"]
    assert caplog.messages[1] == "GPU 1 of 0, 1"
    assert caplog.messages[2] == "GPU 0 of 0, 1, shared with 1 more: --resources gpu=2 gives every job its own"


@pytest.mark.parametrize(
    ("told", "devices"),
    [("3", ["3"]), ("0, 2", ["0", "2"]), ("", []), ("-1", []), ("1,-1,2", ["1"]), ("NoDevFiles", []),
     ("MIG-GPU-5ebe9f43/1/0", ["MIG-GPU-5ebe9f43/1/0"])],
)  # fmt: skip
def test_the_scheduler_says_which_devices_there_are(told: str, devices: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, told)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert gpus.visible() == devices


def test_without_a_word_of_the_scheduler_all_devices_of_the_driver_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([folder / "nvidia0"]))
    assert gpus.visible() == ["0", "1", "2"]


def test_the_only_device_is_left_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "5")
    with gpus.taken(["5"]) as first, gpus.taken(["5"]) as second:
        assert first == second == os.environ[VISIBLE] == "5"
    assert not list(tmp_path.iterdir())


def test_two_jobs_of_slurm_may_have_a_device_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with gpus.taken(BOTH) as first:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with gpus.taken(BOTH) as second:
            assert first == second == "0"


def test_a_folder_without_room_for_locks_stops_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    with gpus.taken(BOTH) as device:
        assert device == "0"
    assert "no GPU is reserved for this job, which uses the first: " in caplog.text


@pytest.mark.parametrize(
    ("resources", "device", "may"),
    [({"gpu": 1}, "cuda", True), ({"gpu": 0}, "auto", True), ({"gpu": 0}, "cpu", False), ({"gpu": 0}, "cuda", False),
     ({}, "auto", False)],
)  # fmt: skip
def test_only_rules_that_may_use_a_gpu_take_one(resources: dict[str, int], device: str, may: bool) -> None:
    rule: Any = SimpleNamespace(resources=resources, params=SimpleNamespace(spec={"device": device}))
    assert _may_use_gpu(rule) is may


def test_a_hidden_gpu_is_refused_with_what_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "-1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ContractError, match=r"device: found cuda, where CUDA_VISIBLE_DEVICES is '-1'; expected a CUDA device"):
        resolve_device("cuda")
