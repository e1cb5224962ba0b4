"""workflow/profiles/*: Snakemake would take every one of them, and none is silently overruled."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = sorted((ROOT / "workflow" / "profiles").iterdir())
# options that the executor plugins of the extras add
PLUGIN_OPTIONS = {
    "container-image",
    "kubernetes-namespace",
    "slurm-init-seconds-before-status-checks",
    "slurm-status-attempts",
}


def options(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "config.yaml").read_text())


@pytest.fixture(scope="module")
def snakemake_options() -> set[str]:
    command = [sys.executable, "-m", "snakemake", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--([a-z][a-z0-9-]+)", text))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_key_is_a_long_option_of_snakemake(folder: Path, snakemake_options: set[str]) -> None:
    assert set(options(folder)) <= snakemake_options | PLUGIN_OPTIONS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_only_the_default_profile_sets_what_it_sets(folder: Path) -> None:
    """Snakemake reads the default profile last: a key of it would overrule that of ``--profile``."""
    default = options(ROOT / "workflow" / "profiles" / "default")
    assert folder.name == "default" or not set(default) & set(options(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_only_the_configuration_asks_for_gpus(folder: Path) -> None:
    """A cluster without GPUs refuses a job that asks for one."""
    own = options(folder)
    asked = [own.get("default-resources", {}), *own.get("set-resources", {}).values()]
    assert not [resources for resources in asked if {"gpu", "gpus", "gres"} & set(resources)]
