"""mtbkd/sources.py: the files listed as a job's inputs are those that the job imports, no fewer and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from mtbkd import registry, sources

ROOT = Path(__file__).resolve().parent.parent
FIT = ("mtbkd.fitting", "mtbkd.students.mlp", "mtbkd.signals.tip", "mtbkd.pooling.entropy", "mtbkd.inference.sgld")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package ``mtbkd`` in place of ours."""
    root = tmp_path / "mtbkd"
    (root / "room").mkdir(parents=True)
    for folder in (root, root / "room"):
        (folder / "__init__.py").touch()
    monkeypatch.setattr(sources, "ROOT", root)
    return root


def closure_of(package: Path, text: str, *besides: str) -> set[str]:
    """Closure of ``mtbkd.start`` with the given source, without itself."""
    (package / "start.py").write_text(text)
    return {name.removeprefix("mtbkd/") for name in sources.closure(["mtbkd.start"], besides)} - {"start.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import mtbkd.room.chair",
        "from mtbkd.room.chair import seat",
        "from mtbkd.room import chair",
        "from .room import chair",
        "from .room.chair import seat as s",
        "def f():\n    from mtbkd.room import chair",
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import mtbkd.room.chair",
        "if not TYPE_CHECKING:\n    import mtbkd.room.chair",
    ],
)
def test_every_way_to_import_a_module_is_followed_and_brings_its_package(package: Path, text: str) -> None:
    (package / "room" / "chair.py").touch()
    assert closure_of(package, text) == {"room/__init__.py", "room/chair.py"}


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_imports_for_type_checkers_only_are_not_followed(package: Path, test: str) -> None:
    (package / "room" / "chair.py").touch()
    assert closure_of(package, f"if {test}:\n    import mtbkd.room.chair") == set()


def test_imports_of_imports_are_followed_even_in_a_circle(package: Path) -> None:
    (package / "a.py").write_text("import mtbkd.b")
    (package / "b.py").write_text("import mtbkd.a, numpy, json")
    assert closure_of(package, "import mtbkd.a") == {"a.py", "b.py"}


def test_what_is_named_besides_is_neither_listed_nor_followed(package: Path) -> None:
    (package / "a.py").touch()
    (package / "registry.py").write_text("import mtbkd.a")
    assert closure_of(package, "import mtbkd.registry", "mtbkd.registry") == set()


def test_the_version_of_the_package_is_no_source() -> None:
    assert "mtbkd/__init__.py" not in sources.closure(FIT)


@pytest.mark.parametrize("name", sorted(registry.INFERENCE))
def test_a_fit_depends_on_its_own_inference_only(name: str) -> None:
    module = registry.INFERENCE[name]
    found = sources.closure([*FIT[:-1], module], ["mtbkd.registry"])
    own = {path for path in found if path.startswith("mtbkd/inference/")}
    algorithms = {f"{other.replace('.', '/')}.py" for other in registry.INFERENCE.values()}
    assert own & algorithms == {f"{module.replace('.', '/')}.py"}
    assert not any(path.startswith(("mtbkd/figures/", "mtbkd/report/", "mtbkd/datasets/")) for path in found)


def test_the_closure_of_a_fit_holds_every_module_that_its_imports_load() -> None:
    code = f"import sys, {', '.join(FIT)}; print(*(m for m in sys.modules if m.startswith('mtbkd.')))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {sources.module_file(module) for module in run.stdout.split()} - {sources.module_file("mtbkd.registry")}
    assert len(loaded) > len(FIT)
    assert loaded <= {ROOT / path for path in sources.closure(FIT, ["mtbkd.registry"])}
