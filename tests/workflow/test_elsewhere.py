"""The workflow away from its repository: in another folder, and as a module of another workflow."""

from pathlib import Path

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
MODULE = """\
configfile: "config.yaml"

module mtbkd:
    snakefile: "{root}/workflow/Snakefile"
    config: config["mtbkd"]

use rule * from mtbkd as mtbkd_*

rule everything:
    default_target: True
    input: "results/smoke/report.html"
"""


def test_it_runs_in_another_folder_with_the_repositorys_configuration(fresh: Checkout, tmp_path: Path) -> None:
    """Results lie in the other folder, none in the repository."""
    line = ("-s", f"{fresh.root}/workflow/Snakefile", "--config", "study=smoke", "--until", "prepare_sim1")
    fresh.snakemake(*line, cwd=tmp_path)
    assert list(tmp_path.glob("results/shared/data/sim1_tiny-*/r0-1/data.safetensors"))
    assert not (fresh.root / "results").exists()


def test_another_folders_configuration_is_read_over_the_repositorys(fresh: Checkout, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("study: smoke\nstudies: {smoke: {levels: [1.5]}}\n")
    run = fresh.command("snakemake", "-n", "-s", f"{fresh.root}/workflow/Snakefile", cwd=tmp_path)
    assert run.status == 1 and "studies.smoke.levels[0]: found 1.5" in run.text
    (tmp_path / "config.yaml").write_text("study: smoke\n")
    text = fresh.snakemake("-n", "-s", f"{fresh.root}/workflow/Snakefile", cwd=tmp_path).text
    assert "results/smoke/report.html" in text


def test_it_is_a_module_of_another_workflow(fresh: Checkout, tmp_path: Path) -> None:
    """Settings come from the caller, everything else from the repository; a job of it runs in the caller's folder."""
    (tmp_path / "Snakefile").write_text(MODULE.format(root=fresh.root))
    (tmp_path / "config.yaml").write_text("mtbkd: {study: smoke}\nmine: 1\n")
    text = fresh.snakemake("-n", cwd=tmp_path).text
    assert "rule mtbkd_report:" in text and "rule everything:" in text
    fresh.snakemake("--cores", "1", "--until", "mtbkd_prepare_sim1", cwd=tmp_path)
    assert list(tmp_path.glob("results/shared/data/sim1_tiny-*/r0-1/card.json"))
