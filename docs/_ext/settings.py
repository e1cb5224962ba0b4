"""Settings as tables, from the JSON schema of their pydantic models, and the entries of config.yaml by name."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from mtbkd.base.grids import Posterior
from mtbkd.inference.fitting import Output
from mtbkd.inference.optimise import Training
from mtbkd.serving.methods import shipped
from mtbkd.study import models
from mtbkd.study.questions import Question

MODELS: dict[str, type[BaseModel]] = {
    "config.yaml": models.Config,
    "An entry of studies": models.Study,
    "An experiment": models.Experiment,
    "A question": Question,
    "An entry of methods": models.MethodEntry,
    "An entry of datasets": models.DatasetEntry,
    "An entry of teachers": models.TeacherEntry,
    "An entry of students": models.StudentEntry,
    "posterior": Posterior,
    "training": Training,
    "output": Output,
}
BOUNDS = {
    "minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}", "exclusiveMaximum": "below {}",
    "minItems": "at least {} items", "maxItems": "at most {} items", "minLength": "at least {} characters",
    "maxLength": "at most {} characters", "pattern": "matches {}",
}  # fmt: skip
NAMES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}


def every(_: str) -> str:
    """A section for every model of config.yaml."""
    return "\n\n".join(f"## {title}\n\n{' '.join((m.__doc__ or '').split())}\n\n{table(m)}" for title, m in MODELS.items())


def entries(section: str) -> str:
    """A table of the entries of a section of config.yaml and of all studies."""
    found = sorted(shipped()[section].items())
    if section == "studies":
        return grid(("study", "what it asks"), ((f"`{name}`", prose(each.get("description", ""))) for name, each in found))
    keys = ("signal", "weights", "inference")
    rows = (
        (f"`{name}`", *(f"`{e[key]}`" if e.get(key) else "" for key in keys), prose(e.get("note", ""))) for name, e in found
    )
    return grid(("method", *keys, "note"), rows)


def table(model: type[BaseModel]) -> str:
    """The settings of a model: name, what is allowed, default, meaning."""
    schema = model.model_json_schema(by_alias=True)
    required, definitions = schema.get("required", ()), schema.get("$defs", {})
    rows = [
        (
            f"`{name}`",
            allowed(field, definitions),
            "required" if name in required else _default(field.get("default")),
            prose(field.get("description", "")),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return grid(("setting", "allowed", "default", "meaning"), rows) if rows else "No settings."


def allowed(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a field of a JSON schema takes, in words."""
    if reference := field.get("$ref"):
        return allowed(definitions[reference.rpartition("/")[2]], {})
    if several := field.get("anyOf") or field.get("oneOf") or field.get("allOf"):
        return " or ".join(dict.fromkeys(allowed(each, definitions) for each in several))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{json.dumps(each)}`" for each in field.get("enum", [field.get("const")])).replace('"', "")
    bounds = [words.format(_code(field[key])) for key, words in BOUNDS.items() if key in field]
    return ", ".join((_kind(field, definitions), *bounds))


def _kind(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    kind = field.get("type")
    if kind == "array":
        items = field.get("items") or {}
        each = " and ".join(allowed(one, definitions) for one in field.get("prefixItems", ())) or allowed(items, definitions)
        return f"list of {each}"
    if kind == "object":
        return "settings, by name" if field.get("properties") else "entries, by name"
    return NAMES.get(str(kind), "anything")


def _code(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _default(value: Any) -> str:
    """As config.yaml has it; nothing for what a section of its own describes."""
    if value is None or isinstance(value, dict):
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`" if text else ""


def prose(text: str) -> str:
    """Text in which no sign starts any markup but code."""
    said = re.split(r"(``.+?``|`.+?`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<$*\[\]\\])", r"\\\1", part) for part in said)


def grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines)
