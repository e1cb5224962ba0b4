"""Which files preparing a dataset of images reads, for the rule that prepares it."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base import registry


def downloads(kind: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the raw files to download; a file of the user's instead of one leaves it out."""
    module = registry.part("dataset", kind)
    return module.raw_files(module.Settings.model_validate(settings))
