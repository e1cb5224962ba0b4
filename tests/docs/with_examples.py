"""A plugin of pytest: the parts that the documentation shows are registered, as if their files lay in the package.

pytest -p tests.docs.with_examples tests/conformance -k squared
"""

from importlib import import_module
from pathlib import Path

from mtbkd.base import registry

EXAMPLES = Path(__file__).parents[2] / "docs" / "guide" / "parts" / "examples"
FOLDERS = {
    "data.datasets": registry.DATASETS,
    "teachers": registry.TEACHERS,
    "students": registry.STUDENTS,
    "signals": registry.SIGNALS,
    "pooling.operators": registry.OPERATORS,
    "inference": registry.INFERENCE,
    "report.figures": registry.FIGURES,
}
FOUND: dict[str, str] = {}  # name -> dotted module

for folder, parts in FOLDERS.items():
    place = EXAMPLES.joinpath("mtbkd", *folder.split("."))
    import_module(f"mtbkd.{folder}").__path__.append(str(place))
    FOUND |= {path.stem: f"mtbkd.{folder}.{path.stem}" for path in place.glob("*.py")}
    parts |= {path.stem: f"mtbkd.{folder}.{path.stem}" for path in place.glob("*.py")}
for room in ("questions", "serving"):
    import_module(f"mtbkd.{room}").__path__.append(str(EXAMPLES / "mtbkd" / room))
for place in (EXAMPLES / "mtbkd" / "questions").iterdir():
    module = f"mtbkd.questions.{place.name}"
    registry.QUESTIONS[place.name] = f"{module}.question"
    registry.FIGURES |= {path.stem.removeprefix("figure_"): f"{module}.{path.stem}" for path in place.glob("figure_*.py")}
    FOUND[place.name] = f"{module}.question"
