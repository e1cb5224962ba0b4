"""Teachers whose word is in the wrong place are told of; weak, unsure and narrow ones are not."""

import numpy as np
import pytest

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.teachers.oddities import oddities, twins

N = 400


def data(k: int, n: int = N) -> Dataset:
    rng = np.random.default_rng(k)
    y, split = rng.integers(0, k, (1, n)), np.resize(["train", "train", "val", "test"], n)
    x = rng.normal(size=(1, n, 2)).astype("f4")
    return Dataset("made", x, y, split, tuple(f"c{i}" for i in range(k)), np.arange(n).astype(str)).validate()


def teacher(dataset: Dataset, accuracy: float, sure: float, columns: list[int] | None = None, order: bool = False) -> Logits:
    """It knows a share of the labels and guesses the others; then with other columns, or its rows in another order."""
    rng, y, k = np.random.default_rng(7), dataset.y[0], dataset.num_classes
    said = np.where(rng.random(len(y)) < accuracy, y, rng.integers(0, k, len(y)))
    prob = np.full((len(y), k), (1 - sure) / (k - 1))
    prob[np.arange(len(y)), said] = sure
    prob = prob[:, columns] if columns else prob
    return of(dataset, prob[rng.permutation(len(y))] if order else prob)


def of(dataset: Dataset, prob: np.ndarray, name: str = "t") -> Logits:
    covered = np.ones(len(prob), bool)
    return Logits(name, np.log(prob)[None].astype("f4"), covered, ids_digest(dataset.ids)).validate(dataset)


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize(("accuracy", "sure"), [(0.95, 0.95), (0.5, 0.9)])
def test_rows_in_another_order_are_told(k: int, accuracy: float, sure: float) -> None:
    (told,) = oddities(teacher(data(k), accuracy, sure, order=True), data(k))
    assert told.startswith(f"No better than chance on {N} labelled rows (accuracy 0.") and "in another order?" in told


@pytest.mark.parametrize(
    ("k", "columns", "pairs"),
    [
        (2, [1, 0], "the column of c0 holds c1, the column of c1 holds c0;"),
        (3, [0, 2, 1], "the column of c1 holds c2, the column of c2 holds c1;"),
        (3, [2, 0, 1], "the column of c0 holds c2, the column of c1 holds c0, the column of c2 holds c1;"),
        (10, [*range(1, 10), 0], "the column of c3 holds c4 and 6 more;"),
        (10, [1, 0, *range(2, 10)], "the column of c0 holds c1, the column of c1 holds c0;"),
    ],
)
def test_exchanged_columns_are_told_by_name(k: int, columns: list[int], pairs: str) -> None:
    (told,) = oddities(teacher(data(k), 0.9, 0.9, columns), data(k))
    assert told.startswith("Its class columns look exchanged: ") and pairs in told and f"of {N} labelled rows" in told


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("accuracy", [0.95, 0.4, 0.0])
def test_weak_teachers_that_know_it_raise_no_doubt(k: int, accuracy: float) -> None:
    assert oddities(teacher(data(k), accuracy, max(accuracy, 1.2 / k)), data(k)) == []


def test_a_specialist_raises_no_doubt() -> None:
    """Of ten classes it knows three, and calls the others one of these: no exchange, and better than chance."""
    dataset = data(10)
    prob = np.full((N, 10), 0.01)
    y = dataset.y[0]
    prob[np.arange(N), np.where(y < 3, y, y % 3)] = 0.9
    assert oddities(of(dataset, prob / prob.sum(1, keepdims=True)), dataset) == []


def test_one_class_for_all_is_told_only_where_it_says_the_same() -> None:
    """Always the commonest class, with the probability that it has: constant, or not."""
    dataset = data(3)
    same = np.tile([0.36, 0.32, 0.32], (N, 1))
    assert oddities(of(dataset, same), dataset) == ["It says the same of every row."]
    varied = same + np.random.default_rng(0).uniform(-0.01, 0.01, (N, 1)) * [1, -1, 0]
    assert oddities(of(dataset, varied), dataset) == []


def test_a_teacher_that_agrees_with_every_label_is_told() -> None:
    dataset = data(3)
    prob = 0.7 * np.eye(3)[dataset.y[0]] + 0.1
    (told,) = oddities(of(dataset, prob), dataset)
    assert told.startswith(f"It agrees with the label on all {N} labelled rows")
    prob[0] = prob[0, [1, 2, 0]]
    assert oddities(of(dataset, prob), dataset) == []
    few = data(3, 16)
    assert oddities(of(few, 0.7 * np.eye(3)[few.y[0]] + 0.1), few) == []


def test_the_same_teacher_twice_is_told() -> None:
    dataset = data(3)
    one = teacher(dataset, 0.9, 0.9)
    shifted = Logits("u", one.logits + 3, one.covered, one.ids_sha256)
    other = Logits("v", one.logits[:, ::-1], one.covered, one.ids_sha256)
    assert list(twins([one, shifted, other])) == ["Teachers t and u say the same of every row: is one given twice?"]
