"""scripts/setup.sh makes the environment once, from whatever Python and uv there are, and says what is missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parent.parent / "scripts" / "setup.sh"

FAKE_UV = f"""#!/bin/sh
if [ "$1" = --version ]; then echo "uv 0.13.9"; exit; fi
echo "$@" >> calls
mkdir -p .venv/bin && ln -sf {sys.executable} .venv/bin/python
"""


class Checkout:
    """A folder with setup.sh and stand-ins for the lock, the project, uv and the Pythons on PATH."""

    def __init__(self, root: Path):
        self.root, self.programs = root, root / "programs"
        for folder in (root / "scripts", self.programs):
            folder.mkdir()
        shutil.copy(SETUP, root / "scripts")
        (root / "uv.lock").write_text("lock\n")
        (root / "pyproject.toml").write_text("project\n")
        for name in ("bash", "cat", "cksum", "dirname", "rm", "mkdir", "ln", "sh"):
            (self.programs / name).symlink_to(str(shutil.which(name)))

    def program(self, name: str, text: str) -> Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def setup(self, *extras: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"PATH": str(self.programs), "HOME": str(self.root), **environment}
        command = [str(self.root / "scripts" / "setup.sh"), *extras]
        return subprocess.run(command, env=settings, capture_output=True, text=True)

    def calls(self) -> list[str]:
        log = self.root / "calls"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.program("uv", FAKE_UV)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    made.program(f"python{version}", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return made


def test_second_set_up_does_nothing(checkout: Checkout) -> None:
    assert checkout.setup().returncode == 0 and len(checkout.calls()) == 1
    again = checkout.setup()
    assert (again.returncode, again.stdout, len(checkout.calls())) == (0, "", 1)


def test_set_up_for_a_run_keeps_the_extras_of_the_tests(checkout: Checkout) -> None:
    checkout.setup("dev", "jax")
    checkout.setup()
    (call,) = checkout.calls()
    assert "--locked --inexact" in call and call.endswith("--extra dev --extra jax --quiet")


def test_set_up_for_the_tests_adds_its_extras_to_a_run(checkout: Checkout) -> None:
    checkout.setup()
    checkout.setup("dev")
    assert ["--extra dev" in call for call in checkout.calls()] == [False, True]


@pytest.mark.parametrize("changed", ["uv.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_again(checkout: Checkout, changed: str) -> None:
    checkout.setup("dev")
    (checkout.root / changed).write_text("new\n")
    checkout.setup("dev")
    assert len(checkout.calls()) == 2


def test_a_failed_installation_is_tried_again(checkout: Checkout) -> None:
    uv = checkout.program("uv", FAKE_UV + "exit 1\n")
    failed = checkout.setup()
    assert failed.returncode == 1 and "ERROR" in failed.stderr and "free space" in failed.stderr
    uv.write_text(FAKE_UV)
    assert checkout.setup().returncode == 0 and len(checkout.calls()) == 2


def test_a_python_that_only_looks_like_one_is_passed_over(checkout: Checkout) -> None:
    for name in ("python3.13", "python3.12", "python3"):
        checkout.program(name, "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    hidden = checkout.root / ".pyenv" / "versions" / f"{version}.0" / "bin"
    hidden.mkdir(parents=True)
    (hidden / "python").symlink_to(sys.executable)
    assert checkout.setup().returncode == 0
    assert f"--python {hidden}/python" in checkout.calls()[0]


def test_uv_downloads_a_python_where_there_is_none(checkout: Checkout) -> None:
    for python in checkout.programs.glob("python*"):
        python.unlink()
    assert "uv downloads 3.13" in checkout.setup().stdout
    assert "--python 3.13" in checkout.calls()[0]


def test_a_python_that_was_asked_for_but_does_not_start_is_an_error(checkout: Checkout) -> None:
    refused = checkout.setup(PYTHON="/nowhere/python")
    assert refused.returncode == 1 and "PYTHON=/nowhere/python does not start" in refused.stderr
    assert checkout.calls() == []


def test_a_copied_environment_is_made_anew(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> None:
    checkout.setup()
    copied = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(checkout.root, copied, symlinks=True)
    checkout.root = copied
    assert checkout.setup().returncode == 0 and len(checkout.calls()) == 2


@pytest.mark.parametrize("name", ["a blank", "an'apostrophe", 'a"quote', "a(parenthesis", "a$dollar", "a[bracket"])
def test_an_environment_that_no_job_could_start_from_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    made = Checkout(tmp_path / name)
    made.program("uv", FAKE_UV)
    refused = made.setup()
    assert refused.returncode == 1 and "UV_PROJECT_ENVIRONMENT=" in refused.stderr and made.calls() == []
    elsewhere = made.setup(UV_PROJECT_ENVIRONMENT=str(tmp_path / "plain"))
    assert "no job" not in elsewhere.stderr and len(made.calls()) == 1


@pytest.mark.parametrize(("name", "status"), [("a{brace}", 1), ("ünïcode#1-ok", 0)])
def test_a_folder_with_a_brace_is_refused_and_other_names_are_not(tmp_path: Path, name: str, status: int) -> None:
    (tmp_path / name).mkdir()
    made = Checkout(tmp_path / name)
    made.program("uv", FAKE_UV)
    done = made.setup()
    assert done.returncode == status and ("brace" in done.stderr) == bool(status)


def test_without_any_way_to_a_recent_uv_the_hint_names_one(checkout: Checkout) -> None:
    checkout.program("uv", "#!/bin/sh\necho 'uv 0.4.1'\n")
    for python in checkout.programs.glob("python*"):
        python.unlink()
    missing = checkout.setup()
    assert missing.returncode == 1 and "https://docs.astral.sh/uv" in missing.stderr
    assert not (checkout.root / ".venv").exists()
