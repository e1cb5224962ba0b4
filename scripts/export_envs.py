"""Write envs/*.yaml, the environments of `snakemake --sdm conda`, from pyproject.toml and uv.lock.

One line a direct dependency, at its locked version; a test fails when the files and the lock part ways.
"""

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.13"
ENVIRONMENTS: dict[str, tuple[str, ...]] = {"cpu": (), "gpu": ("gpu",)}  # name -> extras of pyproject.toml

HEADER = """\
# Made from uv.lock by `python scripts/export_envs.py`; do not edit.
# mtbkd itself is not in it: workflow/Snakefile puts the repository on PYTHONPATH, because Snakemake keeps a copy of
# this file under .snakemake/conda, from where no relative path leads back.
"""
CONDA = f"""\
channels: [conda-forge, nodefaults]
dependencies:
  - python={PYTHON}
  - pip
  - pip:
"""


def locked_versions(lock: dict[str, Any]) -> dict[str, str]:
    """Return name -> version of every package of a parsed uv.lock; ValueError when one has several versions."""
    versions: dict[str, str] = {}
    for package in lock["package"]:
        name, version = package["name"], package["version"]
        if versions.setdefault(name, version) != version:
            raise ValueError(f"uv.lock: {name}: found versions {versions[name]} and {version}; expected one")
    return versions


def pinned(requirement: str, versions: dict[str, str]) -> str:
    """Return ``requirement`` at its locked version, its extras and markers kept; KeyError when it is not locked."""
    parsed = Requirement(requirement)
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    marker = f"; {parsed.marker}" if parsed.marker else ""
    return f"{parsed.name}{extras}=={versions[parsed.name.lower()]}{marker}"


def environment(name: str, project: dict[str, Any], versions: dict[str, str]) -> str:
    """Return the text of envs/<name>.yaml.

    Args:
        name: a key of ``ENVIRONMENTS``.
        project: the ``[project]`` table of pyproject.toml.
        versions: what ``locked_versions`` returns.
    """
    requirements = list(project["dependencies"])
    for extra in ENVIRONMENTS[name]:
        requirements += project["optional-dependencies"][extra]
    pins = "".join(f"      - '{pinned(requirement, versions)}'\n" for requirement in requirements)
    return f"{HEADER}name: mtbkd-{name}\n{CONDA}{pins}"


def environments(root: Path = ROOT) -> dict[Path, str]:
    """Return path -> text of every file of ``root``/envs, as pyproject.toml and uv.lock there want it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = locked_versions(tomllib.loads((root / "uv.lock").read_text(encoding="utf-8")))
    return {root / "envs" / f"{name}.yaml": environment(name, project, versions) for name in ENVIRONMENTS}


def main() -> None:
    """Write the files."""
    for path, text in environments().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
