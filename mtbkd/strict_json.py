"""JSON from people: what Python's reader takes in silence or answers with a traceback is refused in one sentence."""

import json
import math
from typing import Any

DIGITS = 30  # of an integer; beyond, nothing in a file of ours is meant


def loads(text: str) -> Any:
    """The content of ``text``.

    Raises:
        ValueError: not JSON; a key twice in one object; NaN, infinity or a number that no float holds; an integer of more than
            DIGITS digits; nested too deep to be read.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_float
        )  # fmt: skip
    except RecursionError:
        raise ValueError("nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:60]!a} twice in one object")
        found[key] = value
    return found


def _float(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {text[:20]}, which is not finite")
    return number


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"an integer of {len(text):,} digits")
    return int(text)
