"""Every registered part of one kind: its title, what its module says of it, and its settings."""

import inspect
from types import ModuleType

from settings import table

from mtbkd.base import registry
from mtbkd.data.raw_files import raw_files
from mtbkd.report import titles

TITLES = {"signal": titles.SIGNALS, "inference": titles.INFERENCES}


def every(kind: str) -> str:
    """A section for each part of ``kind`` in the registry."""
    return "\n\n".join(_section(kind, name, module) for name, module in sorted(registry.KINDS[kind].items()))


def _section(kind: str, name: str, module: str) -> str:
    part = registry.part(kind, name)
    title = TITLES.get(kind, {}).get(name)
    lines = [
        f"({kind}-{name})=",
        f"## `{name}`" + (f": {title}" if title else ""),
        f"```{{eval-rst}}\n.. automodule:: {module}\n```",
        _files(part),
        table(part.Settings),
        f"Source: [{_path(part)}](path:/../{_path(part)})",
    ]
    return "\n\n".join(line for line in lines if line)


def _path(part: ModuleType) -> str:
    return str(inspect.getsourcefile(part)).rpartition("/mtbkd/")[2].join(("mtbkd/", ""))


def _files(part: ModuleType) -> str:
    """Licences of the raw files that a dataset names."""
    known = raw_files()
    found = {known[key].licence: None for key in getattr(part, "RAW", ()) if key in known}
    return f"Downloaded files: {'; '.join(found)}." if found else ""
