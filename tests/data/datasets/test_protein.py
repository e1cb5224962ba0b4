"""The protein dataset: rows as released, features as defined, and faults named by file and protein."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data import protein_tables
from mtbkd.data.datasets import protein
from mtbkd.data.encoders.descriptors import FEATURES

RELEASED = {
    protein.TRAIN: (506, 589, 349, 317, 262, 137, 169, 67, 80, 24),
    protein.TEST: (206, 251, 138, 118, 102, 40, 65, 41, 25, 14),
}
PUBLISHED_SHARE = {  # of the 5,000 proteins counted in the paper's table 3; the release holds 3,500 of them
    "Nucleus": 1243, "Cytoplasm": 955, "Extracellular": 717, "Cell membrane": 619, "Mitochondrion": 515,
    "Endoplasmic reticulum": 334, "Plastid": 247, "Lysosome/Vacuole": 171, "Golgi apparatus": 142, "Peroxisome": 57,
}  # fmt: skip


@pytest.fixture(scope="module")
def released(mirror: Path) -> Dataset:
    return protein.prepare("protein", protein.Settings.model_validate({}), seed=1, replicates=range(1), raw=mirror)


def row(accession: str, chain: str, *locations: str, kingdom: str = "Fungi") -> dict[str, str]:
    present = {name: str(int(name in locations)) for name in protein_tables.LOCATIONS}
    return {"ACC": accession, "Kingdom": kingdom, "Partition": "0", **present, "Sequence": chain}


def write(raw: Path, key: str, rows: list[dict[str, str]]) -> Path:
    (raw / key).parent.mkdir(parents=True, exist_ok=True)
    with open(raw / key, "w", newline="") as handle:
        writer = csv.DictWriter(handle, list[str](protein_tables.COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    return raw / key


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A release in small: 20 training proteins, 5 for the test, 4 with two locations; tryptophan in the test only."""
    rng = np.random.default_rng(0)
    chains = ["M" + "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVY"), 80)) for _ in range(29)]
    names = protein_tables.LOCATIONS
    write(
        tmp_path,
        protein.TRAIN,
        [row(f"T{i}", chains[i], names[i % 10], kingdom=protein_tables.KINGDOMS[i % 3]) for i in range(20)],
    )
    write(tmp_path, protein.TEST, [row(f"E{i}", "WWW" + chains[i], names[i % 10]) for i in range(20, 25)])
    write(tmp_path, protein.MULTILABEL, [row(f"O{i}", chains[i], names[0], names[3]) for i in range(25, 29)])
    return tmp_path


def prepare(raw: Path, seed: int = 1, **settings: float) -> Dataset:
    return protein.prepare("p", protein.Settings.model_validate(settings), seed, range(1), raw)


def test_the_release_has_its_splits_and_shape(released: Dataset):
    assert {s: int((released.split == s).sum()) for s in released.splits()} == {
        "train": 2000, "val": 500, "test": 1000, protein.OOD: 2000,
    }  # fmt: skip
    assert (
        released.x.shape
        == (1, 5500, len(FEATURES))
        == (1, 5500, *protein.describe(protein.Settings.model_validate({})).features)
    )
    assert (released.y[0, released.split == protein.OOD] == -1).all()
    assert released.card["dropped_multilabel_repeats"] == released.card["repeated_sequences"] == 0


def test_class_counts_of_the_release_are_those_of_its_files(released: Dataset):
    assert tuple(np.bincount(released.y[0, :2500])) == RELEASED[protein.TRAIN]
    assert tuple(np.bincount(released.y[0, 2500:3500])) == RELEASED[protein.TEST]


def test_class_shares_of_the_release_are_near_the_published_ones(released: Dataset):
    share = np.bincount(released.y[0, :3500]) / 3500
    published = np.array([PUBLISHED_SHARE[name] for name in protein_tables.LOCATIONS]) / 5000
    standard_error = np.sqrt(published * (1 - published) / 3500)
    assert (np.abs(share - published) < 4 * standard_error).all()


@pytest.mark.parametrize("teacher", ["ESM_650M", "T5"])
def test_rows_are_in_the_order_of_the_released_logits(released: Dataset, mirror: Path, teacher: str):
    folder = mirror / "mtbkd"
    train = np.loadtxt(folder / f"{teacher}_probs_sample.csv", delimiter=",", skiprows=1)
    test = np.loadtxt(folder / f"{teacher}_probs_test.csv", delimiter=",")
    assert np.mean(train.argmax(1) == released.y[0, :2500]) > 0.7
    assert np.mean(test.argmax(1) == released.y[0, 2500:3500]) > 0.7


def test_rows_keep_the_order_of_the_files(raw: Path):
    data = prepare(raw)
    assert data.ids.tolist() == [f"T{i}" for i in range(20)] + [f"E{i}" for i in range(20, 25)] + [
        f"O{i}" for i in range(25, 29)
    ]
    assert data.y[0, :20].tolist() == [i % 10 for i in range(20)]
    assert data.domain is not None and data.domain[0, :20].tolist() == [i % 3 for i in range(20)]


def test_validation_is_a_seeded_share_of_the_training_file(raw: Path):
    first, again, other = prepare(raw, val_share=0.3), prepare(raw, val_share=0.3), prepare(raw, seed=2, val_share=0.3)
    assert (first.split[:20] == "val").sum() == 6 and not (first.split[20:] == "val").any()
    assert (first.split == again.split).all() and (first.split != other.split).any()


def test_features_are_standardised_on_train_only_and_constant_ones_are_zero(raw: Path):
    data = prepare(raw)
    train = data.x[0, data.split == "train"].astype(np.float64)
    varying = train.std(0) > 0
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0)[varying], 1, atol=1e-4)
    assert abs(data.x[0, data.split == "test"].mean(0)[varying]).max() > 0.5
    tryptophan = FEATURES.index("chain_W")
    assert (data.x[0, :, tryptophan] == 0).all() and "descriptors:chain_W" in data.card["constant_features"]


def test_hidden_labels_stay_known_to_teachers(raw: Path):
    whole, data = prepare(raw), prepare(raw, label_share=0.5)
    train = data.split == "train"
    assert (data.y[0, train] >= 0).sum() == data.card["labelled_train"] == 8
    assert data.teacher_y is not None and (data.teacher_y == whole.y).all() and whole.teacher_y is None


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ("MKV*LL", r"'\*' at residue 4"),
        ("MKé", r".*U\+00E9\) at residue 3"),
        ("", "an empty sequence"),
        ("XX", "no known residue"),
    ],
)
def test_a_bad_sequence_is_named_by_file_protein_and_place(tmp_path: Path, chain: str, found: str):
    path = write(tmp_path, protein.TRAIN, [row("P1", "MKV", "Nucleus"), row("P2", chain, "Nucleus")])
    with pytest.raises(ContractError, match=rf"data_our_train_sample\.csv: sequence of P2: found {found}"):
        protein.read_table(path)


@pytest.mark.parametrize(
    ("locations", "several", "found", "expected"),
    [
        (("Cytoplasm", "Nucleus"), False, "Cytoplasm, Nucleus", "exactly one"),
        ((), False, "none", "at least one"),
        (("Nucleus",), True, "Nucleus", "at least two"),
        ((), True, "none", "at least one"),
    ],
)
def test_the_number_of_locations_is_checked(
    tmp_path: Path, locations: tuple[str, ...], several: bool, found: str, expected: str
):
    path = write(tmp_path, protein.TEST, [row("P9", "MKV", *locations)])
    with pytest.raises(ContractError, match=f"locations of P9: found {found}; expected {expected}"):
        protein.read_table(path, several)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Nucleus": "2"}, "locations of P1: found Nucleus = '2'; expected 0 or 1"),
        ({"Kingdom": "Fungy"}, "Kingdom of P1: found 'Fungy'; expected one of Fungi, Metazoa"),
    ],
)
def test_an_odd_value_is_named(tmp_path: Path, change: dict[str, str], message: str):
    path = write(tmp_path, protein.TRAIN, [{**row("P1", "MKV", "Nucleus"), **change}])
    with pytest.raises(ContractError, match=message):
        protein.read_table(path)


def test_missing_files_columns_and_rows_are_named(tmp_path: Path):
    with pytest.raises(ContractError, match="found nothing; expected a CSV"):
        protein.read_table(tmp_path / "none.csv")
    (tmp_path / "few.csv").write_text("ACC,Sequence\nP1,MKV\n")
    with pytest.raises(ContractError, match="columns: found no Kingdom, Partition"):
        protein.read_table(tmp_path / "few.csv")
    with pytest.raises(ContractError, match="rows: found a header only"):
        protein.read_table(write(tmp_path, protein.TRAIN, []))


def test_multilabel_rows_that_repeat_a_protein_are_dropped_and_counted(raw: Path):
    pair = ("Nucleus", "Cytoplasm")
    chain = protein.read_table(raw / protein.TRAIN).records[0].seq
    repeats = [row("T3", "MKVLLA", *pair), row("NEW1", str(chain), *pair), row("NEW2", "MKVLLW", *pair)]
    write(raw, protein.MULTILABEL, repeats)
    data = prepare(raw)
    assert data.ids[data.split == protein.OOD].tolist() == ["NEW2"]
    assert data.card["dropped_multilabel_repeats"] == 2


def test_a_test_protein_that_is_also_in_training_is_an_error(raw: Path):
    write(raw, protein.TEST, [row("T3", "MKVLLA", "Nucleus")])
    with pytest.raises(ContractError, match="ACC: found T3 2 times"):
        prepare(raw)


def test_the_dataset_survives_a_round_trip(raw: Path, tmp_path: Path):
    data = prepare(raw)
    data.write(tmp_path / "out")
    again = Dataset.read(tmp_path / "out")
    assert (again.x == data.x).all() and again.ids.tolist() == data.ids.tolist() and again.card["licence"]
