"""Inputs of weights besides the teachers' probabilities: labels, validation examples, features and domains.

A module of weights that needs more than probabilities has ``NEEDS`` (of labels, validation, inputs, domains) and
``weights_of(prob, context)`` beside ``weights(prob)``, which then gives equal weights: nothing is known.
Shapes: R replicates, N examples, M validation examples, G teachers, K classes, D domains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.pooling import unseen


@dataclass(frozen=True)
class Context:
    """The examples to be weighted, with everything known about them.

    Attributes:
        dataset: the data.
        teachers: their logits, in the order of the weights.
        rows: int (N,), the examples of the dataset that are weighed.
        settings: of the module of weights.
    """

    dataset: Dataset
    teachers: Sequence[Logits]
    rows: np.ndarray
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def y(self) -> np.ndarray:
        """Labels (R or 1, N) of training examples; -1 elsewhere: no other split gives its labels away."""
        unseen.warn(f"weights on {self.dataset.name}", self.teachers, "train")
        return np.where(self.dataset.split[self.rows] == "train", self.dataset.y[:, self.rows], -1)

    @cached_property
    def domain(self) -> np.ndarray | None:
        """Domains (R or 1, N), None where the dataset has none."""
        return None if self.dataset.domain is None else self.dataset.domain[:, self.rows]

    @cached_property
    def judging_rows(self) -> np.ndarray:
        """The M examples whose labels may choose between the teachers: of the validation split, unless a teacher saw it."""
        return unseen.judging_rows(self.dataset, self.teachers)

    @cached_property
    def validation(self) -> np.ndarray:
        """log p_gy (R, M, G) of the labels of ``judging_rows`` under each teacher, in nats."""
        rows = self.judging_rows
        unseen.warn(f"weights on {self.dataset.name}", self.teachers)
        missing = [teacher.teacher for teacher in self.teachers if not teacher.covered[rows].all()]
        if missing:
            found = f"no logits of {', '.join(missing)} on the validation split"
            raise ContractError(f"weights on {self.dataset.name}", "teachers", found, "teachers that cover it")
        logits = torch.as_tensor(stack_logits(list(self.teachers))[:, rows], dtype=torch.float64)
        y = np.broadcast_to(self.dataset.y[:, rows], logits.shape[:2])
        log_prob = torch.log_softmax(logits, -1).numpy()
        return np.take_along_axis(log_prob, y[:, :, None, None], -1)[..., 0]


def teacher_weights(name: str, prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G) of teachers with class probabilities ``prob`` (R, N, G, K) at temperature 1.

    Args:
        name: a registered part.
        prob: of the examples of ``context.rows``.
        context: read by modules that need it.
    """
    module = registry.part("weights", name)
    if not needs(name):
        return module.weights(prob)
    return module.weights_of(prob, context)


def needs(name: str) -> frozenset[str]:
    """Inputs of the weights ``name`` besides probabilities."""
    return getattr(registry.part("weights", name), "NEEDS", frozenset())


def applies(name: str, dataset: Dataset, teachers: Sequence[Logits]) -> bool:
    """Do data and teachers have what the weights ``name`` need: enough teachers, domains, teachers of domains?"""
    wanted, domains = needs(name), dataset.domain is not None
    own = domains and any(teacher.card.get("domain") for teacher in teachers)
    enough = len(teachers) >= registry.part("weights", name).MIN_TEACHERS
    return enough and (own or "inputs" not in wanted) and (domains or "domains" not in wanted)


def composed(*scales: np.ndarray) -> np.ndarray:
    """Weights of several scales (token, task, context), each (R, N, G) or (G,): their product, renormalised over teachers.

    Where the product leaves no teacher the weights are equal. Renormalised over teachers only: weights that differ by output
    class would not give a distribution.
    """
    product = np.prod(np.broadcast_arrays(*scales), axis=0)
    total = product.sum(-1, keepdims=True)
    return np.divide(product, total, where=total > 0, out=np.full_like(product, 1 / product.shape[-1]))
