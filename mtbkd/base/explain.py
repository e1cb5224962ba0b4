"""Turn pydantic's validation errors into actionable lines: where, what was found, what is allowed, a hint.

What is allowed is read off the model's JSON schema, so that a bound is written once, in the model.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError

from mtbkd.base.errors import ConfigError, nearest

KeyPath = tuple[str | int, ...]
NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,99}$"  # names become folders and Snakemake wildcards
NAME_RULE = "letters, digits, '_' and '-', starting with a letter, at most 100 characters"
MAX_DEPTH, MAX_VALUES, MAX_TEXT, MAX_INTEGER = 50, 200_000, 10_000, 2**63  # what a configuration may hold
MANY = 60  # names that an error lists
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")
_NOUNS = {"boolean": "true or false", "string": "text", "null": "nothing", "object": "a mapping of keys to values"}


class Mistake(NamedTuple):
    """One mistake: the path of its key and a sentence about it."""

    path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path) or 'config'}: {self.text}"


def dotted(path: KeyPath) -> str:
    """``("levels", 1, "x")`` as ``levels[1].x``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def sentence(found: Any, allowed: str, hint: str = "") -> str:
    """Standard wording of an error about a value."""
    return f"found {shown(found)}; allowed: {allowed}." + (f" Hint: {hint}" if hint else "")


def choice(found: Any, allowed: Iterable[str], hint: str = "") -> str:
    """``sentence`` for a name out of a set of names, with the nearest one as hint; of more than MANY names, the nearest."""
    names = sorted(allowed)
    listed = names if len(names) <= MANY else difflib.get_close_matches(str(found), names, 8, 0)
    others = f" and {len(names) - len(listed)} others" if len(names) > len(listed) else ""
    return sentence(found, ", ".join(listed) + others or "none is defined", nearest(str(found), names) or hint)


def shown(value: Any) -> str:
    """A value as the user may have typed it, cut to one short line."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"'{value}'" if len(value) < 60 else f"'{value[:57]}...'"
    text = json.dumps(value).replace("Infinity", ".inf").replace("NaN", ".nan").replace('"', "")
    return text if len(text) < 60 else f"{text[:57]}..."


def refusal(mistakes: Iterable[Mistake]) -> ConfigError:
    """One error with a line for every mistake."""
    lines = dict.fromkeys(f"  {' '.join(str(mistake).split())}" for mistake in mistakes)
    return ConfigError("\n".join([f"the configuration has {len(lines)} mistake{'s'[: len(lines) > 1]}:", *lines]))


def distinct[T](values: tuple[T, ...]) -> tuple[T, ...]:
    """``values`` unless one stands there twice; for fields of a configuration."""
    if repeated := sorted({str(value) for value in values if values.count(value) > 1}):
        raise ValueError(f"allowed: unique entries ({', '.join(repeated)} repeated)")
    return values


def unreadable(raw: Any) -> list[Mistake]:
    """Limits for every configuration: no cycles, bounded depth and size, JSON keys and values only."""
    mistakes: list[Mistake] = []
    values = 0

    def look(path: KeyPath, value: Any) -> None:
        nonlocal values
        values += 1
        if values > MAX_VALUES or len(mistakes) > 20:
            return
        if len(path) > MAX_DEPTH:
            mistakes.append(Mistake(path[:3], f"found more than {MAX_DEPTH} levels of nesting; allowed: at most {MAX_DEPTH}."))
        elif isinstance(value, dict):
            for key, child in value.items():
                if not isinstance(key, str):
                    mistakes.append(Mistake(path, sentence(key, "keys that are text", "put the key in quotes")))
                look((*path, str(key)), child)
                look((*path, str(key)), str(key))
        elif isinstance(value, list | tuple):
            for index, child in enumerate(value):
                look((*path, index), child)
        elif isinstance(value, str) and (len(value) > MAX_TEXT or _CONTROL.search(value)):
            found = f"{len(value):,} characters" if len(value) > MAX_TEXT else ascii(value)[:60]
            mistakes.append(Mistake(path, f"found {found}; allowed: printable text of at most {MAX_TEXT:,} characters."))
        elif isinstance(value, int) and abs(value) > MAX_INTEGER:
            found = f"an integer of {value.bit_length():,} bits"
            mistakes.append(Mistake(path, f"found {found}; allowed: integers of at most 63 bits."))

    look((), raw)
    if values > MAX_VALUES and not mistakes:
        mistakes.append(Mistake((), f"found more than {MAX_VALUES:,} values; allowed: at most {MAX_VALUES:,}."))
    return mistakes


def clean(raw: Any) -> Any:
    """Plain JSON content of what a YAML reader made, or a caller in Python: text keys, numbers where YAML 1.1 sees text (8e-8,
    no dot), and lists and numbers in place of arrays and numbers of NumPy.

    >>> import numpy as np
    >>> clean({"lambda": np.array([0.5, 5.0]), "steps": np.int64(60), "chains": range(2)})
    {'lambda': [0.5, 5], 'steps': 60, 'chains': [0, 1]}
    """
    if hasattr(raw, "tolist"):
        raw = raw.tolist()
    if isinstance(raw, dict):
        return {str(key): clean(value) for key, value in raw.items()}
    if isinstance(raw, list | tuple | range):
        return [clean(value) for value in raw]
    if isinstance(raw, str) and _EXPONENT.fullmatch(raw):
        raw = float(raw)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 2**53:
        return int(raw)
    return raw if isinstance(raw, str | int | float | None) else str(raw)


def validate[M: BaseModel](
    model: type[M], content: Any, path: KeyPath = (), schema: Callable[[], dict[str, Any]] | None = None
) -> tuple[M | None, list[Mistake]]:
    """Validate ``content``, as ``clean`` returns it, strictly: ``true`` is no number and ``"3"`` is text.

    Args:
        model: what it must be.
        content: JSON content.
        path: where it stands in the file.
        schema: gives a JSON schema that says more than the model's own.

    Returns:
        The model and no mistake, or None and every mistake.
    """
    try:
        return model.model_validate_json(json.dumps(content), strict=True), []
    except ValidationError as error:
        known = (schema or model.model_json_schema)()
        found = [(entry["type"], _mistake(dict(entry), content, known)) for entry in error.errors()]
        told = [(kind.endswith("_type"), mistake) for kind, mistake in found if mistake is not None]
        mistakes = dict.fromkeys(m for wrong_type, m in told if not (wrong_type and _alternative(m.path, told)))
        return None, [Mistake(path + p.path, p.text) for p in mistakes]


def _alternative(path: KeyPath, told: Iterable[tuple[bool, Mistake]]) -> bool:
    """Whether what stands at ``path`` has the type of another member of its union, which says what is wrong with it."""
    return any(not wrong_type and each.path[: len(path)] == path for wrong_type, each in told)


def _mistake(error: dict[str, Any], content: Any, schema: dict[str, Any]) -> Mistake | None:
    loc, kind = error["loc"], error["type"]
    path, value = _locate(content, loc)
    node = _node(schema, path)
    if kind == "extra_forbidden":
        keys = _keys(_node(schema, path[:-1]), schema)
        hint = nearest(str(path[-1]), keys)
        text = f"unknown key; allowed: {', '.join(sorted(keys)) or 'no key'}." + (f" Hint: {hint}" if hint else "")
        return Mistake(path, text)
    if kind == "missing":
        node = _node(schema, (*path, loc[-1]))
        about = f" ({node['description']})" if "description" in node else ""
        return Mistake((*path, loc[-1]), f"missing; expected: {allowed(node, schema)}{about}.")
    if loc and loc[-1] == "[key]":
        return Mistake(path, f"found the name '{path[-1]}'; allowed: {NAME_RULE}.")
    if kind == "too_short" and (not isinstance(value, list | dict) or len(value) >= error["ctx"]["min_length"]):
        return None  # pydantic counts the valid members only, and each invalid one has its own line
    if kind in ("value_error", "assertion_error"):
        message = str(error["ctx"]["error"]).rstrip(".")
        return Mistake(path, f"{message}." if isinstance(value, dict) else f"found {shown(value)}; {message}.")
    words = _enum(node, schema)
    # Among two or three words a guess helps nobody and may mislead (gpu is nearer to cpu than to cuda).
    return Mistake(path, sentence(value, allowed(node, schema), nearest(str(value), words) if len(words) > 3 else ""))


def _locate(content: Any, loc: KeyPath) -> tuple[KeyPath, Any]:
    """The part of pydantic's ``loc`` that exists in ``content`` (it also names union members), and the value there."""
    path: list[str | int] = []
    for step in loc:
        inside = isinstance(step, int) and isinstance(content, list) and step < len(content)
        if inside or (isinstance(content, dict) and step in content):
            path.append(step)
            content = cast(Any, content)[step]
    return tuple(path), content


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    return {**schema["$defs"][node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}


def _node(schema: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The JSON schema of what stands at ``path``, or {} where the schema says nothing of it."""
    node = _resolve(schema, schema)
    for step in path:
        options = [_resolve(option, schema) for option in node.get("anyOf", [node])]
        node = next((child for option in options if (child := _child(option, step)) is not None), {})
        node = _resolve(node, schema)
    return node


def _child(node: dict[str, Any], step: str | int) -> dict[str, Any] | None:
    if isinstance(step, int):
        return node.get("items")
    named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return node.get("properties", {}).get(step) or next((child for child in named if isinstance(child, dict)), None)


def _keys(node: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The keys of a node that is a mapping, or of the mappings among its alternatives."""
    options = [_keys(_resolve(option, schema), schema) for option in node.get("anyOf", [])]
    return [*node.get("properties", {}), *(key for option in options for key in option)]


def _enum(node: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The legal words of a node, those of its alternatives included."""
    own = node.get("enum", [node["const"]] if "const" in node else [])
    options = [_enum(_resolve(option, schema), schema) for option in node.get("anyOf", [])]
    return [str(word) for word in own] + [word for option in options for word in option]


def allowed(node: dict[str, Any], schema: dict[str, Any]) -> str:
    """A JSON schema node in words: ``an integer >= 1``, ``map, sgld``, ``a non-empty list, each a number > 0``."""
    node = _resolve(node, schema)
    if "anyOf" in node:
        options = [option for option in node["anyOf"] if option.get("type") != "null"]
        return " or ".join(allowed(option, schema) for option in options)
    if words := _enum(node, schema):
        return ", ".join(words)
    kind = node.get("type", "another value")
    if kind in ("integer", "number"):
        return ("an integer" if kind == "integer" else "a number") + _bounds(node)
    if kind == "array":
        each = f", each {allowed(node['items'], schema)}" if node.get("items") else ""
        most = f" of at most {node['maxItems']:,}" if "maxItems" in node else ""
        return ("a non-empty list" if node.get("minItems") else "a list") + most + each
    if kind == "object" and node.get("minProperties"):
        return "a mapping with at least one entry"
    if kind == "object" and (keys := _keys(node, schema)):
        return f"a mapping with {', '.join(keys)}"
    if kind == "string" and "maxLength" in node:
        return f"text of at most {node['maxLength']:,} characters"
    return _NOUNS.get(kind, kind)


def _bounds(node: dict[str, Any]) -> str:
    if "minimum" in node and "maximum" in node:
        return f" in {_number(node['minimum'])}..{_number(node['maximum'])}"
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    return " and".join(f" {sign} {_number(node[key])}" for key, sign in signs.items() if key in node)


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
