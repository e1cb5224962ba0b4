"""Write docs/licences.md: under which licence every package that mtbkd needs, and every file that it downloads, is published.

Packages are those of uv.lock that a run needs, with what their own metadata say; files are those of mtbkd/data/raw_files.yaml.
"""

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import groupby
from pathlib import Path
from typing import Any

from mtbkd.data.raw_files import raw_files

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "licences.md"
COMMAND = "python scripts/export_licences.py"
CLASSIFIER = "License :: OSI Approved :: "
INTRODUCTION = f"""\
# Licences

Made by `{COMMAND}`; do not edit. mtbkd itself is under the [MIT licence](../LICENSE).

No package and no data file is part of this repository: packages are installed from PyPI, files are downloaded by the
studies that need them, and stay under their publishers' terms.
"""


def needed(lock: dict[str, Any]) -> set[str]:
    """Names of the packages of a parsed uv.lock that mtbkd needs, directly or not, on any platform, without extras."""
    packages = {package["name"]: package for package in lock["package"]}
    found: set[str] = set()
    waiting = ["mtbkd"]
    while waiting:
        for dependency in packages[waiting.pop()].get("dependencies", ()):
            if dependency["name"] not in found:
                found.add(dependency["name"])
                waiting.append(dependency["name"])
    return found


def licence(name: str) -> tuple[str, str]:
    """(version, licence) of an installed package, by its metadata; the licence is empty where they do not tell."""
    metadata = distribution(name).metadata
    stated = metadata.get("License-Expression") or metadata.get("License") or ""
    if not stated or "\n" in stated or len(stated) > 80:  # some put the whole text there
        listed = [c.removeprefix(CLASSIFIER) for c in metadata.get_all("Classifier", ()) if c.startswith(CLASSIFIER)]
        stated = ", ".join(listed) or stated.split("\n")[0].strip()
    return metadata["Version"], stated


def rows(cells: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lines of a Markdown table, without its head."""
    for row in cells:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def packages(names: Iterable[str]) -> Iterator[str]:
    """The section on packages."""
    elsewhere, here = [], []
    for name in sorted(names):
        try:
            here.append((name, *licence(name)))
        except PackageNotFoundError:
            elsewhere.append(name)
    yield from ("", "## Packages", "", "| package | version | licence, as its metadata state it |", "|---|---|---|")
    yield from rows((name, version, stated or "not stated there") for name, version, stated in here)
    if elsewhere:
        yield from ("", f"Needed on other platforms only, and not looked at: {', '.join(elsewhere)}.")


def files() -> Iterator[str]:
    """The section on data files, one line a group and licence."""
    yield from ("", "## Data files", "", "| files | licence |", "|---|---|")
    listed = sorted((file.licence, *key.split("/")) for key, file in raw_files().items())
    for (stated, group), members in groupby(listed, key=lambda entry: entry[:2]):
        names = [name for _, _, name in members]
        told = ", ".join(names) if len(names) < 6 else f"{names[0]}, {names[1]} and {len(names) - 2} more"
        yield from rows([(f"{group}: {told}", stated)])


def main() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    TARGET.write_text(INTRODUCTION + "\n".join((*packages(needed(lock)), *files())) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
