"""Encoders: one module each, a frozen map from a protein chain to a vector. Shapes: N chains, L residues of one, D numbers.

A module holds, in this order: ``LICENCE`` (of the weights, shown to the user), ``BATCH`` (most chains, most residues with
padding that one call takes), ``Settings``, ``raw_files(settings)`` (keys of the raw files it reads), ``names(settings)``
(what the D numbers are), ``prepared(settings, chain)`` (what it reads of a chain), ``load(settings, raw)`` (the weights) and
``encode(encoder, chains)``: float32 (N, D) of prepared chains, whose order and neighbours do not matter to a row.

Chains are clean: see ``mtbkd.data.sequences.clean``. Encoders are applied to each distinct chain once, in batches of like
length, and remembered in a folder under the hash of the chain.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.data.encoders.memory import Memory, key_of

LIKE = 0.8


@dataclass
class Work:
    """Cost of encoding, summed over batches."""

    chains: int = 0
    remembered: int = 0
    residues: int = 0
    padded: int = 0
    seconds: float = 0.0

    def told(self) -> str:
        """For a dataset's card."""
        if not self.chains:
            return f"{self.remembered:,} chains, all remembered"
        rate, padding = self.residues / max(self.seconds, 1e-9), 1 - self.residues / max(self.padded, 1)
        return f"{self.chains:,} chains read and {self.remembered:,} remembered, {rate:,.0f} residues/s, padding {padding:.1%}"


def batches(lengths: Sequence[int], most: tuple[int, int]) -> Iterator[np.ndarray]:
    """Indices of chains, the longest first, in batches of at most ``most`` chains and residues, padding counted.

    Chains of a batch are at least LIKE times as long as its longest one, so that little of it is padding; a chain longer than
    the bound is a batch of its own.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    shorter = -np.asarray(lengths)[order]
    start = 0
    while start < len(order):
        longest = max(lengths[order[start]], 1)
        like = int(np.searchsorted(shorter, -LIKE * longest, side="right"))
        stop = max(start + 1, min(start + most[0], start + most[1] // longest, like))
        yield order[start:stop]
        start = stop


@dataclass
class Embedder:
    """Several encoders side by side, their weights loaded at the first chain that needs them.

    Attributes:
        encoders: name -> settings; columns stand in alphabetical order of the names.
        raw: folder of raw files.
        remember: folder of what was encoded before, or None to forget.
        work: encoder -> what it cost so far.
    """

    encoders: Mapping[str, Mapping[str, Any] | BaseModel]
    raw: Path
    remember: Path | None = None
    work: dict[str, Work] = field(default_factory=dict)
    _loaded: dict[str, Any] = field(default_factory=dict, repr=False)

    def names(self) -> list[str]:
        """What the D columns are, each with its encoder before it."""
        return [
            f"{name}:{column}" for name, settings in self._each() for column in registry.part("encoder", name).names(settings)
        ]

    def __call__(self, chains: Sequence[str]) -> np.ndarray:
        """Encode clean ``chains``: float32 (N, D)."""
        parts = [self._encode(name, settings, chains) for name, settings in self._each()]
        return np.concatenate(parts, axis=1)

    def _each(self) -> list[tuple[str, BaseModel]]:
        known = {name: registry.part("encoder", name).Settings for name in sorted(self.encoders)}
        given = {name: s.model_dump() if isinstance(s, BaseModel) else dict(s) for name, s in self.encoders.items()}
        return [(name, settings.model_validate(given[name])) for name, settings in known.items()]

    def _encode(self, name: str, settings: BaseModel, chains: Sequence[str]) -> np.ndarray:
        module, work = registry.part("encoder", name), self.work.setdefault(name, Work())
        read = [module.prepared(settings, chain) for chain in chains]
        keys = [key_of(text) for text in read]
        memory = Memory.of(self.remember, name, settings, module.raw_files(settings), len(module.names(settings)))
        text_of = {key: text for key, text in zip(keys, read, strict=True) if key not in memory}
        work.remembered += len(set(keys)) - len(text_of)
        with memory.adding(text_of) as missing:
            texts = [text_of[key] for key in missing]
            for rows in batches(list(map(len, texts)), module.BATCH):
                if name not in self._loaded:
                    self._loaded[name] = module.load(settings, self.raw)
                batch, started = [texts[i] for i in rows], time.monotonic()
                memory.add([missing[i] for i in rows], module.encode(self._loaded[name], batch))
                work.seconds += time.monotonic() - started
                work.chains += len(batch)
                work.residues += sum(map(len, batch))
                work.padded += len(batch) * max(map(len, batch))
        return memory.rows(keys)


def embed(
    sequences: Sequence[str], encoders: Mapping[str, Mapping[str, Any] | BaseModel], raw: Path, remember: Path | None = None
) -> np.ndarray:  # fmt: skip
    """Encode clean chains by ``encoders`` (name -> settings) side by side: float32 (N, D); see ``Embedder``."""
    return Embedder(encoders, raw, remember)(sequences)
