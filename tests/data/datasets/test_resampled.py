"""Tables that are split anew in every replicate: what is dealt, what stays fixed, what a student may not see."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.base.explain import validate
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import mlbench, scikit
from mtbkd.data.datasets.mlbench_tables import SPECS, Spec
from mtbkd.data.datasets.resampled import Known
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.making import make_bundle
from tests.serving.examples import make_spec

SHARES = {"teachers_share": 0.4}


def made(replicates: int = 3, seed: int = 1, **settings: Any) -> Dataset:
    typed = scikit.Settings.model_validate({"table": "wine", **SHARES, **settings})
    return scikit.prepare("data", typed, seed, range(replicates), Path())


def rows_of(dataset: Dataset, replicate: int) -> np.ndarray:
    """The row of the table that stands at each position, found by its values; the scaling of a replicate is undone."""
    whole = scikit._table("wine").x
    train = dataset.split == "train"
    x = dataset.x[replicate].astype(float)
    for _ in range(2):  # the rows found give the scaling by which they are found again
        nearest = np.array([np.argmin(((whole - whole.mean(0)) / whole.std(0) - row) ** 2 @ np.ones(13)) for row in x])
        x = (x * whole[nearest[train]].std(0) + whole[nearest[train]].mean(0) - whole.mean(0)) / whole.std(0)
    return nearest


def test_every_replicate_deals_every_row_once() -> None:
    dataset = made(2, cut=None)
    dealt = [rows_of(dataset, r) for r in range(2)]
    assert all(sorted(rows) == list(range(178)) for rows in dealt)
    assert (dealt[0] != dealt[1]).mean() > 0.9
    labels = scikit._table("wine").y
    assert dataset.teacher_y is not None
    for r, rows in enumerate(dealt):
        np.testing.assert_array_equal(dataset.teacher_y[r], labels[rows])


def test_splits_have_their_shares_and_the_tables_shares_of_the_classes() -> None:
    dataset = made()
    assert dataset.splits() == ["train", "val", "test", "teachers"]
    y = dataset.teacher_y
    assert y is not None
    for split, share in {"train": 0.2, "val": 0.15, "test": 0.25, "teachers": 0.4}.items():
        rows = dataset.rows(split)
        counts = np.stack([np.bincount(own, minlength=3) for own in y[:, rows]])
        np.testing.assert_allclose(counts, np.tile(share * np.array([59, 71, 48]), (3, 1)), atol=1)
        assert any((np.diff(own) < 0).any() for own in y[:, rows])  # not sorted by class: the first rows are as good as any


def test_inputs_are_scaled_by_the_training_rows_of_the_replicate() -> None:
    dataset = made(cut=None)
    train = dataset.x[:, dataset.split == "train"].astype(float)
    np.testing.assert_allclose(train.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(1), 1, atol=1e-5)
    assert np.abs(dataset.x.mean(1)).max() > 0.05  # the other rows have no part in it


def test_far_inputs_are_cut_off() -> None:
    assert np.abs(made(table="digits", cut=None).x).max() > 50
    assert np.abs(made(table="digits").x).max() == 5


def test_labels_of_teachers_rows_are_hidden_from_students() -> None:
    dataset = made(labels=20)
    assert (dataset.y[:, dataset.split == "teachers"] == -1).all()
    assert ((dataset.y[:, dataset.split == "train"] >= 0).sum(1) == 20).all()
    assert dataset.teacher_y is not None and (dataset.teacher_y >= 0).all()
    assert dataset.card["labelled_train"] == 20


def test_more_labels_are_the_fewer_ones_and_others() -> None:
    few, many = (made(labels=n).y >= 0 for n in (5, 25))
    assert (many | ~few).all()


def test_more_labels_than_training_rows_are_refused() -> None:
    with pytest.raises(ContractError, match="labels: found 37; expected at most 36, the training rows"):
        made(labels=37)


def test_rows_are_drawn_anew_in_every_replicate() -> None:
    dataset = made(2, table="digits", rows=400)
    assert abs(dataset.num_examples - 400) <= 10
    first, second = ({row.tobytes() for row in np.sign(x)} for x in dataset.x)
    assert len(first & second) < 0.5 * len(first)


def test_rows_that_are_repeated_are_counted() -> None:
    assert made(table="iris").card["Equal rows"].startswith("1 of 150 rows repeat another one")
    assert "Equal rows" not in made().card


def test_small_classes_are_left_out_and_said() -> None:
    dataset = made(min_class_rows=50)
    assert dataset.class_names == ("class_0", "class_1")
    assert "class_2 (48)" in dataset.card["Classes left out"]
    assert dataset.num_examples == 59 + 71
    assert scikit.describe(scikit.Settings(table="wine", min_class_rows=50)).class_names == dataset.class_names


@pytest.mark.parametrize(("settings", "told"), [
    ({"teachers_share": 0.6}, "found teachers_share, val_share and test_share of 1 in all; allowed: at most 0.95"),
    ({"labels": 5, "label_share": 0.5}, "found labels and label_share; allowed: one of them"),
    ({"min_class_rows": 70}, "found 1 classes of at least min_class_rows = 70 rows; allowed: at least 2"),
    ({"domains": {"by": "cluster"}}, "found no count; allowed: `by: cluster` with count alone"),
    ({"domains": {"by": "cluster", "count": 2, "column": "a"}}, "found column with `by: cluster`"),
    ({"domains": {"by": "classes", "groups": [["class_0"], ["class_1"]]}}, "found no group with class_2"),
    ({"domains": {"by": "classes", "groups": [["class_0", "class_1"], ["clas_2"]]}}, "found clas_2; allowed: class_0"),
    ({"domains": {"by": "column", "column": "V1"}}, "found V1; allowed: none: this table has no column of categories"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_refused_in_a_line_before_any_job(settings: dict[str, Any], told: str) -> None:
    found, mistakes = validate(scikit.Settings, {"table": "wine", **settings})
    assert found is None and len(mistakes) == 1
    text = str(mistakes[0])
    assert "\n" not in text
    assert re.search(told, text), text


def test_scikit_learns_tables_are_as_known() -> None:
    for name, known in scikit.KNOWN.items():
        known.check(scikit._table(name), name)


@pytest.mark.parametrize("table", SPECS)
def test_every_table_of_mlbench_is_as_known_and_can_be_split(table: str, mirror: Path) -> None:
    rows = 1500 if sum(SPECS[table].known.counts.values()) > 1500 else None
    settings = mlbench.Settings.model_validate(
        {"table": table, **SHARES, "rows": rows, "domains": {"by": "cluster", "count": 3}}
    )
    dataset = mlbench.prepare("data", settings, 1, range(2), mirror)
    shape = mlbench.describe(settings)
    assert (dataset.x.shape[2:], dataset.class_names, dataset.domain_names) == (
        shape.features, shape.class_names, shape.domain_names
    )  # fmt: skip
    assert np.abs(dataset.x).max() <= 5


def test_domains_by_column_are_the_speakers_that_no_feature_tells(mirror: Path) -> None:
    settings = mlbench.Settings.model_validate({"table": "Vowel", "domains": {"by": "column", "column": "V1"}})
    dataset = mlbench.prepare("data", settings, 1, range(1), mirror)
    assert dataset.domain is not None and np.bincount(dataset.domain[0]).tolist() == [66] * 15
    assert "V1" not in dataset.card["features"] and "the speaker" in dataset.card["Columns left out"]


def test_another_file_is_refused(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mlbench"
    folder.mkdir()
    (folder / "Glass.rda").write_bytes((mirror / "mlbench/Zoo.rda").read_bytes())
    settings = mlbench.Settings.model_validate({"table": "Glass"})
    with pytest.raises(ContractError, match="objects: found Zoo; expected Glass"):
        mlbench.prepare("data", settings, 1, range(1), tmp_path)
    (folder / "Glass.rda").write_bytes(b"no R at all")
    with pytest.raises(ContractError, match="expected an R data frame"):
        mlbench.prepare("data", settings, 1, range(1), tmp_path)
    with pytest.raises(ContractError, match="file: found missing"):
        mlbench.read(folder / "DNA.rda", "DNA")


def frame() -> pd.DataFrame:
    return pd.DataFrame({
        "Id": ["x", "y", "z", "u"],
        "size": [1.0, np.nan, 3.0, 5.0],
        "grade": pd.Categorical(["low", "high", None, "mid"], ["low", "mid", "high"], ordered=True),
        "colour": pd.Categorical(["red", None, "blue", "red"], ["blue", "green", "red"]),
        "sex": pd.Categorical(["f", "m", "m", "f"]),
        "same": pd.Categorical(["0"] * 4),
        "Class": pd.Categorical(["b", "a", "b", "a"], ["b", "a"]),
    })  # fmt: skip


def test_columns_are_encoded_as_the_card_says() -> None:
    table = mlbench.encoded(frame(), Spec("Class", Known(0, {}, {"colour": ()}), dropped=("Id",)))
    nan = np.nan
    expected = {
        "size": [1, nan, 3, 5], "size=missing": [0, 1, 0, 0],
        "grade": [0, 2, nan, 1], "grade=missing": [0, 0, 1, 0],
        "colour=blue": [0, 0, 1, 0], "colour=red": [1, 0, 0, 1], "colour=missing": [0, 1, 0, 0],
        "sex": [0, 1, 1, 0],
    }  # fmt: skip
    assert table.features == tuple(expected)
    np.testing.assert_array_equal(table.x, np.array(list(expected.values())).T)
    assert table.class_names == ("b", "a") and table.y.tolist() == [0, 1, 0, 1]
    assert table.columns["colour"][0] == ("blue", "red", "missing")


def test_missing_values_are_the_mean_of_the_training_rows() -> None:
    from mtbkd.data.datasets.resampled import _filled

    x = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 7.0], [100.0, np.nan]])
    found = _filled(x, np.array([True, True, False, False]))
    np.testing.assert_array_equal(found, [[1, 0], [3, 0], [2, 7], [100, 0]])


def test_a_student_that_leaves_the_house_cuts_its_inputs_off_too(tmp_path: Path) -> None:
    dataset = made(1, table="digits", rows=300, teachers_share=0, seed=3)
    assert (np.abs(dataset.x) == 5).any()
    make_bundle(make_spec("map"), dataset, [], "study", "experiment").write(tmp_path)
    bundle = Bundle.read(tmp_path)
    far = bundle.standardised(np.full((1, 64), 1e6))
    assert set(np.abs(far).ravel()) <= {0.0, 5.0}
