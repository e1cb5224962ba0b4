"""The user's own CSV: what is read, and what is refused with the place of the mistake."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.base.explain import clean, validate
from mtbkd.data.datasets import table


def write(path: Path, rows: list[str]) -> str:
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def example(count: int = 40) -> list[str]:
    rng = np.random.default_rng(0)
    rows = [f"p{i},{rng.normal():.3f},{rng.normal():.3f},{'ab'[i % 2]},{'xy'[i % 3 == 0]}" for i in range(count)]
    return ["name,height,width,kind,site", *rows]


def prepare(path: str, **settings):
    return table.prepare("mine", table.Settings(path=path, label="kind", **settings), 1, range(1), Path("unused"))


def test_a_file_becomes_a_dataset_split_within_classes(tmp_path: Path) -> None:
    dataset = prepare(write(tmp_path / "mine.csv", example()), id="name", domain="site")
    assert dataset.x.shape == (1, 40, 2)
    assert dataset.class_names == ("a", "b") and dataset.domain_names == ("x", "y")
    assert {s: int((dataset.split == s).sum()) for s in dataset.splits()} == {"train": 24, "val": 8, "test": 8}
    train = dataset.x[0, dataset.split == "train"]
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-6)


def test_a_split_column_and_named_features_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = ["a,b,label,part"] + [f"{i},{-i},{i % 2 + 1},{('train', 'val', 'test')[i % 3]}" for i in range(12)]
    path = write(tmp_path / "mine.csv", rows)
    settings = table.Settings(path=path, label="label", split="part", features=("b",), standardise=False)
    dataset = table.prepare("mine", settings, 1, range(1), tmp_path)
    np.testing.assert_array_equal(dataset.x[0, :, 0], [-i for i in range(12)])
    assert dataset.class_names == ("1", "2")
    assert dataset.rows("val").tolist() == [1, 4, 7, 10]


def test_hidden_labels_stay_with_the_teachers(tmp_path: Path) -> None:
    dataset = prepare(write(tmp_path / "mine.csv", example()), features=("height",), label_share=0.25)
    train = dataset.split == "train"
    assert int((dataset.y[0, train] >= 0).sum()) == 6
    assert dataset.teacher_y is not None and (dataset.teacher_y[0, train] >= 0).all()


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (example(), {"id": "nam"}, "columns: found no 'nam'.*did you mean 'name'"),
        (example(), {"features": ("name",)}, "line 2, column 'name': found 'p0'; expected a finite number"),
        ([*example(), "p9,1,2,a"], {}, "line 42: found 4 cells; expected 5"),
        (
            [*example(), "p9,1,2,a,x"],
            {"id": "name", "features": ("height",)},
            "column 'name': found 1 repeated ids: 'p9' on lines 11, 42",
        ),
        (["name,height,width,kind,site"], {}, "rows: found a header only"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, rows: list[str], settings: dict, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        prepare(write(tmp_path / "mine.csv", rows), **settings)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"nowhere.csv: file: found nothing"):
        prepare(str(tmp_path / "nowhere.csv"))


def labelled(labels: list[str], tmp_path: Path, **settings):
    return prepare(
        write(tmp_path / "mine.csv", ["height,kind", *(f"{i * 7 % 10},{y}" for i, y in enumerate(labels))]), **settings
    )


def test_rows_without_label_are_training_rows_and_splits_are_drawn_from_the_others(tmp_path: Path) -> None:
    found = labelled(["a", "b", "NA", "", "?"] * 12, tmp_path, missing=("NA", "?"))
    assert found.class_names == ("a", "b") and (found.split[found.y[0] < 0] == "train").all()
    for split, n in {"train": 14, "val": 6, "test": 4}.items():  # 12 of each class: 7, 3 and 2
        assert int(((found.split == split) & (found.y[0] >= 0)).sum()) == n


def test_words_that_may_mean_no_label_are_classes_when_missing_says_so(tmp_path: Path) -> None:
    assert labelled(["NA", "?", "nan"] * 12, tmp_path, missing=()).class_names == ("?", "NA", "nan")


def test_classes_are_text_unless_all_are_whole_numbers(tmp_path: Path) -> None:
    assert labelled(["--1", "\u00b2"] * 12, tmp_path).class_names == ("--1", "\u00b2")
    assert labelled(["10", "9", "-3"] * 12, tmp_path).class_names == ("-3", "9", "10")
    assert labelled(["$5-$10", r"$\foo$"] * 12, tmp_path).class_names == ("$5-$10", r"$\foo$")


def test_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    rows = ["code,height,kind", *(f"{i:03d},{i * 7 % 10},{'ab'[i % 2]}" for i in range(20))]
    found = prepare(write(tmp_path / "mine.csv", rows), id="code")
    assert found.ids[7] == "007" and found.card["ids"] == "column 'code'"


def test_a_column_that_yaml_reads_as_a_number_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", ["1e5,2020,kind", *(f"{i * 7 % 10},{i},{'ab'[i % 2]}" for i in range(20))])
    for written in (["1e5"], ["1e5", 2020]):
        content = clean({"path": path, "label": "kind", "features": written})
        settings, mistakes = validate(table.Settings, content)
        assert settings is not None, mistakes
        assert table.prepare("mine", settings, 1, range(1), tmp_path).card["features"] == list(map(str, written))
    with pytest.raises(ContractError, match="features: found '1e5' in two roles"):
        prepare(path, id="100000", features=("1e5",))


@pytest.mark.parametrize(("impute", "value"), [("mean", 4.0), ("median", 2.0)])
def test_holes_are_filled_with_a_statistic_of_the_training_rows(tmp_path: Path, impute: str, value: float) -> None:
    train = [f"{x},1,{y},train" for x, y in zip(("1", "2", "9", "NA", ""), "ababa", strict=True)]
    rows = ["height,width,kind,part", *train, "NA,2,b,val", "100,3,a,test"]
    path = write(tmp_path / "mine.csv", rows)
    found = prepare(path, impute=impute, split="part", standardise=False)
    np.testing.assert_allclose(found.x[0, :, 0], [1, 2, 9, value, value, value, 100])
    assert found.card["imputation"] == {"statistic": impute, "values": {"height": value}}
    assert "height 3 of 7" in found.card["imputed"]


def test_a_number_that_means_missing_does_so_however_it_is_written(tmp_path: Path) -> None:
    rows = ["height,kind", *(f"{x},{'ab'[i % 2]}" for i, x in enumerate(["-999", "-999.0", "-9.99e2", "1", "3"] * 8))]
    settings, mistakes = validate(
        table.Settings, {"path": write(tmp_path / "mine.csv", rows), "label": "kind", "missing": [-999]}
    )
    assert settings is not None, mistakes
    with pytest.raises(ContractError, match="24 missing values in 1 columns"):
        table.prepare("mine", settings, 1, range(1), tmp_path)


def test_the_card_scales_raw_rows_into_the_students_inputs(tmp_path: Path) -> None:
    """What a bundle needs: (raw - mean) / scale is x, whatever the unit of a column; a constant column stays 0."""
    rng = np.random.default_rng(0)
    raw = np.stack([rng.normal(5, 2, 40), rng.normal(0, 1e-12, 40), np.full(40, 3.0), rng.normal(0, 1e12, 40)], axis=1)
    rows = ["a,b,c,d,kind", *(",".join([*map(repr, row.tolist()), "xy"[i % 2]]) for i, row in enumerate(raw))]
    found = prepare(write(tmp_path / "mine.csv", rows))
    mean, scale = (np.array(found.card["scaling"][name]) for name in ("mean", "scale"))
    assert found.card["features"] == ["a", "b", "c", "d"] and scale[2] == 0 and (scale[[0, 1, 3]] > 0).all()
    expected = np.where(scale > 0, (raw - mean) / np.where(scale > 0, scale, 1), 0)
    np.testing.assert_allclose(found.x[0], expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(found.x).all() and (found.x[0, :, 2] == 0).all()
    plain = prepare(str(tmp_path / "mine.csv"), standardise=False)
    assert plain.card["scaling"] == {"mean": [0.0] * 4, "scale": [1.0] * 4}


@pytest.mark.parametrize(
    "settings",
    [{"id": "kind"}, {"split": "a", "domain": "a"}, {"id": "a", "features": ("a",)}, {"features": ("a", "a")},
     {"split": "a", "splits": "s.csv"}, {"separator": ";;"}, {"separator": "1"},
     {"encoding": "klingon"}, {"encoding": "rot13"}],
)  # fmt: skip
def test_a_column_has_one_meaning_and_settings_are_known_ones(settings: dict) -> None:
    with pytest.raises(ValidationError, match="allowed"):
        table.Settings(path="mine.csv", label="kind", **settings)
