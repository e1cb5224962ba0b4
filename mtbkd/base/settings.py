"""Settings as the workflow passes them: of a part, merged over levels of config.yaml, as JSON."""

from typing import Any

from pydantic import BaseModel

from mtbkd.base import registry


def merged[M: BaseModel](base: M, *overrides: M) -> M:
    """``base`` with the keys that each of ``overrides`` sets, the last one winning."""
    return base.model_copy(update={key: getattr(o, key) for o in overrides for key in o.model_fields_set})


def settings_of(kind: str, part: str, settings: dict[str, Any]) -> BaseModel:
    """The validated Settings of a part."""
    return registry.part(kind, part).Settings.model_validate(settings)


def dump(model: BaseModel) -> dict[str, Any]:
    """JSON-able content with defaults; .inf stays a float."""
    return model.model_dump(mode="json", by_alias=True)
