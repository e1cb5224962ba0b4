"""Programs that stand for those of a cluster or a driver, first on PATH."""

import os
from pathlib import Path

import pytest


def put(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """``scripts``: name of a program -> what a shell does in its place; nothing else of that kind is on PATH."""
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        place = folder / name.replace("_", "-")
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
