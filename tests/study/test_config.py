"""config.yaml as users get it wrong, and the plan that the workflow reads from it."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mtbkd.base import registry
from mtbkd.base.blocks import block_names, block_range
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.inference.fitting import Spec
from mtbkd.study import config
from mtbkd.study.plan import make_plan
from mtbkd.study.renamed import RENAMED
from mtbkd.study.study_files import read_configuration

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config.yaml"
EXPERIMENT = "studies.small.experiments.sim"
EXAMPLE = """
study: small
posterior: {lambda: [0.5, 2], prior_scale: 1}
datasets:
  sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 150}}
  pictures: {kind: digits}
teachers:
  b1: {family: mlp, domain: b1, settings: &mlp {hidden: [8], steps: 10}}
  b3: {family: mlp, domain: b3, settings: *mlp}
  plain: {family: cnn, domain: plain}
  tinted: {family: cnn, domain: tinted}
students:
  quadratic: {architecture: linear, settings: {features: quadratic}}
  mlp_5: {architecture: mlp, settings: {hidden: [5]}}
  small_cnn: {architecture: cnn}
methods:
  labels_map: {signal: none, inference: map}
  labels_sgld: {signal: none, inference: sgld, settings: &sgld {steps: 200, burn_in: 50, thin: 10, step_size: 4.0e-6}}
  tip_map: {signal: tip, weights: equal, inference: map}
  tip_sgld: {signal: tip, weights: entropy, inference: sgld, settings: *sgld, published: tip_entropy}
  tip_sgld_flat: {signal: tip, weights: entropy, inference: sgld, posterior: {prior_scale: .inf}}
  tip_vi: {signal: tip, weights: entropy, inference: vi}
  tip_nuts: {signal: tip, weights: entropy, inference: nuts}
  kd_dropout: {signal: kd, weights: entropy, inference: dropout, settings: {rate: 0.1}}
  bkd_sgld: {signal: bkd, signal_settings: {teacher: best}, inference: sgld}
studies:
  small:
    replicates: 2
    experiments:
      sim: {dataset: sim, teachers: [b1, b3], student: quadratic, methods: [labels_map, tip_sgld, tip_nuts]}
  large:
    replicates: 5
    block_size: 3
    experiments:
      sim:
        dataset: sim
        teachers: [b1, b3]
        student: mlp_5
        published: mtbkd_table1_sim1
        methods: [labels_map, tip_vi, tip_sgld, tip_sgld_flat, kd_dropout, bkd_sgld]
      pictures:
        dataset: pictures
        teachers: [plain, tinted]
        student: small_cnn
        replicates: 4
        methods: [labels_map, tip_map]
"""


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return read_configuration()


def put(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of ``raw`` with ``value`` at the dotted ``path``; Ellipsis removes the key."""
    changed = json.loads(json.dumps(raw))  # anchors of the file no longer share content
    *parents, key = path.split(".")
    node = changed
    for step in parents:
        node = node.setdefault(step, {})
    if value is ...:
        del node[key]
    else:
        node[key] = value
    return changed


def complaints(raw: Any, study: str | None = None) -> list[str]:
    """The lines of the error, without the first one that counts them."""
    with pytest.raises(ConfigError) as caught:
        config.load(raw, study, import_estimators=True)
    first, *lines = str(caught.value).split("\n")
    assert first.startswith(f"the configuration has {len(lines)} mistake")
    return [line.strip() for line in lines]


def specs(raw: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    loaded = config.load(raw)
    return {
        (study, name, method): spec
        for study in loaded.studies
        for name, experiment in make_plan(loaded, study).experiments.items()
        for method, spec in experiment.methods.items()
    }


def keys(raw: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Keys of the data and teachers of every experiment."""
    loaded = config.load(raw)
    return {
        (study, name): [experiment.data.key, *(teacher.key for teacher in experiment.teachers)]
        for study in loaded.studies
        for name, experiment in make_plan(loaded, study).experiments.items()
    }


def test_the_shipped_configuration_is_legal_and_every_study_has_a_plan(shipped):
    loaded = config.load(shipped)
    for name, study in loaded.studies.items():
        plan = make_plan(loaded, name)
        assert list(plan.experiments) == list(study.experiments)
        for title, experiment in plan.experiments.items():
            assert tuple(experiment.methods) == study.experiments[title].methods
            assert tuple(teacher.name for teacher in experiment.teachers) == study.experiments[title].teachers


# One mistake each: (path, value put there, path that the complaint names or None for the same, words that it holds).
MISTAKES = {
    "unknown key": ("posteriour", {}, None, ["unknown key", "posterior, seed", "did you mean 'posterior'?"]),
    "unknown key of an entry": ("datasets.sim.knd", 1, None, ["kind, like, settings", "did you mean 'kind'?"]),
    "unknown setting of a part": ("methods.labels_sgld.settings.stepsize", 1, None,
                                  ["unknown key", "step_size", "did you mean 'step_size'?"]),
    "missing key": ("methods.labels_map.inference", ..., None, ["missing", "map, ", "sgld"]),
    "missing section": ("students", ..., None, ["missing"]),
    "typo in a study": ("study", "smal", None, ["'smal'", "large, small", "did you mean 'small'?"]),
    "typo in a dataset": (f"{EXPERIMENT}.dataset", "simm", None, ["'simm'", "did you mean 'sim'?"]),
    "typo in a teacher": (f"{EXPERIMENT}.teachers", ["b1", "b33"], f"{EXPERIMENT}.teachers[1]",
                          ["'b33'", "did you mean 'b3'?"]),
    "typo in a student": (f"{EXPERIMENT}.student", "kwadratic", None, ["did you mean 'quadratic'?"]),
    "typo in a method": (f"{EXPERIMENT}.methods", ["label_map"], f"{EXPERIMENT}.methods[0]",
                         ["'label_map'", "did you mean 'labels_map'?"]),
    "typo in a dataset's kind": ("datasets.pictures.kind", "digit", None, ["did you mean 'digits'?"]),
    "typo in a family": ("teachers.b1.family", "mpl", None, ["did you mean 'mlp'?"]),
    "typo in an architecture": ("students.mlp_5.architecture", "mlpp", None, ["cnn, linear, mlp"]),
    "typo in a signal": ("methods.tip_map.signal", "tipp", None, ["did you mean 'tip'?"]),
    "typo in weights": ("methods.tip_map.weights", "equ", None, ["did you mean 'equal'?"]),
    "typo in an inference": ("methods.labels_map.inference", "sgdl", None, ["did you mean 'sgld'?"]),
    "name that is no folder": ("methods.a/b", {"signal": "none", "inference": "map"}, None, ["'a/b'", "letters"]),
    "reserved name": ("studies.shared", {"experiments": {"e": {"dataset": "sim", "teachers": ["b1"],
                      "student": "mlp_5", "methods": ["labels_map"]}}}, None, ["results/shared"]),
    "name of a folder of all studies": ("studies.Logs", {"experiments": {"e": {"dataset": "sim", "teachers": ["b1"],
                      "student": "mlp_5", "methods": ["labels_map"]}}}, None, ["results/logs"]),
    "name of 101 letters": ("methods." + 101 * "m", {"signal": "none", "inference": "map"}, None, ["at most 100"]),
    "names that differ in case": ("methods.Labels_map", {"signal": "none", "inference": "map"}, None,
                                  ["the names 'labels_map' and 'Labels_map'", "rename"]),
    "experiments that differ in case": ("studies.small.experiments.Sim", {"dataset": "sim", "teachers": ["b1"],
                      "student": "mlp_5", "methods": ["labels_map"]}, None, ["the names 'sim' and 'Sim'"]),
    "teacher twice": (f"{EXPERIMENT}.teachers", ["b1", "b1"], None, ["b1 repeated"]),
    "level twice": ("studies.small.levels", [0.9, 0.95, 0.9], None, ["0.9 repeated"]),
    "candidate twice": ("posterior.lambda", [1, 2, 1.0], None, ["1.0 repeated"]),
    "negative lambda": ("posterior.lambda", -1, None, ["found -1", "a number in 1e-09..1e+09"]),
    "negative lambda in a grid": ("posterior.lambda", [1, -2], "posterior.lambda[1]", ["found -2", "a number in 1e-09..1e+09"]),
    "lambda that single precision takes for 0": ("posterior.lambda", 1e-60, None, ["in 1e-09..1e+09"]),
    "huge prior": ("posterior.prior_scale", 1e10, None, ["found 10000000000; allowed: a number in 1e-9..1e9, or .inf"]),
    "empty grid": ("posterior.beta", [], None, ["found []", "non-empty list"]),
    "not a number": ("posterior.beta", math.nan, None, ["found .nan", "a number in 1e-09..1e+09"]),
    "true as a number": ("training.steps", True, None, ["found true", "an integer"]),
    "text as a number": ("training.steps", "many", None, ["found 'many'", "an integer"]),
    "fraction as a count": ("studies.small.block_size", 1.5, None, ["found 1.5", "an integer in 1..10,000"]),
    "share above 1": ("training.signal_warmup", 1.5, None, ["found 1.5", "in 0..1"]),
    "level 1.2": ("studies.small.levels", [0.9, 1.2], "studies.small.levels[1]", ["found 1.2", "> 0 and < 1"]),
    "no replicates": ("studies.small.replicates", 0, None, ["found 0", "an integer in 1..10,000"]),
    "empty block": ("studies.small.block_size", 0, None, ["found 0", "an integer in 1..10,000"]),
    "empty experiments": ("studies.small.experiments", {}, None, ["at least one"]),
    "no methods": (f"{EXPERIMENT}.methods", [], None, ["found []", "non-empty list"]),
    "method twice": (f"{EXPERIMENT}.methods", ["labels_map"] * 2, None, ["labels_map repeated"]),
    "unknown device": ("device", "gpu", None, ["found 'gpu'", "auto, cpu, cuda"]),
    "entry without content": ("methods.labels_map", None, None, ["found nothing", "a mapping"]),
    "setting out of range": ("methods.kd_dropout.settings.rate", 1.5, None, ["found 1.5", "> 0 and < 1"]),
    "settings that do not fit each other": ("methods.labels_sgld.settings", {"steps": 10, "burn_in": 20}, None,
                                            ["burn_in 20", "10 steps"]),
    "signal without its weights": ("methods.tip_map.weights", ..., None, ["missing", "'tip'", "entropy, equal"]),
    "weights without use": ("methods.labels_map.weights", "equal", None, ["'none' uses no weights"]),
    "scaling without teachers": ("methods.labels_map.teacher_scaling", "vector", None, ["'none' hears no teachers"]),
    "typo in a scaling": ("methods.tip_map.teacher_scaling", "temprature", None, ["none, temperature, vector"]),
    "settings that the weights lack": ("methods.tip_map.weights_settings", {"alpha": 1},
                                       "methods.tip_map.weights_settings.alpha", ["alpha"]),
    "one teacher with entropy weights": (f"{EXPERIMENT}.teachers", ["b1"], None,
                                         ["found [b1]", "at least 2 teachers", "'entropy'"]),
    "domain that the dataset lacks": ("teachers.plain.domain", "plaid", None,
                                      ["plain, tinted, clutter", "did you mean 'plain'?"]),
    "student that does not fit the data": (f"{EXPERIMENT}.student", "small_cnn", None, ["(2,)"]),
    "typo in a published table": (f"{EXPERIMENT}.published", "table1_sim1", None, ["did you mean 'mtbkd_table1_sim1'?"]),
    "typo in a published column": ("methods.tip_map.published", "tip_eqal", None, ["did you mean 'tip_equal'?"]),
    "two places of a released teacher": ("teachers.mine", {"family": "released"}, "teachers.mine.settings",
                                         ["exactly one of source and path"]),
    "chains of no sampler": ("methods.tip_map.stack_chains", True, None,
                             ["found true", "false for inference 'map'", "true is available for csgld, hmc_laplace"]),
    "no weights to learn": ("methods.mine", {"signal": "kd", "weights": "equal", "inference": "nuts_weights"},
                            "methods.mine.signal", ["found 'kd'", "none or tip for inference"]),
    "tuned by no method": ("methods.tip_map.tuned_by", "tip_sgdl", None, ["found 'tip_sgdl'", "did you mean 'tip_sgld'?"]),
    "a single chain to stack": ("methods.mine", {"signal": "none", "inference": "sgld", "stack_chains": True,
                                "settings": {"chains": 1}}, "methods.mine.settings.chains", ["found 1", "at least 2"]),
    "too few draws to stack": ("methods.tip_sgld.stack_chains", True, "methods.tip_sgld.settings",
                               ["found settings that keep 15 draws per chain", "at least 25"]),
    "a long note": ("methods.tip_map.note", 201 * "x", None, ["at most 200 characters"]),
    "improper prior": ("methods.tip_vi.posterior.prior_scale", math.inf, None,
                       ["found .inf", "finite", ".inf is available for", "map", "sgld"]),
    "improper prior of a study": ("studies.small.posterior.prior_scale", [1, math.inf], None,
                                  ["'tip_nuts'", "finite"]),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "named", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_its_path_what_was_found_and_what_is_allowed(raw, path, value, named, words):
    lines = complaints(put(raw, path, value))
    assert {line.split(": ")[0] for line in lines} == {named or path}
    assert all(word in lines[0] for word in words), lines[0]


def test_a_bkd_teacher_beyond_the_experiments_teachers_is_refused(raw):
    raw = put(raw, "methods.bkd_sgld.signal_settings.teacher", 2)
    assert complaints(raw) == [
        "methods.bkd_sgld.signal_settings.teacher: found 2; "
        "allowed: 0..1, the positions of the teachers of studies.large.experiments.sim."
    ]
    config.load(put(raw, "methods.bkd_sgld.signal_settings.teacher", 1))


@pytest.mark.parametrize("inference", ["sgld", "csgld", "nuts"])
def test_chains_of_samplers_can_be_stacked(raw, inference):
    stacked = put(raw, "methods.mine", {"signal": "none", "inference": inference, "stack_chains": True, "note": " of mine "})
    stacked = put(stacked, f"{EXPERIMENT}.methods", ["labels_map", "mine"])
    experiment = make_plan(config.load(stacked), "small").experiments["sim"]
    assert experiment.methods["mine"]["stack_chains"] and not experiment.methods["labels_map"]["stack_chains"]
    assert experiment.notes == {"mine": "of mine"}


def test_the_shipped_note_on_the_papers_schedule_states_its_settings(shipped):
    method = shipped["methods"]["tip_entropy_sgld_paper"]
    assert f"step {method['settings']['step_size']:.0e}".replace("e-0", "e-") in method["note"]
    assert method["settings"]["control_variates"] is False and "minibatches alone" in method["note"]
    assert method["posterior"]["prior_scale"] == math.inf and "no Gaussian prior" in method["note"]


CURVE = {"kind": "curves", "dataset": "sim", "student": "mlp_5",
         "settings": {"teachers": {"pair": ["b1", "b3"]}, "methods": ["labels_map"], "labels": [10]}}  # fmt: skip
JUDGED = "studies.small.questions.judged"


@pytest.mark.parametrize("key", sorted(RENAMED))
def test_a_key_that_has_become_a_question_says_how_to_write_it_now(raw, key):
    entry = {"methods": ["labels_map"]} if key == "exact" else {"few": {"dataset": "sim", "methods": ["nobody"]}}
    (line,) = complaints(put(raw, f"studies.small.{key}", entry))
    assert line == f"studies.small.{key}: unknown key; it is now {RENAMED[key]}. Hint: see workflow/README.md"


def test_a_question_has_a_name_that_no_experiment_has(raw):
    (line,) = complaints(put(raw, "studies.small.questions", {EXPERIMENT.split(".")[-1].upper(): CURVE}))
    assert "also used by an experiment; allowed: any other" in line


def test_chains_are_nowhere_pooled_where_a_method_asks_to_stack_them(raw):
    method = {"signal": "tip", "weights": "equal", "inference": "sgld", "stack_chains": True}
    asked = {"teachers": {"both": ["b1", "b3"]}, "methods": ["labels_map", "mine"], "labels": [20, "all"], "steps": [30]}
    curve = {"kind": "curves", "dataset": "sim", "student": "quadratic", "settings": asked}
    questions = {"few": curve, "judged": {"kind": "exact", "settings": {"methods": ["mine"]}}}
    lines = complaints(put(put(raw, "methods.mine", method), "studies.small.questions", questions))
    assert sorted(line.split(": found")[0] for line in lines) == [
        "studies.small.questions.few.settings.methods[1]", "studies.small.questions.judged.settings.methods[0]",
    ]  # fmt: skip
    assert all("'mine'; allowed: methods with stack_chains: false" in line for line in lines)


def test_scaled_students_and_folds_are_refused_where_they_would_be_ignored(raw):
    method = {"signal": "none", "inference": "map", "student_scaling": True, "conformal_folds": 5}
    used = put(put(raw, "methods.mine", method), f"{EXPERIMENT}.methods", ["labels_map", "mine"])
    fit = make_plan(config.load(used), "small").experiments["sim"].methods["mine"]
    assert (fit["student_scaling"], fit["conformal_folds"]) == (True, 5)
    judged = {"judged": {"kind": "exact", "settings": {"methods": ["mine"]}}}
    lines = complaints(put(put(raw, "methods.mine", method), "studies.small.questions", judged))
    assert [line.partition("allowed: ")[2] for line in lines] == [
        "methods with student_scaling: false, because this question scales no student.",
        "methods with conformal_folds: 0, because this question makes no prediction sets.",
    ]
    (line,) = complaints(put(raw, "methods.mine", method | {"conformal_folds": 1}))
    assert "conformal_folds" in line and "0, no folds, or 2 to 100" in line


def test_the_last_layer_is_drawn_where_there_is_one_and_by_what_draws_a_posterior(raw):
    """A linear student has no layer before its last; a MAP fit draws nothing; curves and exact answers would ignore it."""
    last = {"signal": "none", "inference": "sgld", "layers": "last"}
    linear = put(put(raw, "methods.mine", last), f"{EXPERIMENT}.methods", ["labels_map", "mine"])
    assert complaints(linear) == [
        f"{EXPERIMENT}.methods[1]: found 'mine' with student 'quadratic', which has no hidden layer; allowed: students with "
        "one if layers is last"
    ]
    (line,) = complaints(put(raw, "methods.mine", last | {"inference": "map"}))
    assert line.startswith(
        "methods.mine.layers: found 'last'; allowed: all for inference 'map', which does not sample a posterior."
    )
    asked = put(put(raw, "methods.mine", last), JUDGED, {"kind": "exact", "settings": {"methods": ["mine"]}})
    (line,) = complaints(asked)
    assert line.startswith(f"{JUDGED}.settings.methods[0]: found 'mine'; allowed: methods with layers: all")
    deep = put(
        put(linear, "students.net", {"architecture": "mlp", "settings": {"hidden": [600]}}), f"{EXPERIMENT}.student", "net"
    )
    plan = make_plan(config.load(deep), "small")
    assert plan.experiments["sim"].methods["mine"]["layers"] == "last"
    assert plan.experiments["sim"].notes["mine"].startswith("the posterior of the last layer alone")
    (line,) = complaints(put(deep, "methods.mine.inference", "hmc"))
    assert "of 1,202 parameters; allowed: at most 500 for inference 'hmc'" in line


def test_inference_that_needs_a_hidden_layer_is_refused_on_a_linear_student(raw):
    (line,) = complaints(put(raw, f"{EXPERIMENT}.methods", ["labels_map", "kd_dropout"]))
    assert line.startswith(f"{EXPERIMENT}.methods[1]: found 'kd_dropout' with student 'quadratic'")


def test_inference_for_small_students_is_refused_on_a_large_one(raw):
    most = registry.part("inference", "nuts").MAX_PARAMS
    large = put(raw, "students.huge", {"architecture": "mlp", "settings": {"hidden": [most]}})
    (line,) = complaints(put(large, f"{EXPERIMENT}.student", "huge"))
    assert line.startswith(f"{EXPERIMENT}.methods[2]: found 'tip_nuts' with student 'huge' of {5 * most + 2:,} param")
    assert f"at most {most:,}" in line


def test_a_family_for_small_students_is_refused_on_a_large_one(raw):
    full = put(raw, "methods.tip_vi.settings", {"family": "full_rank"})
    config.load(full)
    (line,) = complaints(put(full, "students.mlp_5.settings.hidden", [401]))
    assert "found 'tip_vi' with student 'mlp_5' of 2,007 parameters; allowed: at most 2,000 for inference 'vi'" in line


def test_inference_by_pymc_is_refused_on_a_student_that_it_cannot_express(raw):
    small = put(raw, "students.small_cnn.settings", {"channels": [1, 1, 1], "hidden": [2]})
    (line,) = complaints(put(small, "studies.large.experiments.pictures.methods", ["labels_map", "tip_nuts"]))
    assert line.startswith("studies.large.experiments.pictures.methods[1]: found 'tip_nuts' with student 'small_cnn' of arch")
    assert "allowed: linear, mlp for inference 'nuts'" in line


def test_a_teachers_columns_must_be_those_of_the_dataset(raw):
    config.load(put(raw, "teachers.b1.settings.features", [1]))
    lines = complaints(put(raw, "teachers.b1.settings.features", [0, 2]))
    assert {line.split("; ")[0] for line in lines} == {"teachers.b1.settings.features: found [0, 2]"}
    assert "0..1 (the columns of dataset 'sim' in " in lines[0]
    config.load(put(raw, "teachers.b1.settings.features", {"subset": 2, "of": 2}))
    line = complaints(put(raw, "teachers.b1.settings.features", {"subset": 2, "of": 3}))[0]
    assert line.startswith("teachers.b1.settings.features: found {subset: 2, of: 3}; allowed: at most 2 parts (the columns")
    (line,) = complaints(put(raw, "teachers.b1.settings.features", {"subset": 3, "of": 2}))
    assert line == "teachers.b1.settings.features: found subset 3 of 2; allowed: 1..2."
    (line,) = complaints(put(raw, "teachers.plain.settings.features", [0]))
    assert line.startswith("teachers.plain.settings.features: found [0]; allowed: nothing, as examples of dataset 'pictures'")


def test_who_tunes_a_method_must_suit_its_student_and_has_no_say_in_curves(raw):
    dropout = put(raw, "methods.mine", {"signal": "none", "inference": "dropout"})
    tuned = put(put(dropout, "methods.labels_map.tuned_by", "mine"), EXPERIMENT + ".student", "quadratic")
    assert any(line.startswith("methods.labels_map.tuned_by: ") and "no hidden layer" in line for line in complaints(tuned))
    (line,) = complaints(put(put(raw, "methods.labels_map.tuned_by", "tip_sgld"), "studies.small.questions", {"few": CURVE}))
    assert line.startswith(
        "studies.small.questions.few.settings.methods[0]: found 'labels_map'; allowed: methods without tuned_by and tuned_on"
    )


FOREST = {"family": "sklearn", "settings": {"estimator": "sklearn.ensemble.RandomForestClassifier"}}


def test_a_classifier_that_cannot_be_made_is_refused_in_the_study_that_names_it(raw, monkeypatch):
    """A study that does not name it imports nothing."""
    config.load(put(raw, "teachers.b1", FOREST | {"domain": "b1"}), import_estimators=True)
    wrong = put(put(raw, "teachers.b1", FOREST), "teachers.b1.settings.arguments", {"n_estimator": 3})
    (line,) = complaints(wrong)
    assert line.startswith("teachers.b1.settings: estimator sklearn.ensemble.RandomForestClassifier: arguments: found 'n_est")
    assert line.endswith("Hint: did you mean 'n_estimators'?")
    curves = put(put(wrong, EXPERIMENT + ".teachers", ["b3"]), "studies.small.questions", {"few": CURVE})
    assert any("n_estimators" in line for line in complaints(curves))
    monkeypatch.setattr("mtbkd.teachers.estimators.make", lambda *_: pytest.fail("a module of a user was imported"))
    unused = put(wrong, "teachers.other", wrong["teachers"]["b1"])
    config.load(put(unused, "teachers.b1", raw["teachers"]["b1"]), import_estimators=True)
    config.load(wrong)  # a job's reading of the configuration imports nothing either


def test_a_floor_that_leaves_no_room_is_refused(raw):
    forest = put(put(raw, "teachers.plain", FOREST), "teachers.plain.settings.floor", 0.1)
    (line,) = complaints(forest)
    assert line.startswith(
        "teachers.plain.settings.floor: found 0.1; allowed: below 1 / 10, one over the classes of dataset 'pict"
    )


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("all", ": found 'all'; allowed: a non-empty list, each an integer in 0..10,000,000 or a mapping with subset, of, by."),
        ([1, 1], ": found [1, 1]; allowed: unique entries (1 repeated)."),
        ([-1], "[0]: found -1; allowed: an integer in 0..10,000,000."),
        ({"subset": 0, "of": 3}, ".subset: found 0; allowed: an integer in 1..10,000."),
        ({"subset": 1, "of": 2, "by": "luck"}, ".by: found 'luck'; allowed: random, contiguous."),
        ({"subset": 1, "of": 2, "bi": "random"}, ".bi: unknown key; allowed: by, of, subset. Hint: did you mean 'by'?"),
    ],
)
def test_where_a_list_or_a_mapping_may_stand_one_line_tells_the_mistake(raw, wrong, line):
    assert complaints(put(raw, "teachers.b1.settings.features", wrong)) == [f"teachers.b1.settings.features{line}"]


def test_a_dataset_that_only_the_data_can_describe_is_not_checked_against(raw, monkeypatch):
    monkeypatch.setattr(registry.part("dataset", "sim1"), "describe", lambda settings: None)
    raw = put(raw, "teachers.b1.domain", "anywhere")
    assert config.load(put(raw, f"{EXPERIMENT}.student", "small_cnn")).teachers["b1"].domain == "anywhere"


def test_every_mistake_is_listed_at_once(raw):
    wrong = {
        "device": "gpu",
        "posterior.lambda": -1,
        "methods.labels_map.settings": {"rate": 1},
        "study": "smal",
        f"{EXPERIMENT}.teachers": ["b1"],
        "methods.tip_map.weights": ...,
    }
    for path, value in wrong.items():
        raw = put(raw, path, value)
    named = {line.split(": ")[0] for line in complaints(raw)}
    assert named == {"methods.labels_map.settings.rate" if p == "methods.labels_map.settings" else p for p in wrong}


def test_a_broken_entry_is_not_also_called_unknown_where_it_is_used(raw):
    raw = put(put(raw, "methods.labels_map.inference", 3), "datasets.sim.settings.n_train", -5)
    assert [line.split(": ")[0] for line in complaints(raw)] == [
        "methods.labels_map.inference", "datasets.sim.settings.n_train",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["benchmarks", "downloads", "logs", "shared"])
def test_a_study_called_like_a_folder_of_all_studies_is_refused(raw, name):
    experiments = {"e": {"dataset": "sim", "teachers": ["b1"], "student": "mlp_5", "methods": ["labels_map"]}}
    (line,) = complaints(put(raw, f"studies.{name}", {"experiments": experiments}))
    assert line.startswith(f"studies.{name}: found the name '{name}'") and f"results/{name} is shared by all studies" in line


def test_what_no_study_uses_is_checked_too(raw):
    raw = put(raw, "methods.idle", {"signal": "none", "inference": "map", "settings": {"x": 1}})
    assert complaints(raw) == ["methods.idle.settings.x: unknown key; allowed: no key."]


@pytest.mark.parametrize("content", [None, [], "text", {}, {"studies": 3}, {"datasets": [1]}, {1: {2: 3}}])
def test_content_that_is_no_configuration_is_refused(content):
    assert complaints(content)


@pytest.mark.parametrize("mistake", ["unknown key", "missing key", "negative lambda", "method twice", "unknown device"])
def test_complaints_are_free_of_the_validators_jargon(raw, mistake):
    text = "\n".join(complaints(put(raw, *MISTAKES[mistake][:2])))
    for jargon in ("pydantic", "http", "type=", "input_", "extra_", "Extra inputs", "Input should", "Value error"):
        assert jargon not in text


@pytest.mark.parametrize("written", ["8e-8", "8E-08", "8.0e-8", "+8e-8"])
def test_a_number_that_yaml_1_1_reads_as_text_is_a_number(raw, written):
    value = yaml.safe_load(f"x: {written}")["x"]
    raw = put(raw, "methods.tip_sgld_flat.settings.step_size", value)
    spec = specs(raw)["large", "sim", "tip_sgld_flat"]
    assert spec["inference"]["settings"]["step_size"] == pytest.approx(8e-8)


def test_a_whole_number_in_exponent_form_is_a_count(raw):
    assert config.load(put(raw, "training.steps", "1e3")).training.steps == 1000
    assert config.load(put(raw, "training.steps", 2.0e3)).training.steps == 2000


def test_the_callers_content_is_left_as_it_was(raw):
    before = copy.deepcopy(raw)
    config.load(raw, "small")
    assert raw == before


def test_the_configuration_cannot_be_changed_after_it_was_checked(raw):
    loaded = config.load(raw)
    for model in (loaded, loaded.posterior, loaded.methods["labels_map"], loaded.studies["small"]):
        with pytest.raises(ValidationError):
            setattr(model, next(iter(type(model).model_fields)), 1)


def test_the_study_given_takes_the_place_of_the_files(raw):
    assert make_plan(config.load(raw, "large")).study == "large"
    assert complaints(raw, "smal")[0].startswith("study: found 'smal'")
    with pytest.raises(ConfigError, match="did you mean 'small'"):
        make_plan(config.load(raw), "smal")


def test_later_levels_override_the_posterior_key_by_key(raw):
    levels = {
        "posterior": {"lambda": 1, "beta": 1, "prior_scale": 1, "teacher_temperature": 1, "student_temperature": 1},
        "studies.small.posterior": {"temperature": 0.5, "beta": 2, "prior_scale": 2, "teacher_temperature": 2},
        f"{EXPERIMENT}.posterior": {"prior_scale": 3, "teacher_temperature": [3, 4]},
        "methods.tip_sgld.posterior": {"teacher_temperature": 5},
    }
    for path, value in levels.items():
        raw = put(raw, path, value)
    found = specs(raw)
    assert found["small", "sim", "tip_sgld"]["posterior"] == {
        "lambda": [1.0],
        "beta": [2.0],
        "prior_scale": [3.0],
        "teacher_temperature": [5.0],
        "student_temperature": [1.0],
        "temperature": [0.5],
    }
    assert found["small", "sim", "tip_nuts"]["posterior"]["teacher_temperature"] == [3.0, 4.0]


def test_training_and_output_are_overridden_key_by_key(raw):
    raw = put(raw, "training", {"steps": 10, "batch_size": 11, "learning_rate": 0.5})
    raw = put(raw, "studies.small.training", {"steps": 20, "batch_size": 21})
    raw = put(raw, f"{EXPERIMENT}.training", {"steps": 30})
    raw = put(put(raw, "output", {"probes": 5, "prediction_draws": 50}), "studies.small.output", {"probes": 6})
    spec = specs(raw)["small", "sim", "labels_map"]
    assert [spec["training"][key] for key in ("steps", "batch_size", "learning_rate")] == [30, 21, 0.5]
    assert [spec["output"][key] for key in ("probes", "prediction_draws")] == [6, 50]


def test_an_improper_prior_overridden_by_a_proper_one_is_legal(raw):
    raw = put(raw, "posterior.prior_scale", math.inf)
    for study in raw["studies"]:
        raw = put(raw, f"studies.{study}.posterior.prior_scale", 1)
    assert specs(raw)["large", "sim", "tip_vi"]["posterior"]["prior_scale"] == [1.0]
    assert specs(raw)["large", "sim", "tip_sgld_flat"]["posterior"]["prior_scale"] == [math.inf]


def test_weights_by_domain_need_domains_or_a_word_that_they_may_do_without(raw):
    mine = {"signal": "kd", "weights": "domain", "inference": "map"}
    experiment = {"dataset": "wine", "teachers": ["one", "two"], "student": "mlp_5", "methods": ["mine"]}
    content = put(put(raw, "datasets.wine", {"kind": "scikit", "settings": {"table": "wine"}}), EXPERIMENT, experiment)
    content = put(content, "teachers.one", {"family": "mlp"})
    content = put(content, "teachers.two", {"family": "mlp"})
    (line,) = complaints(put(content, "methods.mine", mine))
    assert line.startswith(f"{EXPERIMENT}.dataset: found 'wine'") and "unknown: marginal" in line
    config.load(put(content, "methods.mine", {**mine, "weights_settings": {"unknown": "marginal"}}))


def test_a_fit_is_specified_by_plain_content_with_every_default(raw):
    for spec in specs(raw).values():
        assert json.loads(json.dumps(spec)) == spec
        assert Spec.model_validate(spec).model_dump(mode="json") == spec
        settings = registry.part("inference", spec["inference"]["name"]).Settings
        assert set(spec["inference"]["settings"]) == set(settings.model_fields)


@given(st.integers(1, 60), st.integers(1, 60))
def test_blocks_hold_every_replicate_once_in_order(replicates, block_size):
    blocks = [block_range(block) for block in block_names(replicates, block_size)]
    assert [replicate for block in blocks for replicate in block] == list(range(replicates))
    assert all(len(block) == block_size for block in blocks[:-1])


@pytest.mark.parametrize("block", ["r5-1", "r0-99999999", "r-1-1", "5-6", "r1", "r\u0661-2x", ""])
def test_a_block_that_holds_no_replicate_or_too_many_is_refused(block):
    with pytest.raises(ContractError, match=f"block: found {block}; expected r<first>-<last>"):
        block_range(block)


def test_a_block_is_named_by_its_first_and_last_replicate():
    assert block_names(20, 8) == ("r0-7", "r8-15", "r16-19")


def test_simulations_have_data_blocks_of_their_own_and_real_data_share_one(raw):
    experiments = make_plan(config.load(raw), "large").experiments
    simulated, real = experiments["sim"], experiments["pictures"]
    assert simulated.blocks == simulated.data_blocks == ("r0-2", "r3-4")
    assert simulated.data_block("r3-4") == "r3-4"
    assert real.blocks == ("r0-2", "r3-3")
    assert real.data_blocks == ("r0-0",)
    assert real.data_block("r3-3") == "r0-0"


def test_tables_that_are_split_anew_have_data_blocks_of_their_own(shipped):
    raw = put(shipped, "studies.smoke.replicates", 3)
    raw = put(raw, "studies.smoke.experiments.sim1", {
        "dataset": "table_iris", "teachers": ["uniform_1"], "student": "linear", "methods": ["labels_map"]
    })  # fmt: skip
    found = make_plan(config.load(raw), "smoke").experiments["sim1"]
    assert found.data_blocks == found.blocks == ("r0-1", "r2-2")
    assert found.data.redrawn and not found.data.simulated


def test_an_experiments_replicates_take_the_place_of_the_studys(raw):
    experiments = make_plan(config.load(raw), "large").experiments
    assert (experiments["sim"].replicates, experiments["pictures"].replicates) == (5, 4)


def test_the_plan_names_each_dataset_teacher_and_raw_file_once(raw, shipped):
    raw = put(raw, "studies.small.experiments.again", raw["studies"]["small"]["experiments"]["sim"])
    plan = make_plan(config.load(raw), "small")
    assert [data.name for data in plan.datasets.values()] == ["sim"]
    assert [teacher.name for teacher in plan.teachers.values()] == ["b1", "b3"]
    assert {teacher.data_key for teacher in plan.teachers.values()} == set(plan.datasets)
    assert plan.raw == ()
    raw_files = make_plan(config.load(shipped), "protein").raw
    assert len(raw_files) == len(set(raw_files)) > 0


def test_published_columns_are_those_of_the_methods_that_name_one(raw):
    experiment = make_plan(config.load(raw), "large").experiments["sim"]
    assert experiment.published == "mtbkd_table1_sim1"
    assert experiment.columns == {"tip_sgld": ("tip_entropy",)}


def test_a_method_takes_the_columns_that_the_experiments_table_has(raw):
    raw = put(raw, "methods.tip_sgld.published", ["bkd", "tip_entropy"])
    assert make_plan(config.load(raw), "large").experiments["sim"].columns == {"tip_sgld": ("tip_entropy",)}
    raw = put(raw, "studies.large.experiments.sim.published", "bkd_table4_s1")
    assert make_plan(config.load(raw), "large").experiments["sim"].columns == {"tip_sgld": ("bkd",)}
    raw["studies"]["large"]["experiments"]["sim"].pop("published")
    assert make_plan(config.load(raw), "large").experiments["sim"].columns == {"tip_sgld": ("bkd", "tip_entropy")}


def test_adding_a_method_dataset_teacher_or_study_changes_nothing_else(raw):
    more = put(raw, "methods.extra", {"signal": "none", "inference": "map"})
    more = put(more, "datasets.extra", {"kind": "sim2"})
    more = put(more, "teachers.extra", {"family": "mlp"})
    more = put(more, "students.extra", {"architecture": "mlp"})
    experiment = {"dataset": "extra", "teachers": ["extra"], "student": "extra", "methods": ["extra"]}
    more = put(more, "studies.extra", {"experiments": {"extra": experiment}})
    more = put(more, "studies.small.experiments.extra", experiment)
    more = put(more, f"{EXPERIMENT}.methods", [*raw["studies"]["small"]["experiments"]["sim"]["methods"], "extra"])
    assert specs(more).items() >= specs(raw).items()
    assert keys(more).items() >= keys(raw).items()
    assert len(specs(more)) == len(specs(raw)) + 3


def test_more_replicates_leave_full_blocks_and_every_key_as_they_were(raw):
    more = put(put(raw, "studies.large.replicates", 8), "studies.large.levels", [0.5])
    assert specs(more) == specs(raw) and keys(more) == keys(raw)
    assert make_plan(config.load(more), "large").experiments["sim"].blocks == ("r0-2", "r3-5", "r6-7")


def test_the_grid_of_a_setting_that_a_signal_does_not_use_leaves_its_fits_as_they_were(raw):
    before, after = specs(raw), specs(put(raw, "posterior.lambda", [3, 5, 7]))
    changed = {method for (_, _, method) in before if any(before[key] != after[key] for key in before if key[2] == method)}
    assert changed == {key[2] for key, spec in before.items() if spec["signal"]["name"] != "none"}
    prior = specs(put(raw, "posterior.prior_scale", [3, 5]))
    assert prior["large", "sim", "labels_map"]["posterior"]["prior_scale"] == [3.0, 5.0]


def test_a_datasets_settings_change_its_key_and_those_of_its_teachers_only(raw):
    before, after = keys(raw), keys(put(raw, "datasets.sim.settings.n_train", 301))
    assert {name for name in before if before[name] != after[name]} == {("small", "sim"), ("large", "sim")}
    assert not set(before["small", "sim"]) & set(after["small", "sim"])


def test_a_setting_at_its_default_gives_the_key_of_one_left_out(raw):
    default = registry.part("dataset", "digits").Settings().model_dump(mode="json")
    assert default
    assert keys(put(raw, "datasets.pictures.settings", default)) == keys(raw)


def test_the_seed_changes_every_key(raw):
    before, after = keys(raw), keys(put(raw, "seed", 1))
    assert all(not set(before[name]) & set(after[name]) for name in before)


def test_the_committed_schema_is_the_models_own():
    assert json.loads(config.SCHEMA.read_text()) == config.schema(), "run: python -m mtbkd.study.config schema --write"


def test_the_schema_is_plain_json_and_describes_every_key():
    schema = config.schema()
    json.dumps(schema, allow_nan=False)
    for name, definition in schema["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            assert field.get("description"), f"{name}.{key} has no description"


def test_the_schema_takes_the_shipped_file_and_refuses_a_wrong_setting_of_a_part(raw, shipped):
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(config.schema())
    assert list(validator.iter_errors(shipped)) == []
    assert list(validator.iter_errors(raw)) == []
    for path, value in (("methods.labels_sgld.settings.stepsize", 1), ("methods.labels_sgld.settings.step_size", -1)):
        (error,) = validator.iter_errors(put(raw, path, value))
        assert list(error.absolute_path)[:3] == ["methods", "labels_sgld", "settings"]


def test_checking_a_configuration_imports_no_heavy_library():
    code = (
        "import sys; from mtbkd.study import config, study_files; from mtbkd.study.plan import make_plan;"
        "loaded = config.load(study_files.read_configuration());"
        "[make_plan(loaded, name) for name in loaded.studies];"
        "heavy = {'torch', 'pymc', 'pytensor', 'jax', 'xarray', 'arviz', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'Bio'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_command_checks_a_file(tmp_path, capsys, raw):
    assert config.main(["check", str(FILE), "--study", "protein"]) == 0
    assert "OK" in capsys.readouterr().out
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(put(raw, "device", "gpu")))
    assert config.main(["check", str(broken)]) == 1
    assert "device: found 'gpu'" in capsys.readouterr().err
    broken.write_text("a: [1")
    assert config.main(["check", str(broken)]) == 1
    assert str(broken) in capsys.readouterr().err
    assert config.main(["check", str(tmp_path / "absent.yaml")]) == 1


def test_the_command_prints_the_schema(capsys):
    assert config.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == config.schema()


KAPPA = {"kappa": [0.1, 5], "lambda": ["kappa", 5, 20], "no_teacher": [0, 0.1], "prior_scale": 1}
STRENGTHS = {
    "beta beside kappa": ({"posterior": {"kappa": 1, "beta": 0.5}}, "posterior.beta",
                          ["found [0.5]", "no beta together with posterior.kappa", "remove beta or kappa"]),
    "beta of a method beside kappa of a study": (
        {"studies.small.posterior": {"kappa": 1}, "methods.tip_sgld.posterior": {"beta": 0.1}},
        "methods.tip_sgld.posterior.beta", ["found [0.1]", "no beta together with studies.small.posterior.kappa"]),
    "beta and kappa of a method that no study uses": (
        {"methods.more": {"signal": "tip", "weights": "equal", "inference": "map", "posterior": {"kappa": 1, "beta": 1}}},
        "methods.more.posterior.beta", ["no beta together with methods.more.posterior.kappa"]),
    "the word kappa without kappa": ({"studies.small.posterior": {"lambda": [1, "kappa"]}}, "studies.small.posterior.lambda",
                                     ["found 'kappa'", "no posterior in studies.small sets kappa", "add kappa"]),
    "the word kappa without kappa in a question": (
        {"studies.small.questions": {"a": {"kind": "safety", "experiment": "sim", "posterior": {"lambda": "kappa"},
                                          "settings": {"classes": ["1"]}}}},
        "studies.small.questions.a.posterior.lambda", ["found 'kappa'", "no posterior in studies.small sets kappa"]),
    "another word": ({"posterior": {"kappa": 1, "lambda": [5, "kapa"]}}, "posterior.lambda[1]",
                     ["found 'kapa'", "a number in 1e-09..1e+09 or kappa"]),
    "a near miss of the key": ({"posterior": {"kapa": 1}}, "posterior.kapa", ["unknown key", "did you mean 'kappa'?"]),
    "a near miss of no teacher": ({"posterior": {"no_teachers": 0}}, "posterior.no_teachers", ["did you mean 'no_teacher'?"]),
    "no strength": ({"posterior": {"kappa": 0}}, "posterior.kappa", ["found 0", "a number in 1e-09..1e+09"]),
    "nobody but no teacher": ({"posterior": {"no_teacher": [0, 1]}}, "posterior.no_teacher[1]", ["found 1", ">= 0 and < 1"]),
    "no teacher where there is no mixture": ({"methods.kd_dropout.posterior": {"no_teacher": 0.1}},
                                             "methods.kd_dropout.posterior.no_teacher",
                                             ["found [0.1]", "signal 'kd' is not a mixture", "applies to power, tip"]),
    "a sharpness where there is no mixture": (
        {"posterior": {"kappa": 1, "lambda": "kappa"}, "methods.kd_dropout.posterior": {"lambda": [4, 9]}},
        "methods.kd_dropout.posterior.lambda", ["found [4.0, 9.0]", "signal 'kd' is not a mixture", "applies to power, tip"]),
}  # fmt: skip


@pytest.mark.parametrize("case", STRENGTHS)
def test_a_strength_that_is_said_twice_not_at_all_or_in_vain_is_refused(raw, case):
    changes, path, words = STRENGTHS[case]
    for at, value in changes.items():
        raw = put(raw, at, value)
    (line,) = complaints(raw)
    assert line.startswith(f"{path}: ") and all(word in line for word in words), line


def test_a_fit_reads_strength_sharpness_and_no_teacher_as_far_as_its_signal_does(raw):
    found = {
        name: spec["posterior"] for (study, _, name), spec in specs(put(raw, "posterior", KAPPA)).items() if study == "large"
    }
    read = {"kappa": [0.1, 5.0], "lambda": ["kappa", 5.0, 20.0], "no_teacher": [0.0, 0.1]}
    own = {name: {key: grid for key, grid in each.items() if key in (*read, "beta")} for name, each in found.items()}
    assert own["tip_vi"] == read
    assert own["kd_dropout"] == own["bkd_sgld"] == {"kappa": [0.1, 5.0]}
    assert own["labels_map"] == {"lambda": [1.0], "beta": [1.0]}


def test_a_configuration_without_strengths_keeps_the_specifications_of_its_fits(raw):
    shared = {"lambda", "beta", "prior_scale", "teacher_temperature", "student_temperature", "temperature"}
    assert all(set(spec["posterior"]) == shared for spec in specs(raw).values())
    assert specs(put(raw, "posterior.no_teacher", 0)) == specs(raw)


WEIGHED = {"signal": "tip", "weights": "equal", "inference": "nuts", "tuned_on": "evidence_average"}
UNWEIGHABLE = {
    "several sharpnesses": ({"posterior": {"kappa": [0.1, 1], "lambda": ["kappa", 20]}},
                            "methods.mine.posterior.lambda: found [kappa, 20.0]; allowed: one relation"),
    "an improper prior": ({"tuned_on": "evidence", "inference": "map", "posterior": {"prior_scale": math.inf}},
                          "methods.mine.posterior.prior_scale: found .inf; allowed: finite numbers for 'mine'"),
    "a cold posterior": ({"posterior": {"temperature": 0.5}}, "methods.mine.posterior.temperature: found 0.5; allowed: 1 for"),
    "the last layer": ({"layers": "last"}, "methods.mine.layers: found 'last'; allowed: all with tuned_on: evidence_average"),
    "a stochastic-gradient sampler": ({"tuned_by": "tip_sgld"}, "methods.mine.tuned_by: found 'tip_sgld'; allowed: a method "
                                      "with inference smc"),
    "a point estimate": ({"inference": "map"}, "methods.mine.inference: found 'map'; allowed: an inference whose draws are"),
    "stacked chains": ({"stack_chains": True}, "methods.mine.stack_chains: found true; allowed: false with tuned_on"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), UNWEIGHABLE.values(), ids=UNWEIGHABLE.keys())
def test_what_cannot_be_weighed_by_evidence_is_refused(raw, change, told):
    usual = put(put(raw, "methods.mine", WEIGHED), f"{EXPERIMENT}.methods", ["labels_map", "mine"])
    spec = make_plan(config.load(usual), "small").experiments["sim"].methods["mine"]
    assert spec["tuned_on"] == "evidence_average"
    assert any(line.startswith(told) for line in complaints(put(usual, "methods.mine", WEIGHED | change)))


def test_the_evidence_of_a_large_student_is_refused(raw):
    (line,) = complaints(put(raw, "methods.tip_map.tuned_on", "evidence"))
    assert line.startswith("methods.tip_map.tuned_on: found 'tip_map' with student 'small_cnn' of ")
    assert "allowed: at most 500 with tuned_on: evidence. Hint: use a smaller student" in line
