"""`mtbkd list`: what can be named in config.yaml, on the command line and in Python, a line each."""

import ast
from collections.abc import Iterator
from pathlib import Path

import click

import mtbkd
from mtbkd.base import registry
from mtbkd.serving.terminal import Command

PARTS = {
    "datasets": registry.DATASETS, "teachers": registry.TEACHERS, "students": registry.STUDENTS, "signals": registry.SIGNALS,
    "weights": registry.WEIGHTS, "inference": registry.INFERENCE, "figures": registry.FIGURES,
}  # fmt: skip
ENTRIES = ("methods", "studies")


@click.command(
    cls=Command, short_help="Datasets, teachers, students, signals, weights, inference, methods, studies, figures.",
    epilog="example: mtbkd list methods",
)  # fmt: skip
@click.argument("what", type=click.Choice([*PARTS, *ENTRIES]), metavar="WHAT")
def command(what: str) -> None:
    """List what there is, a line each: name, and what it is. WHAT is one of

    \b
      datasets, teachers, students, signals, weights, inference   parts, modules of mtbkd
      methods, studies                                            entries of config.yaml and of workflow/studies
      figures                                                     of the page
    """
    lines = dict(_parts(PARTS[what]) if what in PARTS else _entries(what))
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
