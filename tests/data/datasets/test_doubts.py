"""Warnings about data: what they find, and that honest data raise none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.contracts.artefacts import Dataset, read_json
from mtbkd.data import preparing
from mtbkd.data.datasets.doubts import suspect_classes, suspect_features
from mtbkd.data.preprocess import scaling

N = 60
SPLIT = np.array(["train"] * 36 + ["val"] * 12 + ["test"] * 12)
RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 3, N)
NOISE = RNG.normal(size=N)


def found(v: np.ndarray, y: np.ndarray = LABEL) -> str:
    x = np.stack([NOISE, v], axis=1)
    return " ".join(suspect_features(x, ["noise", "suspect"], y, SPLIT, scaling(x, SPLIT == "train")))


@pytest.mark.parametrize(
    "v",
    [np.arange(N), np.arange(N) + 1, RNG.permutation(N), 3 * np.arange(N) - 7, -np.arange(N), np.sort(RNG.normal(size=N))],
    ids=["from 0", "from 1", "shuffled", "in steps", "falling", "rising"],
)
def test_a_feature_that_counts_rows_is_named(v: np.ndarray) -> None:
    assert found(v.astype(float)).startswith("Feature suspect looks like a row counter")


@pytest.mark.parametrize("v", [LABEL * 1.0, -2.0 * LABEL, LABEL + 0.9 * RNG.random(N)], ids=["equal", "falling", "apart"])
def test_a_feature_that_is_the_label_is_named(v: np.ndarray) -> None:
    assert found(v).startswith("Feature suspect looks like the label itself")


@pytest.mark.parametrize(
    "v", [RNG.normal(size=N), RNG.integers(0, 5, N).astype(float), LABEL + RNG.normal(0, 0.4, N), np.minimum(LABEL, 1) * 1.0]
)
def test_measurements_raise_no_doubt(v: np.ndarray) -> None:
    assert found(v) == ""


def test_constants_and_rows_in_two_splits_are_said() -> None:
    assert "Constant on the training rows, so not informative: suspect" in found(np.ones(N))
    x = RNG.normal(size=(N, 2))
    x[-3:] = x[:3]
    told = suspect_features(x, ["a", "b"], LABEL, SPLIT, scaling(x, SPLIT == "train"))
    assert told == ["3 of 12 test rows are identical to a training row in every feature."]


def dataset(y: np.ndarray, **more) -> Dataset:
    ids = np.arange(N).astype(str)
    return Dataset(
        "mine", NOISE.astype("f4")[None, :, None], y[None].astype(np.int64), SPLIT, ("a", "b", "c"), ids, **more
    ).validate()


def test_classes_that_training_lacks_or_that_stand_once_are_said() -> None:
    assert suspect_classes(dataset(np.arange(N) % 3)) == []
    only_test = np.where(SPLIT == "test", np.arange(N) % 3, np.arange(N) % 2)
    assert suspect_classes(dataset(only_test)) == [
        "Classes without a labelled training example, which no student can learn: c (4 in test)."
    ]
    once = np.where(np.arange(N) == 3, 2, np.arange(N) % 2)
    assert suspect_classes(dataset(once)) == ["Classes with a single example: c."]
    nowhere = dataset(np.arange(N) % 2)
    assert "c (no examples)" in suspect_classes(nowhere)[0]
    capitals = replace(dataset(np.arange(N) % 3), class_names=("a", "A", "b"))
    assert suspect_classes(capitals) == ["Classes that differ only in capitalisation: a, A."]
    hidden = np.where((SPLIT == "train") & (np.arange(N) % 3 == 2), -1, np.arange(N) % 3)
    told = suspect_classes(replace(dataset(hidden), teacher_y=(np.arange(N) % 3)[None]))
    assert told == ["Classes with all labels hidden from students: c."]


def test_doubts_stand_on_the_card_and_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = ["count,kind,part", *(f"{i},{'abc'[k]},{s}" for i, (k, s) in enumerate(zip(LABEL, SPLIT, strict=True)))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    settings = {"path": str(tmp_path / "mine.csv"), "label": "kind", "split": "part"}
    preparing.prepare({"name": "mine", "kind": "table", "settings": settings, "seed": 1}, "r0-0", tmp_path, tmp_path / "out")
    (doubt,) = read_json(tmp_path / "out" / "card.json")["warnings"]
    assert "count looks like a row counter" in doubt and doubt in caplog.text
