"""The content of config.yaml, checked and typed (``mtbkd.study.models``), and its JSON schema.

``load`` checks everything before any job starts and names every mistake at once; ``mtbkd.study.plan.make_plan`` resolves
a study into what the workflow needs.
``python -m mtbkd.study.config check config.yaml`` and ``... schema`` do the same from a shell.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from mtbkd.base import registry, suite
from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import NAME, KeyPath, Mistake, choice, clean, refusal, unreadable, validate
from mtbkd.base.writing import write_json
from mtbkd.study import likeness, papers
from mtbkd.study.checking.experiments import memory_remarks
from mtbkd.study.checks import fit_mistakes
from mtbkd.study.models import Config, DatasetEntry, Experiment, MethodEntry, StudentEntry, TeacherEntry
from mtbkd.study.plan import make_plan
from mtbkd.study.questions import Question
from mtbkd.study.renamed import explained
from mtbkd.study.study_files import read_configuration

SCHEMA = suite.root() / "workflow" / "schemas" / "config.schema.json"

# Per section: (kind of part, key of its name, key of its settings) of every part that an entry names.
Part = tuple[str, str, str | None]
PARTS: dict[str, tuple[Part, ...]] = {
    "datasets": (("dataset", "kind", "settings"),),
    "teachers": (("teacher", "family", "settings"),),
    "students": (("student", "architecture", "settings"),),
    "methods": (
        ("signal", "signal", "signal_settings"),
        ("weights", "weights", "weights_settings"),
        ("inference", "inference", "settings"),
    ),
}
# The same for the questions of a study.
QUESTION_PARTS = (("question", "kind", "settings"),)


def load(raw: Any, study: str | None = None, import_estimators: bool = False) -> Config:
    """Check the whole content of config.yaml and return it typed.

    Args:
        raw: what a YAML reader made of the file. Its study may also be an item of ``mtbkd.study.papers``.
        study: takes the place of the file's ``study``.
        import_estimators: import what teachers of the study name, to check it; it takes seconds and may run a user's code.

    Raises:
        ConfigError: with one line for every mistake: the key's path, what was found, what is allowed, a hint.
    """
    if broken := unreadable(raw):
        raise refusal(broken)
    content = clean(raw)
    if study is not None and isinstance(content, dict):
        content["study"] = study
    if item := papers.wanted(content):
        content = {**content, "study": papers.ITEMS[item].study}
    written = content
    content, unlike = likeness.resolve(content)
    config, mistakes = validate(Config, content, schema=schema)
    mistakes = explained(mistakes)
    if isinstance(content, dict):
        mistakes += unlike + _part_mistakes(content)
        rest = _sound_rest(content, mistakes) if mistakes else config
        if rest is not None:
            declared = {section: list(content[section]) for section in (*PARTS, "studies")}
            mistakes += fit_mistakes(rest, declared, import_estimators)
    if mistakes := likeness.own(mistakes, written, unlike):
        raise refusal(mistakes)
    assert config is not None
    return papers.reduced(config, item) if item else config


def _part_mistakes(content: dict[str, Any]) -> list[Mistake]:
    """Names of parts that do not exist, and settings that a part does not take; used by a study or not."""
    mistakes = []
    for path, entry, parts in _entries_with_parts(content):
        for kind, name_key, settings_key in parts:
            part = entry.get(name_key)
            if not isinstance(part, str):
                continue
            if part not in registry.KINDS[kind]:
                mistakes.append(Mistake((*path, name_key), choice(part, registry.KINDS[kind])))
            elif settings_key and isinstance(settings := entry.get(settings_key, {}), dict):
                mistakes += validate(registry.part(kind, part).Settings, settings, (*path, settings_key))[1]
    return mistakes


def _entries_with_parts(content: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any], tuple[Part, ...]]]:
    """(path, entry, its parts) of every entry that names parts, as far as the content has the right form."""
    studies = content.get("studies")
    places: list[tuple[KeyPath, Any, tuple[Part, ...]]] = [
        ((section,), content.get(section), parts) for section, parts in PARTS.items()
    ]
    for study, entry in studies.items() if isinstance(studies, dict) else ():
        if isinstance(entry, dict):
            places.append((("studies", study, "questions"), entry.get("questions"), QUESTION_PARTS))
    for path, entries, parts in places:
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                yield (*path, name), entry, parts


def _sound_rest(content: dict[str, Any], mistakes: list[Mistake]) -> Config | None:
    """The configuration without its broken entries, so that what is left can be checked in the same go."""
    content = deepcopy(content)
    for _ in range(4):  # an entry that goes may leave its parent empty, which goes next
        for path in {_broken_entry(content, mistake.path) for mistake in mistakes} - {()}:
            node: Any = content
            for step in path[:-1]:
                node = node.get(step, {})
            node.pop(path[-1], None)
        content.setdefault("study", next(iter(content.get("studies") or ()), ""))
        config, mistakes = validate(Config, content)
        if config is not None:
            return config
    return None


def _broken_entry(content: Any, path: KeyPath) -> KeyPath:
    """The dataset, teacher, student, method, experiment or setting in ``content`` that ``path`` lies in."""
    if path[:1] == ("studies",) and path[2:3] in (("experiments",), ("questions",)):
        path = path[:4]
    elif path and path[0] in PARTS:
        path = path[:2]
    for depth, step in enumerate(path):
        if not isinstance(content, dict) or step not in content:
            return path[:depth]
        content = content[step]
    return path


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of config.yaml, with the Settings of every registered part; not to be changed."""
    result = Config.model_json_schema()
    entries = {
        result["properties"][section]["patternProperties"][NAME]["$ref"].rpartition("/")[2]: parts
        for section, parts in PARTS.items()
    }
    for definition_name, parts in {**entries, Question.__name__: QUESTION_PARTS}.items():
        entry = result["$defs"][definition_name]
        for kind, name_key, settings_key in parts:
            names = sorted(registry.KINDS[kind])
            named = entry["properties"][name_key]
            named.pop("type", None)
            named["enum"] = [*names, None] if named.pop("anyOf", None) else names
            for part in names if settings_key else ():
                key, settings = f"{kind}-{part}", registry.part(kind, part).Settings
                definition = settings.model_json_schema(ref_template=f"#/$defs/{key}/$defs/{{model}}")
                result["$defs"][key] = {**definition, "title": f"{kind} {part}"}
                entry.setdefault("allOf", []).append({
                    "if": {"properties": {name_key: {"const": part}}, "required": [name_key]},
                    "then": {"properties": {settings_key: {"$ref": f"#/$defs/{key}"}}},
                })  # fmt: skip
    _may_be_like(result)
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    # An infinite default is no JSON number: it is shown as YAML writes it.
    return json.loads(json.dumps(result), parse_constant={"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}.get)


def _may_be_like(schema: dict[str, Any]) -> None:
    """Let entries say ``like`` in place of what is required of them."""
    of_studies = (Experiment, Question)
    for entry in (DatasetEntry, TeacherEntry, StudentEntry, MethodEntry, *of_studies):
        definition = schema["$defs"][entry.__name__]
        text = "another entry of the same kind, from which this one inherits whatever it does not define"
        definition["properties"][likeness.KEY] = {"type": "string", "description": text}
        otherwise = {"required": definition.pop("required")}
        definition.setdefault("allOf", []).append({"if": {"required": [likeness.KEY]}, "else": otherwise})


def main(arguments: list[str] | None = None) -> int:
    """Entry of ``python -m mtbkd.study.config``; 0 when the file can be run, else 1."""
    parser = argparse.ArgumentParser(prog="python -m mtbkd.study.config", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check a configuration and print every mistake")
    check.add_argument("files", type=Path, nargs="+", help="later files override the first, as with --configfile")
    check.add_argument("--study", help="check this study instead of the file's")
    write = commands.add_parser("schema", help="print the JSON schema")
    write.add_argument("--write", action="store_true", help=f"write it to {SCHEMA.parent.name}/{SCHEMA.name} instead")
    chosen = parser.parse_args(arguments)
    if chosen.command == "schema":
        write_json(SCHEMA, schema()) if chosen.write else print(json.dumps(schema(), indent=2, sort_keys=True))
        return 0
    try:
        config = load(read_configuration(chosen.files), chosen.study, import_estimators=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"OK: {', '.join(map(str, chosen.files))}, study {config.study}")
    print(*make_plan(config).remarks, *memory_remarks(config, config.study), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
