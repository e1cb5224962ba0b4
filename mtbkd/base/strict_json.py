"""Strict JSON reader: content that Python's reader accepts silently or rejects with a traceback gives a one-line error."""

import json
import math
from typing import Any

DIGITS, DEPTH = 30, 60  # of an integer, and of what stands in one another: nothing of ours comes near


def loads(text: str, finite: bool = True) -> Any:
    """The content of ``text``; numbers must be ``finite``, unless the caller knows what it does with others.

    Raises:
        ValueError: not JSON; a key twice in one object; with ``finite``, NaN, infinity or a number that no float holds; an
            integer of more than DIGITS digits; nested more than DEPTH deep.
    """
    try:
        each = _finite if finite else float
        content = json.loads(text, object_pairs_hook=_object, parse_float=each, parse_int=_integer, parse_constant=each)
    except RecursionError:
        raise ValueError("nested too deep") from None
    level = [content]
    for _ in range(DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [value for values in inner for value in values]
    if level:
        raise ValueError("nested too deep")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:60]!a} twice in one object")
        found[key] = value
    return found


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {text[:20]}, which is not finite")
    return number


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"an integer of {len(text):,} digits")
    return int(text)
