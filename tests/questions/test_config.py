"""The key `questions` of a study: what is refused before any job, and what an entry resolves into."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from mtbkd.base.errors import ConfigError
from mtbkd.study.config import load
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

RAW = read_configuration()
EXPERIMENT = {"dataset": "sim1_tiny", "teachers": ["tiny_b1", "tiny_b3"], "student": "quadratic",
              "methods": ["labels_map", "tip_equal_map"]}  # fmt: skip


def config(entry: dict[str, Any]) -> dict[str, Any]:
    raw = deepcopy(RAW)
    study = {"replicates": 3, "block_size": 2, "experiments": {"one": EXPERIMENT}, "questions": {"asked": entry}}
    return {**raw, "study": "own", "studies": {"own": study}}


def test_a_question_of_an_experiment_takes_its_data_teachers_and_draws() -> None:
    plan = make_plan(load(config({"kind": "experts", "experiment": "one"})))
    asked = plan.questions["asked"]
    assert asked.data is not None and asked.data.name == "sim1_tiny" and len(asked.teachers) == 2
    assert asked.blocks == plan.experiments["one"].blocks == tuple(map(asked.data_block, asked.blocks))
    assert asked.tables and set(plan.teachers) == {teacher.key for teacher in asked.teachers}


def test_a_question_of_its_own_data_adds_them_to_the_plan() -> None:
    own = {"kind": "experts", "dataset": "sim2_tiny", "teachers": ["sim2_c1", "sim2_c2"], "replicates": 1}
    plan = make_plan(load(config(own)))
    assert {data.name for data in plan.datasets.values()} == {"sim1_tiny", "sim2_tiny"}
    assert plan.questions["asked"].blocks == ("r0-0",) and not plan.questions["asked"].methods


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"kind": "expert"}, r"questions\.asked\.kind: found 'expert'; allowed: .*did you mean 'experts'"),
        (
            {"kind": "experts"},
            r"questions\.asked: missing: kind 'experts' needs dataset and teachers\. Hint: name an experiment",
        ),
        ({"kind": "experts", "experiment": "two"}, r"questions\.asked\.experiment: found 'two'; allowed: one"),
        (
            {"kind": "experts", "experiment": "one", "dataset": "sim1"},
            r"asked\.dataset: found 'sim1'; allowed: nothing, because exper",
        ),
        ({"kind": "experts", "dataset": "sim9", "teachers": ["t"]}, r"asked\.dataset: found 'sim9'; allowed: .*"),
        ({"kind": "experts", "dataset": "sim1", "teachers": ["t"]}, r"asked\.teachers\[0\]: found 't'; allowed: .*"),
        (
            {"kind": "experts", "dataset": "sim2", "teachers": ["sim1_b1"]},
            r"teachers\.sim1_b1\.domain: found 'b1'; allowed: c1, c2",
        ),
        (
            {"kind": "abstention", "experiment": "one", "settings": {"methods": ["tipp"]}},
            r"asked\.settings\.methods: found 'tipp'; allowed: labels_map, tip_equal_map",
        ),
        (
            {"kind": "abstention", "experiment": "one", "settings": {"methods": ["tip_equal_map"], "main": "labels_map"}},
            r"asked\.settings\.main: found 'labels_map'; allowed: tip_equal_map\b",
        ),
        ({"kind": "votes", "experiment": "one", "settings": {"reference": "kd"}}, r"asked\.settings\.reference: found 'kd'"),
        ({"kind": "experts", "experiment": "one", "settings": {"no": 1}}, r"asked\.settings\.no: unknown key"),
        ({"kind": "experts", "experimnt": "one"}, r"asked\.experimnt: unknown key; .*did you mean 'experiment'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(entry: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(config(entry))


@pytest.mark.parametrize("change", [lambda entry: entry.update(kind=3), lambda entry: entry.clear()])
def test_an_entry_of_the_wrong_form_is_one_mistake(change: Callable[[dict[str, Any]], None]) -> None:
    entry: dict[str, Any] = {"kind": "experts", "experiment": "one"}
    change(entry)
    with pytest.raises(ConfigError, match=r"has 1 mistake:"):
        load(config(entry))
