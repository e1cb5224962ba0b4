"""Configuration files as text: what a YAML reader would silently merge, choke on or never finish is refused first.

Snakemake reads config.yaml and every ``--configfile`` itself, and its reader keeps the last of two equal keys. It opens the
latter before the Snakefile can look at them: ``python -m mtbkd.study.config_files <options of snakemake>`` does so first.
"""

import argparse
import json
import re
import stat
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import MAX_DEPTH, MAX_VALUES, KeyPath, Mistake, shown

MAX_BYTES = 5_000_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_OTHER_BASE = re.compile(r"[-+]?(0[0-7_]*[1-7][0-7_]*|\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?)")  # 010 is 8 and 1:30 is 90
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_config_file(path: str | Path) -> dict[str, Any]:
    """The content of a YAML or JSON file.

    Raises:
        ConfigError: one line for every mistake: the file, the line in it, what was found, what is allowed, a hint.
    """
    text = _text(Path(path))
    try:
        _refuse_depth(text)
        node = yaml.compose(text, Loader=_LOADER)
        if not isinstance(node, yaml.MappingNode):
            found = "nothing" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "one value"
            raise ConfigError(f"found {found}; allowed: keys with values, such as `study: smoke`.")
        if mistakes := [str(m) if m.path else m.text for m in _Walk().mistakes(node)]:
            raise ConfigError("\n".join(mistakes))
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {_said(error, text)}") from None
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from None


def check_config_files(paths: Iterable[str | Path]) -> None:
    """ConfigError with the mistakes of all files, as ``read_config_file`` words them."""
    mistakes = []
    for path in dict.fromkeys(Path(path).resolve() for path in paths):
        try:
            read_config_file(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def nodes(path: str | Path) -> yaml.MappingNode:
    """The content of a file that ``read_config_file`` accepts, with the lines that it stands on."""
    document = yaml.compose(_text(Path(path)), Loader=_LOADER)
    assert isinstance(document, yaml.MappingNode)
    return document


def overlaid(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` sets, key by key at every level, as Snakemake reads a ``--configfile`` over config.yaml."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = overlaid(below if isinstance(below, dict) else {}, value) if isinstance(value, dict) else value
    return merged


def _text(path: Path) -> str:
    """The text of a regular file of UTF-8; ConfigError with the line of the first byte that is none."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or device"
            raise ConfigError(f"{path}: found {kind}; allowed: a regular file.")
        if status.st_size > MAX_BYTES:
            raise ConfigError(f"{path}: found {status.st_size:,} bytes; allowed: at most {MAX_BYTES:,}.")
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: found no file that can be read ({error.strerror}).") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = _MARKS.get(content[:2], f"the byte 0x{content[error.start]:02x}, which is no UTF-8")
        raise ConfigError(f"{path}: line {line}: found {found}; allowed: UTF-8. Hint: save the file as UTF-8.") from None
    return text.replace("\t", " ") if "\t" in text and _is_json(text) else text


def _is_json(text: str) -> bool:
    """JSON may indent with tabs, which YAML forbids; inside JSON's strings there are none."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_depth(text: str) -> None:
    """Refuse deep nesting by events, before a recursive reader sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise ConfigError(f"line {line}: found more than {MAX_DEPTH} levels of nesting; allowed: at most {MAX_DEPTH}.")


def _said(error: yaml.YAMLError, text: str) -> str:
    """PyYAML's complaint in one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that no YAML may hold
        position = getattr(error, "position", None)
        line = text[:position].count("\n") + 1 if isinstance(position, int) else 1
        return f"line {line}: found a control character; allowed: printable text. Hint: remove it."
    lines = text.splitlines()
    tab = mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]
    hint = " Hint: indent with spaces, not tabs." if tab else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: invalid YAML: {getattr(error, 'problem', error)}.{hint}"


class _Walk:
    """One walk over a document's nodes; what an alias repeats is looked at once and counted every time."""

    def __init__(self) -> None:
        self.sizes: dict[int, tuple[int, int]] = {}
        self.open: set[int] = set()
        self.constructor = yaml.constructor.SafeConstructor()

    def mistakes(self, root: yaml.Node) -> Iterator[Mistake]:
        yield from self._node((), root)
        values, depth = self.sizes.get(id(root), (0, 0))
        if values > MAX_VALUES or depth > MAX_DEPTH:
            found = f"aliases that expand to {values:,} values in {depth} levels"
            yield Mistake((), f"found {found}; allowed: at most {MAX_VALUES:,} values in {MAX_DEPTH} levels.")

    def _node(self, path: KeyPath, node: yaml.Node) -> Iterator[Mistake]:
        if id(node) in self.open:
            yield Mistake(path, f"line {_line(node)}: found an alias of an enclosing entry; allowed: no circular aliases.")
        if id(node) in self.open or id(node) in self.sizes:
            return
        self.open.add(id(node))
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            yield from self._keys(path, node)
            for key, value in node.value:
                children.append(value)
                yield from self._node((*path, str(key.value) if isinstance(key, yaml.ScalarNode) else "?"), value)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                children.append(value)
                yield from self._node((*path, index), value)
        else:
            yield from self._scalar(path, node)
        self.open.remove(id(node))
        sizes = [self.sizes.get(id(child), (1, 1)) for child in children]
        self.sizes[id(node)] = 1 + sum(values for values, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)

    def _keys(self, path: KeyPath, node: yaml.MappingNode) -> Iterator[Mistake]:
        lines = defaultdict(list)
        for key, _ in node.value:
            if key.tag not in (_STRING, _MERGE):
                found = f"'{key.value}'" if isinstance(key, yaml.ScalarNode) else "that is a collection"
                kind = key.tag.rpartition(":")[2]
                yield Mistake(path, f"line {_line(key)}: found the key {found} ({kind}); allowed: text. Hint: quote it.")
            else:
                lines[key.value].append(_line(key))
        for name, found in lines.items():
            if len(found) > 1:
                which = f"{', '.join(map(str, found[:-1]))} and {found[-1]}"
                hint = "write <<: [*first, *second]" if name == "<<" else "merge the two, or rename one"
                text = f"found the key {len(found)} times, on lines {which}; allowed: each key once. Hint: {hint}."
                yield Mistake((*path, name), text)

    def _scalar(self, path: KeyPath, node: yaml.Node) -> Iterator[Mistake]:
        if node.tag == _STRING:
            return
        try:
            if len(node.value) > 100:
                raise ValueError
            value = self.constructor.construct_object(node)
        except (ValueError, AttributeError, OverflowError, TypeError, KeyError, yaml.YAMLError):
            kind = node.tag.rpartition(":")[2]
            text = f"line {_line(node)}: found {shown(node.value)}, which is not a valid {kind}; allowed: a value of YAML."
            yield Mistake(path, f"{text} Hint: put text in quotes.")
        else:
            if _OTHER_BASE.fullmatch(node.value) and isinstance(value, int | float):
                text = f"line {_line(node)}: found {node.value}, which YAML reads as {value}; allowed: decimal numbers."
                yield Mistake(path, f"{text} Hint: write numbers without leading zero or colon; put text in quotes.")


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def main(arguments: list[str] | None = None) -> int:
    """Check the files that options of snakemake name; 1 where it had better not be started."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", action="extend", nargs="+", type=Path, default=[])
    parser.add_argument("--config", "-C", action="extend", nargs="+", default=[])
    parser.add_argument("--study", action="store_true", help="print the name of the study that would run")
    asked = parser.parse_known_args(arguments)[0]
    try:
        check_config_files(asked.configfile)
        if asked.study:
            given = [value.removeprefix("study=") for value in asked.config if value.startswith("study=")]
            files = [read_config_file(path).get("study") for path in ("config.yaml", *asked.configfile)]
            print(*[name for name in (*files, *given) if name][-1:])
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
