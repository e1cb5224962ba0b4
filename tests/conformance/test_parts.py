"""Every registered part: what is true of all parts, whatever their kind."""

import inspect

import pytest
from pydantic import ValidationError

from mtbkd.base import registry
from tests.conformance.examples import every_part, small

# kind -> {function: its parameters}
FUNCTIONS = {
    "dataset": {
        "describe": ["settings"],
        "prepare": ["name", "settings", "seed", "replicates", "raw"],
    },
    "encoder": {
        "raw_files": ["settings"],
        "names": ["settings"],
        "prepared": ["settings", "chain"],
        "load": ["settings", "raw"],
        "encode": ["encoder", "chains"],
    },
    "teacher": {
        "raw_files": ["settings"],
        "train": ["name", "domain", "settings", "dataset", "seed", "first_replicate", "device", "raw"],
    },
    "student": {
        "hidden_sizes": ["settings", "features", "num_classes"],
        "num_params": ["settings", "features", "num_classes"],
        "build": ["settings", "features", "num_classes"],
    },
    "signal": {
        "prepare": ["prob", "weights", "lam", "settings", "best"],
        "term": ["log_q", "constants", "lam"],
        "slope": ["log_q", "constants", "lam"],
        "term_symbolic": ["log_q", "constants", "lam"],
    },
    "weights": {"weights": ["prob"]},
    "operator": {"log_pool": ["log_prob", "weights", "settings"]},
    "inference": {
        "init": ["target", "settings", "context"],
        "run": ["target", "settings", "state", "context"],
    },
    "question": {"run": ["inputs", "settings"]},
}
CONSTANTS = {
    "dataset": {"SIMULATED": bool, "RAW": tuple},
    "encoder": {"LICENCE": str, "BATCH": tuple},
    "teacher": {},
    "student": {"SYMBOLIC": bool},
    "signal": {"USES": frozenset, "NEEDS_WEIGHTS": bool},
    "weights": {"MIN_TEACHERS": int},
    "operator": {"DOMAIN": str},
    "inference": {
        "DRAWS": str, "CLAIMS_POSTERIOR": bool, "SUPPLIES": frozenset, "IMPROPER_PRIOR": bool, "MAX_PARAMS": (int, type(None)),
        "NEEDS_HIDDEN": bool, "NEEDS_SYMBOLIC": bool,
    },
    "question": {"NEEDS": frozenset, "TABLES": tuple},
}  # fmt: skip


def test_the_contract_of_every_kind_is_known_here() -> None:
    assert set(FUNCTIONS) == set(CONSTANTS) == set(registry.KINDS)


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_the_module_says_what_it_is(kind: str, name: str) -> None:
    assert len((registry.part(kind, name).__doc__ or "").split()) >= 4


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_settings_are_frozen_and_forbid_unknown_keys(kind: str, name: str) -> None:
    settings = registry.part(kind, name).Settings
    assert settings.model_config.get("frozen") and settings.model_config.get("extra") == "forbid"
    with pytest.raises(ValidationError):
        settings.model_validate({"no_such_setting": 1})


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_every_setting_is_described(kind: str, name: str) -> None:
    fields = registry.part(kind, name).Settings.model_fields
    assert [field for field, info in fields.items() if not info.description] == []


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_settings_survive_the_way_through_json(kind: str, name: str) -> None:
    """They travel to the job as JSON and must come back as they were."""
    settings = small(registry.part(kind, name))
    assert type(settings).model_validate(settings.model_dump(mode="json", by_alias=True)) == settings


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_the_functions_of_its_kind_take_the_arguments_that_they_are_given(kind: str, name: str) -> None:
    module = registry.part(kind, name)
    for function, expected in FUNCTIONS[kind].items():
        signature = inspect.signature(getattr(module, function))
        assert list(signature.parameters) == expected, function
        assert inspect.getdoc(getattr(module, function)), function


@pytest.mark.parametrize(("kind", "name"), every_part())
def test_the_constants_of_its_kind_are_there(kind: str, name: str) -> None:
    module = registry.part(kind, name)
    for constant, expected in CONSTANTS[kind].items():
        assert isinstance(getattr(module, constant), expected), constant


@pytest.mark.parametrize("name", registry.INFERENCE)
def test_inference_modules_keep_the_same_order(name: str) -> None:
    module = registry.part("inference", name)
    parts = [getattr(module, each) for each in ("Settings", "State", "init", "run")]
    # Families share State and init, which stand in a module of their own.
    lines = [inspect.getsourcelines(part)[1] for part in parts if part.__module__ == module.__name__]
    assert lines == sorted(lines) and len(lines) >= 2
    assert issubclass(module.State, tuple)
