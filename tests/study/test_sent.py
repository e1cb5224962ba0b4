"""Pods are sent what git tracks: a run whose package, studies or configuration they would lack does not start."""

import subprocess
from pathlib import Path

import pytest

from mtbkd.base import suite
from mtbkd.base.errors import ContractError
from mtbkd.study import sent


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository that stands for this one."""
    files = ("mtbkd/__init__.py", "workflow/Snakefile", "workflow/studies/a.yaml", "config.yaml")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(suite, "PACKAGE", tmp_path / "mtbkd")
    monkeypatch.setattr(sent, "study_files", lambda: sorted((tmp_path / "workflow/studies").glob("*.yaml")))
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    return tmp_path


def test_all_that_jobs_need_is_tracked(clone: Path) -> None:
    assert sent.check_sent(clone, ["config.yaml"]) == 4


@pytest.mark.parametrize("name", ["workflow/studies/mine.yaml", "mtbkd/new.py"])
def test_a_file_that_git_does_not_track_is_named(clone: Path, name: str) -> None:
    (clone / name).touch()
    with pytest.raises(ContractError, match=rf"{name}: sources: found a file that git does not track here; .*`git add`"):
        sent.check_sent(clone)


def test_a_configuration_elsewhere_and_a_folder_without_git_are_refused(
    clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "more.yaml").touch()
    with pytest.raises(ContractError, match=r"more\.yaml: sources"):
        sent.check_sent(clone, [elsewhere / "more.yaml"])
    with pytest.raises(ContractError, match=r"sources: found fatal: not a git repository.* a clone of the repository"):
        sent.check_sent(elsewhere)
