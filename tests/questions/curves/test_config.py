"""The question ``curves``: what it refuses, and what the workflow reads from it."""

from typing import Any

import pytest
import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.questions.curves.spec import Joined, References, Spec
from mtbkd.study import config
from mtbkd.study.plan import make_plan

EXAMPLE = """
study: small
datasets: {sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 150}}}
teachers: {b1: {family: mlp, domain: b1}, b3: {family: mlp, domain: b3}}
students: {linear: {architecture: linear}}
methods:
  labels_map: {signal: none, inference: map}
  tip_map: {signal: tip, weights: entropy, inference: map}
posterior: {lambda: [1, 2], prior_scale: [1, 3]}
training: {steps: 77}
studies:
  small:
    replicates: 3
    block_size: 2
    questions:
      one:
        kind: curves
        dataset: sim
        student: linear
        posterior: {prior_scale: 5}
        settings:
          teachers: {poor: [b1], good: [b1, b3]}
          methods: [labels_map, tip_map]
          labels: [30, all]
    experiments: {sim: {dataset: sim, teachers: [b1], student: linear, methods: [labels_map]}}
"""


@pytest.fixture
def raw() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE.replace("{poor: [b1], good", "{poor: [b3, b1], good"))


def curve(raw: dict[str, Any]) -> dict[str, Any]:
    return raw["studies"]["small"]["questions"]["one"]


def test_a_curve_is_one_job_a_set_of_teachers_and_method_and_one_without_teachers(raw: dict[str, Any]) -> None:
    plan = make_plan(config.load(raw))
    found = plan.questions["one"]
    fits = found.parts["fits"]
    assert list(fits) == ["none/labels_map", "poor/tip_map", "good/tip_map"]
    assert found.blocks == ("r0-1", "r2-2")
    assert [[t.name for t in part.teachers] for part in fits.values()] == [[], ["b3", "b1"], ["b1", "b3"]]
    assert {t.name for t in plan.teachers.values()} == {"b1", "b3"}
    spec = Spec.model_validate(fits["good/tip_map"].content)
    assert (spec.steps, spec.labels, spec.transfer, spec.folds) == ((77,), (30, "all"), (True, False), 5)
    assert spec.fit.posterior["lambda"] == [1, 2] and spec.fit.posterior["prior_scale"] == [5]
    alone = Spec.model_validate(fits["none/labels_map"].content)
    assert len(alone.fit.posterior["lambda"]) == 1
    beside = References.model_validate(found.parts["references"]["teachers"].content)
    assert beside.sets == {"poor": ("b3", "b1"), "good": ("b1", "b3")} and beside.seed == plan.seed
    joined = Joined.model_validate(found.content)
    assert joined.sets == ("poor", "good") and joined.controls == ()


def test_a_label_only_part_waits_for_no_teacher_and_stays_when_lambda_changes(raw: dict[str, Any]) -> None:
    def fits() -> Any:
        return make_plan(config.load(raw)).questions["one"].parts["fits"]

    before = fits()
    raw["posterior"]["lambda"] = [7]
    after = fits()
    assert {name for name in before if before[name] != after[name]} == {"poor/tip_map", "good/tip_map"}
    assert before["none/labels_map"].teachers == () and ("signal", "none") in before["none/labels_map"].uses


def test_steps_are_candidates(raw: dict[str, Any]) -> None:
    curve(raw)["settings"]["steps"] = [20, 50]
    fits = make_plan(config.load(raw)).questions["one"].parts["fits"]
    assert [part.content["steps"] for part in fits.values()] == [[20, 50]] * 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"methods": ["tip_map"]}, r"one.settings.methods: found .*exactly one method with signal none"),
        ({"labels": [3]}, r"labels: found 3; allowed: at least 5 labels"),
        ({"labels": [401]}, r"labels: found 401; allowed: at most 400"),
        ({"labels": [30, 30]}, r"labels: found .*unique entries"),
        ({"labels": ["every"]}, r"labels\[0\]: found 'every'; allowed: .*all"),
        ({"teachers": {"none": ["b1", "b3"]}}, r"teachers.none: found 'none'; allowed: any other name"),
        ({"teachers": {"poor": ["b1", "b4"]}}, r"one.settings.teachers.poor\[1\]: found 'b4'; allowed: b1, b3"),
        ({"teachers": {"poor": ["b1"]}}, r"one.settings.teachers.poor: found .*at least 2 teachers for 'tip_map'"),
        ({"dataset": "sin"}, r"questions.one.dataset: found 'sin'; allowed: sim"),
        ({"posterior": {"prior_scale": 0}}, r"questions.one.posterior.prior_scale: found 0"),
        ({"teachers": {"low": ["b1", "b3"], "Low": ["b3", "b1"]}}, r"settings.teachers.Low: found the names 'low' and 'Low'"),
        ({"fold": 3}, r"one.settings.fold: unknown key; .*did you mean 'folds'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(raw: dict[str, Any], change: dict[str, Any], says: str) -> None:
    top = {key for key in change if key in ("dataset", "posterior")}
    (curve(raw) if top else curve(raw)["settings"]).update(change)
    with pytest.raises(ConfigError, match=says):
        config.load(raw)
