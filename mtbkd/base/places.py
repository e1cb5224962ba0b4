"""Where a job finds files: under the names that config.yaml and the rules use, or as local copies from a store."""

from collections.abc import Mapping
from typing import Any


def relocated(value: Any, copies: Mapping[str, str]) -> Any:
    """``value`` with every text that is a key of ``copies``, however deep, as the path that stands there."""
    if isinstance(value, str):
        return copies.get(value, value)
    if isinstance(value, dict):
        return {key: relocated(each, copies) for key, each in value.items()}
    return type(value)(relocated(each, copies) for each in value) if isinstance(value, list | tuple) else value
