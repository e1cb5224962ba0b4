"""`--sdm apptainer`: every job runs in the image that MTBKD_IMAGE names; without the option no job has one."""

import json

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
