"""The question ``exact``: what it refuses, and what the workflow reads from it."""

from typing import Any

import pytest
import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.questions.exact.spec import Spec
from mtbkd.study import config
from mtbkd.study.plan import make_plan

EXAMPLE = """
study: small
datasets: {sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 150}}}
teachers: {b1: {family: mlp, domain: b1}}
students: {linear: {architecture: linear}}
methods:
  labels_map: {signal: none, inference: map}
  labels_vi: {signal: none, inference: vi, settings: {steps: 50}}
training: {steps: 77}
studies:
  small:
    questions: {judged: {kind: exact, settings: {methods: [labels_vi, labels_map], sbc_datasets: 100}}}
    experiments: {sim: {dataset: sim, teachers: [b1], student: linear, methods: [labels_map]}}
  silent:
    experiments: {sim: {dataset: sim, teachers: [b1], student: linear, methods: [labels_map]}}
"""


@pytest.fixture
def raw() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE)


def parts(raw: dict[str, Any]) -> Any:
    return make_plan(config.load(raw)).questions["judged"].parts["methods"]


def test_a_method_is_judged_with_its_inference_settings_and_the_optimiser(raw: dict[str, Any]) -> None:
    found = parts(raw)
    assert list(found) == ["labels_vi", "labels_map"]
    spec = Spec.model_validate(found["labels_vi"].content)
    assert (spec.inference, spec.settings["steps"], spec.training.steps, spec.sbc_datasets) == ("vi", 50, 77, 100)


def test_a_study_that_asks_for_nothing_judges_nothing(raw: dict[str, Any]) -> None:
    assert make_plan(config.load(raw, "silent")).questions == {}


def test_a_posteriors_settings_leave_the_judging_as_it_is(raw: dict[str, Any]) -> None:
    before = parts(raw)
    raw["posterior"] = {"lambda": [1, 2], "prior_scale": 3}
    raw["methods"]["labels_vi"]["posterior"] = {"prior_scale": 2}
    assert parts(raw) == before
    raw["methods"]["labels_vi"]["settings"]["steps"] = 51
    after = parts(raw)
    assert after["labels_vi"] != before["labels_vi"] and after["labels_map"] == before["labels_map"]


@pytest.mark.parametrize(
    ("exact", "words"),
    [
        ({"methods": ["labels_vo"]}, r"judged\.settings\.methods\[0\]: found 'labels_vo'; allowed: labels_map, labels_vi"),
        ({"methods": ["labels_vi", "labels_vi"]}, r"settings\.methods\[1\].*each method once"),
        ({"methods": []}, r"settings\.methods.*non-empty list"),
        ({"methods": ["labels_vi"], "sbc_datasets": 3}, r"sbc_datasets: found 3; allowed: an integer in 40\.\.2,000"),
        ({"methods": ["labels_vi"], "datasets": 3}, r"settings\.datasets: unknown key"),
        ({"methods": ["labels_vi"], "conjugate": {"lam": 0}}, r"conjugate\.lam: found 0; allowed: a number in 1e-09"),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(raw: dict[str, Any], exact: dict[str, Any], words: str) -> None:
    raw["studies"]["small"]["questions"]["judged"]["settings"] = exact
    with pytest.raises(ConfigError, match=words):
        config.load(raw)


@pytest.mark.parametrize(("key", "value"), [("dataset", "sim"), ("posterior", {"lambda": 2}), ("teachers", ["b1"])])
def test_a_key_that_the_kind_does_not_read_is_refused(raw: dict[str, Any], key: str, value: Any) -> None:
    raw["studies"]["small"]["questions"]["judged"][key] = value
    with pytest.raises(ConfigError, match=rf"judged\.{key}: found .*allowed: nothing, because kind 'exact' does not use it"):
        config.load(raw)
