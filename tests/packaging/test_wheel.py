"""A wheel carries all that a fit and a study need: nothing is read from the repository, and the folder of work may be empty."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import mtbkd

pytestmark = [pytest.mark.slow, pytest.mark.workflow]
ROOT = Path(__file__).resolve().parents[2]
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


@dataclass(frozen=True)
class Installed:
    """The wheel in a folder of its own, and an empty one to work in."""

    library: Path
    folder: Path

    def python(self, *arguments: str) -> str:
        """What Python prints, with the wheel in place of the repository."""
        left_out = ("MTBKD_MIRROR", "PYTHONDONTWRITEBYTECODE")  # compiled once, not in every process
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        environment = {**inherited, "PYTHONPATH": str(self.library), "COLUMNS": "200"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def uv() -> str:
    """The uv that made the environment: scripts/setup.sh takes the one on PATH, or puts one into .venv-tools."""
    tools = [str(folder / ".venv-tools" / "bin") for folder in (ROOT, Path(sys.prefix).parent)]
    found = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), *tools]))
    return found or pytest.skip("NO UV: it builds the wheel; `make setup` installs it")


def build(folder: Path) -> Path:
    """The wheel of the checkout; the build backend comes from uv's cache, else from the package index."""
    command = [uv(), "build", "--wheel", "--python", sys.executable, "--out-dir", str(folder), str(ROOT)]
    for options in (["--offline"], []):
        done = subprocess.run([*command, *options], capture_output=True, encoding="utf-8")
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    made = Installed(folder / "library", folder / "work")
    made.folder.mkdir()
    options = ["--quiet", "--offline", "--no-deps", "--python", sys.executable, "--target", str(made.library)]
    subprocess.run([uv(), "pip", "install", *options, str(build(folder))], check=True)
    return made


def relative(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize("name", ["workflow", "scripts", "envs"])
def test_the_wheel_holds_every_file_of_the_suite_and_nothing_twice(installed: Installed, name: str) -> None:
    assert relative(installed.library / "mtbkd" / "suite" / name) == relative(ROOT / name)
    assert {path.name for path in installed.library.glob("[!_.]*")} - {"bin"} == {
        "mtbkd", f"mtbkd-{mtbkd.__version__}.dist-info"
    }  # fmt: skip


def test_the_estimator_fits_saves_and_loads(installed: Installed) -> None:
    printed = installed.python("-c", PROGRAM)
    assert Path(printed.splitlines()[0]).is_relative_to(installed.library)


def test_the_commands_fit_and_predict_a_table(installed: Installed) -> None:
    rows = [f"r{i},{i % 7},{(i * 3) % 5},{'ab'[i % 7 > 3]}" for i in range(60)]
    (installed.folder / "table.csv").write_text("\n".join(["name,x,z,y", *rows]) + "\n")
    installed.python(
        "-m", "mtbkd", "fit", "table.csv", "--label", "y", "--id", "name", "--method", "labels_map", "--out", "own"
    )
    installed.python("-m", "mtbkd", "predict", "--student", "own", "--table", "table.csv", "--id", "name", "--out", "out.csv")
    assert len((installed.folder / "out.csv").read_text().splitlines()) == 61


def test_a_study_is_planned_by_the_packaged_workflow(installed: Installed) -> None:
    printed = installed.python("-m", "mtbkd", "run", "--study", "smoke", "-n")
    assert f"{installed.library}/mtbkd/suite/config.yaml" in printed
    assert "results/smoke/report.html" in printed and "rule prepare_sim1:" in printed
    assert not any(str(ROOT / part) in printed for part in ("workflow", "config.yaml", "mtbkd/"))  # but ROOT/.venv may be


def test_a_job_of_a_study_runs_in_an_empty_folder(installed: Installed) -> None:
    installed.python("-m", "mtbkd", "run", "--study", "smoke", "--cores", "1", "--until", "prepare_sim1")
    assert list(installed.folder.glob("results/shared/data/sim1_tiny-*/r0-1/data.safetensors"))
