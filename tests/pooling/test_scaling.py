"""Temperature and vector scaling of teachers: the maps, what they are learnt from, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from mtbkd.base.errors import ContractError
from mtbkd.base.folds import stratified_folds
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.pooling.scaling import FOLDS, fitted, scaled
from mtbkd.pooling.vector import SPREAD, log_softmax, slopes_and_shifts

SPLIT = np.repeat(["train", "val", "test"], [60, 400, 200])


@pytest.fixture(scope="module")
def data() -> Dataset:
    y = np.random.default_rng(0).integers(0, 3, (2, len(SPLIT)))
    ids = np.array([f"e{i}" for i in range(len(SPLIT))])
    return Dataset("toy", np.zeros((2, len(SPLIT), 1), np.float32), y, SPLIT, ("a", "b", "c"), ids).validate()


@pytest.fixture(scope="module")
def teacher(data: Dataset) -> Logits:
    """Three times too sure, and of the first class more than of the others."""
    honest = 1.5 * np.eye(3)[data.y] + np.random.default_rng(1).normal(size=(2, len(SPLIT), 3))
    logits = (3 * honest + [2.0, 0, 0]).astype(np.float32)
    return Logits("t", logits, np.ones(len(SPLIT), bool), ids_digest(data.ids), {"seen": ["train"]})


def nll(teacher: Logits, data: Dataset, split: str) -> float:
    rows = data.rows(split)
    log_prob = log_softmax(teacher.logits[:, rows].astype(np.float64))
    return float(-np.take_along_axis(log_prob, data.y[:, rows, None], -1).mean())


def test_vector_scaling_maximises_its_posterior_density() -> None:
    rng = np.random.default_rng(3)
    logits, y = 3 * rng.normal(size=(200, 4)), rng.integers(0, 4, 200)
    logits[np.arange(200), y] += 2
    prob = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)

    def temperature(beta: np.ndarray) -> float:
        q = prob ** beta[0]
        return float(-np.log(q[np.arange(200), y] / q.sum(1)).sum())

    inverse = minimize(temperature, [1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x[0]

    def density(both: np.ndarray) -> float:
        slope, shift = both[:4], both[4:]
        q = prob ** (inverse * slope) * np.exp(shift)
        prior = ((slope - 1) ** 2).sum() + (shift**2).sum()
        return float(-np.log(q[np.arange(200), y] / q.sum(1)).sum() + prior / (2 * SPREAD**2))

    wanted = minimize(density, np.repeat([1.0, 0.0], 4), method="BFGS", options={"gtol": 1e-7}).x
    slope, shift = slopes_and_shifts(logits, y)
    np.testing.assert_allclose(slope, inverse * wanted[:4], atol=1e-4)
    np.testing.assert_allclose(shift, wanted[4:], atol=1e-4)
    moved = slopes_and_shifts(logits + rng.normal(size=(200, 1)), y)
    np.testing.assert_allclose(moved, (slope, shift), atol=1e-6)


def test_scaling_mends_a_teacher_that_is_too_sure(teacher: Logits, data: Dataset) -> None:
    (hot,), (shifted,) = (scaled([teacher], data, kind, 1) for kind in ("temperature", "vector"))
    assert nll(hot, data, "test") < nll(teacher, data, "test") - 0.2
    assert nll(shifted, data, "test") < nll(hot, data, "test") - 0.01
    assert hot.card["scaling"]["slope"] < 0.5 and "400 labels of the split val" in hot.card["scaling"]["learnt"]
    assert scaled([teacher], data, "none", 1) == [teacher]


def test_test_rows_have_the_map_of_all_validation_labels(teacher: Logits, data: Dataset) -> None:
    (found,) = scaled([teacher], data, "temperature", 1)
    val, test = data.rows("val"), data.rows("test")
    for r in range(2):
        wanted = fitted("temperature", teacher.logits[r, val], data.y[r, val])(teacher.logits[r, test])
        np.testing.assert_allclose(found.logits[r, test], wanted, rtol=1e-5)


def test_no_row_is_scaled_by_its_own_label_and_test_labels_scale_nothing(teacher: Logits, data: Dataset) -> None:
    (before,) = scaled([teacher], data, "vector", 1)
    y = data.y.copy()
    y[:, SPLIT == "test"] = 0
    (same,) = scaled([teacher], replace(data, y=y), "vector", 1)
    np.testing.assert_array_equal(before.logits, same.logits)
    rows, y = data.rows("val"), data.y[1, data.rows("val")]
    fold = stratified_folds(y, FOLDS, derive(1, "scaling"))
    for f in range(FOLDS):
        asked, others = rows[fold == f], rows[fold != f]
        wanted = fitted("vector", teacher.logits[1, others], data.y[1, others])(teacher.logits[1, asked])
        np.testing.assert_allclose(before.logits[1, asked], wanted, rtol=1e-5)


def test_a_teacher_cannot_be_scaled_by_labels_that_it_saw(teacher: Logits, data: Dataset) -> None:
    with pytest.raises(ContractError, match="which the teacher saw in training"):
        scaled([replace(teacher, card={"seen": ["train", "val"]})], data, "temperature", 1)
    with pytest.raises(ContractError, match="no logits on the split val"):
        scaled([replace(teacher, covered=SPLIT != "val")], data, "temperature", 1)
    few = replace(data, split=np.where(np.arange(len(SPLIT)) < 455, "train", SPLIT))
    with pytest.raises(ContractError, match="5 of the split val"):
        scaled([teacher], few, "vector", 1)
