"""DeepLoc: the full DeepLoc 2.0 set (Thumuluri et al. 2022), its homology partitions and its test set from human cells.

28,303 proteins of four kingdoms (the domains) in five partitions that share no relatives (at most 30 % identity). With
``split: partition`` one partition is for the test, one for validation and three are for training, so that no relative of a
test protein is trained on; ``random`` mixes them, as the paper's data do. Students of one location see the proteins that
have one; those with several are the split ``ood:multilabel``, taken from the test partition. With ``proteins: all`` they stand
in every split, their ``y`` being the first of their locations. ``targets`` hold all locations either way. ``ood:hpa`` are
proteins whose location was seen by microscopy in human cells (Human Protein Atlas).
"""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mtbkd.base import seeds
from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, protein_inputs
from mtbkd.data.preprocess import LabelShare, hide_labels
from mtbkd.data.protein_tables import KINGDOMS, LOCATIONS, Table, chains_card, check_unique, printed_counts, read

SIMULATED = False
FULL, HPA = RAW = "deeploc2/Swissprot_Train_Validation_dataset.csv.gz", "deeploc2/hpa_testset.csv.gz"
DOMAINS = (*KINGDOMS, "Other")
PARTITIONS = 5
RANDOM_SHARES = {"train": 3 / 5, "val": 1 / 5, "test": 1 / 5}
SEVERAL, HUMAN = "ood:multilabel", "ood:hpa"
Size = Examples | None


class Settings(protein_inputs.EncodedSettings):
    """Choice of proteins, splits, sizes of the splits, and encoders."""

    proteins: Literal["one_location", "all"] = Field(
        "one_location", description="all: includes proteins with several locations"
    )
    split: Literal["partition", "random"] = Field("partition", description="random: homologues may occur on both sides")
    test_partition: int = Field(0, ge=0, lt=PARTITIONS, description="homology partition used for testing")
    val_partition: int = Field(1, ge=0, lt=PARTITIONS, description="homology partition used for validation")
    n_train: Size = Field(None, description="number of training proteins, drawn at random; default: all")
    n_val: Size = Field(None, description="number of validation proteins, drawn at random; default: all")
    n_test: Size = Field(None, description="number of test proteins, drawn at random; default: all")
    n_ood: Size = Field(None, description="number of proteins in every ood split, drawn at random; default: all")
    label_share: LabelShare = 1.0

    @model_validator(mode="after")
    def _two_partitions(self) -> Self:
        if self.split == "partition" and self.test_partition == self.val_partition:
            raise ValueError("allowed: a val_partition other than the test_partition")
        return self


uses = protein_inputs.uses


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the tables and of the encoders' weights."""
    return (*RAW, *protein_inputs.raw_files(settings))


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains: fixed, columns that are constant in the training data stay as zeros."""
    return Shape(features=(len(protein_inputs.names(settings)),), class_names=LOCATIONS, domain_names=DOMAINS)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check, split, encode and standardise the proteins: x (1, N, F), targets (1, N, K), validated."""
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0))
    swissprot = read(raw / FULL, DOMAINS)
    human = read(raw / HPA, DOMAINS, {"Kingdom": "Metazoa", "Partition": "HPA"})
    check_unique(swissprot.records + human.records, f"{raw / FULL} and {raw / HPA}")
    if settings.proteins == "one_location":
        human = human.take(human.location >= 0)
    split = _split(swissprot, settings, rng)
    split = np.concatenate([split, np.full(len(human.records), HUMAN)])
    table, split = _subsample(swissprot.followed_by(human), split, settings, rng)
    y = table.present.argmax(1).astype(np.int64)
    y[split == SEVERAL] = -1
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    chains = [str(record.seq) for record in table.records]
    x, encoded = protein_inputs.encode(settings, chains, split == "train", raw)
    return Dataset(
        name=name,
        x=x[None],
        y=hidden[None],
        split=split,
        class_names=LOCATIONS,
        ids=np.array([record.id for record in table.records]),
        domain=table.kingdom[None],
        domain_names=DOMAINS,
        teacher_y=y[None] if settings.label_share < 1 else None,
        targets=table.present[None],
        card={
            **_card(swissprot, table, split, settings),
            **chains_card(chains),
            **encoded,
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
            "labelled_train": int(((hidden >= 0) & (split == "train")).sum()),
        },
    ).validate()


def _split(table: Table, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """The split (N,) of every protein, "" for those that have none."""
    if settings.split == "random":
        split = rng.choice(list(RANDOM_SHARES), size=len(table.records), p=list(RANDOM_SHARES.values()))
    else:
        of = {str(settings.test_partition): "test", str(settings.val_partition): "val"}
        split = np.array([of.get(partition, "train") for partition in table.partition.tolist()])
    if settings.proteins == "all":
        return split
    return np.where(table.location >= 0, split, np.where(split == "test", SEVERAL, ""))


def _subsample(table: Table, split: np.ndarray, settings: Settings, rng: np.random.Generator) -> tuple[Table, np.ndarray]:
    """At most as many proteins of each split as asked for, in the order of the files; those of no split are left out."""
    most = {"train": settings.n_train, "val": settings.n_val, "test": settings.n_test, "": 0}
    kept = []
    for name in ("train", "val", "test", SEVERAL, HUMAN, ""):
        kept += rng.permutation(np.flatnonzero(split == name))[: most.get(name, settings.n_ood)].tolist()
    rows = np.sort(kept)
    return table.take(rows), split[rows]


def _card(full: Table, table: Table, split: np.ndarray, settings: Settings) -> dict[str, object]:
    splits = ("train", "val", "test")
    counts = {s: table.present[split == s].sum(0).tolist() for s in splits}
    single = np.bincount(full.location[full.location >= 0], minlength=len(LOCATIONS))
    partitions = "; ".join(f"{s} {', '.join(sorted(set(table.partition[split == s].tolist())))}" for s in splits)
    apart = (
        "no relative of a test protein is trained on" if settings.split == "partition" else "relatives may stand on both sides"
    )
    return {
        "kind": "deeploc",
        "simulated": False,
        "source": "DeepLoc 2.0 (Thumuluri et al. 2022): SwissProt proteins and the test set of the Human Protein Atlas",
        "licence": "none stated where taken; the authors' repository is CC BY-NC-ND 2.0",
        "class_counts": {s: dict(zip(LOCATIONS, n, strict=True)) for s, n in counts.items()},
        "counts_and_table_3": printed_counts(single, f"the {single.sum():,} proteins with one location of the full set"),
        "several_locations": f"{int((full.location < 0).sum()):,} of the {len(full.records):,} proteins of the full set",
        "homology_partitions": f"{partitions}: {apart}",
    }
