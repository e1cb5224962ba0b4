"""The package as a whole: what importing it costs, what it says about itself, what it never does."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mtbkd
from mtbkd.serving.cli import main

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = {"arviz", "Bio", "jax", "jinja2", "matplotlib", "netCDF4", "numpy", "nutpie", "pandas", "pyarrow", "pydantic"}
HEAVY |= {"pymc", "pytensor", "requests", "safetensors", "scipy", "sklearn", "snakemake", "torch", "xarray", "yaml"}


def fresh_import(module: str) -> set[str]:
    """The top-level packages that importing ``module`` loads in a process of its own."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def imports(path: Path) -> Iterator[str]:
    """The dotted name of everything that the module at ``path`` imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wheel_suits(filename: str, python: str) -> bool:
    """Whether a wheel for 64-bit Linux (or for every machine) installs on CPython ``python``, such as "3.13"."""
    tags, abi, platform = filename.removesuffix(".whl").rsplit("-", 3)[1:]
    minor = int(python.partition(".")[2])
    if platform != "any" and not ("linux" in platform and "x86_64" in platform):
        return False
    if abi == "abi3":
        return any(int(digits) <= minor for digits in re.findall(r"cp3(\d+)", tags))
    return "py3" in tags.split(".") or abi == f"cp3{minor}"


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = fresh_import("mtbkd")
    assert "mtbkd" in loaded and not loaded & HEAVY


def test_importing_the_registry_imports_no_part() -> None:
    assert not fresh_import("mtbkd.base.registry") & HEAVY


def test_version_is_that_of_the_project_the_lock_the_citation_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    locked = re.search(r'^name = "mtbkd"\nversion = "(.*)"$', (ROOT / "uv.lock").read_text(), re.MULTILINE)
    assert citation and locked and mtbkd.__version__ == PROJECT["version"] == citation[1] == locked[1]
    assert main(["--version"]) == 0 and capsys.readouterr().out == f"mtbkd {mtbkd.__version__}\n"


def test_the_package_never_imports_snakemake() -> None:
    modules = sorted((ROOT / "mtbkd").rglob("*.py"))
    assert modules and [m for m in modules if any(name.partition(".")[0] == "snakemake" for name in imports(m))] == []


def test_set_up_accepts_only_python_versions_with_a_wheel_of_every_locked_package() -> None:
    line = re.search(r'^PYTHON_VERSIONS="(.+)"$', (ROOT / "scripts" / "setup.sh").read_text(), re.MULTILINE)
    assert line and line[1].split()
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    # a package without any wheel is plain Python, built in a second
    wheels = {p["name"]: [w["url"].rpartition("/")[2] for w in p["wheels"]] for p in packages if "wheels" in p}
    for version in line[1].split():
        missing = [n for n, files in wheels.items() if not any(wheel_suits(file, version) for file in files)]
        assert not missing, f"Python {version}"


def test_the_contract_of_the_rooms_has_no_exception() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert [contract["type"] for contract in contracts] == ["layers", "acyclic_siblings"]
    assert not [key for contract in contracts for key in contract if key.startswith(("ignore", "skip", "exclude"))]
    rooms = {room for floor in contracts[0]["layers"] for room in floor.split(" | ")}
    assert rooms == {path.parent.name for path in (ROOT / "mtbkd").glob("*/__init__.py")} | {"__main__"}
