"""The data of an evaluation, and what students are seen against on them: teachers and the ceiling, the true probabilities.

Teachers and data that all replicates share have rows of replicate 0 only. Shapes: G teachers, N examples, K classes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.evaluation import scoring
from mtbkd.evaluation.compare import overlap_of
from mtbkd.evaluation.routing import routed
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.shared import SharedExamples
from mtbkd.evaluation.tables import Tables
from mtbkd.pooling import unseen

ERRORS_OF_PROB = ("mse_prob", "mae_prob")  # 0 by definition for the true probabilities
Folders = Mapping[str, str | Path]


@dataclass
class Data:
    """The examples of some replicates.

    Attributes:
        replicates: number -> all its examples.
        shared: whether all replicates of the students have the same, those of replicate 0.
        overlap: ``compare.overlap_of`` the data.
    """

    replicates: dict[int, Examples] = field(default_factory=dict)
    shared: bool = False
    overlap: float = 0.0

    @classmethod
    def read(cls, folders: Folders, alone: bool = True) -> "Data":
        """Read block -> folder of ``artefacts.Dataset``; ``alone``: whether the experiment has no other blocks."""
        data = cls()
        for _ in data.blocks(folders, alone):
            pass
        return data

    def blocks(self, folders: Folders, alone: bool) -> Iterator[tuple[str, Dataset, list[int]]]:
        """Take in one block after another: its name, the dataset and the numbers of its replicates."""
        for block, folder in folders.items():
            dataset = Dataset.read(folder)
            self.overlap = overlap_of(dataset)
            self.shared = alone and len(folders) == dataset.num_replicates == 1
            numbers = [_first_replicate(block) + index for index in range(dataset.num_replicates)]
            self.replicates |= {number: Examples.of(dataset, index) for index, number in enumerate(numbers)}
            yield block, dataset, numbers

    def summed(self) -> SharedExamples | None:
        """Where to gather scores by example; None where every replicate has examples of its own."""
        return SharedExamples(next(iter(self.replicates.values()))) if self.shared else None


def add_references(
    tables: Tables, data_folders: Folders, logits_folders: Mapping[str, Folders], alone: bool = True
) -> Data:  # fmt: skip
    """Add the rows of teachers and ceiling to ``tables``.

    Args:
        tables: of one part.
        data_folders: block -> folder of ``artefacts.Dataset``.
        logits_folders: teacher -> block -> folder of ``artefacts.Logits``, the same blocks.
        alone: as for ``Data.read``.

    Returns:
        the data that were read.
    """
    data, shared = Data(), None
    for block, dataset, numbers in data.blocks(data_folders, alone):
        teachers = [Logits.read(_of_block(folders, block, name), dataset) for name, folders in logits_folders.items()]
        shared = data.summed()
        for index, number in enumerate(numbers):
            _add_replicate(tables, data.replicates[number], teachers, index, number, shared)
    tables.add_sums(shared)
    return data


def teacher_probs(teachers: Sequence[Logits], examples: Examples, index: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each teacher, ``teachers:best`` (most accurate on labels that may choose) and ``teachers:mean`` (mean of probabilities).

    Args:
        teachers: G teachers.
        examples: all N examples of the replicate.
        index: its position in the logits, unless they are shared by all replicates.

    Returns:
        name -> (rows (m,) of the evaluated examples whose whole split is covered, prob (N, K) at temperature 1).
        ``best`` is chosen among the teachers that cover the split whose labels may choose (``teachers.unseen``), the validation
        split unless one of them saw it; ``mean`` has the splits that all cover.
    """
    if not teachers:
        return {}
    stacked = stack_logits(list(teachers)).astype(np.float64)
    logits = stacked[min(index, len(stacked) - 1)]
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    prob /= prob.sum(-1, keepdims=True)
    covers = np.ones((len(teachers), len(examples.row)), bool)
    for split in set(examples.split.tolist()):
        inside = examples.split == split
        covers[:, inside] = [[teacher.covered[inside].all()] for teacher in teachers]
    split = unseen.judging_split({teacher.teacher: teacher.card for teacher in teachers})
    evaluated, judging = examples.evaluated(), np.flatnonzero((examples.split == split) & (examples.y >= 0))
    rows = [evaluated[each[evaluated]] for each in covers]
    found = {teacher.teacher: (rows[g], prob[:, g]) for g, teacher in enumerate(teachers)}
    if covers[:, judging].any():
        accuracy = (prob[judging].argmax(-1) == examples.y[judging][:, None]).mean(0)
        best = int(np.where(covers[:, judging[0]], accuracy, -1.0).argmax())
        found["teachers:best"] = (rows[best], prob[:, best])
    found["teachers:mean"] = (evaluated[covers.all(0)[evaluated]], prob.mean(1))
    return found


def _first_replicate(block: str) -> int:
    """8 for ``r8-15``."""
    found = re.fullmatch(r"r(\d+)-(\d+)", block)
    if not found:
        raise ContractError("data", "block", f"'{block}'", "r<first>-<last>, as in r0-7")
    return int(found[1])


def _of_block(folders: Folders, block: str, teacher: str) -> str | Path:
    if block not in folders:
        raise ContractError(f"teacher {teacher}", "blocks", ", ".join(folders), f"{block}, as the data have")
    return folders[block]


def _add_replicate(
    tables: Tables, examples: Examples, teachers: Sequence[Logits], index: int, replicate: int, shared: SharedExamples | None
) -> None:
    """Rows of the teachers and of the ceiling (the true probabilities)."""
    single = teacher_probs(teachers, examples, index)
    probs = {(name, "teacher"): found for name, found in (single | routed(teachers, examples, single)).items()}
    if examples.true_prob is not None:
        probs["bayes", "ceiling"] = (examples.evaluated(), examples.true_prob)
    for (method, kind), (rows, prob) in probs.items():
        if not len(rows):
            continue
        scored = scoring.score(prob[None, rows], examples.take(rows))
        if shared:
            shared.add(method, kind, scored)
        found = [row for row in scoring.metric_rows(scored) if kind != "ceiling" or row["metric"] not in ERRORS_OF_PROB]
        common = {"method": method, "signal": "", "weights": "", "inference": "", "replicate": replicate, "kind": kind}
        tables.add("metrics", found, **common)
        tables.add("reliability", scoring.reliability_rows(scored), **common)
