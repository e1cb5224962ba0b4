"""Files of the suite that are no modules: config.yaml, workflow/, scripts/, envs/, pyproject.toml.

In a checkout they lie beside the package, in an installed wheel inside it (``force-include`` in pyproject.toml).
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import mtbkd

PACKAGE = Path(mtbkd.__file__).resolve().parent


def root() -> Path:
    """The folder that holds them."""
    packaged = PACKAGE / "suite"  # no checkout has it; beside an installed package lie files of others
    return packaged if packaged.is_dir() else PACKAGE.parent


@cache
def project() -> dict[str, Any]:
    """The table ``[project]`` of pyproject.toml: the only place that states the version and the packages needed."""
    return tomllib.loads((root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def version() -> str:
    """The version of these files, which the metadata of an environment need not be."""
    return project()["version"]
