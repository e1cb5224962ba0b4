"""Which files of the package a job depends on, so that editing them, and only them, runs it again.

Snakemake re-runs a job when an input changes, not when a module changes that its script imports. The rules therefore list
the closure of a job's modules under ``import`` as inputs; registered parts, imported by name, are given as further roots.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent
TYPING_ONLY = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def module_file(module: str) -> Path | None:
    """The file of ``mtbkd.<...>``, or None for another package's module or a name inside a module."""
    parts = module.split(".")
    if parts[0] != ROOT.name:
        return None
    base = ROOT.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if len(parts) > 1 and candidate.is_file():
            return candidate
    return None


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING:``, which no job runs."""
    for child in ast.iter_child_nodes(node):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test) in TYPING_ONLY
        for part in child.orelse if isinstance(child, ast.If) and typing_only else [child]:
            yield part
            yield from _executed(part)


@cache
def _imports(path: Path) -> frozenset[Path]:
    """What importing ``path`` executes inside the package: the packages it lies in and all that it imports."""
    inits = {above / "__init__.py" for above in path.parents if ROOT in above.parents} - {path}
    found: set[Path | None] = {init for init in inits if init.is_file()}
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {module_file(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path)
            found |= {module_file(module), *(module_file(f"{module}.{alias.name}") for alias in node.names)}
    return frozenset(p for p in found if p)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """The dotted module that ``from <...> import`` in ``path`` names."""
    package = path.relative_to(ROOT.parent).with_suffix("").parts[: -node.level] if node.level else ()
    return ".".join(filter(None, [*package, node.module]))


def closure(modules: Iterable[str], besides: Iterable[str] = ()) -> list[str]:
    """Paths of ``modules`` and of all they import inside the package, relative to the folder above it.

    ``besides`` are modules whose import is not followed: the registry, which names every part.
    """
    todo = [path for path in map(module_file, modules) if path]
    left_out = {module_file(module) for module in besides}
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen and path not in left_out:
            seen.add(path)
            todo.extend(_imports(path))
    return sorted(str(path.relative_to(ROOT.parent)) for path in seen)
