"""Every part that config.yaml can name and every figure: name -> module, found by their files.

A part is a module in the folder of its kind that defines ``Settings`` (its hyperparameters with bounds and defaults) and the
functions of that kind; workflow/README.md has the contracts. A figure is a module that defines ``CAPTION``. A kind of question
is a folder with a module ``question``. Conformance tests cover every part that is found.
"""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from mtbkd.base.errors import ConfigError, nearest

PACKAGE = Path(__file__).parents[1]
PART = re.compile(r"^(class )?Settings\b", re.MULTILINE)
SHOWN_FIRST = (
    "metrics", "planes", "weights_plane", "coverage_levels", "coverage", "coverage_size", "reliability", "maps", "boxes",
    "extremes", "training", "rank", "ess", "forest", "lambda_curve", "quality_methods",
)  # fmt: skip


def _found(pattern: str, name: Callable[[Path], str], holds: re.Pattern[str] | None = None) -> dict[str, str]:
    """Name -> module of the files of the package that match and hold a line that does; nothing is imported."""
    paths = [path for path in sorted(PACKAGE.glob(pattern)) if holds is None or holds.search(path.read_text(encoding="utf-8"))]
    return {name(path): ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths}


def _parts(folder: str) -> dict[str, str]:
    return _found(f"{folder}/*.py", lambda path: path.stem, PART)


DATASETS = _parts("data/datasets")
ENCODERS = _parts("data/encoders")
TEACHERS = _parts("teachers")
STUDENTS = _parts("students")
SIGNALS = _parts("signals")
WEIGHTS = _parts("pooling")
OPERATORS = _parts("pooling/operators")
INFERENCE = _parts("inference")
QUESTIONS = _found("questions/*/question.py", lambda path: path.parent.name)
KINDS = {
    "dataset": DATASETS,
    "encoder": ENCODERS,
    "teacher": TEACHERS,
    "student": STUDENTS,
    "signal": SIGNALS,
    "weights": WEIGHTS,
    "operator": OPERATORS,
    "inference": INFERENCE,
    "question": QUESTIONS,
}


def _figures() -> dict[str, str]:
    """Figures of experiments and studies in the order of the report, new ones behind; then those of questions."""
    own = _found("report/figures/*.py", lambda path: path.stem, re.compile(r"^CAPTION\b", re.MULTILINE))
    order = [*(name for name in SHOWN_FIRST if name in own), *(name for name in own if name not in SHOWN_FIRST)]
    asked = _found("questions/*/figure_*.py", lambda path: path.stem.removeprefix("figure_"))
    return {name: own[name] for name in order} | asked


FIGURES = _figures()


def module_name(kind: str, name: str) -> str:
    """The dotted module of the part ``name`` of ``kind``; ConfigError with the legal names otherwise."""
    parts = KINDS[kind]
    if name not in parts:
        hint = nearest(name, parts)
        raise ConfigError(f"{kind}: found '{name}'; allowed: {', '.join(sorted(parts))}." + (f" Hint: {hint}" if hint else ""))
    return parts[name]


def part(kind: str, name: str) -> ModuleType:
    """Import and return the part ``name`` of ``kind``."""
    return importlib.import_module(module_name(kind, name))


def kind_of(figure: str) -> str:
    """The kind of question in whose folder a figure lies, "" for others."""
    _, room, folder, *_ = FIGURES[figure].split(".")
    return folder if room == "questions" else ""


def companion_name(kind: str, name: str) -> str | None:
    """The dotted module ``name`` in the folder of a kind of question, e.g. ``section``; None where there is none."""
    return f"mtbkd.questions.{kind}.{name}" if (PACKAGE / "questions" / kind / f"{name}.py").is_file() else None


def companion(kind: str, name: str) -> ModuleType | None:
    """Import and return what ``companion_name`` names."""
    module = companion_name(kind, name)
    return importlib.import_module(module) if module else None


def section(kind: str) -> ModuleType:
    """Import and return the section of the page on questions of ``kind``."""
    return importlib.import_module(f"mtbkd.questions.{kind}.section")


def view_name(figure: str) -> str | None:
    """The dotted module of a figure's interactive view; None where it has none."""
    folder, _, stem = FIGURES[figure].rpartition(".")
    asked = stem.startswith("figure_")
    module = f"{folder}.view_{figure}" if asked else f"{folder}.views.{figure}"
    return module if (PACKAGE.parent / f"{module.replace('.', '/')}.py").is_file() else None


def view(figure: str) -> ModuleType | None:
    """Import and return what ``view_name`` names."""
    module = view_name(figure)
    return importlib.import_module(module) if module else None


def figure(name: str) -> ModuleType:
    """Import and return the figure ``name``."""
    return importlib.import_module(FIGURES[name])
