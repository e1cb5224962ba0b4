"""The question on a small dataset, its report and figures, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.base.frames import Frame
from mtbkd.questions.multilabel import question as multilabel
from mtbkd.questions.multilabel import section as report
from mtbkd.questions.multilabel.data import make_task, training_tensors
from mtbkd.questions.multilabel.tables import COLUMNS, Forecast, resampled_differences, scored
from tests.questions.drawn import asked, checked
from tests.questions.multilabel.examples import DOMAINS, NAMES, QUICK, SIZES, dataset, inputs

TEACHERS = {"hidden": (8,), "prior_scale": (0.3, 1.0), "training": QUICK.model_dump()}
SGLD = {"steps": 220, "burn_in": 20, "thin": 4, "chains": 2, "step_size": 1e-4}
METHODS = {
    "labels_map": {"signal": "none"},
    "tip_map": {"signal": "tip", "weights": "entropy"},
    "tip_sgld": {"signal": "tip", "weights": "equal", "inference": "sgld", "settings": SGLD},
}


def settings(**other: Any) -> multilabel.Settings:
    given = {"teachers": TEACHERS, "methods": METHODS, "tuning_replicates": 1, **other}
    return multilabel.Settings.model_validate(given)


SGLD_ALONE = {"signal": "none", "inference": "sgld", "settings": SGLD}
IMPROPER = {"labels_vi": {"signal": "none", "inference": "vi"}}


@pytest.fixture(scope="module")
def tables() -> dict[str, Frame]:
    return multilabel.run(inputs(), settings(labels=60))


def test_tables_hold_every_method_and_teacher(tables: dict[str, Frame]) -> None:
    assert {name: list(table.columns) for name, table in tables.items()} == COLUMNS
    scores = tables["scores"]
    teachers = {"teachers:best", "teachers:mean", *(f"teacher:{d}" for d in DOMAINS)}
    assert set(scores["method"]) == {*METHODS, *teachers}
    assert scores.groupby("method")["replicate"].nunique()[list(METHODS)].tolist() == [2, 2, 2]
    assert set(scores["domain"]) == {"all", *DOMAINS}
    assert tables["tuning"].groupby(["signal", "weights"])["chosen"].sum().eq(1).all()
    assert tables["teachers"].groupby("teacher")["chosen"].sum().eq(1).all()
    assert set(tables["experts"]["chosen_by"]) == {"entropy weights", "tip_map", "tip_sgld"}
    weights = tables["experts"].groupby(["chosen_by", "split", "domain"])
    np.testing.assert_allclose(weights["mean_weight"].sum(), 1)
    assert tables["labels"]["labelled"].max() == 120 and (tables["labels"]["labelled"] == 60).any()


def test_teachers_are_specialists_and_students_learn(tables: dict[str, Frame]) -> None:
    scores = tables["scores"]
    test = scores[(scores["split"] == "test") & (scores["metric"] == "macro_auroc")]
    auroc = test.groupby(["method", "domain"])["value"].mean()
    own = np.mean([auroc[f"teacher:{d}", d] for d in DOMAINS])
    other = np.mean([auroc[f"teacher:{d}", o] for d in DOMAINS for o in DOMAINS if o != d])
    assert own > other + 0.02
    assert auroc["labels_map", "all"] > 0.6 and auroc["tip_map", "all"] > 0.6


def test_differences_are_paired_and_speak_of_examples_too(tables: dict[str, Frame]) -> None:
    gaps, scores = tables["differences"], tables["scores"]
    whole = gaps[(gaps["domain"] == "all") & (gaps["location"] == "all") & (gaps["split"] == "test")]
    row = whole[(whole["method"] == "tip_map") & (whole["metric"] == "macro_mcc")].iloc[0]
    rows = scores[(scores["split"] == "test") & (scores["domain"] == "all") & (scores["metric"] == "macro_mcc")]
    means = rows.groupby("method")["value"].mean()
    assert row["difference"] == pytest.approx(means["tip_map"] - means["labels_map"])
    assert row["low_examples"] < row["difference"] < row["high_examples"]
    assert set(gaps["method"]) == {"tip_map", "tip_sgld"} and set(gaps["reference"]) == {"labels_map"}


def test_what_differs_in_the_signal_alone_is_compared() -> None:
    kd = {"signal": "kd", "weights": "entropy"}
    named = {**METHODS, "kd_map": kd, "kd_equal_map": {**kd, "weights": "equal"}, "labels_sgld": SGLD_ALONE}
    pairs = multilabel.compared(settings(methods=named).methods)
    assert ("tip_map", "kd_map") in pairs and ("tip_sgld", "labels_sgld") in pairs and ("kd_map", "labels_map") in pairs
    assert len(pairs) == 5


def test_chains_are_judged_and_points_are_not(tables: dict[str, Frame]) -> None:
    verdict = tables["gates"].set_index(["method", "gate", "replicate"])["verdict"]
    assert verdict["tip_map", "rhat", 0] is None
    assert verdict["tip_sgld", "rhat", 0] in (True, False)


def test_the_same_run_gives_the_same_numbers() -> None:
    small = settings(methods={"labels_map": {"signal": "none"}, "tip_map": METHODS["tip_map"]})
    first, second = (multilabel.run(inputs(replicates=1), small) for _ in range(2))
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])


def test_the_report_and_the_figures_say_it(tables: dict[str, Frame], tmp_path: Path) -> None:
    section = report.section("several", tables, {})
    told = " ".join(section.told)
    assert "240 training proteins" in told and "60, redrawn" in told
    assert "On test proteins" in told and "On far (out-of-distribution)" in told and "entropy weights find the expert" in told
    names = [table.name for table in [*section.tables, *section.details]]
    assert len(set(names)) == len(names) and all(name.startswith("several-") for name in names)
    assert all(len(row.cells) == len(table.columns) for table in [*section.tables, *section.details] for row in table.rows)
    drawn = checked(asked("multilabel", tables, tmp_path, settings().model_dump(mode="json")))
    assert set(drawn) == {"location_scores", "location_calibration"}
    _, spec = drawn["location_scores"]
    mean = tables["scores"].query("split == 'test' and domain == 'all' and metric == 'macro_mcc' and method == 'tip_map'")
    first = next(row for row in spec["datasets"]["data"] if row["method"] == "tip_map")
    assert first["at"] == "mean over locations" and first["mean"] == pytest.approx(mean["value"].mean(), rel=1e-3)


def test_labels_that_are_hidden_stay_hidden() -> None:
    task = make_task(dataset(), 60, 0, (0, 1))
    assert task.seen.sum(1).tolist() == [60, 60] and not np.array_equal(task.seen[0], task.seen[1])
    import torch

    features = torch.as_tensor(task.dataset.x[:, task.train])
    x, y = training_tensors(task, features, True, "cpu")
    assert x.shape[:2] == (2, 60) and (y >= 0).all()
    x, y = training_tensors(task, features, False, "cpu")
    assert x.shape[:2] == (2, SIZES["train"]) and ((y >= 0).all(-1).sum(1) == 60).all()
    np.testing.assert_array_equal(y[0, task.seen[0]].numpy(), task.truth[task.train][task.seen[0]])


def test_a_lost_replicate_has_no_score_and_spoils_no_other() -> None:
    task = make_task(dataset(), None, 0, (0, 1))
    prob = np.random.default_rng(0).random((2, *task.truth.shape))
    lost = prob.copy()
    lost[0] = np.nan
    parts = {"kind": "student", "signal": "tip", "weights": "", "inference": "sgld"}
    whole, half = Forecast("a", parts, prob), Forecast("b", parts, lost)
    cuts = {"a": whole.decisions(task), "b": half.decisions(task)}
    assert np.isnan(cuts["b"][0]).all()
    assert {row["replicate"] for row in scored(task, half, cuts["b"])} == {1}
    interval = resampled_differences(task, {"a": whole, "b": half}, cuts, [("b", "a")], 0)["b", "a", "test", "all"]
    assert interval[0] < interval[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"methods": {"a": {"signal": "tip"}}}, "needs weights"),
        ({"methods": {"a": {"signal": "none", "weights": "equal"}}}, "no teachers to weigh"),
        ({"methods": {"a": {"signal": "tip", "weights": "equal"}}}, "none learns from labels alone"),
        ({"methods": {"a": {"signal": "none", "inference": "nuts"}}}, "allowed: csgld"),
        ({"methods": {"a": {"signal": "none", "inference": "sgld", "settings": {"chain": 2}}}}, "chains"),
        ({"labels": 0}, "greater than"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        multilabel.Settings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "asked", "error", "message"),
    [
        ({"dataset": replace(dataset(), targets=None)}, {}, ContractError, "targets: found none"),
        ({"student": {"architecture": "linear", "settings": {}}}, {}, ConfigError, "architecture 'linear'"),
        ({}, {"labels": 1000}, ContractError, "at least the 1000 labels"),
        ({}, {"teachers": {**TEACHERS, "domains": ("A",)}}, ContractError, "found A; expected a, b, c"),
        ({"posterior": {"prior_scale": (np.inf,)}}, {"methods": IMPROPER}, ConfigError, "finite"),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_error(given: dict[str, Any], asked: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        multilabel.run(inputs(**given), settings(**asked))


def test_a_kingdom_without_validation_proteins_has_no_teacher() -> None:
    data = dataset()
    assert data.domain is not None
    domain = np.where((data.split == "val") & (data.domain == 2), 0, data.domain)
    with pytest.raises(ContractError, match="teacher of c on toy"):
        multilabel.run(inputs(dataset=replace(data, domain=domain)), settings())


def test_names_are_as_in_the_dataset(tables: dict[str, Frame]) -> None:
    judged = tables["scores"][(tables["scores"]["split"] == "test") & (tables["scores"]["metric"] == "mcc")].dropna()
    assert set(judged["location"]) == set(NAMES[:3])
