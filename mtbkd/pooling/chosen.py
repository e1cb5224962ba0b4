"""Operators and weights in a configuration: an operator has a display name and settings."""

from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base import registry
from mtbkd.base.bounds import Names
from mtbkd.base.explain import choice, clean, validate
from mtbkd.pooling.operators import best_single, linear, load, logarithmic, median, minimax, power_mean, trimmed_mean

# Imported so that the jobs that pool depend on these sources; the registry names further ones.
OWN = (best_single, linear, logarithmic, median, minimax, power_mean, trimmed_mean)


def _known_weights(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in registry.WEIGHTS:
            raise ValueError(choice(name, registry.WEIGHTS))
    return names


Weightings = Annotated[Names, AfterValidator(_known_weights)]


def settings_of(name: str, settings: Mapping[str, Any]) -> tuple[ModuleType, Any]:
    """The operator and its settings, validated; ValueError that names the operator where they are not its own."""
    if name not in registry.OPERATORS:
        raise ValueError(choice(name, registry.OPERATORS))
    module = load(name)
    typed, mistakes = validate(module.Settings, clean(dict(settings)))
    if typed is None:
        raise ValueError(f"operator '{name}': " + " ".join(map(str, mistakes)))
    return module, typed


class Chosen(BaseModel):
    """An operator of the registry with its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: str = Field(description="an operator in mtbkd/pooling/operators")
    settings: dict[str, Any] = Field({}, description="settings of the operator")

    @model_validator(mode="after")
    def _known(self) -> "Chosen":
        settings_of(self.operator, self.settings)
        return self


def _of(operator: str, **settings: Any) -> Chosen:
    return Chosen(operator=operator, settings=settings)


DEFAULT: dict[str, Chosen] = {
    "linear": _of("linear"),
    "logarithmic": _of("logarithmic"),
    "power 1/2": _of("power_mean", r=0.5),
    "power 2": _of("power_mean", r=2.0),
    "harmonic": _of("power_mean", r=-1.0),
    "median": _of("median"),
    "trimmed mean": _of("trimmed_mean"),
    "minimax": _of("minimax"),
    "best single": _of("best_single"),
}
