"""What the documentation shows runs: blocks of Python, and examples in docstrings."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import mtbkd

ROOT = Path(__file__).parents[2]
BLOCKS = [
    (path.name, block)
    for path in (ROOT / "docs" / "estimator.md", ROOT / "docs" / "modules.md", ROOT / "docs" / "tour.md", ROOT / "README.md")
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    if "MultiTeacherClassifier" in block
]
PACKAGE = ROOT / "mtbkd"
SHOWING = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SHOWING]


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BLOCKS)])
def test_a_block_of_python_runs_as_it_stands(
    name: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, name, "exec"), {"__name__": "block"})
    assert capsys.readouterr().out
    assert ("student.save" in block) == (tmp_path / "student" / "card.json").exists()


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_right(module: str):
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0 and found.failed == 0


def test_every_public_method_shows_an_example() -> None:
    estimator = mtbkd.MultiTeacherClassifier
    public = {name: getattr(estimator, name) for name in dir(estimator) if not name.startswith("_")}
    ours = {name: part for name, part in public.items() if (getattr(part, "fget", None) or part).__module__.startswith("mtbkd")}
    assert {"fit", "predict_set", "draws_", "save"} <= set(ours)
    for name, part in {**ours, "load": mtbkd.load}.items():
        assert ">>> " in (part.__doc__ or ""), name
