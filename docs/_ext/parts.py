"""Every registered part of one kind: its title, what its module says of it, and its settings."""

import inspect
from types import ModuleType

from settings import prose, table

from mtbkd.base import registry
from mtbkd.data.raw_files import raw_files
from mtbkd.report import titles

TITLES = {"signal": titles.SIGNALS, "inference": titles.INFERENCES}


def every(kind: str) -> str:
    """A section for each part of ``kind`` in the registry."""
    return "\n\n".join(_section(kind, name) for name in sorted(registry.KINDS[kind]))


def _section(kind: str, name: str) -> str:
    part = registry.part(kind, name)
    title = TITLES.get(kind, {}).get(name)
    lines = [
        f"({kind}-{name})=",
        f"## `{name}`" + (f": {title}" if title else ""),
        markdown(inspect.getdoc(part) or ""),
        _files(part),
        table(part.Settings),
        f"Source: [{_path(part)}](path:/../{_path(part)})",
    ]
    return "\n\n".join(line for line in lines if line)


def markdown(docstring: str) -> str:
    """A docstring as Markdown: indented lines are shown as they stand, and no sign in its prose starts anything but code."""
    lines: list[str] = []
    indented = listed = False
    for line in docstring.splitlines():
        item = line.startswith("- ")
        if line.startswith("    ") and not listed:
            lines += [] if indented else ["", "```text"]
            indented = True
            lines.append(line[4:])
            continue
        if indented and line.strip():
            lines += ["```", ""]
            indented = False
        if item != listed and line[:1].strip():
            lines.append("")
        listed = item or (listed and not line[:1].strip())
        lines.append(line if indented else prose(line))
    return "\n".join([*lines, *(["```"] if indented else [])])


def _path(part: ModuleType) -> str:
    return str(inspect.getsourcefile(part)).rpartition("/mtbkd/")[2].join(("mtbkd/", ""))


def _files(part: ModuleType) -> str:
    """Licences of the raw files that a dataset names."""
    known = raw_files()
    found = {known[key].licence: None for key in getattr(part, "RAW", ()) if key in known}
    return f"Downloaded files: {'; '.join(found)}." if found else ""
