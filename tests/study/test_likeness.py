"""Entries that are like others: what they take over, what they say themselves, and what cannot be followed."""

import pytest

from mtbkd.base.errors import ConfigError
from mtbkd.study import config, likeness
from mtbkd.study.plan import make_plan
from tests.study.test_config import complaints, put, raw

__all__ = ["raw"]  # a fixture


def test_an_entry_has_what_the_other_has_but_for_what_it_says_itself() -> None:
    content = {"teachers": {
        "third": {"like": "second", "settings": {"hidden": [9]}},
        "second": {"like": "first", "domain": "b"},
        "first": {"family": "mlp", "domain": "a", "settings": {"hidden": [7, 10], "steps": 60}},
    }}  # fmt: skip
    found, mistakes = likeness.resolve(content)
    assert not mistakes and list(found["teachers"]) == ["third", "second", "first"]
    assert found["teachers"]["second"] == {"family": "mlp", "domain": "b", "settings": {"hidden": [7, 10], "steps": 60}}
    assert found["teachers"]["third"] == {"family": "mlp", "domain": "b", "settings": {"hidden": [9], "steps": 60}}
    assert content["teachers"]["second"] == {"like": "first", "domain": "b"}


def test_experiments_are_like_those_of_their_study_only(raw) -> None:
    one = raw["studies"]["small"]["experiments"]
    other = put(raw, "studies.small.experiments", one | {"again": {"like": "sim", "student": "linear"}})
    plan = make_plan(config.load(put(other, "students.linear", {"architecture": "linear"})), "small")
    assert plan.experiments["again"].student == "linear"
    assert plan.experiments["again"].data == plan.experiments["sim"].data
    (line,) = complaints(put(raw, "studies.large.experiments.again", {"like": "nothing"}))[:1]
    assert line.startswith("studies.large.experiments.again.like: found 'nothing'; allowed: pictures, sim.")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"like": "b_1"}, "methods.mine.like: found 'b_1'; allowed: "),
        ({"like": 3}, "methods.mine.like: found 3; allowed: a name."),
        ({"like": "mine"}, "methods.mine.like: found 'mine'; allowed: no circular like: mine like mine."),
    ],
)
def test_what_cannot_be_followed_is_named(raw, value, words) -> None:
    assert any(line.startswith(words) for line in complaints(put(raw, "methods.mine", value)))


def test_a_circle_of_three_is_said_once(raw) -> None:
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        raw = put(raw, f"methods.{name}", {"like": other})
    circles = [line for line in complaints(raw) if "circular" in line]
    assert circles == ["methods.three.like: found 'one'; allowed: no circular like: one like two like three like one."]


def test_a_mistake_is_said_where_it_was_written_and_not_at_what_is_like_it(raw) -> None:
    wrong = put(put(raw, "methods.labels_map.inference", "mop"), "methods.mine", {"like": "labels_map"})
    assert [line.split(": ")[0] for line in complaints(wrong)] == ["methods.labels_map.inference"]
    own = put(put(raw, "methods.mine", {"like": "labels_map"}), "methods.mine.inference", "mop")
    assert [line.split(": ")[0] for line in complaints(own)] == ["methods.mine.inference"]


def test_the_schema_asks_nothing_more_of_an_entry_that_is_like_another() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(config.schema())
    content = {"study": "s", "datasets": {"d": {"like": "e"}}, "teachers": {}, "students": {}, "methods": {}, "studies": {}}
    paths = [list(error.path) for error in validator.iter_errors(content)]
    assert ["datasets", "d"] not in paths
    content["datasets"] = {"d": {}}
    assert ["datasets", "d"] in [list(error.path) for error in validator.iter_errors(content)]


def test_a_configuration_that_cannot_be_followed_does_not_load(raw) -> None:
    with pytest.raises(ConfigError, match="1 mistake"):
        config.load(put(raw, "teachers.mine", {"like": "nobody"}))
