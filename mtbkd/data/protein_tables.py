"""CSV files of proteins in the column layout of DeepLoc 2.0: read, checked, cleaned.

Shapes: N proteins, K locations.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.errors import ContractError
from mtbkd.data.sequences import AMBIGUOUS, clean

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord

LOCATIONS = (
    "Cytoplasm", "Nucleus", "Extracellular", "Cell membrane", "Mitochondrion", "Plastid", "Endoplasmic reticulum",
    "Lysosome/Vacuole", "Golgi apparatus", "Peroxisome",
)  # fmt: skip
KINGDOMS = ("Fungi", "Metazoa", "Viridiplantae")
COLUMNS = ("ACC", "Kingdom", "Partition", *LOCATIONS, "Sequence")


class Table(NamedTuple):
    """One checked file: N records with clean chains, present uint8 (N, K), kingdom (N,) in ``kingdoms``, partition (N,)."""

    records: "list[SeqRecord]"
    present: np.ndarray
    kingdom: np.ndarray
    partition: np.ndarray

    @property
    def location(self) -> np.ndarray:
        """The only location (N,), or -1 where there are several."""
        return np.where(self.present.sum(1) == 1, self.present.argmax(1), -1).astype(np.int64)

    def take(self, rows: np.ndarray) -> "Table":
        """The rows of a mask or of positions."""
        at = np.arange(len(self.records))[rows]
        return Table([self.records[i] for i in at], self.present[at], self.kingdom[at], self.partition[at])

    def followed_by(self, other: "Table") -> "Table":
        """Both tables, one behind the other."""
        arrays = [np.concatenate([mine, theirs]) for mine, theirs in zip(self[1:], other[1:], strict=True)]
        return Table(self.records + other.records, *arrays)


def read(path: Path, kingdoms: tuple[str, ...], constant: dict[str, str] | None = None) -> Table:
    """Read one CSV, plain or gzip; ContractError names file, protein and what is wrong with it.

    Args:
        kingdoms: those allowed.
        constant: values of columns that the file lacks.
    """
    rows = _rows(path, constant or {})
    for row in rows:
        if row["Kingdom"] not in kingdoms:
            raise ContractError(path, f"Kingdom of {row['ACC']}", repr(row["Kingdom"]), f"one of {', '.join(kingdoms)}")
    return Table(
        records=[_record(row, path) for row in rows],
        present=np.array([_present(row, path) for row in rows], dtype=np.uint8),
        kingdom=np.array([kingdoms.index(row["Kingdom"]) for row in rows], dtype=np.int64),
        partition=np.array([row["Partition"] for row in rows]),
    )


def _rows(path: Path, constant: dict[str, str]) -> list[dict[str, str]]:
    sheet = delimited.read(path, expected="a CSV of proteins, which the rule download fetches")
    columns = (*sheet.header, *constant)
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise ContractError(path, "columns", f"no {', '.join(missing)}", ", ".join(COLUMNS))
    return [row | constant for row in sheet.records()]


def _record(row: dict[str, str], path: Path) -> "SeqRecord":
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    chain = clean(row["Sequence"], path, row["ACC"])
    return SeqRecord(Seq(chain), id=row["ACC"], annotations={"organism": row["Kingdom"]})


def _present(row: dict[str, str], path: Path) -> list[int]:
    field = f"locations of {row['ACC']}"
    odd = [f"{name} = {row[name]!r}" for name in LOCATIONS if row[name] not in ("0", "1")]
    if odd:
        raise ContractError(path, field, odd[0], "0 or 1")
    present = [int(row[name]) for name in LOCATIONS]
    if not any(present):
        raise ContractError(path, field, "none", "at least one")
    return present


def check_unique(records: "list[SeqRecord]", where: object) -> None:
    """Raise ContractError unless every accession stands once."""
    accession, times = Counter(record.id for record in records).most_common(1)[0]
    if times > 1:
        raise ContractError(where, "ACC", f"{accession} {times} times", "each accession once in all files together")


def chains_card(chains: list[str]) -> dict[str, object]:
    """What a card says of chains."""
    ambiguous = sum(chain.count(letter) for chain in chains for letter in AMBIGUOUS)
    holding = sum(bool(set(chain) & set(AMBIGUOUS)) for chain in chains)
    return {
        "repeated_sequences": len(chains) - len(set(chains)),
        "sequence_lengths": [min(map(len, chains)), max(map(len, chains))],
        "ambiguous_residues": f"{ambiguous} of {AMBIGUOUS} in {holding} chains: kept, each encoder has its way to read them",
    }


def printed_counts(counted: np.ndarray, what: str) -> str:
    """The paper's Table 3 beside counts (K,) of ``what``: location by location."""
    from mtbkd.data.published.tables import read as published

    printed = {row["location"]: int(row["count"]) for row in published("mtbkd_table3_protein_counts")}
    pairs = ", ".join(f"{name} {n:,} ({printed[name]:,})" for name, n in zip(LOCATIONS, counted.tolist(), strict=True))
    printed_there = f"the counts that Table 3 of arXiv 2605.27967 prints for its {sum(printed.values()):,} proteins"
    return f"{what}, in brackets {printed_there}: {pairs}"
