"""Protein: cell location from the sequence, on the authors' release (arXiv 2605.27967, section 8.1; DeepLoc 2.0, UniProt).

2,500 proteins for training, of which a seeded permutation sets ``val_share`` aside as the authors' code does, 1,000 for the
test and 2,000 with several locations as the split ``ood:multilabel``. The rows keep the order of the files, so that the
released teachers' logits fit: the training file (train and val mixed), the test file, the multi-label file.
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from mtbkd.base import seeds
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, protein_inputs
from mtbkd.data.preprocess import LabelShare, hide_labels
from mtbkd.data.protein_tables import KINGDOMS, LOCATIONS, Table, chains_card, check_unique, printed_counts, read

SIMULATED = False
TRAIN, TEST, MULTILABEL = RAW = (
    "mtbkd/data_our_train_sample.csv", "mtbkd/data_our_test.csv", "mtbkd/data_MuLabel_sub.csv",
)  # fmt: skip
OOD = "ood:multilabel"


class Settings(protein_inputs.EncodedSettings):
    """Validation share, label share, and encoders."""

    val_share: float = Field(0.2, ge=0.05, le=0.5, description="share of the 2,500 training proteins kept for validation")
    label_share: LabelShare = 1.0


uses = protein_inputs.uses


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the tables and of the encoders' weights."""
    return (*RAW, *protein_inputs.raw_files(settings))


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains: fixed, columns that are constant in the training data stay as zeros."""
    return Shape(features=(len(protein_inputs.names(settings)),), class_names=LOCATIONS, domain_names=KINGDOMS)


def read_table(path: Path, several: bool = False) -> Table:
    """Read one CSV of the release; ContractError names file, protein and what is wrong with it.

    Args:
        several: the file of proteins with several locations; otherwise each has exactly one.
    """
    table = read(path, KINGDOMS)
    for record, present in zip(table.records, table.present, strict=True):
        if several != (present.sum() > 1):
            names = ", ".join(name for name, there in zip(LOCATIONS, present, strict=True) if there)
            expected = "at least two" if several else "exactly one"
            raise ContractError(path, f"locations of {record.id}", names, expected)
    return table


def _without_repeats(table: Table, taken: set[str]) -> tuple[Table, int]:
    """``table`` without the rows whose accession or sequence is ``taken``, and how many these were."""
    fresh = np.array([r.id not in taken and str(r.seq) not in taken for r in table.records])
    return table.take(fresh), int((~fresh).sum())


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check, encode and standardise the proteins: x (1, N, F), validated.

    An accession that stands twice in the training and test files is an error (the teachers' logits go by row); rows of the
    multi-label file whose accession or sequence is among them are dropped and counted on the card.
    """
    train, test = read_table(raw / TRAIN), read_table(raw / TEST)
    taken = {text for r in train.records + test.records for text in (str(r.id), str(r.seq))}
    ood, dropped = _without_repeats(read_table(raw / MULTILABEL, several=True), taken)
    check_unique(train.records + test.records, f"{raw / TRAIN} and {raw / TEST}")
    tables = (train, test, ood)
    records = [record for table in tables for record in table.records]
    split = np.concatenate([
        _split_train(len(train.records), settings.val_share, seed),
        np.full(len(test.records), "test"), np.full(len(ood.records), OOD),
    ])  # fmt: skip
    y = np.concatenate([table.location for table in tables])
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    chains = [str(record.seq) for record in records]
    x, encoded = protein_inputs.encode(settings, chains, split == "train", raw)
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
        targets=np.concatenate([table.present for table in tables])[None],
        card={
            **_card(tables, split, y, dropped),
            **chains_card(chains),
            **encoded,
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
            "labelled_train": int(((hidden >= 0) & (split == "train")).sum()),
        },
    ).validate()


def _split_train(n: int, val_share: float, seed: int) -> np.ndarray:
    split = np.full(n, "train", dtype=f"<U{len(OOD)}")
    order = np.random.default_rng(seeds.derive(seed, "data", replicate=0)).permutation(n)
    split[order[: round(val_share * n)]] = "val"
    return split


def _card(tables: tuple[Table, ...], split: np.ndarray, y: np.ndarray, dropped: int) -> dict[str, object]:
    train, test = (sorted(set(table.partition.tolist())) for table in tables[:2])
    counts = {s: np.bincount(y[split == s], minlength=len(LOCATIONS)) for s in ("train", "val", "test")}
    single = np.bincount(y[y >= 0], minlength=len(LOCATIONS))
    return {
        "kind": "protein",
        "simulated": False,
        "source": "authors' release of arXiv 2605.27967 (AnonymousSub1/MTBKD at 99d110f3), "
                  "from DeepLoc 2.0 (Thumuluri et al. 2022) and UniProt",
        "licence": "none stated for the release; sequences and locations from UniProt / DeepLoc 2.0 (CC BY 4.0)",
        "class_counts": {s: dict(zip(LOCATIONS, n.tolist(), strict=True)) for s, n in counts.items()},
        "counts_and_table_3": printed_counts(single, "proteins with one location in the release"),
        "dropped_multilabel_repeats": dropped,
        "homology_partitions": f"train {', '.join(train)}; test {', '.join(test)}: relatives may stand on both sides",
    }  # fmt: skip
