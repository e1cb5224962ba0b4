"""The image: it is built from all that the package is made of, and from nothing else."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("image.sh")


def test_the_build_sees_what_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    made_of = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], *project["project"]["license-files"]}
    lines = (ROOT / ".containerignore").read_text().splitlines()
    assert "*" in lines and {line[1:] for line in lines if line.startswith("!")} == made_of | {"uv.lock"}


def test_only_known_variants_are_installed(tmp_path: Path) -> None:
    line = ("bash", str(ROOT / "scripts" / "image.sh"), "tpu", str(tmp_path / "there"))
    run = subprocess.run(line, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "VARIANT: found 'tpu'; allowed: cuda, cpu\n") and not (
        tmp_path / "there"
    ).exists()


@pytest.mark.slow
def test_the_image_is_built_and_computes_as_its_own_user(tmp_path: Path) -> None:
    if not os.environ.get("MTBKD_TEST_IMAGE"):
        pytest.skip("takes half an hour and 30 GB: MTBKD_TEST_IMAGE=1")
    if os.geteuid() or not (shutil.which("buildah") and shutil.which("debootstrap")):
        pytest.skip("needs root and `apt-get install buildah debootstrap`")
    run = subprocess.run(("bash", str(SCRIPT), str(tmp_path)), capture_output=True, text=True, timeout=7200)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert "== user: 1000" in run.stdout and "usage: mtbkd" in run.stdout.lower()
    assert "org.opencontainers.image.revision" in run.stdout and "== size: " in run.stdout
