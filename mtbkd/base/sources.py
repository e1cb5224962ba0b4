"""Dependencies of a job besides the files of other jobs: package sources and the user's own files, by content.

Snakemake re-runs a job when an input is newer than its output, not when a module changes that its script imports, nor when a
file is replaced by one with an older date. So the rules put hashes among a job's params: one of the closure of its modules
under ``import`` (registered parts, imported by name, are given as further roots), and one of each file of the user's.
"""

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import mtbkd
from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.reading import regular_file

ROOT = Path(mtbkd.__file__).parent
STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)  # an import is never inside an expression
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
    """All statements but those under ``if TYPE_CHECKING:``, which no job runs."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, STATEMENTS):
            continue
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test) in TYPING_ONLY
        for part in child.orelse if isinstance(child, ast.If) and typing_only else [child]:
            yield part
            yield from _executed(part)


@cache
def _imports(path: Path) -> frozenset[Path]:
    """What importing ``path`` executes inside the package: the packages it lies in and all that it imports."""
    inits = {above / "__init__.py" for above in path.parents if ROOT in above.parents} - {path}
    found: set[Path | None] = {init for init in inits if init.is_file()}
    for node in _executed(ast.parse(path.read_bytes())):
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


@cache
def fingerprint(modules: tuple[str, ...], besides: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> str:
    """One sha256 of the names and contents of ``closure(modules, besides)`` and of further ``files`` of the package.

    Args:
        modules: roots of the closure.
        besides: as for ``closure``.
        files: patterns relative to the package's folder, e.g. "published/*.csv".
    """
    further = [str(path.relative_to(ROOT.parent)) for pattern in files for path in ROOT.glob(pattern)]
    found = hashlib.sha256()
    for path in sorted({*closure(modules, besides), *further}):
        found.update(f"{path} {_source(ROOT.parent / path)}\n".encode())
    return found.hexdigest()


@cache
def _source(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def own_paths(settings: Mapping[str, Any]) -> list[str]:
    """Paths of the user's files that the settings of a dataset or teacher name."""
    named = [settings.get("path"), settings.get("splits"), *(file["path"] for file in settings.get("files", {}).values())]
    return [path for path in named if path]


def own_content(path: str | Path) -> str:
    """The sha256 of a file of the user's; ContractError for anything missing, unreadable or no regular file."""
    if re.search("[{}]", str(path)):  # Snakemake takes it for a wildcard
        raise ContractError(path, "path", "a brace", "a path without { and }", "rename the file")
    if re.match(r"\w+://", str(path)):
        raise ContractError(path, "path", "a URL", "a file on this machine", "download it first")
    path = Path(path)
    found = regular_file(path, "a file, or a rule that makes it", "" if os.path.exists(path) else _way_out(path)).stat()
    return _content(path.absolute(), found.st_ctime_ns, found.st_ino)


def _way_out(path: Path) -> str:
    """What may have been meant by a path that leads nowhere."""
    if os.path.islink(path):
        return f"it is a link to {path.readlink()}, which is not there"
    if path.parts[:1] and path.parts[0].startswith("~"):
        return f"write the path in full: {path.parts[0]} is no home folder here"
    with suppress(OSError):
        return nearest(path.name, [other.name for other in path.parent.iterdir()])
    return ""


@cache
def _content(path: Path, *_: int) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
