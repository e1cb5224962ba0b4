"""Drivers and clusters, by programs that answer as theirs do, or not at all."""

import time
from pathlib import Path
from typing import Any

import pytest

from mtbkd.base.device import VISIBLE
from mtbkd.serving.doctor import executors, gpu, stores
from mtbkd.serving.doctor.finding import Asked, answer
from mtbkd.study import config as study_config
from mtbkd.study.models import Config
from mtbkd.study.study_files import read_configuration
from tests.serving.doctor.programs import put

TWO = "echo 'NVIDIA H100 80GB HBM3, 580.95.05'; echo 'NVIDIA H100 80GB HBM3, 580.95.05'"
SLURM = {"sinfo": "echo debug", "squeue": "true", "sbatch": "true", "sacct": "true"}


@pytest.fixture(scope="module")
def config() -> Config:
    return study_config.load(read_configuration(), "smoke")


@pytest.fixture(autouse=True)
def no_word_of_a_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VISIBLE, "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_a_program_that_is_missing_broken_or_silent_says_which() -> None:
    assert answer(["no-such-program"]) == (None, "not installed")
    assert answer(["sh", "-c", "echo first >&2; echo last >&2; exit 3"]) == (None, "last")
    assert answer(["sh", "-c", "exit 3"]) == (None, "exit status 3")
    began = time.monotonic()
    assert answer(["sleep", "30"], 0.2) == (None, "no answer in 0.2 s") and time.monotonic() - began < 10
    assert answer(["echo", "yes"]) == ("yes", "")


@pytest.mark.parametrize(
    ("device", "script", "told", "state", "said"),
    [
        ("cpu", "exit 1", None, "ok", "device: cpu needs none"),
        ("cuda", TWO, None, "ok",
         "2 x NVIDIA H100 80GB HBM3, driver 580.95.05 for torch's CUDA 13.2; --resources gpu=2 uses all"),
        ("cuda", TWO, "1", "ok", "1 x NVIDIA H100 80GB HBM3, driver 580.95.05 for torch's CUDA 13.2"),
        ("cuda", TWO, "-1", "fails", "CUDA_VISIBLE_DEVICES is '-1', which hides all GPUs"),
        ("cuda", "echo 'Tesla V100, 535.183.01'", None, "fails", "driver 535.183.01 is too old for torch's CUDA 13.2"),
        ("auto", "echo 'Tesla V100, 535.183.01'", None, "warning",
         "driver 535.183.01 is too old for torch's CUDA 13.2; fits would run on the CPU"),
        ("cuda", "echo 'Driver/library version mismatch'; exit 18", None, "fails",
         "the driver does not answer (nvidia-smi: Driver/library version mismatch)"),
    ],
)  # fmt: skip
def test_the_driver_is_held_against_what_torch_needs(
    device: str, script: str, told: str | None, state: str, said: str, tmp_path: Path, config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    put(tmp_path / "bin", monkeypatch, nvidia_smi=script)
    monkeypatch.setattr(gpu, "cuda_of_torch", lambda: "13.2")
    if told is not None:
        monkeypatch.setenv(VISIBLE, told)
    found = gpu.gpu(Asked(tmp_path, config.model_copy(update={"device": device})))
    assert (found.state, found.found) == (state, said)


def test_without_a_driver_only_a_run_that_insists_on_a_gpu_fails(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {device: gpu.gpu(Asked(tmp_path, config.model_copy(update={"device": device}))) for device in ("auto", "cuda")}
    assert found["auto"].state == "ok" and found["auto"].found == "none: fits run on the CPU (device: auto)"
    assert found["cuda"].state == "fails" and "nvidia-smi: not installed" in found["cuda"].found


def test_a_torch_without_cuda_is_found_by_its_own_word(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert gpu.cuda_of_torch() == (torch.version.cuda or "")
    put(tmp_path / "bin", monkeypatch, nvidia_smi=TWO)
    monkeypatch.setattr(gpu, "cuda_of_torch", lambda: "")
    found = gpu.gpu(Asked(tmp_path, config.model_copy(update={"device": "cuda"})))
    assert (found.state, found.found) == ("fails", "torch is built without CUDA")


def slurm(folder: Path, **profile: Any) -> dict[str, str]:
    found = executors.slurm(Asked(folder, profile={"executor": "slurm", **profile}))
    return {each.name: f"{each.state}: {each}" for each in found}


def test_a_cluster_that_answers_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "bin", monkeypatch, **SLURM)
    assert slurm(tmp_path) == {"sinfo": "ok: answers", "squeue": "ok: answers", "sbatch": "ok: a job would be accepted",
                               "sacct": "ok: accounting answers"}  # fmt: skip


def test_a_broken_sbatch_fails_with_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "case \"$*\" in *--account=mine*) echo 'allocation failure: Invalid account' >&2; exit 1;; esac"
    put(tmp_path / "bin", monkeypatch, **SLURM | {"sbatch": broken})
    found = slurm(tmp_path, **{"default-resources": {"slurm_account": "mine"}})
    hint = "check slurm_account and slurm_partition of the profile"
    assert found["sbatch"] == f"fails: allocation failure: Invalid account. Hint: {hint}"
    assert found["sinfo"] == "ok: answers"
    assert slurm(tmp_path, **{"default-resources": ["slurm_account=yours"]})["sbatch"].startswith("ok")


def test_a_cluster_without_accounting_needs_another_status_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = "echo 'Slurm accounting storage is disabled' >&2; exit 1"
    put(tmp_path / "bin", monkeypatch, **SLURM | {"sacct": off})
    assert slurm(tmp_path)["sacct"].startswith("warning: Slurm accounting storage is disabled. Hint: add `slurm-status")
    assert slurm(tmp_path, **{"slurm-status-command": "squeue"})["sacct"].startswith("ok")


def test_a_profile_that_asks_for_gpus_of_a_cluster_without_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = {"set-resources": {"student": {"gpu": 1}}}
    put(tmp_path / "bin", monkeypatch, **SLURM | {"sinfo": "echo '(null)'"})
    assert slurm(tmp_path, **asks)["SLURM GPUs"].startswith("fails: no partition has one")
    assert "SLURM GPUs" not in slurm(tmp_path)
    put(tmp_path / "bin", monkeypatch, sinfo="echo 'gpu:h100:4(S:0-1)'")
    assert "SLURM GPUs" not in slurm(tmp_path, **asks)


def test_without_slurm_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(slurm(tmp_path)) == ["SLURM"] and "not installed: sbatch, squeue, sinfo" in slurm(tmp_path)["SLURM"]
    assert not list(executors.slurm(Asked(tmp_path)))


def kubernetes(folder: Path) -> list[str]:
    asked = Asked(folder, profile={"executor": "kubernetes", "kubernetes-namespace": "lab"})
    return [f"{found.state}: {found.found}" for found in executors.kubernetes(asked)]


def test_kubernetes_is_asked_whether_pods_may_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "check_sent", lambda folder, more: 7)
    sent = "ok: 7 files, which pods are sent"
    place = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(place))
    assert kubernetes(tmp_path) == [sent, f"fails: {place}: no such file"]
    place.touch()
    put(
        tmp_path / "bin",
        monkeypatch,
        kubectl='test "$*" = "auth can-i create pods --namespace=lab --request-timeout=2s" && echo yes',
    )
    assert kubernetes(tmp_path) == [sent, "ok: pods may be started in lab"]
    put(tmp_path / "bin", monkeypatch, kubectl="echo no; exit 1")
    assert kubernetes(tmp_path) == [sent, "fails: no"]


def test_what_a_profile_needs_and_lacks_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = {"executor": "kubernetes", "default-storage-provider": "fs"}
    assert "container-image is not set" in [each.found for each in executors.plugins(Asked(tmp_path, profile=profile))]
    profile = {"executor": "no-such", "default-storage-provider": "s3", "default-storage-prefix": "s3://my-bucket/mtbkd"}
    monkeypatch.setattr(executors, "find_spec", lambda module: None)
    package = "snakemake-executor-plugin-no-such"
    found = [f"{each.name} {each.state}: {each}" for each in executors.plugins(Asked(tmp_path, profile=profile))]
    assert found == [
        f"executor fails: {package} is not installed. Hint: uv pip install {package}",
        "storage fails: snakemake-storage-plugin-s3 is not installed. Hint: make setup EXTRAS=kubernetes",
        "profile fails: default-storage-prefix still holds the example's my-bucket. Hint: fill in your site's own",
    ]
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "a")
    monkeypatch.delenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", raising=False)
    missing = stores.storage(Asked(tmp_path, profile=profile))
    assert missing and (missing.state, missing.found) == ("fails", "not set: SNAKEMAKE_STORAGE_S3_SECRET_KEY")
    (tmp_path / "file").touch()
    for name, state in (("file", "fails"), ("store", "ok")):
        place = {"default-storage-provider": "fs", "default-storage-prefix": str(tmp_path / name)}
        found_there = stores.storage(Asked(tmp_path, profile=place))
        assert found_there and found_there.state == state
