"""The encoders of a dataset, as a setting: a key each, its settings below it. Made from the registry."""

from typing import TYPE_CHECKING, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from mtbkd.base import registry


class _Chosen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not chosen(self):
            raise ValueError(f"allowed: at least one of {', '.join(sorted(registry.ENCODERS))}")
        return self

    @model_serializer(mode="wrap")
    def _only_the_chosen(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the others, so that a new encoder leaves what exists as it is."""
        return {name: settings for name, settings in handler(self).items() if settings is not None}


def chosen(encoders: BaseModel) -> dict[str, BaseModel]:
    """Name -> settings of the encoders that are named."""
    found = {name: getattr(encoders, name) for name in sorted(registry.ENCODERS)}
    return {name: settings for name, settings in found.items() if settings is not None}


def _field(name: str) -> Any:
    module = registry.part("encoder", name)
    about = (module.__doc__ or name).partition("\n")[0].rstrip(".")
    return module.Settings | None, Field(None, description=about)


if TYPE_CHECKING:
    Encoders = _Chosen
else:
    Encoders = create_model("Encoders", __base__=_Chosen, **{name: _field(name) for name in registry.ENCODERS})
