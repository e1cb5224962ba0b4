"""`--sdm apptainer`: every job runs in the image that MTBKD_IMAGE names; without the option no job has one."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
# Stands for the program: notes its arguments, and runs what follows the image outside.
APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
echo "$@" >> "$CALLS"
while [ "$1" != "$MTBKD_IMAGE" ]; do shift; done
shift
exec "$@"
"""


def test_jobs_run_in_the_image_and_only_with_the_option(fresh: Checkout) -> None:
    program, calls, image = (fresh.root / name for name in ("bin/apptainer", "calls.txt", "mine.sif"))
    program.parent.mkdir()
    program.write_text(APPTAINER)
    program.chmod(0o755)
    image.touch()
    path = fresh.environment()["PATH"]
    environment = {"PATH": f"{program.parent}:{path}", "MTBKD_IMAGE": str(image), "CALLS": str(calls)}
    line = ("--cores", "1", "--config", "study=smoke", "--until", "prepare_sim1")
    fresh.snakemake(*line, environment=environment)
    assert not calls.exists()
    recorded = [json.loads(file.read_text()) for file in (fresh.root / ".snakemake/metadata").rglob("*") if file.is_file()]
    assert recorded and not any(each.get("container_img_url") for each in recorded)
    fresh.snakemake(*line, "--sdm", "apptainer", "--forcerun", "prepare_sim1", environment=environment)
    (call,) = calls.read_text().splitlines()
    assert str(image) in call and "prepare.py" in call


def test_a_job_runs_in_a_container_of_apptainer(fresh: Checkout) -> None:
    """Its image is a folder into which the system and the environment of this machine are bound."""
    if not shutil.which("apptainer"):
        pytest.skip("apptainer is not installed")
    image, calls = fresh.root.parent / "image", fresh.root / "calls.txt"
    bound = list(dict.fromkeys(("/usr", "/etc", sys.prefix, sys.base_prefix)))
    for folder in (*bound, "/opt/image", "/proc", "/sys", "/dev", "/tmp", "/var/tmp", str(fresh.root)):
        (image / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for link in (path for path in map(Path, ("/bin", "/lib", "/lib64")) if path.is_symlink()):
        (image / link.name).symlink_to(link.readlink())
    python = image / "opt/image/python"  # APPTAINER_CONTAINER is set inside a container only
    python.write_text(f'#!/bin/sh\necho "$APPTAINER_CONTAINER" >> {calls}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    environment = {"MTBKD_IMAGE": str(image), "APPTAINER_BIND": ",".join(bound), "APPTAINERENV_PREPEND_PATH": "/opt/image"}
    line = ("--cores", "1", "--config", "study=smoke", "--until", "prepare_sim1", "--sdm", "apptainer")
    fresh.snakemake(*line, environment=environment)
    assert calls.read_text() == f"{image}\n"
    assert list(fresh.root.glob("results/shared/data/*/*/data.safetensors"))
