"""The examples of a dataset with several labels, as students and teachers read them.

Shapes: N examples of the dataset, n of the training split, K locations, D rows of data (replicates, or one for all), R
replicates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import TEACHERS, Dataset


@dataclass(frozen=True)
class Task:
    """A dataset with its labels.

    Attributes:
        dataset: with one row of data (real data).
        truth: bool (N, K), the locations of every example.
        train: int (n,), rows of the training split.
        seen: bool (D, n), whose labels the student sees.
    """

    dataset: Dataset
    truth: np.ndarray
    train: np.ndarray
    seen: np.ndarray

    @property
    def locations(self) -> tuple[str, ...]:
        return self.dataset.class_names

    def parts(self) -> list[tuple[str, str, np.ndarray]]:
        """What is scored: (split, domain or ``all``, rows) of the test and ``ood:*`` splits, domains of more than one only."""
        found = []
        for split in self.dataset.splits():
            if split in ("train", "val", TEACHERS):
                continue
            rows = self.dataset.rows(split)
            domain = np.zeros(len(rows), int) if self.dataset.domain is None else self.dataset.domain[0, rows]
            found.append((split, "all", rows))
            if len(set(domain.tolist())) > 1:
                names = self.dataset.domain_names
                found += [(split, names[d], rows[domain == d]) for d in range(len(names)) if (domain == d).any()]
        return found


def make_task(dataset: Dataset, labels: int | None, seed: int, replicates: Sequence[int]) -> Task:
    """Check the data and draw the examples whose labels the student sees.

    Args:
        dataset: with ``targets``.
        labels: how many; None: all, the same for all replicates.
        seed: base seed.
        replicates: their numbers.

    Raises:
        ContractError: the dataset has one label an example, is a simulation, or has fewer training examples than ``labels``.
    """
    where = f"dataset {dataset.name}"
    if dataset.targets is None:
        hint = "kind deeploc has them; one label an example is what experiments are for"
        raise ContractError(where, "targets", "none", "0 or 1 for every example and class", hint)
    if dataset.num_replicates > 1:
        raise ContractError(where, "replicates of the data", dataset.num_replicates, "1, as for real data")
    train = dataset.rows("train")
    if labels is not None and labels > len(train):
        raise ContractError(where, "training examples", len(train), f"at least the {labels} labels asked for")
    seen = np.ones((1, len(train)), bool)
    if labels is not None:
        seen = np.zeros((len(replicates), len(train)), bool)
        for row, replicate in zip(seen, replicates, strict=True):
            order = np.random.default_rng(derive(seed, "labels", replicate=replicate)).permutation(len(train))
            row[order[:labels]] = True
    return Task(dataset, dataset.targets[0].astype(bool), train, seen)


def training_tensors(
    task: Task, features: "torch.Tensor", labelled_only: bool, device: str
) -> "tuple[torch.Tensor, torch.Tensor]":
    """What a student learns from: ``x`` (D, m, *inputs) and ``y`` float (D, m, K), -1 where the label is not seen.

    Args:
        task: the data.
        features: (1, n, *inputs) of the training split.
        labelled_only: leave out what has no label, for students without teachers; else m = n.
        device: where the tensors go.
    """
    y = np.where(task.seen[..., None], task.truth[task.train], -1.0).astype(np.float32)
    if task.seen.all():
        return features, torch.as_tensor(y, device=device)
    rows = [np.flatnonzero(row) if labelled_only else np.arange(len(row)) for row in task.seen]
    x = torch.stack([features[0, torch.as_tensor(row, device=device)] for row in rows])
    return x, torch.as_tensor(np.stack([part[row] for part, row in zip(y, rows, strict=True)]), device=device)
