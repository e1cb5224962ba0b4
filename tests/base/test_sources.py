"""mtbkd/base/sources.py: a job depends on the modules that it imports, no fewer or more, and on the user's files by content."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtbkd.base import registry, sources
from mtbkd.base.errors import ContractError

ROOT = Path(__file__).resolve().parents[2]
FIT = ("mtbkd.inference.fitting", "mtbkd.students.mlp", "mtbkd.signals.tip", "mtbkd.pooling.entropy", "mtbkd.inference.sgld")


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
    (package / "names.py").write_text("import mtbkd.a")
    assert closure_of(package, "import mtbkd.names", "mtbkd.names") == set()


def test_the_version_of_the_package_is_no_source() -> None:
    assert "mtbkd/__init__.py" not in sources.closure(FIT)


@pytest.mark.parametrize("name", sorted(registry.INFERENCE))
def test_a_fit_depends_on_its_own_inference_only(name: str) -> None:
    module = registry.INFERENCE[name]
    found = sources.closure([*FIT[:-1], module], ["mtbkd.base.registry"])
    own = {path for path in found if path.startswith("mtbkd/inference/")}
    algorithms = {f"{other.replace('.', '/')}.py" for other in registry.INFERENCE.values()}
    built_on = {"nuts_weights": {"nuts", "smc"}}.get(name, set())
    assert own & algorithms == {f"{registry.INFERENCE[each].replace('.', '/')}.py" for each in {name} | built_on}
    assert not any(path.startswith(("mtbkd/report/", "mtbkd/questions/", "mtbkd/data/datasets/")) for path in found)


def test_the_closure_of_a_fit_holds_every_module_that_its_imports_load() -> None:
    code = f"import sys, {', '.join(FIT)}; print(*(m for m in sys.modules if m.startswith('mtbkd.')))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {sources.module_file(module) for module in run.stdout.split()} - {sources.module_file("mtbkd.base.registry")}
    assert len(loaded) > len(FIT)
    assert loaded <= {ROOT / path for path in sources.closure(FIT, ["mtbkd.base.registry"])}


def fingerprint(package: Path, files: tuple[str, ...] = ()) -> str:
    """Of the module ``start`` as its files now are, as another process would find it."""
    for cached in (sources.fingerprint, sources._source, sources._imports):
        cached.cache_clear()
    return sources.fingerprint(("mtbkd.start",), (), files)


def test_a_fingerprint_changes_with_every_module_of_the_closure_and_no_other(package: Path) -> None:
    (package / "start.py").write_text("import mtbkd.a")
    (package / "a.py").touch()
    before = fingerprint(package)
    (package / "other.py").touch()
    os.utime(package / "a.py", (0, 0))
    assert fingerprint(package) == before
    (package / "a.py").write_text("# edited")
    assert fingerprint(package) != before


def test_a_fingerprint_does_not_tell_where_the_package_lies(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (package / "start.py").write_text("import mtbkd.a")
    (package / "a.py").touch()
    before = fingerprint(package)
    moved = package.rename(tmp_path_factory.mktemp("moved") / "mtbkd")
    monkeypatch.setattr(sources, "ROOT", moved)
    assert fingerprint(moved) == before


def test_further_files_count_by_content(package: Path) -> None:
    (package / "start.py").touch()
    (package / "room" / "table.csv").write_text("1")
    before = fingerprint(package, ("room/*.csv",))
    assert before != fingerprint(package)
    (package / "room" / "table.csv").write_text("2")
    assert fingerprint(package, ("room/*.csv",)) != before


def test_a_file_of_the_users_counts_by_content_whatever_its_date(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("1")
    before = sources.own_content(path)
    os.utime(path, (0, 0))
    assert sources.own_content(path) == before
    path.write_text("2")
    os.utime(path, (0, 0))
    assert sources.own_content(path) != before


def test_what_is_no_file_of_the_users_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "wine.csv").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ContractError, match=r"wines.csv: file: found nothing; .*did you mean 'wine.csv'"):
        sources.own_content(tmp_path / "wines.csv")
    with pytest.raises(ContractError, match="found a pipe or device"):
        sources.own_content(tmp_path / "pipe")
    with pytest.raises(ContractError, match="found a folder"):
        sources.own_content(tmp_path)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("{wine}.csv", "found a brace; expected a path without"),
        ("https://example.org/wine.csv", "found a URL; expected a file on this machine.*download it first"),
        ("~/wine.csv", "found nothing.*write the path in full: ~ is no home folder here"),
        ("dangling.csv", "found nothing.*a link to nowhere.csv, which is not there"),
        ("nowhere/wine.csv", "found nothing; expected a file, or a rule that makes it.$"),
        ("a" * 300, "file: found file name too long"),
    ],
    ids=lambda text: text[:20],
)
def test_a_path_that_cannot_be_read_is_refused_with_the_way_out(
    path: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "{wine}.csv").touch()
    (tmp_path / "dangling.csv").symlink_to("nowhere.csv")
    with pytest.raises(ContractError, match=told):
        sources.own_content(path)


def test_all_paths_that_settings_name_are_the_users() -> None:
    assert sources.own_paths({"path": "a", "files": {"mnist": {"path": "b"}, "usps": {"path": "c"}}}) == ["a", "b", "c"]
    assert sources.own_paths({"path": None, "steps": 3}) == []
