"""Protein: cell location from the sequence, on the authors' release (arXiv 2605.27967, section 8.1; DeepLoc 2.0, UniProt).

2,500 proteins for training, of which a seeded permutation sets ``val_share`` aside as the authors' code does, 1,000 for the
test and 2,000 with several locations as the split ``ood:multilabel``. The rows keep the order of the files, so that the
released teachers' logits fit: the training file (train and val mixed), the test file, the multi-label file.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd import seeds
from mtbkd.artefacts import Dataset
from mtbkd.datasets import Shape
from mtbkd.datasets.preprocess import LabelShare, hide_labels, standardise
from mtbkd.datasets.protein_features import FEATURES, TOLERATED, check_chain, features
from mtbkd.errors import ContractError

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord

SIMULATED = False
TRAIN, TEST, MULTILABEL = RAW = (
    "mtbkd/data_our_train_sample.csv", "mtbkd/data_our_test.csv", "mtbkd/data_MuLabel_sub.csv",
)  # fmt: skip
LOCATIONS = (
    "Cytoplasm", "Nucleus", "Extracellular", "Cell membrane", "Mitochondrion", "Plastid", "Endoplasmic reticulum",
    "Lysosome/Vacuole", "Golgi apparatus", "Peroxisome",
)  # fmt: skip
KINGDOMS = ("Fungi", "Metazoa", "Viridiplantae")
COLUMNS = ("ACC", "Kingdom", "Partition", *LOCATIONS, "Sequence")
SHAPE = Shape(features=(len(FEATURES),), class_names=LOCATIONS, domain_names=KINGDOMS)
OOD = "ood:multilabel"


class Settings(BaseModel):
    """How the training file is split, and how many of its labels to show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    val_share: float = Field(0.2, ge=0.05, le=0.5, description="share of the 2,500 training proteins kept for validation")
    label_share: LabelShare = 1.0


class Table(NamedTuple):
    """One checked file: N records, location (N,) or -1 where several, kingdom (N,), homology partition (N,)."""

    records: "list[SeqRecord]"
    location: np.ndarray
    kingdom: np.ndarray
    partition: np.ndarray


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains: fixed, columns that are constant in the training data stay as zeros."""
    return SHAPE


def read_table(path: Path, several: bool = False) -> Table:
    """Read one CSV of the release; ContractError names file, protein and what is wrong with it.

    Args:
        several: the file of proteins with several locations, which get the label -1; otherwise each has exactly one.
    """
    rows = _rows(path)
    for row in rows:
        if row["Kingdom"] not in KINGDOMS:
            raise ContractError(path, f"Kingdom of {row['ACC']}", repr(row["Kingdom"]), f"one of {', '.join(KINGDOMS)}")
    return Table(
        records=[_record(row, path) for row in rows],
        location=np.array([_location(row, path, several) for row in rows], dtype=np.int64),
        kingdom=np.array([KINGDOMS.index(row["Kingdom"]) for row in rows], dtype=np.int64),
        partition=np.array([row["Partition"] for row in rows]),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle, restval="")
            rows, columns = list(reader), reader.fieldnames or ()
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "a CSV of the authors' release", "run the rule download") from None
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise ContractError(path, "columns", f"no {', '.join(missing)}", ", ".join(COLUMNS))
    if not rows:
        raise ContractError(path, "rows", "none", "one protein a row")
    return rows


def _record(row: dict[str, str], path: Path) -> "SeqRecord":
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    check_chain(row["Sequence"], path, row["ACC"])
    return SeqRecord(Seq(row["Sequence"]), id=row["ACC"], annotations={"organism": row["Kingdom"]})


def _location(row: dict[str, str], path: Path, several: bool) -> int:
    field = f"locations of {row['ACC']}"
    odd = [f"{name} = {row[name]!r}" for name in LOCATIONS if row[name] not in ("0", "1")]
    if odd:
        raise ContractError(path, field, odd[0], "0 or 1")
    present = [code for code, name in enumerate(LOCATIONS) if row[name] == "1"]
    if several != (len(present) > 1) or not present:
        names = ", ".join(LOCATIONS[code] for code in present) or "none"
        raise ContractError(path, field, names, "at least two" if several else "exactly one")
    return -1 if several else present[0]


def _without_repeats(table: Table, taken: set[str]) -> tuple[Table, int]:
    """``table`` without the rows whose accession or sequence is ``taken``, and how many these were."""
    fresh = np.array([r.id not in taken and str(r.seq) not in taken for r in table.records])
    kept = [record for record, keep in zip(table.records, fresh, strict=True) if keep]
    return Table(kept, table.location[fresh], table.kingdom[fresh], table.partition[fresh]), int((~fresh).sum())


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check, describe and standardise the proteins: x (1, N, F), validated.

    An accession that stands twice in the training and test files is an error (the teachers' logits go by row); rows of the
    multi-label file whose accession or sequence is among them are dropped and counted on the card.
    """
    train, test = read_table(raw / TRAIN), read_table(raw / TEST)
    taken = {text for r in train.records + test.records for text in (str(r.id), str(r.seq))}
    ood, dropped = _without_repeats(read_table(raw / MULTILABEL, several=True), taken)
    _check_unique(train.records + test.records, f"{raw / TRAIN} and {raw / TEST}")
    tables = (train, test, ood)
    records = [record for table in tables for record in table.records]
    split = np.concatenate([
        _split_train(len(train.records), settings.val_share, seed),
        np.full(len(test.records), "test"), np.full(len(ood.records), OOD),
    ])  # fmt: skip
    y = np.concatenate([table.location for table in tables])
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    x, constant = standardise(features(records), split == "train")
    return Dataset(
        name=name,
        x=x[None],
        y=hidden[None],
        split=split,
        class_names=LOCATIONS,
        ids=np.array([record.id for record in records]),
        domain=np.concatenate([table.kingdom for table in tables])[None],
        domain_names=KINGDOMS,
        teacher_y=y[None] if settings.label_share < 1 else None,
        card={
            **_card(tables, split, y, dropped),
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
            "labelled_train": int(((hidden >= 0) & (split == "train")).sum()),
            "constant_features": [feature for feature, is_constant in zip(FEATURES, constant, strict=True) if is_constant],
        },
    ).validate()


def _check_unique(records: "list[SeqRecord]", where: str) -> None:
    accession, times = Counter(record.id for record in records).most_common(1)[0]
    if times > 1:
        raise ContractError(where, "ACC", f"{accession} {times} times", "each accession once in both files together")


def _split_train(n: int, val_share: float, seed: int) -> np.ndarray:
    split = np.full(n, "train", dtype=f"<U{len(OOD)}")
    order = np.random.default_rng(seeds.derive(seed, "data", replicate=0)).permutation(n)
    split[order[: round(val_share * n)]] = "val"
    return split


def _card(tables: tuple[Table, ...], split: np.ndarray, y: np.ndarray, dropped: int) -> dict[str, object]:
    chains = [str(record.seq) for table in tables for record in table.records]
    train, test = (sorted(set(table.partition.tolist())) for table in tables[:2])
    return {
        "kind": "protein",
        "simulated": False,
        "source": "authors' release of arXiv 2605.27967 (AnonymousSub1/MTBKD at 99d110f3), "
                  "from DeepLoc 2.0 (Thumuluri et al. 2022) and UniProt",
        "licence": "none stated for the release; sequences and locations from UniProt / DeepLoc 2.0 (CC BY 4.0)",
        "class_counts": {s: dict(zip(LOCATIONS, np.bincount(y[split == s], minlength=len(LOCATIONS)).tolist(), strict=True))
                         for s in ("train", "val", "test")},
        "dropped_multilabel_repeats": dropped,
        "repeated_sequences": len(chains) - len(set(chains)),
        "homology_partitions": f"train {', '.join(train)}; test {', '.join(test)}: relatives may stand on both sides",
        "sequence_lengths": [min(map(len, chains)), max(map(len, chains))],
        "truncation": "none: whole chains as released",
        "ambiguous_residues": f"{sum(c.count(a) for c in chains for a in TOLERATED)} of {TOLERATED} in "
                              f"{sum(bool(set(c) & set(TOLERATED)) for c in chains)} chains: left out of all compositions",
    }  # fmt: skip
