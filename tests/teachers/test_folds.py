"""Cross-fitted teachers: a row's logits come from a fit that did not see it."""

from pathlib import Path

import numpy as np
import pytest

from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.pooling import unseen
from mtbkd.teachers import mlp, resnet
from mtbkd.teachers.folds import cross_fitted
from tests.conformance.examples import dataset

RAW = Path()
SMALL = {"hidden": [32], "steps": 60, "learning_rate": 0.03, "dropout": 0.0}


@pytest.fixture(scope="module")
def noise() -> Dataset:
    """Labels that nothing predicts: who is right on a row has seen it."""
    data = dataset((20,), 2)
    y = np.random.default_rng(9).integers(0, 3, data.y.shape)
    return Dataset(data.name, data.x, y, data.split, data.class_names, data.ids).validate()


def trained(data: Dataset, folds: int | None) -> Logits:
    settings = mlp.Settings.model_validate({**SMALL, "folds": folds})
    return mlp.train("t", None, settings, data, 1, 0, "cpu", RAW)


def test_a_cross_fitted_teacher_has_not_learnt_its_rows_by_heart(noise: Dataset) -> None:
    plain, crossed = trained(noise, None), trained(noise, 3)
    assert plain.card["accuracy"]["train"] > 0.9 > 0.6 > crossed.card["accuracy"]["train"]
    others = noise.split != "train"
    np.testing.assert_array_equal(plain.logits[:, others], crossed.logits[:, others])
    assert "seen" not in plain.card and crossed.card["out_of_fold"] == ["train"]
    assert unseen.in_sample(crossed.card) == [] and "3 folds" in crossed.card["learnt"]


def test_no_fit_sees_the_rows_that_it_is_asked_about(noise: Dataset) -> None:
    asked: list[tuple[np.ndarray, int]] = []

    def fit(seen: np.ndarray, seed: int) -> np.ndarray:
        asked.append((seen, seed))
        return np.where(seen, 1.0, 0.0)[..., None] + np.zeros(3)

    seen = np.broadcast_to(noise.split == "train", noise.y.shape)
    logits = cross_fitted(fit, seen, noise.y, 4, noise, 7)
    assert len(asked) == 5 and len({seed for _, seed in asked}) == 5 and asked[0][1] == 7
    assert (logits == 0).all(), "a row is told 1 only by a fit that saw it"
    for r in range(2):
        left_out = np.sum([~rows[r] & seen[r] for rows, _ in asked[1:]], axis=0)
        assert (left_out[seen[r]] == 1).all()


def test_rows_that_no_student_sees_need_no_folds(noise: Dataset) -> None:
    split = np.where(np.arange(len(noise.split)) < 25, "teachers", noise.split)
    y = np.where(split == "teachers", -1, noise.y)
    apart = Dataset(noise.name, noise.x, y, split, noise.class_names, noise.ids, teacher_y=noise.y).validate()
    plain, crossed = trained(apart, None), trained(apart, 3)
    np.testing.assert_array_equal(plain.logits, crossed.logits)
    assert crossed.card["seen"] == ["teachers"] and "out_of_fold" not in crossed.card


def test_residual_networks_are_cross_fitted_too() -> None:
    data = dataset((2, 8, 8), 1)
    settings = resnet.Settings.model_validate({"channels": [4], "steps": 12})
    plain, crossed = (
        resnet.train("t", None, settings.model_copy(update={"folds": folds}), data, 1, 0, "cpu", RAW) for folds in (None, 2)
    )
    train = data.split == "train"
    np.testing.assert_array_equal(plain.logits[:, ~train], crossed.logits[:, ~train])
    assert not np.isclose(plain.logits[:, train], crossed.logits[:, train]).all(-1).any()
    assert crossed.card["out_of_fold"] == ["train"]
