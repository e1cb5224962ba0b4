"""Teachers given as files: matched by id, checked by accuracy, refused with the place of the mistake."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.teachers import released
from tests.teachers.examples import write_as


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, (1, 12))
    split = np.array(["train"] * 6 + ["val"] * 2 + ["test"] * 4)
    ids = np.array([f"e{i}" for i in range(12)])
    return Dataset("small", rng.normal(size=(1, 12, 2)).astype("f4"), y, split, ("a", "b", "c"), ids).validate()


def right_logits(dataset: Dataset) -> np.ndarray:
    return np.eye(3)[dataset.y[0]] * 4 - 1


def write(path: Path, ids: list[str], values: np.ndarray, header: str = "id,a,b,c") -> str:
    lines = [f"{i}," + ",".join(f"{v:.4f}" for v in row) for i, row in zip(ids, values, strict=True)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


def read(dataset: Dataset, path: str, **settings) -> Logits:
    return released.train("mine", None, released.Settings(path=path, **settings), dataset, 0, 0, "cpu", Path("unused"))


def test_rows_in_any_order_are_matched_by_id(dataset: Dataset, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(12)
    path = write(tmp_path / "t.csv", dataset.ids[order].tolist(), right_logits(dataset)[order])
    logits = read(dataset, path, expected_accuracy=1.0)
    np.testing.assert_allclose(logits.logits[0], right_logits(dataset))
    assert logits.covered.all() and logits.card["accuracy"] == {"train": 1.0, "val": 1.0, "test": 1.0}


def test_a_whole_split_may_be_missing_but_no_part_of_one(dataset: Dataset, tmp_path: Path) -> None:
    values = right_logits(dataset)
    logits = read(dataset, write(tmp_path / "t.csv", dataset.ids[:8].tolist(), values[:8]))
    assert logits.covered.tolist() == [True] * 8 + [False] * 4
    with pytest.raises(ContractError, match="1 ids of 'train' missing, the first is e0"):
        read(dataset, write(tmp_path / "t.csv", dataset.ids[1:].tolist(), values[1:]))


def test_probabilities_become_logits_and_zeros_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    prob = np.full((12, 3), 0.25)
    prob[:, 0] = 0.5
    logits = read(dataset, write(tmp_path / "t.csv", dataset.ids.tolist(), prob), values="probabilities")
    np.testing.assert_allclose(logits.logits[0], np.log(prob), rtol=1e-6)
    with pytest.raises(ContractError, match="values <= 0"):
        read(dataset, write(tmp_path / "t.csv", dataset.ids.tolist(), np.eye(3)[[0] * 12]), values="probabilities", floor=0)


def test_logits_taken_for_probabilities_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", dataset.ids.tolist(), right_logits(dataset) + 5)
    with pytest.raises(ContractError, match="set values: logits"):
        read(dataset, path, values="probabilities")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids, v: (ids, np.where(np.arange(12)[:, None] == 3, np.nan, v), "id,a,b,c"), "line 5, column 'a': found 'nan'"),
        (lambda ids, v: (ids, v[:, :2], "id,a,b"), "columns: found no 'c'"),
        (lambda ids, v: (ids[:5] + ids[:1] + ids[6:], v, "id,a,b,c"), "column 'id': found 1 repeated ids: 'e0' on lines 2, 7"),
    ],
    ids=["NaN", "wrong K", "repeated id"],
)
def test_broken_files_are_named_with_their_place(change, message: str, dataset: Dataset, tmp_path: Path) -> None:
    ids, values, header = change(dataset.ids.tolist(), right_logits(dataset))
    with pytest.raises(ContractError, match=message):
        read(dataset, write(tmp_path / "t.csv", ids, values, header))


def test_rows_in_another_order_are_caught_by_the_known_accuracy(dataset: Dataset, tmp_path: Path) -> None:
    shifted = np.roll(right_logits(dataset), 1, axis=0)
    with pytest.raises(ContractError, match="are the rows in a different order"):
        read(dataset, write(tmp_path / "t.csv", dataset.ids.tolist(), shifted), expected_accuracy=1.0)


def test_logits_of_other_data_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    read(dataset, write(tmp_path / "t.csv", dataset.ids.tolist(), right_logits(dataset))).write(tmp_path / "out")
    with pytest.raises(ContractError, match="rows in another order or of other data"):
        Logits.read(tmp_path / "out", replace(dataset, ids=dataset.ids[::-1]))


def test_the_authors_files_are_read_in_their_order(dataset: Dataset, tmp_path: Path) -> None:
    """Files of the release have no ids; the training file has a header that counts the columns, the test file has none."""
    values, (train, test) = right_logits(dataset), released.SOURCES["mtbkd/prott5"].values()
    for key, rows, header in ((train, values[:8], "0,1,2\n"), (test, values[8:], "")):
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_text(header + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    settings = released.Settings(source="mtbkd/prott5", expected_accuracy=1.0)
    logits = released.train("t5", None, settings, dataset, 0, 0, "cpu", tmp_path)
    np.testing.assert_allclose(logits.logits[0], values)
    (tmp_path / test).write_text("1,2,3\n")
    with pytest.raises(ContractError, match=r"T5_probs_test.csv: rows: found 1; expected 4"):
        released.train("t5", None, settings, dataset, 0, 0, "cpu", tmp_path)


def test_exactly_one_place_is_named() -> None:
    with pytest.raises(ValueError, match="exactly one of source and path"):
        released.Settings()


def test_probabilities_below_the_floor_are_raised_and_the_card_says_so(dataset: Dataset, tmp_path: Path) -> None:
    """(1, 0, 0) with a floor of .001 is (1, .001, .001) / 1.002; rows above the floor stay as they are."""
    prob = np.eye(3)[[0] * 12]
    prob[5] = (0.5, 0.3, 0.2)
    path = write(tmp_path / "t.csv", dataset.ids.tolist(), prob)
    logits = read(dataset, path, values="probabilities")
    np.testing.assert_allclose(np.exp(logits.logits[0, 0]), np.array([1, 0.001, 0.001]) / 1.002, rtol=1e-5)
    np.testing.assert_allclose(np.exp(logits.logits[0, 5]), prob[5], rtol=1e-5)
    assert logits.card["values"].startswith("22 of 36 probabilities raised to the floor 0.001")
    lower = read(dataset, path, values="probabilities", floor=1e-5)
    np.testing.assert_allclose(np.exp(lower.logits[0, 0, 1]), 1e-5 / 1.00002, rtol=1e-4)
    with pytest.raises(ValueError, match="floor with values: probabilities or missing_class: floor only"):
        released.Settings(path=path, floor=0.1)


def test_ids_that_the_data_lack_may_be_ignored_and_are_counted(dataset: Dataset, tmp_path: Path) -> None:
    ids, values = [*dataset.ids.tolist(), "z1", "z2"], np.vstack([right_logits(dataset), np.zeros((2, 3))])
    path = write(tmp_path / "t.csv", ids, values)
    logits = read(dataset, path, extra_ids="ignore")
    np.testing.assert_allclose(logits.logits[0], right_logits(dataset))
    assert logits.card["joined"] == "joined by id; 2 ids not in the data, the first is 'z1' (line 14) (ignored)"


def test_an_array_alone_is_joined_by_row_number_and_says_so(dataset: Dataset, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", right_logits(dataset))
    logits = read(dataset, str(tmp_path / "t.npy"))
    np.testing.assert_allclose(logits.logits[0], right_logits(dataset))
    assert logits.card["joined"].startswith("joined by row number, and columns in the order a, b, c")


def test_classes_of_an_archive_may_come_in_any_order(dataset: Dataset, tmp_path: Path) -> None:
    order, values = [2, 0, 1], right_logits(dataset)
    np.savez(tmp_path / "t.npz", values=values[:, order], ids=dataset.ids, class_names=np.array(list("abc"))[order])
    np.testing.assert_allclose(read(dataset, str(tmp_path / "t.npz")).logits[0], values)


def test_classes_that_pandas_wrote_as_floats_are_the_same_classes(dataset: Dataset, tmp_path: Path) -> None:
    """A column of whole numbers with a missing label becomes 0.0, 1.0, 2.0 on its way through a frame."""
    numbered = replace(dataset, class_names=("0", "1", "2"))
    floats = write(tmp_path / "f.csv", dataset.ids.tolist(), right_logits(dataset)[:, [2, 0, 1]], "id,2.0,0.0,1.0")
    np.testing.assert_allclose(read(numbered, floats).logits[0], right_logits(dataset))
    whole = write(tmp_path / "w.csv", dataset.ids.tolist(), right_logits(dataset), "id,0,1,2")
    back = replace(dataset, class_names=("0.0", "1.0", "2.0"))
    np.testing.assert_allclose(read(back, whole).logits[0], right_logits(dataset))
    both = write(tmp_path / "b.csv", dataset.ids.tolist(), right_logits(dataset), "id,0,1,1.0")
    with pytest.raises(ContractError, match=r"no '2' among 0, 1, 1\.0"):
        read(numbered, both)


FORMATS = ("csv", "tsv", "csv.gz", "parquet", "npz", "npy", "safetensors")


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_says_the_same(dataset: Dataset, tmp_path: Path, ending: str) -> None:
    """In any order of rows and classes, where the file names them; a class without a column has the floor."""
    prob = np.random.default_rng(2).dirichlet([0.3] * 3, 12)
    rows, columns = np.random.default_rng(1).permutation(12), [2, 0, 1]
    if ending == "npy":
        rows, columns = np.arange(12), [0, 1, 2]
    names = [dataset.class_names[k] for k in columns]
    for kind, values in (("probabilities", prob), ("logits", np.log(prob) + 2)):
        path = write_as(ending, tmp_path / f"{kind}.{ending}", dataset.ids[rows], values[rows][:, columns], names)
        found = read(dataset, path, values=kind, floor=0.001 if kind == "probabilities" else None).logits[0]
        raised = np.log(np.maximum(prob, 0.001) / np.maximum(prob, 0.001).sum(1, keepdims=True))
        np.testing.assert_allclose(found, raised if kind == "probabilities" else values, atol=1e-5)
    if ending == "npy":
        return
    two = prob[:, :2] / prob[:, :2].sum(1, keepdims=True)
    for kind, values in (("probabilities", two), ("logits", np.log(two) - 1)):
        path = write_as(ending, tmp_path / f"two {kind}.{ending}", dataset.ids[rows], values[rows][:, ::-1], ["b", "a"])
        with pytest.raises(ContractError, match="no 'c' among b, a"):
            read(dataset, path, values=kind)
        found = read(dataset, path, values=kind, floor=0.01, missing_class="floor")
        said = softmax(found.logits[0].astype(float), -1)
        assert (found.logits[0].argmax(1) == two.argmax(1)).all() and found.card[
            "lacking"
        ] == "no column for c: probability 0.01"
        if kind == "logits":
            np.testing.assert_allclose(said, np.column_stack([0.99 * two, np.full(12, 0.01)]), atol=1e-6)
        else:
            raised = np.maximum(np.column_stack([two, np.zeros(12)]), 0.01)
            np.testing.assert_allclose(said, raised / raised.sum(1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_column_of_the_ids_may_have_another_name(dataset: Dataset, tmp_path: Path, ending: str) -> None:
    values = right_logits(dataset)
    path = write_as(ending, tmp_path / f"t.{ending}", dataset.ids, values, ["a", "b", "c"], "plant")
    if ending in ("npz", "npy", "safetensors"):
        with pytest.raises(ContractError, match=f"id: found the column 'plant'; expected no such setting, as .{ending} has no"):
            read(dataset, path, id="plant")
        return
    np.testing.assert_allclose(read(dataset, path, id="plant").logits[0], values)
    with pytest.raises(ContractError, match="columns: found"):
        read(dataset, path)


def test_a_missing_class_needs_a_floor_and_a_class_that_is_known(dataset: Dataset, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", dataset.ids.tolist(), right_logits(dataset)[:, :2], "id,a,b")
    for values in ("logits", "probabilities"):
        with pytest.raises(ContractError):
            read(dataset, path, values=values, missing_class="floor", floor=0)
    other = write(tmp_path / "o.csv", dataset.ids.tolist(), right_logits(dataset)[:, :2], "id,x,y")
    with pytest.raises(ContractError, match="no 'a' among x, y"):
        read(dataset, other, missing_class="floor")
    typo = write(tmp_path / "q.csv", dataset.ids.tolist(), right_logits(dataset), "id,a,b,cc")
    with pytest.raises(ContractError, match="'cc', which is no class"):
        read(dataset, typo, missing_class="floor")
