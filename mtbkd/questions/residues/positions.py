"""Residues as examples: what a causal model sees before each, and what it must predict.

A model sees the last W residues one by one and the composition of all residues before: a causal convolution of width W with a
running mean, so that nothing at or after a residue takes part in its prediction.
Shapes: S sequences, L residues of one, n positions, W window, A = 20 residues.
"""

from dataclasses import dataclass

import numpy as np

from mtbkd.data.sequences import RESIDUES
from mtbkd.questions.residues.corpus import UNKNOWN, Sequences

SIZE = len(RESIDUES)
FLOOR = 20.0  # residues at which the composition seen so far has half its full weight as an input


@dataclass(frozen=True)
class Positions:
    """Every known residue of some sequences, sequence by sequence, in their order.

    Attributes:
        x: float32 (n, (W + 1) A): one-hot of the W residues before, the nearest first, and the composition before.
        y: int64 (n,), the residue.
        kingdom: int64 (n,).
        sequence: int64 (n,).
        counts: int64 (n, A), the residues before it in its sequence.
        truth: float64 (n, A), the true probabilities where they are known, else None.
    """

    x: np.ndarray
    y: np.ndarray
    kingdom: np.ndarray
    sequence: np.ndarray
    counts: np.ndarray
    truth: np.ndarray | None


def positions(sequences: Sequences, window: int) -> Positions:
    """The positions of ``sequences``; residues of unknown kind are neither predicted nor seen."""
    codes = sequences.codes
    one_hot = np.eye(SIZE + 1, dtype=np.float32)[codes][..., :SIZE]  # UNKNOWN, -1, takes the last row: all zeros
    before = np.stack([_shifted(one_hot, steps) for steps in range(1, window + 1)], axis=2)
    counts = _shifted(one_hot, 1).cumsum(1)
    known = codes != UNKNOWN
    x = np.concatenate([before.reshape(*codes.shape, -1), _composition(counts)], axis=-1)
    row = np.broadcast_to(np.arange(len(codes))[:, None], codes.shape)
    kingdom = sequences.kingdom[row]
    truth = None
    if sequences.transition is not None:
        previous = np.concatenate([np.full((len(codes), 1), UNKNOWN), codes[:, :-1]], axis=1)
        truth = np.where((previous != UNKNOWN)[..., None], sequences.transition[kingdom, previous], 1 / SIZE)[known]
    return Positions(
        x=x[known].astype(np.float32), y=codes[known], kingdom=kingdom[known], sequence=row[known],
        counts=np.rint(counts[known]).astype(np.int64), truth=truth,
    )  # fmt: skip


def _shifted(one_hot: np.ndarray, steps: int) -> np.ndarray:
    """``one_hot`` (S, L, A) ``steps`` residues later; zeros before the start."""
    moved = np.zeros_like(one_hot)
    moved[:, steps:] = one_hot[:, : one_hot.shape[1] - steps]
    return moved


def _composition(counts: np.ndarray) -> np.ndarray:
    """The composition (..., A) as a model's input: A times the share less one, less the fewer residues stand behind it."""
    total = counts.sum(-1, keepdims=True)
    share = counts / np.maximum(total, 1)
    return (SIZE * share - 1) * total / (total + FLOOR)


def composition(found: Positions) -> np.ndarray:
    """Shares (A,) of the residues of ``found``, one residue of each kind added."""
    counts = np.bincount(found.y, minlength=SIZE) + 1
    return counts / counts.sum()
