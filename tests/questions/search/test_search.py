"""The search for a paper's teachers: what is tried, what is measured, and that test examples have no part in it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.questions.run import question_files
from mtbkd.questions.search import candidates as run
from mtbkd.questions.search.spec import Spec, combinations
from mtbkd.study import config
from mtbkd.study.plan import make_plan

EXAMPLE = """
study: small
datasets:
  sim: {kind: sim1, settings: {n_train: 300, n_val: 100, n_test: 50, n_fresh: 40}}
  pictures: {kind: digits}
teachers:
  b1: {family: mlp, domain: b1, settings: &mlp {hidden: [4], steps: 20, exposure: 0.5}}
  b3: {family: mlp, domain: b3, settings: *mlp}
  plain: {family: cnn, domain: plain}
students: {linear: {architecture: linear}}
methods: {labels_map: {signal: none, inference: map}}
studies:
  small:
    questions:
      asked:
        kind: search
        dataset: sim
        settings:
          published: mtbkd_table1_sim1
          teachers: {T1: b1, T2: b3}
          replicates: 2
          grid: {exposure: [0, 0.5], steps: [20]}
          dataset_grid: {domain_axis: [x2, x1]}
    experiments: &experiments {sim: {dataset: sim, teachers: [b1], student: linear, methods: [labels_map]}}
  silent: {experiments: *experiments}
"""
ASKED = "studies.small.questions.asked"


@pytest.fixture
def raw() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE)


@pytest.fixture
def spec(raw: dict[str, Any]) -> Spec:
    return Spec.model_validate(make_plan(config.load(raw)).questions["asked"].content)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    spec = Spec.model_validate(make_plan(config.load(yaml.safe_load(EXAMPLE))).questions["asked"].content)
    return pd.DataFrame(run.search(spec))


def test_every_choice_is_tried_once_and_the_configured_one_first(found: pd.DataFrame) -> None:
    tried = found.drop_duplicates("candidate")
    # The configured teachers (exposure .5, 20 steps, x2) are one of the grid's four choices.
    assert tried["configured"].tolist() == [True, False, False, False]
    chosen = [tuple(json.loads(settings).values()) for settings in tried["settings"]]
    assert chosen == [("x2", 0.5, 20), ("x2", 0, 20), ("x1", 0, 20), ("x1", 0.5, 20)]


def test_every_printed_teacher_number_has_a_row_and_counts_in_the_distance(found: pd.DataFrame) -> None:
    for _, own in found.groupby("candidate"):
        assert sorted(zip(own["column"], own["quantity"], strict=True)) == sorted(
            (f"T{t}", q) for t in (1, 2) for q in ("acc_overall", "acc_b1", "acc_b2", "acc_b3", "mse_p")
        )
        assert own["difference"].to_numpy() == pytest.approx((own["ours"] - own["published"]).to_numpy())
        assert own["distance"].to_numpy() == pytest.approx(np.sqrt(np.mean(own["difference"] ** 2)))


def test_settings_reach_teachers_and_data(found: pd.DataFrame) -> None:
    own = found.query("column == 'T1' and quantity == 'acc_b1'")
    assert len(set(own["ours"].tolist())) == len(own) == 4


def _scrambled(dataset: Dataset, split: str) -> Dataset:
    rows = dataset.split == split
    x, y = dataset.x.copy(), dataset.y.copy()
    x[:, rows], y[:, rows] = x[:, rows][:, ::-1] * 3, 1 - y[:, rows]
    return dataclasses.replace(dataset, x=x, y=y)


@pytest.mark.parametrize(("split", "matters"), [("test", False), ("val", True), ("train", True)])
def test_test_examples_have_no_part_in_the_search(
    spec: Spec, monkeypatch: pytest.MonkeyPatch, split: str, matters: bool
) -> None:
    small = spec.model_copy(update={"grid": {}, "dataset_grid": {}})
    before, prepare = run.search(small), run._prepare
    monkeypatch.setattr(run, "_prepare", lambda *arguments: _scrambled(prepare(*arguments), split))
    assert (run.search(small) != before) is matters


def test_scores_are_means_of_the_validation_rows_of_a_domain() -> None:
    dataset = Dataset(
        name="toy", x=np.zeros((1, 5, 1), np.float32), y=np.array([[0, 0, 1, 1, 0]]),
        split=np.array(["train", "val", "val", "val", "test"]), class_names=("a", "b"), ids=np.arange(5).astype(str),
        domain=np.array([[0, 0, 0, 1, 0]]), domain_names=("east", "west"),
        true_prob=np.array([[[1, 0], [0.5, 0.5], [0.5, 0.5], [0, 1], [1, 0]]], np.float32),
    )  # fmt: skip
    validation = run.Validation(dataset)
    logits = np.zeros((1, 5, 2), np.float32)
    logits[0, :, 0] = [9, 50, 50, 50, 9]  # class 0 for certain
    assert validation.score(validation.prob(logits), "accuracy", "all") == [pytest.approx(1 / 3)]
    assert validation.score(validation.prob(logits), "accuracy", "east") == [0.5]
    assert validation.score(validation.prob(logits), "accuracy", "west") == [0.0]
    assert validation.score(validation.prob(logits), "mse_prob", "all") == [pytest.approx((0.25 + 0.25 + 1) / 3)]
    assert validation.score(validation.prob(logits), "mae_prob", "all") == [pytest.approx((0.5 + 0.5 + 1) / 3)]


def test_the_table_is_written_with_its_columns(spec: Spec, tmp_path: Path) -> None:
    small = spec.model_copy(update={"grid": {}, "dataset_grid": {}})
    told = {"kind": "search", "name": "asked", "seed": 0, "raw": "", "content": small.model_dump(mode="json")}
    question_files(told, {"candidates": str(tmp_path / "sim1.parquet")})
    written = pd.read_parquet(tmp_path / "sim1.parquet")
    assert tuple(written.columns) == run.COLUMNS and len(written) == 10


def test_an_infinite_setting_survives_being_handed_on(spec: Spec) -> None:
    assert Spec.model_validate(spec.model_dump(mode="json")).teachers[0].settings["weight_scale"] == float("inf")


def test_a_search_depends_on_its_own_part_of_the_configuration_only(raw: dict[str, Any], spec: Spec) -> None:
    raw["teachers"]["b1"]["settings"] = {"hidden": [4], "steps": 30, "exposure": 0.5}
    changed = Spec.model_validate(make_plan(config.load(raw)).questions["asked"].content)
    assert changed.teachers[0].settings["steps"] == 30 and changed.teachers[1] == spec.teachers[1]
    raw = yaml.safe_load(EXAMPLE)
    raw["posterior"] = {"lambda": 7}
    assert Spec.model_validate(make_plan(config.load(raw)).questions["asked"].content) == spec
    assert make_plan(config.load(raw, "silent")).questions == {}


def test_the_last_setting_varies_fastest() -> None:
    assert list(combinations({"a": (1, 2), "b": (3, 4)})) == [
        {"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4},
    ]  # fmt: skip
    assert list(combinations({})) == [{}]


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("dataset", "simm", f"{ASKED}.dataset", ["'simm'", "did you mean 'sim'?"]),
        ("dataset", "pictures", f"{ASKED}.dataset", ["a simulated dataset"]),
        ("published", "bkd_table7", f"{ASKED}.settings.published", ["mtbkd_table1_sim1"]),
        ("teachers", {"T1": "b4"}, f"{ASKED}.settings.teachers.T1", ["'b4'", "b1"]),
        ("teachers", {"T3": "b1"}, f"{ASKED}.settings.teachers", ["'T3'", "T1, T2"]),
        ("teachers", {"T1": "plain"}, f"{ASKED}.settings.teachers.T1", ["'plain'", "b1, b2, b3"]),
        ("methods", {"kd_equal": "labels_map"}, f"{ASKED}.settings", ["found both teachers and methods"]),
        ("steps", [20], f"{ASKED}.settings", ["found steps", "no such key in a search with teachers"]),
        ("replicates_", 2, f"{ASKED}.settings.replicates_", ["unknown key", "replicates"]),
        ("grid", {"exposur": [0]}, f"{ASKED}.settings.grid.exposur", ["did you mean 'exposure'?"]),
        ("grid", {"dropout": [0.1, 1.5]}, f"{ASKED}.settings.grid.dropout[1]", ["1.5", "< 1"]),
        ("grid", {"steps": list(range(1, 2002))}, ASKED, ["candidates", "at most 2,000"]),
        ("dataset_grid", {"domain_axis": ["x3"]}, f"{ASKED}.settings.dataset_grid.domain_axis[0]", ["'x3'", "x1"]),
    ],
    ids=lambda value: None if isinstance(value, dict | list) else str(value),
)
def test_mistakes_are_named_before_anything_runs(
    raw: dict[str, Any], path: str, value: Any, where: str, words: list[str]
) -> None:
    entry = raw["studies"]["small"]["questions"]["asked"]
    (entry if path in entry else entry["settings"])[path] = value
    with pytest.raises(ConfigError) as error:
        config.load(raw)
    lines = [line for line in str(error.value).splitlines() if line.strip().startswith(f"{where}:")]
    assert lines and all(word in lines[0] for word in words), str(error.value)
