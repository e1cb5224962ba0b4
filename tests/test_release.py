"""What a release carries besides code: licences, the archive's entry, and the workflow of a public forge."""

import json
import re
import runpy
import tomllib
from pathlib import Path

import yaml

from mtbkd.data.raw_files import raw_files

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LICENCES = (ROOT / "docs" / "licences.md").read_text()
FORGE = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


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
    assert any(step.get("run") == ".ci/run" for step in FORGE["jobs"]["test"]["steps"])


def test_issue_forms_ask_for_what_a_command_or_a_page_tells() -> None:
    forms = [yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")]
    assert len(forms) == 3 and all(form["name"] and form["description"] and form["body"] for form in forms)
