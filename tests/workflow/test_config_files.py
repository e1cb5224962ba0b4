"""Files that Snakemake reads by itself are checked before it does."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow


def test_duplicate_keys_are_named_in_every_file_before_anything_is_made(fresh: Checkout) -> None:
    with open(fresh.root / "config.yaml", "a") as file:
        file.write("datasets: {mine: {kind: digits}}\n")
    (fresh.root / "more.yaml").write_text("study: smoke\ndevice: cpu\ndevice: cpu\n")
    profile = fresh.root / "workflow" / "profiles" / "gpu" / "settings.yaml"
    profile.write_text("device: cuda\ndevice: cuda\n")
    run = fresh.command("snakemake", "--cores", "1", "--configfile", "more.yaml")
    assert run.status == 1
    assert "Traceback" not in run.text
    for words in ("config.yaml: datasets: found", "more.yaml: device: found", "gpu/settings.yaml: device: found"):
        assert words in run.text
    assert not (fresh.root / "results").exists()
