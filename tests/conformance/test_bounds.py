"""Every number that a configuration can set has two bounds, so that it is finite and no study runs for years by a slip."""

import importlib
import math
import pkgutil
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import mtbkd
from mtbkd.base import registry
from mtbkd.base.grids import Posterior
from mtbkd.pooling.operators import power_mean
from mtbkd.teachers.trained import TrainedSettings

# What is bounded on one side only, and why.
EXEMPT = {
    "mtbkd.base.grids.Posterior.prior_scale": ".inf is no prior; its validator refuses what lies between 1e9 and .inf",
    "mtbkd.teachers.*.weight_scale": ".inf is no weight decay; the same validator",
    "mtbkd.pooling.operators.power_mean.Settings.r": ".inf and -.inf are the largest and smallest; its validator",
    "mtbkd.teachers.cifar_resnet.Settings.depth": "one of four numbers",
    "mtbkd.inference.fitting.Spec.posterior": "made of a checked Posterior",
    "mtbkd.serving.bundle.*": "no setting: a bundle's card is written by the program and checked when it is read",
    "mtbkd.serving.promised_sets.*": "the same",
    "mtbkd.data.raw_files.*": "no setting: the table of raw files",
}


def models() -> Iterator[type[BaseModel]]:
    """All models of the package."""
    for module in pkgutil.walk_packages(mtbkd.__path__, "mtbkd."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        yield from (model for model in children if model.__module__.startswith("mtbkd."))


def numbers(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The numbers inside a field's JSON schema, those of other models left to these."""
    if node.get("type") in ("integer", "number") and "enum" not in node:
        yield node
    inside = [node.get("items"), node.get("additionalProperties"), *node.get("anyOf", []), *node.get("prefixItems", [])]
    for child in [*inside, *node.get("patternProperties", {}).values()]:
        if isinstance(child, dict):
            yield from numbers(child)


def exempt(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in EXEMPT)


def test_every_number_of_every_model_has_a_lower_and_an_upper_bound() -> None:
    seen, open_ended = 0, []
    for model in set(models()):
        for field, node in model.model_json_schema(by_alias=False).get("properties", {}).items():
            name = f"{model.__module__}.{model.__qualname__}.{field}"
            for number in numbers(node):
                seen += 1
                sides = [bool({f"{side}imum", f"exclusive{side.title()}imum"} & set(number)) for side in ("min", "max")]
                if not all(sides) and not exempt(name):
                    open_ended.append(name)
    assert seen > 200
    assert sorted(set(open_ended)) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_both_bounds_together_refuse_what_is_not_finite(value: float) -> None:
    """The argument of the test above, on every registered part that has a float at its top level."""
    tried = 0
    for kind, parts in registry.KINDS.items():
        for name in parts:
            settings: Any = getattr(registry.part(kind, name), "Settings", None)
            for field, info in settings.model_fields.items() if settings else ():
                if info.annotation is float and not exempt(f"{settings.__module__}.{settings.__qualname__}.{field}"):
                    tried += 1
                    with pytest.raises(ValidationError, match=field):
                        settings.model_validate({field: value})
    assert tried > 15


@pytest.mark.parametrize(
    ("model", "field", "legal"),
    [
        (Posterior, "prior_scale", [math.inf, 1.0]),
        (TrainedSettings, "weight_scale", [math.inf, 1.0]),
        (power_mean.Settings, "r", [math.inf, -math.inf, 0.0, -3.0]),
    ],
)
def test_where_an_infinity_has_a_meaning_it_is_legal_and_other_nonsense_is_not(model, field, legal) -> None:
    for value in legal:
        assert model.model_validate({field: value})
    for value in (math.nan, 1e308, -1e308):
        with pytest.raises(ValidationError):
            model.model_validate({field: value})
