"""The full DeepLoc 2.0 set: splits by homology, all locations as targets, faults named by file and protein."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import deeploc
from mtbkd.data.protein_tables import COLUMNS, LOCATIONS


def write(path: Path, rows: list[dict[str, str]], leave_out: tuple[str, ...] = ()) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", newline="") as handle:
        writer = csv.DictWriter(handle, [c for c in COLUMNS if c not in leave_out], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def row(accession: str, chain: str, *locations: int, kingdom: str = "Fungi", partition: int = 0) -> dict[str, str]:
    present = {name: str(int(code in locations)) for code, name in enumerate(LOCATIONS)}
    return {"ACC": accession, "Kingdom": kingdom, "Partition": str(partition), **present, "Sequence": chain}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A set in small: 60 proteins over five partitions and four kingdoms, every fifth with two locations; 12 human ones."""
    rng = np.random.default_rng(0)
    chains = iter("M" + "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 50)) for _ in range(100))
    proteins = [
        row(f"P{i}", next(chains), i % 10, *([(i + 3) % 10] if i % 5 == 0 else []),
            kingdom=deeploc.DOMAINS[i % 4], partition=(i // 5) % 5)
        for i in range(60)
    ]  # fmt: skip
    human = [row(f"ENSP{i}", next(chains), i % 10, *([(i + 1) % 10] if i < 4 else [])) for i in range(12)]
    write(tmp_path / deeploc.FULL, proteins)
    write(tmp_path / deeploc.HPA, human, leave_out=("Kingdom", "Partition"))
    return tmp_path


def prepare(raw: Path, **settings: object) -> Dataset:
    return deeploc.prepare("d", deeploc.Settings.model_validate(settings), 1, range(1), raw)


def partition_of(data: Dataset, split: str) -> set[int]:
    return {int(name[1:]) // 5 % 5 for name in data.ids[data.split == split].tolist()}


def test_no_partition_stands_on_both_sides(raw: Path):
    data = prepare(raw, test_partition=2, val_partition=4)
    assert partition_of(data, "test") == partition_of(data, "ood:multilabel") == {2}
    assert partition_of(data, "val") == {4} and partition_of(data, "train") == {0, 1, 3}
    assert "train 0, 1, 3; val 4; test 2: no relative" in data.card["homology_partitions"]


def test_students_of_one_location_see_proteins_with_one(raw: Path):
    data = prepare(raw)
    assert data.targets is not None
    several = data.targets[0].sum(1) > 1
    assert (several == (data.split == "ood:multilabel")).all() and several.any()
    assert (data.y[0, several] == -1).all() and (data.y[0, ~several] == data.targets[0].argmax(1)[~several]).all()
    assert (data.split == "ood:hpa").sum() == 8


def test_all_proteins_stand_in_every_split_when_asked_for(raw: Path):
    data = prepare(raw, proteins="all")
    assert data.num_examples == 72 and "ood:multilabel" not in data.splits() and (data.split == "ood:hpa").sum() == 12
    assert data.targets is not None
    for split in ("train", "val", "test", "ood:hpa"):
        assert (data.targets[0, data.split == split].sum(1) > 1).any(), split


def test_domains_are_kingdoms_and_human_proteins_are_animals(raw: Path):
    data = prepare(raw)
    assert data.domain is not None and data.domain_names == ("Fungi", "Metazoa", "Viridiplantae", "Other")
    assert {data.domain_names[code] for code in data.domain[0, data.split == "ood:hpa"]} == {"Metazoa"}
    first = [int(name[1:]) % 4 for name in data.ids.tolist() if name.startswith("P")]
    assert data.domain[0, : len(first)].tolist() == first


def test_a_random_split_mixes_partitions_and_says_so(raw: Path):
    data = prepare(raw, split="random")
    assert len(partition_of(data, "test")) > 1 and "relatives may stand on both sides" in data.card["homology_partitions"]


def test_subsamples_have_the_size_asked_for_and_are_seeded(raw: Path):
    sizes = {"n_train": 10, "n_val": 3, "n_test": 4, "n_ood": 2}
    data = prepare(raw, **sizes)
    assert [int((data.split == s).sum()) for s in ("train", "val", "test", "ood:hpa", "ood:multilabel")] == [10, 3, 4, 2, 2]
    assert (prepare(raw, **sizes).ids == data.ids).all() and set(data.ids) < set(prepare(raw).ids)


def test_targets_survive_a_round_trip(raw: Path, tmp_path: Path):
    data = prepare(raw, proteins="all")
    data.write(tmp_path / "out")
    read = Dataset.read(tmp_path / "out")
    assert read.targets is not None and data.targets is not None and (read.targets == data.targets).all()


def test_the_printed_counts_stand_beside_those_of_the_full_set(mirror: Path):
    settings = {"n_train": 60, "n_val": 20, "n_test": 30, "n_ood": 10}
    card = prepare(mirror, **settings).card
    assert "21,619 proteins with one location" in card["counts_and_table_3"]
    assert "Nucleus 5,462 (1,243)" in card["counts_and_table_3"] and card["several_locations"].startswith("6,684 of the 28,303")


def test_a_test_partition_that_also_validates_is_refused():
    with pytest.raises(ValidationError, match="a val_partition other than the test_partition"):
        deeploc.Settings.model_validate({"test_partition": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Kingdom": "Animals"}, r"Kingdom of P7: found 'Animals'; expected one of Fungi, Metazoa, Viridiplantae, Other"),
        ({"Golgi apparatus": ""}, "locations of P7: found Golgi apparatus = ''; expected 0 or 1"),
        ({name: "0" for name in LOCATIONS}, "locations of P7: found none; expected at least one"),
        ({"Sequence": "MKV*LL"}, r"sequence of P7: found '\*' at residue 4"),
        ({"Sequence": "ACGT" * 20}, "sequence of P7: .*nucleotides"),
        ({"ACC": "P6"}, "ACC: found P6 2 times"),
    ],
)
def test_a_bad_row_is_named(raw: Path, change: dict[str, str], message: str):
    with gzip.open(raw / deeploc.FULL, "rt") as handle:
        rows = list(csv.DictReader(handle))
    rows[7] |= change
    write(raw / deeploc.FULL, rows)
    with pytest.raises(ContractError, match=message):
        prepare(raw)


def test_a_damaged_file_is_named(raw: Path):
    path = raw / deeploc.FULL
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ContractError, match=r"Swissprot.*gzip: found .*; expected a complete gzip file"):
        prepare(raw)
