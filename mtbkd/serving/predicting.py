"""Predictions of a bundled student: on rows of numbers, or on a FASTA file of any length, read in a stream.

A FASTA file is read twice: once to find every mistake in it before anything is computed, once to predict. Shapes: S draws, B
chains of a batch, K classes.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel

from mtbkd.base import explain, registry
from mtbkd.base.errors import ContractError
from mtbkd.data.encoders import Embedder
from mtbkd.data.fasta import Record, read_fasta
from mtbkd.data.sequences import clean
from mtbkd.evaluation.conformal import sets_at
from mtbkd.evaluation.credible import credible_ends
from mtbkd.evaluation.deviance import decompose
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.promised_sets import SetPoint

SHOWN = 3  # refused records that an error tells of


class Protein(NamedTuple):
    """A chain that can be predicted."""

    id: str
    chain: str


class Prediction(NamedTuple):
    """What a student says of one example; ``length`` is that of a protein, None for other examples.

    ``predicted`` holds the most probable class, or of several labels those that reach their thresholds; ``abstain`` is None
    there, as no risk is promised. ``inside`` holds the classes of the prediction set, None where none is asked for. ``prob``
    (K,) is the posterior mean, ``low`` and ``high`` (K,) the ends of the equal-tailed credible interval of each class
    probability, ``epistemic_share`` the part of the predictive entropy that more knowledge of the weights would remove; the
    three are None for a point estimate.
    """

    id: str
    length: int | None
    predicted: tuple[int, ...]
    prob: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    mean_deviance: float
    epistemic_share: float | None
    abstain: bool | None
    inside: tuple[int, ...] | None = None


class Sliced(Protocol):
    """Rows that come in parts."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> np.ndarray: ...


@dataclass
class Checked:
    """What the first reading of a file found: ``repairs`` and ``truncated`` count chains, ``refused`` has id and reason;
    ``content`` is a checksum of what will be predicted."""

    proteins: int = 0
    residues: int = 0
    truncated: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    content: int = 0

    def told(self) -> Iterator[str]:
        """Lines for the user: what was read, repaired, cut and left out."""
        yield f"{self.proteins:,} proteins, {self.residues:,} residues"
        yield from (f"repaired, {repair}: {count:,}" for repair, count in sorted(self.repairs.items()))
        if self.truncated:
            yield f"longer than the student reads, so that it sees a part: {self.truncated:,}"
        yield from (f"left out: {name}: {reason}" for name, reason in self.refused)


def check_fasta(path: str | Path, bundle: Bundle, skip_invalid: bool = False) -> Checked:
    """Read the whole file and count what is in it.

    Raises:
        ContractError: no FASTA, see ``sequences.read_fasta``; the student reads no chains; a chain that cannot be predicted,
            unless ``skip_invalid``; none that can.
    """
    if not bundle.card.inputs.encoders:
        raise ContractError(f"student {bundle.card.method}", "inputs", f"numbers of shape {bundle.card.inputs.features}",
                            "a student that reads protein chains")  # fmt: skip
    encoders = encoders_of(bundle)
    found = Checked()
    for record in read_fasta(path):
        try:
            chain = _chain(record, path, found.repairs)
        except ContractError as error:
            found.refused.append((record.id, f"found {error.found}"))
            continue
        found.proteins += 1
        found.residues += len(chain)
        found.content = _content(record.id, chain, found.content)
        found.truncated += any(len(m.prepared(s, chain)) < len(chain) for m, s in encoders)
    if found.refused and not (skip_invalid and found.proteins):
        some = "; ".join(f"{name}: {reason}" for name, reason in found.refused[:SHOWN])
        more = f" and {len(found.refused) - SHOWN:,} more" if len(found.refused) > SHOWN else ""
        total = found.proteins + len(found.refused)
        raise ContractError(path, f"{len(found.refused):,} of {total:,} records", some + more, "chains of residues",
                            "--skip-invalid leaves them out" if found.proteins else "")  # fmt: skip
    return found


def encoders_of(bundle: Bundle) -> list[tuple[ModuleType, BaseModel]]:
    """Module and settings of each encoder of the student; ContractError or ConfigError where the card names none such."""
    found = []
    for name, given in bundle.card.inputs.encoders.items():
        module = registry.part("encoder", name)
        settings, mistakes = explain.validate(module.Settings, given, ("encoders", name))
        if settings is None:
            raise ContractError(f"encoder {name}", "settings", "; ".join(map(str, mistakes)), "those of the encoder")
        found.append((module, settings))
    return found


def proteins(path: str | Path, checked: Checked) -> Iterator[Protein]:
    """The proteins of a checked file, those left out that cannot be predicted; ContractError where it has changed since."""
    count, content = 0, 0
    for record in read_fasta(path):
        try:
            protein = Protein(record.id, _chain(record, path))
        except ContractError:
            continue
        count, content = count + 1, _content(*protein, content)
        yield protein
    if (count, content) != (checked.proteins, checked.content):
        raise ContractError(path, "content", "another one than a moment ago", "a file that stays as it is while it is read",
                            "run it again when nothing writes to it")  # fmt: skip


def _chain(record: Record, path: str | Path, repairs: Counter[str] | None = None) -> str:
    """The clean chain of a record; ContractError for one that cannot be predicted."""
    if record.fault:
        raise ContractError(path, f"record {record.id}", record.fault, "an id, then residues")
    return clean(record.sequence, path, record.id, repairs)


def _content(name: str, chain: str, before: int) -> int:
    return zlib.crc32(f"{name} {chain}".encode(), before)


def predict(
    bundle: Bundle, found: Iterable[Protein], embedder: Embedder, threshold: float, level: float, batch: int, device: str,
    sets: SetPoint | None = None,
) -> Iterator[Prediction]:  # fmt: skip
    """Predict in batches, in the order of ``found``.

    Args:
        bundle: the student.
        found: proteins, read as they are needed.
        embedder: the student's encoders.
        threshold: probability of the predicted location below which the student abstains.
        level: credible level of the intervals, between 0 and 1.
        batch: proteins held at once.
        device: cpu or cuda.
        sets: which prediction sets to make; None: none.
    """
    for part in batched(found, batch):
        with _little_memory(f"{len(part)} proteins"):
            features = embedder([protein.chain for protein in part])
            prob = bundle.draw_probs(bundle.standardised(features), device)
        named = [(protein.id, len(protein.chain)) for protein in part]
        yield from summarised(named, prob, threshold, level, bundle.card.thresholds, sets)


def predict_rows(
    bundle: Bundle, ids: Iterable[str], x: Sliced, threshold: float, level: float, batch: int, device: str,
    sets: SetPoint | None = None,
) -> Iterator[Prediction]:  # fmt: skip
    """The same for rows ``x`` (N, F) as the user has them, an array or what gives arrays in slices, called ``ids``."""
    for first, part in zip(range(0, len(x), batch), batched(ids, batch), strict=True):
        with _little_memory(f"{len(part)} rows"):
            prob = bundle.draw_probs(bundle.standardised(x[first : first + batch]), device)
        yield from summarised([(name, None) for name in part], prob, threshold, level, bundle.card.thresholds, sets)


@contextmanager
def _little_memory(what: str) -> Iterator[None]:
    """A ContractError where memory is short."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or "memory" in str(error)):
            raise
        raise ContractError("--batch", "memory", f"too little for {what}", "a smaller number") from None


def summarised(
    part: Iterable[tuple[str, int | None]],
    prob: np.ndarray,
    threshold: float,
    level: float,
    thresholds: Sequence[float] = (),
    sets: SetPoint | None = None,
) -> Iterator[Prediction]:
    """What draws ``prob`` (S, B, K) say of the examples ``part``, each an id with the length of the protein.

    ``thresholds`` (K,) are those of several labels; their uncertainty is the sum over the labels, each there or not.
    """
    mean, several_labels = prob.mean(0, dtype=np.float64), bool(thresholds)
    unsure = decompose(np.concatenate([prob, 1 - prob], -1) if several_labels else prob)
    several, best, surest = len(prob) > 1, mean.argmax(1).tolist(), mean.max(1)
    ends = credible_ends(prob, level) if several else None
    inside = sets_at(mean, sets.threshold, sets.kind) if sets else None
    for i, (name, length) in enumerate(part):
        total = unsure.entropy_total[i]
        yield Prediction(
            id=name,
            length=length,
            predicted=tuple(np.flatnonzero(mean[i] >= thresholds).tolist()) if several_labels else (best[i],),
            prob=mean[i],
            low=ends[0, i] if ends is not None else None,
            high=ends[1, i] if ends is not None else None,
            mean_deviance=float(unsure.mean_deviance[i]),
            epistemic_share=(float(unsure.entropy_epistemic[i] / total) if total > 0 else 0.0) if several else None,
            abstain=None if several_labels else bool(surest[i] < threshold),
            inside=None if inside is None else tuple(np.flatnonzero(inside[i]).tolist()),
        )
