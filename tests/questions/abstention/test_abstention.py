"""Which classes are hard, do errors come last, and what happens on outside data: on predictions with known answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation import metrics, selective
from mtbkd.questions.abstention import figure_abstention as figure
from mtbkd.questions.abstention import question as abstention
from mtbkd.questions.abstention import section as report
from mtbkd.questions.inputs import Inputs
from tests.evaluation.examples import SPLIT, N, make_dataset, make_draws, softmax
from tests.questions.drawn import asked, checked


def labelled_outside(dataset: Dataset) -> Dataset:
    """The far examples get labels that their features say nothing about, so that students are at chance there."""
    y = dataset.y.copy()
    y[:, SPLIT == "ood:far"] = np.arange(20) % 3
    return replace(dataset, y=y, true_prob=None)


def outside(draws: Draws) -> Draws:
    """Sure of a class at the far examples, each draw of its own."""
    prob = draws.prob.copy()
    rng = np.random.default_rng(8)
    prob[..., 60:, :] = softmax(8 * rng.normal(size=prob[..., 60:, :].shape))
    return replace(draws, prob=prob.astype(np.float32))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    dataset = labelled_outside(make_dataset(1, 0))
    draws = {
        "tip": outside(make_draws(dataset, [0, 1], 0.5, {"seed": 1})),
        "vague": make_draws(dataset, [0, 1], 3.0, {"seed": 2}),
        "map": make_draws(dataset, [0, 1], 0.1, {"seed": 3}, shape=(1, 1)),
    }
    teacher = Logits("good", (2 * dataset.x).astype(np.float32), np.ones(N, bool), ids_digest(dataset.ids))
    return Inputs.in_memory(name="abstention", seed=1, dataset=dataset, teachers=[teacher], draws=draws)


@pytest.fixture(scope="module")
def tables(inputs: Inputs) -> dict[str, pd.DataFrame]:
    return abstention.run(inputs, abstention.Settings())


def value(table: pd.DataFrame, **where: Any) -> float:
    rows = table[np.logical_and.reduce([table[key] == wanted for key, wanted in where.items()])]
    assert len(rows) == 1, where
    return float(rows["value"].iloc[0])


def test_scores_are_those_of_the_evaluation(inputs: Inputs, tables: dict[str, pd.DataFrame]):
    dataset, draws = inputs.dataset(), inputs.draws("tip")
    rows = dataset.rows("test")
    mean = draws.prob[0].reshape(-1, 80, 3)[:, :60].mean(0, dtype=np.float64)
    where = {"method": "tip", "replicate": 0, "split": "test"}
    y = dataset.y[0, rows]
    assert value(tables["scores"], **where, measure="", metric="accuracy") == metrics.accuracy(mean, y).value
    assert value(tables["scores"], **where, measure="max_prob", metric="aurc") == pytest.approx(metrics.aurc(mean, y).value)
    for k, name in enumerate("abc"):
        recall = value(tables["classes"], method="tip", replicate=0, metric="recall", **{"class": name})
        assert recall == (mean.argmax(-1)[y == k] == k).mean()
    assert set(tables) == set(abstention.TABLES) and set(tables["scores"]["method"]) >= {"tip", "map", "good", "teachers:mean"}


def test_areas_lie_between_a_perfect_and_a_random_order(tables: dict[str, pd.DataFrame]):
    wide = tables["scores"].pivot_table(index=["method", "replicate", "split", "measure"], columns="metric", values="value")
    wide = wide.dropna(subset="aurc")
    assert len(wide) and (wide["aurc_perfect"] <= wide["aurc"] + 1e-12).all()
    errors = 1 - tables["scores"].query("metric == 'accuracy'").set_index(["method", "replicate", "split"])["value"]
    np.testing.assert_allclose(wide["aurc_random"], errors.reindex(wide.index.droplevel("measure")), atol=1e-12)


def test_disagreement_of_draws_is_known_of_several_draws_only(tables: dict[str, pd.DataFrame]):
    epistemic = tables["scores"].query("measure == 'entropy_epistemic'")
    assert set(epistemic["method"]) == {"tip", "vague"}


def test_draws_that_are_sure_of_different_classes_have_little_deviance_and_much_disagreement(tables: dict[str, pd.DataFrame]):
    where = {"method": "tip", "replicate": 0, "split": "ood:far", "metric": "apart_auroc"}
    assert value(tables["scores"], **where, measure="entropy_epistemic") > 0.99
    assert value(tables["scores"], **where, measure="mean_deviance") < 0.5


def test_a_perfect_order_has_the_known_area_and_a_wrong_class_no_correlation():
    wrong = np.array([False, False, True, True])
    found = selective.error_scores(np.array([0.1, 0.2, 0.3, 0.4]), wrong)
    assert found["aurc"].value == found["aurc_perfect"].value == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert found["error_auroc"].value == 1 and found["aurc_random"].value == 0.5
    prediction, y = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2])
    scores = selective.class_scores(prediction, y, np.zeros(5), classes=4)
    assert scores[0, "mcc"].value == scores[0, "recall"].value == 1
    assert scores[2, "mcc"].value == scores[2, "recall"].value == 0 and (3, "mcc") not in scores


def test_accuracy_is_weighed_to_the_mix_of_the_test_split():
    mean = np.eye(2)[[0, 0, 0, 1]]
    found = selective.shift_scores(mean, np.array([0, 0, 1, 1]), {0: 0.9, 1: 0.1})
    assert found["accuracy"].value == 0.75 and found["accuracy_test_mix"].value == pytest.approx(0.9 + 0.05)
    assert found["overconfidence"].value == 0.25


def test_one_of_several_classes_counts_as_a_hit(inputs: Inputs):
    dataset = inputs.dataset()
    targets = np.zeros((1, N, 3), np.uint8)
    targets[0, np.arange(N), np.maximum(dataset.y[0], 0)] = 1
    every = replace(dataset, targets=targets)
    found = abstention.run(replace(inputs, data={"r0-0": every}), abstention.Settings(methods=("map",)))["scores"]
    where = {"method": "map", "replicate": 0, "split": "test", "measure": ""}
    assert value(found, **where, metric="hit") == value(found, **where, metric="accuracy")


METHODS = {name: (signal, "", "map") for name, signal in (("tip", "tip"), ("vague", "kd"), ("map", "none"))}


def test_figures_and_report_say_it(tables: dict[str, pd.DataFrame], tmp_path: Path):
    main = figure.shown(tables["scores"], {"main": None})
    assert main == "tip" and figure.shown(tables["scores"], {"main": "map"}) == "map"
    drawn = checked(asked("abstention", tables, tmp_path, {"main": None}, METHODS))
    (lines, spec), (classes, dots) = drawn["abstention"], drawn["classes"]
    assert len(lines.axes) == 4 and lines.subfigs[0]._suptitle.get_text().startswith("MT-BKD, MAP")
    assert {label.get_text().split()[0] for label in classes.axes[0].get_yticklabels()} == set("abc")
    assert {row["method"] for row in dots["datasets"]["data"]} == {*METHODS, None}  # teachers stay whatever is chosen
    assert spec["usermeta"]["belongs"] == {"panel0": {"method": "tip"}, "panel2": {"method": "tip"}}
    section = report.section("abstention", tables, {"main": None})
    assert [table.name for table in section.tables] == [f"abstention-{name}" for name in ("mcc", "errors", "apart", "shift")]
    told = " ".join(section.told)
    assert "tip classifies a best" in told and "On far tip is right on" in told and "from test examples: AUROC" in told
    for table in (*section.tables, *section.details):
        assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_the_best_order_leaves_out_every_error_first():
    np.testing.assert_allclose(figure.perfect(0.25, np.array([0.5, 0.75, 1.0])), [0, 0, 0.25])
