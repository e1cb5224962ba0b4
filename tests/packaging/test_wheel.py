"""A wheel carries all that a fit and a study need: nothing is read from the repository, and the folder of work may be empty."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

import mtbkd

pytestmark = [pytest.mark.slow, pytest.mark.workflow]
ROOT = Path(__file__).resolve().parents[2]
HERE = Path(sys.executable).parent
PROGRAM = """\
import numpy as np
from sklearn.datasets import load_iris
import mtbkd
from mtbkd.report import provenance
X, y = load_iris(return_X_y=True)
teachers = {name: np.eye(3)[y] * sure + (1 - sure) / 3 for name, sure in (("bold", 0.9), ("shy", 0.6))}
student = mtbkd.MultiTeacherClassifier(method="tip_entropy_map").fit(X, y, teachers=teachers)
assert student.score(X, y) > 0.9, student.score(X, y)
assert student.choice_ == "method tip_entropy_map: as in config.yaml", student.choice_
assert mtbkd.MultiTeacherClassifier(inference="map").fit(X, y).score(X, y) > 0.9
student.save("student")
np.testing.assert_allclose(mtbkd.load("student").predict_proba(X), student.predict_proba(X), atol=1e-6)
assert provenance.versions()["mtbkd"] == mtbkd.__version__ and "torch" in provenance.versions()
assert provenance.git() is None and provenance.lock_hash() is None
print(mtbkd.__file__)
"""
REQUIREMENTS = """\
from importlib import metadata
from packaging.requirements import Requirement
needed = [r for r in map(Requirement, metadata.requires("mtbkd")) if not r.marker or r.marker.evaluate({"extra": ""})]
unmet = [str(r) for r in needed if not r.specifier.contains(metadata.version(r.name), prereleases=True)]
assert not unmet, unmet
print(metadata.version("mtbkd"), len(needed))
"""


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own, and an empty folder to work in."""

    environment: Path
    folder: Path

    @property
    def library(self) -> Path:
        return self.environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    def run(self, *line: str) -> str:
        """What a program of the environment prints, with nothing of the checkout or its environment on any path."""
        left_out = (
            "MTBKD_MIRROR",
            "PYTHONPATH",
            "VIRTUAL_ENV",
            "PYTHONDONTWRITEBYTECODE",
        )  # compiled once, not in every process
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        programs = self.environment / "bin"
        path = os.pathsep.join([str(programs), *(p for p in inherited["PATH"].split(os.pathsep) if Path(p) != HERE)])
        environment = {**inherited, "PATH": path, "COLUMNS": "200"}
        command = [str(programs / line[0]), *line[1:]]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def uv() -> str:
    """The uv that made the environment: scripts/setup.sh takes the one on PATH, or puts one into .venv-tools."""
    tools = [str(folder / ".venv-tools" / "bin") for folder in (ROOT, Path(sys.prefix).parent)]
    found = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), *tools]))
    return found or pytest.skip("NO UV: it builds the wheel; `make setup` installs it")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source distribution, and the wheel made from it; the build backend comes from uv's cache, else from the index."""
    folder = tmp_path_factory.mktemp("dist")
    command = [uv(), "build", "--python", sys.executable, "--out-dir", str(folder), str(ROOT)]
    for options in (["--offline"], []):
        done = subprocess.run([*command, *options], capture_output=True, encoding="utf-8")
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    return {name: path for name, pattern in (("wheel", "*.whl"), ("sdist", "*.tar.gz")) for path in folder.glob(pattern)}


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A new environment with the wheel, and with the locked packages of this one, which are several GB, by reference.

    A path in a .pth file brings the packages of a folder but not its .pth files, hence not the editable mtbkd.
    """
    folder = tmp_path_factory.mktemp("installed")
    made = Installed(folder / "environment", folder / "work")
    made.folder.mkdir()
    venv.create(made.environment, with_pip=False)
    python = str(made.environment / "bin" / "python")
    subprocess.run(
        [uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, str(built["wheel"])], check=True
    )
    (made.library / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def relative(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize("name", ["workflow", "scripts", "envs"])
def test_the_wheel_holds_every_file_of_the_suite_and_nothing_twice(installed: Installed, name: str) -> None:
    assert relative(installed.library / "mtbkd" / "suite" / name) == relative(ROOT / name)
    assert {path.name for path in installed.library.glob("[!_.]*")} == {
        "mtbkd", f"mtbkd-{mtbkd.__version__}.dist-info", "packages.pth"
    }  # fmt: skip


def test_the_source_distribution_holds_every_file_of_the_repository(built: dict[str, Path]) -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    if listed.returncode:
        pytest.skip("NO GIT CHECKOUT: git lists the files of the repository")
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()} | {"PKG-INFO"}


def test_the_environment_satisfies_what_the_wheel_requires(installed: Installed) -> None:
    told = installed.run("python", "-c", REQUIREMENTS)
    assert told.split()[0] == mtbkd.__version__ and int(told.split()[1]) >= 20


def test_the_estimator_fits_saves_and_loads(installed: Installed) -> None:
    printed = installed.run("python", "-c", PROGRAM)
    assert Path(printed.splitlines()[0]).is_relative_to(installed.library)


def test_the_commands_fit_and_predict_a_table(installed: Installed) -> None:
    rows = [f"r{i},{i % 7},{(i * 3) % 5},{'ab'[i % 7 > 3]}" for i in range(60)]
    (installed.folder / "table.csv").write_text("\n".join(["name,x,z,y", *rows]) + "\n")
    installed.run("mtbkd", "fit", "table.csv", "--label", "y", "--id", "name", "--method", "labels_map", "--out", "own")
    installed.run("mtbkd", "predict", "--student", "own", "--table", "table.csv", "--id", "name", "--out", "out.csv")
    assert len((installed.folder / "out.csv").read_text().splitlines()) == 61


def test_a_study_is_planned_by_the_packaged_workflow(installed: Installed) -> None:
    printed = installed.run("mtbkd", "run", "--study", "smoke", "-n")
    assert f"{installed.library}/mtbkd/suite/config.yaml" in printed
    assert "results/smoke/report.html" in printed and "rule prepare_sim1:" in printed
    assert not any(str(ROOT / part) in printed for part in ("workflow", "config.yaml", "mtbkd/"))  # but ROOT/.venv may be


def test_a_job_of_a_study_runs_in_an_empty_folder(installed: Installed) -> None:
    installed.run("mtbkd", "run", "--study", "smoke", "--cores", "1", "--until", "prepare_sim1")
    assert list(installed.folder.glob("results/shared/data/sim1_tiny-*/r0-1/data.safetensors"))
