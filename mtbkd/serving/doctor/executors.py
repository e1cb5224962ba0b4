"""SLURM and Kubernetes: do their commands answer, and is the profile filled in?"""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtbkd.serving.doctor.finding import Asked, Finding, answer
from mtbkd.study.sent import check_sent

EXAMPLES = ("example.org", "my-bucket", "my_account")  # what the shipped profiles have where the site's own belongs
EXTRA = {"slurm": "slurm", "kubernetes": "kubernetes", "s3": "kubernetes"}  # of pyproject.toml


def plugins(asked: Asked) -> Iterator[Finding]:
    """Plugins of Snakemake that the profile names, and lines of it that nobody has filled in."""
    wanted = [("executor", asked.executor)] if asked.executor not in ("local", "dryrun") else []
    if storage := asked.profile.get("default-storage-provider"):
        wanted.append(("storage", storage))
    for kind, name in wanted:
        module = f"snakemake_{kind}_plugin_{name.replace('-', '_')}"
        package = module.replace("_", "-")
        there = find_spec(module) is not None
        extra = f"make setup EXTRAS={EXTRA[name]}" if name in EXTRA else f"uv pip install {package}"
        yield Finding(
            kind, "ok" if there else "fails", name if there else f"{package} is not installed", "" if there else extra
        )
    for key, value in asked.profile.items():
        if left := [word for word in EXAMPLES if word in str(value)]:
            yield Finding("profile", "fails", f"{key} still holds the example's {left[0]}", "fill in your site's own")
    if asked.executor == "kubernetes" and not asked.profile.get("container-image"):
        yield Finding("profile", "fails", "container-image is not set", "name the image, see The image in workflow/README.md")


def slurm(asked: Asked) -> Iterator[Finding]:
    """The controller, a job that is only tested, accounting, GPUs."""
    if asked.executor != "slurm":
        return
    if absent := [name for name in ("sbatch", "squeue", "sinfo") if shutil.which(name) is None]:
        yield Finding("SLURM", "fails", f"not installed: {', '.join(absent)}", "run on a login node of the cluster")
        return
    for command in (("sinfo", "--noheader", "--format=%P"), ("squeue", "--me", "--noheader")):
        told, why = answer(command)
        yield Finding(command[0], "fails" if told is None else "ok", why or "answers", "ask whether SLURM runs" if why else "")
    told, why = answer(("sbatch", "--test-only", *_account(asked), "--wrap=true"))
    yield Finding("sbatch", "fails" if told is None else "ok", why or "a job would be accepted",
                  "check slurm_account and slurm_partition of the profile" if why else "")  # fmt: skip
    yield _accounting(asked)
    if _asks_gpu(asked):
        told, why = answer(("sinfo", "--noheader", "--format=%G"))
        if told is not None and "gpu" not in told:
            yield Finding("SLURM GPUs", "fails", "no partition has one, and the profile asks for `gpu`",
                          "remove `gpu` from set-resources of the profile")  # fmt: skip


def _account(asked: Asked) -> list[str]:
    resources = _resources(asked.profile.get("default-resources"))
    return [f"--{option}={resources[key]}" for option, key in (("account", "slurm_account"), ("partition", "slurm_partition"))
            if key in resources]  # fmt: skip


def _resources(told: Any) -> dict[str, Any]:
    """Snakemake takes {name: value} and [name=value]."""
    return told if isinstance(told, dict) else dict(str(each).split("=", 1) for each in told or ())


def _accounting(asked: Asked) -> Finding:
    told, why = answer(("sacct", "--noheader", "--allocations", "--starttime=now-1minutes"))
    by = asked.profile.get("slurm-status-command", "")
    if told is not None or by == "squeue":
        return Finding("sacct", "ok", "accounting answers" if told is not None else "not needed: the profile asks squeue")
    return Finding("sacct", "warning", why, "add `slurm-status-command: squeue` to the profile")


def _asks_gpu(asked: Asked) -> bool:
    sets = asked.profile.get("set-resources") or {}
    device = asked.config.device if asked.config else "auto"
    return device == "cuda" or (isinstance(sets, dict) and any("gpu" in _resources(each) for each in sets.values()))


def kubernetes(asked: Asked) -> Iterator[Finding]:
    """The files that pods are sent, the cluster's address, and the right to start pods."""
    if asked.executor != "kubernetes":
        return
    sent = check_sent(asked.folder, asked.profile.get("configfile", ()))
    yield Finding("sources", "ok", f"{sent} files, which pods are sent")
    files = [Path(name) for name in os.environ.get("KUBECONFIG", str(Path.home() / ".kube/config")).split(os.pathsep)]
    inside = "KUBERNETES_SERVICE_HOST" in os.environ
    if not inside and not any(file.is_file() for file in files):
        yield Finding("Kubernetes", "fails", f"{files[0]}: no such file", "set KUBECONFIG to your cluster's file")
        return
    if shutil.which("kubectl") is None:
        yield Finding("Kubernetes", "warning", "kubectl is not installed, so that nothing was asked", "install kubectl")
        return
    space = asked.profile.get("kubernetes-namespace", "default")
    told, why = answer(("kubectl", "auth", "can-i", "create", "pods", f"--namespace={space}", "--request-timeout=2s"))
    hint = "" if told else "check KUBECONFIG and kubernetes-namespace of the profile"
    yield Finding("Kubernetes", "ok" if told else "fails", f"pods may be started in {space}" if told else why, hint)
