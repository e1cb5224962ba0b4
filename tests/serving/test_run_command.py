"""`mtbkd run` hands a study to Snakemake: which workflow, which arguments, and what keeps it from starting."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtbkd.base import suite
from mtbkd.serving import run_command
from mtbkd.serving.cli import main

SNAKEFILE = str(suite.root() / "workflow" / "Snakefile")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The command that was started, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    command: list[str] = []

    def execute(program: str, arguments: list[str]) -> int:
        assert program == arguments[0] == sys.executable
        command.extend(arguments[1:])
        return 0

    monkeypatch.setattr("os.execv", execute)
    return command


def test_what_it_does_not_know_goes_to_snakemake(started: list[str]) -> None:
    assert main(["run", "--study", "smoke", "-n", "--cores", "2", "results/smoke/report.html", "--forcerun", "report"]) == 0
    further = ["-n", "--cores", "2", "results/smoke/report.html", "--forcerun", "report"]
    assert started == ["-m", "snakemake", "--config", "study=smoke", "--snakefile", SNAKEFILE, *further]


def test_the_end_of_options_goes_to_snakemake_too(started: list[str]) -> None:
    """It divides a list such as --forcerun from the targets; what follows is no option, so that the study stands before."""
    main(["run", "--study", "smoke", "--forcerun", "a", "--", "b", "--study", "c"])
    assert started[2:4] == ["--config", "study=smoke"] and started[6:] == ["--forcerun", "a", "--", "b", "--study", "c"]


@pytest.mark.workflow
def test_a_target_behind_the_end_of_options_is_one_of_the_study_that_is_named(tmp_path: Path) -> None:
    target = "results/smoke/report.html"  # the default study has no rule for it
    line = [sys.executable, "-m", "mtbkd", "run", "--study", "smoke", "-n", "--quiet", "--", target]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_the_study_stands_beside_other_entries_of_the_configuration(started: list[str]) -> None:
    """Snakemake keeps the last --config only."""
    main(["run", "--config", "seed=3", "device=cpu", "-n", "--study", "smoke", "-C", "study=demo"])
    assert started.count("--config") == 1
    assert started[3:7] == ["seed=3", "device=cpu", "study=demo", "study=smoke"] and "-n" in started


@pytest.mark.parametrize("entry", ["seed", "posterior.kappa=3", "=3"])
def test_an_entry_that_is_none_is_refused_before_snakemake_starts(
    entry: str, started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--config", entry, "-n"]) == 1 and not started
    assert f"--config: found '{entry}'; allowed: KEY=VALUE" in capsys.readouterr().err


def test_make_run_keeps_its_study_beside_entries_of_the_configuration(started: list[str]) -> None:
    if not (make := shutil.which("make")):
        pytest.skip("NO MAKE")
    line = [make, "-n", "-C", str(suite.PACKAGE.parent), "run", "STUDY=smoke", "ARGS=--config seed=3 -n"]
    recipe = subprocess.run(line, capture_output=True, encoding="utf-8", check=True).stdout
    (given,) = re.findall(r" -m mtbkd (run .*?) \|\|", recipe)
    main(given.split())
    assert started[2:5] == ["--config", "seed=3", "study=smoke"] and "-n" in started


def test_without_a_study_it_is_that_of_the_configuration(started: list[str]) -> None:
    main(["run"])
    assert started == ["-m", "snakemake", "--snakefile", SNAKEFILE]


def test_in_the_checkout_the_command_names_no_folder(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.root())
    main(["run"])
    assert started[-1] == "workflow/Snakefile"


def test_a_configfile_with_a_mistake_keeps_it_from_starting(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("more.yaml").write_text("seed: 1\nseed: 2\n")
    assert main(["run", "--configfile", "more.yaml"]) == 1
    assert not started and "found the key 2 times" in capsys.readouterr().err


def test_another_package_in_the_folder_is_refused(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs start in this folder, so they would import it."""
    Path("mtbkd").mkdir()
    Path("mtbkd/__init__.py").touch()
    assert main(["run"]) == 1 and not started
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "another mtbkd" in told and "python -m mtbkd run" in told


def test_without_snakemake_one_line_says_so(
    started: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_command, "find_spec", lambda name: None)
    assert main(["run"]) == 1 and not started
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "snakemake: not installed" in told


def test_other_commands_still_refuse_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "methods", "--foo"]) == 2
    assert "'--foo'" in capsys.readouterr().err
