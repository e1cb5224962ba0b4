"""`mtbkd list`: what can be named in config.yaml, on the command line and in Python, a line each."""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mtbkd
from mtbkd.base import registry

ABOUT = """\
List what there is, a line each: name, and what it is.

  datasets, teachers, students, signals, weights, inference   parts, modules of mtbkd
  methods, studies                                            entries of config.yaml and of workflow/studies
  figures                                                     of the page
"""
PARTS = {
    "datasets": registry.DATASETS, "teachers": registry.TEACHERS, "students": registry.STUDENTS, "signals": registry.SIGNALS,
    "weights": registry.WEIGHTS, "inference": registry.INFERENCE, "figures": registry.FIGURES,
}  # fmt: skip
ENTRIES = ("methods", "studies")


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd list`."""
    own = commands.add_parser(
        "list", help="datasets, teachers, students, signals, weights, inference, methods, studies, figures", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    own.add_argument("what", choices=(*PARTS, *ENTRIES))
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> None:
    lines = dict(_parts(PARTS[asked.what]) if asked.what in PARTS else _entries(asked.what))
    width = max(map(len, lines))
    for name, told in lines.items():
        print(f"{name:<{width}}  {told}".rstrip())


def _parts(modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The first sentence of each module's docstring, read without importing it."""
    root = Path(mtbkd.__file__).parent.parent
    for name, module in modules.items():
        place = root.joinpath(*module.split("."))
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        yield name, " ".join(told.partition("\n\n")[0].split())


def _entries(section: str) -> Iterator[tuple[str, str]]:
    from mtbkd.serving.methods import shipped

    for name, entry in sorted(shipped()[section].items()):
        if section == "studies":
            yield name, entry.get("description", "")
            continue
        parts = (entry["signal"], entry.get("weights"), entry["inference"])
        yield name, " x ".join(filter(None, parts)) + (f"; {entry['note']}" if entry.get("note") else "")
