"""What a release carries besides code: licences, the archive's entry, and the workflow of a public forge."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

from mtbkd.data.raw_files import raw_files
from mtbkd.report import reference
from mtbkd.study.study_files import read_configuration

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LICENCES = (ROOT / "docs" / "licences.md").read_text()
FORGE = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def runs(job: str) -> list[str]:
    """The commands of a job of the forge."""
    return [step["run"] for step in FORGE["jobs"][job]["steps"] if "run" in step]


def test_every_package_that_a_run_needs_is_listed_with_its_locked_version() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {package["name"]: package["version"] for package in lock["package"] if package["name"] != "mtbkd"}
    needed = runpy.run_path(str(ROOT / "scripts" / "export_licences.py"))["needed"](lock)
    listed = dict(re.findall(r"^\| ([a-z0-9.-]+) \| (\d[^ ]*) \|", LICENCES, re.M))
    elsewhere = set(re.findall(r"[a-z0-9-]+", re.findall(r"not looked at: (.*)", LICENCES)[0]))
    assert {"torch", "pymc", "numpy"} <= needed == listed.keys() | elsewhere, "run: python scripts/export_licences.py"
    assert listed == {name: versions[name] for name in listed}, "run: python scripts/export_licences.py"


def test_the_licence_of_every_file_that_is_downloaded_is_listed() -> None:
    lines = LICENCES.partition("## Data files")[2].splitlines()
    for key, file in raw_files().items():
        group = key.partition("/")[0]
        assert any(line.startswith(f"| {group}: ") and file.licence in line for line in lines), key


def test_the_archive_and_the_project_agree() -> None:
    archived = json.loads((ROOT / ".zenodo.json").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert archived["title"] == citation["title"] and archived["license"] == PROJECT["license"] == citation["license"]
    assert [c["name"] for c in archived["creators"]] == [a["name"] for a in PROJECT["authors"]]


def test_the_forge_runs_what_everybody_runs_on_every_python_that_the_project_names() -> None:
    matrix = FORGE["jobs"]["test"]["strategy"]["matrix"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == named and {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos"}
    assert ".ci/run" in runs("test")


def test_the_forge_builds_pages_and_packages_and_compares_a_run_of_the_wheel_with_the_reference() -> None:
    assert "make docs" in runs("docs")
    assert [command for command in runs("packages") if "mtbkd" in command] == [
        'PATH="$GITHUB_WORKSPACE/clean/bin:$PATH" mtbkd run --study smoke --cores all',
        '../clean/bin/mtbkd compare results/smoke "$GITHUB_WORKSPACE/tests/reference/smoke.csv"',
    ]


BASH_4 = re.compile(
    r"\b(mapfile|readarray|coproc)\b|(declare|local) -[Ang]|\$\{\w+(,,?|\^\^?|@[A-Z])|\[-1\]|\|&|&>>|;;?&|wait -n|-v \w+ \]\]"
)


@pytest.mark.parametrize("script", [".ci/run", "scripts/setup.sh", "Makefile"])
def test_what_runs_on_macos_keeps_within_its_bash_3_2(script: str) -> None:
    assert BASH_4.findall((ROOT / script).read_text()) == []
    newer = ("mapfile -t a", "declare -A a", "local -n a", "${a,,}", "${a^^}", "${a[-1]}", "a |& b", "a &>> b", "wait -n")
    assert all(BASH_4.search(line) for line in newer)


@pytest.mark.parametrize("place", ["Containerfile", "workflow/README.md", "workflow/profiles/kubernetes/config.yaml"])
def test_images_are_named_after_the_version(place: str) -> None:
    named = re.findall(r"(?:mtbkd:|VERSION=)(\d+\.\d+\.\d+)", (ROOT / place).read_text())
    assert named and set(named) == {PROJECT["version"]}


def test_the_newest_entry_of_the_changelog_is_this_release() -> None:
    (version, date), *_ = re.findall(r"^## \[(\d.*)\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    archived = json.loads((ROOT / ".zenodo.json").read_text())
    assert (version, date) == (PROJECT["version"], str(citation["date-released"]))
    assert (archived["version"], archived["publication_date"]) == (version, date)


def test_issue_forms_ask_for_what_a_command_or_a_page_tells() -> None:
    forms = [yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")]
    assert len(forms) == 3 and all(form["name"] and form["description"] and form["body"] for form in forms)


@pytest.mark.parametrize("study", ["smoke", "demo", "tables"])
def test_the_reference_of_a_study_holds_all_that_the_study_still_has(study: str) -> None:
    """A method or experiment that left the study would be missing in every run: write the file anew."""
    path = ROOT / "tests" / "reference" / f"{study}.csv"
    assert f"mtbkd compare results/{study} --write tests/reference/{study}.csv" in path.read_text()
    found, configuration = reference.read(path), read_configuration()
    plan = configuration["studies"][study]
    known = {name: set(entry["methods"]) for name, entry in plan["experiments"].items()}
    assert set(found["experiment"]) - set(plan.get("questions", {})) == set(known)
    for name, methods in known.items():
        listed = set(found.loc[found["experiment"] == name, "method"])
        assert listed & {*configuration["methods"]} <= methods
        replicates = plan["experiments"][name].get("replicates", plan["replicates"])
        assert found.loc[found["experiment"] == name, "n"].max() == replicates
