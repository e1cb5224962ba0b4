"""config.yaml holds what studies share; every study is a file of its own in workflow/studies, with what only it uses."""

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from mtbkd.base import suite
from mtbkd.base.errors import ConfigError
from mtbkd.study.config_files import nodes, overlaid, read_config_file

CONFIG = suite.root() / "config.yaml"
STUDIES = CONFIG.parent / "workflow" / "studies"
SECTIONS = ("datasets", "teachers", "students", "methods", "studies")  # what a study's file may hold


def study_files(folder: Path = STUDIES) -> list[Path]:
    """The files of studies in ``folder``, by name."""
    return sorted(folder.glob("[!_]*.yaml"))


def read_configuration(
    files: Sequence[str | Path] = (), config: Path = CONFIG, studies: Sequence[Path] | None = None
) -> dict[str, Any]:  # fmt: skip
    """config.yaml with all studies, and ``files`` read over these, like --configfile.

    Args:
        files: what is read over config.yaml, such as the config.yaml of another folder; itself counts once.
        config: the shared configuration.
        studies: files of studies, by default those of workflow/studies.

    Raises:
        ConfigError: one line for every mistake: as ``read_config_file``; a study's file that holds another study than that
            of its name, or keys that are not its own; a name that stands in two files, with both places.
    """
    own = study_files() if studies is None else studies
    others = [path for path in map(Path, files) if not (path.exists() and path.samefile(config))]
    content, *rest = [read_config_file(path) for path in (config, *own, *others)]
    if mistakes := [*(m for path in own for m in _foreign(path)), *_twice((config, *own))]:
        raise ConfigError("\n".join(mistakes))
    return reduce(overlaid, rest, content)


def _foreign(path: Path) -> Iterator[str]:
    """What does not belong in a study's file."""
    for key, section in nodes(path).value:
        if key.value not in SECTIONS:
            found = f"{path}: line {key.start_mark.line + 1}: found the key '{key.value}'"
            yield f"{found}; allowed in a study's file: {', '.join(SECTIONS)}. Hint: put it into config.yaml."
        for name in _names(section) if key.value == "studies" else ():
            if name.value != path.stem:
                hint = f"rename one, or move the study to {name.value}.yaml"
                found = f"{path}: line {name.start_mark.line + 1}: found the study '{name.value}'"
                yield f"{found}; allowed: '{path.stem}', the file's name. Hint: {hint}."


def _twice(paths: Sequence[Path]) -> Iterator[str]:
    """Names that stand in two files."""
    places: dict[tuple[str, str], str] = {}
    for path in paths:
        for key, section in nodes(path).value:
            for name in _names(section) if key.value in SECTIONS else ():
                here = f"{path}, line {name.start_mark.line + 1}"
                before = places.setdefault((key.value, name.value), here)
                if before != here:
                    hint = f"rename one; with `like: {name.value}` it inherits from the other"
                    found = f"{key.value}.{name.value}: found in two places, {before} and {here}"
                    yield f"{found}; allowed: each name once. Hint: {hint}."


def _names(section: yaml.Node) -> list[yaml.Node]:
    return [name for name, _ in section.value] if isinstance(section, yaml.MappingNode) else []
