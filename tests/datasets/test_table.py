"""The user's own CSV: what is read, and what is refused with the place of the mistake."""

from pathlib import Path

import numpy as np
import pytest

from mtbkd.datasets import table
from mtbkd.errors import ContractError


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
