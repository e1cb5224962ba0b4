"""Sequences of three kingdoms in four roles: simulated Markov chains, or the proteins of DeepLoc 2.0.

Shapes: S sequences, L residues of one, A = 20 residues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.errors import ContractError
from mtbkd.base.seeds import derive
from mtbkd.data.sequences import RESIDUES, clean
from mtbkd.questions.residues.spec import KINGDOMS, Settings, kingdom_counts

UNKNOWN = -1  # a residue of unknown kind, and what lies beyond the end
ROLES = ("teacher", "student", "val", "test")
# Homology partitions of DeepLoc 2.0: no two proteins of different partitions are more than 30 % identical.
PARTITIONS = {"teacher": ("0", "1"), "student": ("2",), "val": ("3",), "test": ("4",)}
COLUMNS = ("ACC", "Kingdom", "Partition", "Sequence")
SHARED_SPREAD = 0.6  # of the log transition rates that all simulated kingdoms share
_CODE = np.full(256, UNKNOWN, dtype=np.int64)
_CODE[np.frombuffer(RESIDUES.encode(), np.uint8)] = np.arange(len(RESIDUES))


@dataclass(frozen=True)
class Sequences:
    """Sequences of one role.

    Attributes:
        codes: int64 (S, L), residue 0..19 in the order of ``RESIDUES``, UNKNOWN elsewhere.
        kingdom: int64 (S,) into KINGDOMS.
        transition: float64 (kingdoms, A, A), the true P(next | this) of each kingdom; None for real sequences.
    """

    codes: np.ndarray
    kingdom: np.ndarray
    transition: np.ndarray | None = None


@dataclass(frozen=True)
class Chain:
    """One protein: residue codes (length,), kingdom into KINGDOMS, homology partition."""

    codes: np.ndarray
    kingdom: int
    partition: str


def read_deeploc2(path: Path) -> list[Chain]:
    """The proteins of the three kingdoms; those of others are left out. ContractError names file, protein and mistake."""
    sheet = delimited.read(path, expected="the CSV of DeepLoc 2.0, which the rule download fetches")
    missing = [column for column in COLUMNS if column not in sheet.header]
    if missing:
        raise ContractError(path, "columns", f"no {', '.join(missing)}", ", ".join(COLUMNS))
    return [_chain(row, path) for row in sheet.records() if row["Kingdom"] in KINGDOMS]


def _chain(row: dict[str, Any], path: Path) -> Chain:
    sequence = clean(row["Sequence"], path, row["ACC"])
    known = sorted({partition for partitions in PARTITIONS.values() for partition in partitions})
    if row["Partition"] not in known:
        raise ContractError(path, f"Partition of {row['ACC']}", repr(row["Partition"]), f"one of {', '.join(known)}")
    codes = _CODE[np.frombuffer(sequence.encode(), np.uint8)]
    return Chain(codes, KINGDOMS.index(row["Kingdom"]), row["Partition"])


def role_counts(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Role -> sequences of each kingdom."""
    alike = {"teacher": settings.teacher_sequences, "val": settings.val_sequences, "test": settings.test_sequences}
    mixed = kingdom_counts(settings.student_sequences, settings.train_mix)
    return {role: (alike[role],) * len(KINGDOMS) if role in alike else mixed for role in ROLES}


def draw_sequences(settings: Settings, seed: int, replicate: int, chains: Sequence[Chain] = ()) -> dict[str, Sequences]:
    """The sequences of every role in one replicate: new chains of new kingdoms, or proteins drawn from ``chains``."""
    rng = np.random.default_rng(derive(seed, "data", replicate=replicate))
    counts = role_counts(settings)
    if settings.source == "deeploc2":
        return {role: _sample(chains, role, counts[role], settings.length, rng) for role in ROLES}
    transition = random_transitions(settings.kingdom_contrast, rng)
    return {role: _simulate(transition, counts[role], settings.length, rng) for role in ROLES}


def random_transitions(contrast: float, rng: np.random.Generator) -> np.ndarray:
    """Transition matrices (kingdoms, A, A): softmax of common log rates plus ``contrast`` times each kingdom's own.

    A kingdom's own rates are the sum of a term of the next residue alone, which makes compositions differ, and one of the pair.
    """
    size, kingdoms = len(RESIDUES), len(KINGDOMS)
    common = SHARED_SPREAD * rng.standard_normal((size, size))
    own = rng.standard_normal((kingdoms, 1, size)) + rng.standard_normal((kingdoms, size, size))
    rates = np.exp(common + contrast * own / np.sqrt(2))
    return rates / rates.sum(-1, keepdims=True)


def _simulate(transition: np.ndarray, counts: Sequence[int], length: int, rng: np.random.Generator) -> Sequences:
    """``counts`` sequences of each kingdom, the first residue uniform."""
    kingdom = np.repeat(np.arange(len(counts)), counts)
    codes = np.empty((len(kingdom), length), dtype=np.int64)
    codes[:, 0] = rng.integers(0, len(RESIDUES), len(kingdom))
    ends = transition.cumsum(-1)
    for place in range(1, length):
        drawn = rng.random((len(kingdom), 1)) > ends[kingdom, codes[:, place - 1]]
        codes[:, place] = np.minimum(drawn.sum(1), len(RESIDUES) - 1)
    return Sequences(codes, kingdom, transition)


def _sample(chains: Sequence[Chain], role: str, counts: Sequence[int], length: int, rng: np.random.Generator) -> Sequences:
    """Stretches of ``counts`` proteins of each kingdom, drawn without replacement from the role's homology partitions."""
    codes, kingdom = [], []
    for which, wanted in enumerate(counts):
        own = [chain for chain in chains if chain.kingdom == which and chain.partition in PARTITIONS[role]]
        if len(own) < wanted:
            there = f"at most {len(own)}, the proteins of {KINGDOMS[which]} in partitions {', '.join(PARTITIONS[role])}"
            raise ContractError("residues", f"{role}_sequences", wanted, there)
        for index in rng.choice(len(own), wanted, replace=False):
            chain = own[index].codes
            start = rng.integers(0, max(1, len(chain) - length + 1))
            stretch = chain[start : start + length]
            codes.append(np.pad(stretch, (0, length - len(stretch)), constant_values=UNKNOWN))
        kingdom += [which] * wanted
    return Sequences(np.stack(codes), np.array(kingdom, dtype=np.int64))
