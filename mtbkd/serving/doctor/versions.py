"""Installed packages against the locked ones."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mtbkd.base import suite
from mtbkd.serving.doctor.finding import Asked, Finding

PIN = re.compile(r"'(?P<name>[\w.-]+)(\[.*\])?==(?P<version>[^';]+)")
PYTHON = (3, 12)


def versions(asked: Asked) -> Iterator[Finding]:
    """Direct dependencies; the numbers of a study were made with the locked versions."""
    locked = pins(suite.root() / "envs" / "cpu.yaml")
    installed = {name: _installed(name) for name in locked}
    missing = [name for name in locked if installed[name] is None]
    other = [f"{name} {installed[name]} (locked: {locked[name]})" for name in locked
             if installed[name] not in (None, locked[name])]  # fmt: skip
    install = "`make setup`, or install mtbkd again in a new environment"
    if sys.version_info < PYTHON:
        yield Finding("versions", "fails", f"Python {sys.version.split()[0]}", "use Python 3.12 or later")
    if missing:
        yield Finding("versions", "fails", f"not installed: {', '.join(missing)}", install)
    if other:
        yield Finding("versions", "warning", f"other than locked: {', '.join(other)}", install)
    if not missing and not other:
        yield Finding("versions", "ok", f"{len(locked)} packages as locked, Python {sys.version.split()[0]}")


def pins(file: Path) -> dict[str, str]:
    """Name -> version of every direct dependency, as ``scripts/export_envs.py`` took it from uv.lock."""
    return {found["name"]: found["version"] for found in PIN.finditer(file.read_text(encoding="utf-8"))}


def _installed(name: str) -> str | None:
    """Without the mark of a build, such as +cu130."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None
