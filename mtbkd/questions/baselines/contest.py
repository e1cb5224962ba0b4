"""All methods on one block of replicates: train every candidate, choose by validation, score on test examples.

Shapes as in ``mtbkd.questions.baselines``; C candidates, so that U = C * R, candidate by candidate.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from pydantic import BaseModel

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.evaluation.metrics import label_scores, truth_scores
from mtbkd.inference.optimise import Training
from mtbkd.inference.tuning import best
from mtbkd.pooling import unseen
from mtbkd.posterior.density import label_term
from mtbkd.questions.baselines import module_of
from mtbkd.questions.baselines.bench import Bench, Trained
from mtbkd.students import Student

log = logging.getLogger(__name__)

REFERENCE = "labels"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Contest:
    """What the methods of one block have in common.

    Attributes:
        dataset: R replicates, or one that all share.
        teachers: that cover its training and validation splits.
        student: the network.
        replicates: their numbers.
        training: the optimiser.
        grid: share, temperature, prior_scale -> candidates.
        seed: base seed.
        device: where tensors live.
    """

    dataset: Dataset
    teachers: Sequence[Logits]
    student: Student
    replicates: Sequence[int]
    training: Training
    grid: Mapping[str, Sequence[float]]
    seed: int
    device: str

    def candidates(self, method: str, settings: BaseModel) -> list[dict[str, float]]:
        """The grid, with the settings that only ``method`` tunes; without teachers only the prior's scale is tuned."""
        grid = dict(self.grid) | ({"share": [0.0], "temperature": [1.0]} if method == REFERENCE else {})
        shared = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        expand = getattr(settings, "expand", lambda candidate: [candidate])
        return [each for candidate in shared for each in expand(candidate)]

    def bench(self, candidates: Sequence[Mapping[str, float]]) -> Bench:
        """Every candidate for every replicate."""
        data, train, val = self.dataset, self.dataset.split == "train", self.dataset.split == "val"
        logits = stack_logits(list(self.teachers))
        if logits.shape[0] < data.num_replicates:
            logits = np.broadcast_to(logits, (data.num_replicates, *logits.shape[1:]))
        columns = {name: self._tensor(np.repeat([c[name] for c in candidates], len(self.replicates))) for name in candidates[0]}
        own = {name: columns.pop(name) for name in list(columns) if name not in self.grid}
        rows = [r - self.replicates[0] if data.num_replicates > 1 else 0 for r in self.replicates]
        return Bench(
            student=self.student,
            x=self.student.inputs(self._tensor(data.x[:, train])).contiguous(),
            y=torch.as_tensor(data.y[:, train], device=self.device),
            logits=self._tensor(logits[:, train]),
            val_x=self.student.inputs(self._tensor(data.x[:, val])),
            val_logits=self._tensor(logits[:, val]),
            data_row=torch.as_tensor(rows * len(candidates), device=self.device),
            replicates=tuple(self.replicates) * len(candidates),
            training=self.training,
            seed=self.seed,
            own=own,
            **columns,
        )

    def _tensor(self, values: np.ndarray) -> "torch.Tensor":
        return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32, device=self.device)

    def log_prob(self, bench: Bench, params: "torch.Tensor", units: Sequence[int], split: str) -> "torch.Tensor":
        """Log-probabilities (len(units), n, K) of students on the examples of ``split``."""
        x = bench.student.inputs(self._tensor(self.dataset.x[:, self.dataset.split == split]))
        with torch.no_grad():
            parts = [bench.student.apply(params[u : u + 1], x[(row := int(bench.data_row[u])) : row + 1]) for u in units]
            return torch.log_softmax(torch.cat(parts), -1)


def check(dataset: Dataset, teachers: Sequence[Logits], name: str) -> None:
    """Refuse teachers without logits on what the methods learn from."""
    missing = [t.teacher for t in teachers for split in ("train", "val") if not t.covered[dataset.split == split].all()]
    if missing or not teachers:
        where, found = f"question {name} on {dataset.name}", f"no logits on all examples of {sorted(set(missing)) or 'any'}"
        raise ContractError(where, "teachers", found, "teachers that cover the training and validation splits")
    unseen.warn(f"question {name} on {dataset.name}", teachers)


def compete(contest: Contest, method: str, settings: BaseModel) -> dict[str, Rows]:
    """Train ``method`` and return its rows of the tables scores, tuning, weights and costs."""
    # Processor time is that of this job alone, whatever else the machine does; a GPU's work it does not see.
    clock = time.process_time if contest.device == "cpu" else time.monotonic
    candidates, started = contest.candidates(method, settings), clock()
    bench = contest.bench(candidates)
    trained: Trained = module_of(method).train(bench, settings)
    seconds = clock() - started
    nll = _validation(contest, bench, trained.params).reshape(len(candidates), -1)
    won = best(nll)
    units = [int(c) * len(contest.replicates) + r for r, c in enumerate(won)]
    log.info("%s: %d students in %.1f s", method, nll.size, seconds)
    return {
        "scores": _scores(contest, contest.log_prob(bench, trained.params, units, "test").exp().double().cpu().numpy(), method),
        "tuning": [
            {"method": method, "replicate": replicate, **candidate, "val_nll": float(nll[c, r]), "chosen": bool(won[r] == c)}
            for c, candidate in enumerate(candidates)
            for r, replicate in enumerate(contest.replicates)
        ],
        "weights": _weights(contest, bench, trained, units, method),
        "costs": [{"method": method, "title": module_of(method).TITLE, "students": nll.size, "seconds": seconds}],
    }


def _validation(contest: Contest, bench: Bench, params: "torch.Tensor") -> np.ndarray:
    """Mean negative log-likelihood (U,) of the validation labels."""
    y = torch.as_tensor(contest.dataset.y[:, contest.dataset.split == "val"], device=params.device)[bench.data_row]
    log_q = contest.log_prob(bench, params, range(len(params)), "val")
    return -label_term(log_q, y).mean(-1).double().cpu().numpy()


def _scores(contest: Contest, prob: np.ndarray, method: str, kind: str = "student") -> Rows:
    """Every score of ``prob`` (R or 1, n, K) on the test split, one row a replicate and metric."""
    data, test, rows = contest.dataset, contest.dataset.split == "test", []
    for r, replicate in enumerate(contest.replicates):
        row, own = r % data.num_replicates, prob[r % len(prob)]
        found = label_scores(own, data.y[row, test])
        if data.true_prob is not None:
            found |= truth_scores(own, data.true_prob[row, test].astype(np.float64))
        where = {"method": method, "kind": kind, "replicate": replicate, "split": "test", "domain": "all"}
        rows += [where | {"metric": metric} | score._asdict() for metric, score in found.items()]
    return rows


def references(contest: Contest) -> Rows:
    """Scores of the teachers, one by one and their mean, where they cover the test split, and of the true probabilities."""
    data, test, rows = contest.dataset, contest.dataset.split == "test", []
    if data.true_prob is not None:
        rows += _scores(contest, data.true_prob[:, test].astype(np.float64), "bayes", "ceiling")
    if not all(teacher.covered[test].all() for teacher in contest.teachers):
        return rows
    logits = stack_logits(list(contest.teachers))[:, test].astype(np.float64)
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    prob /= prob.sum(-1, keepdims=True)
    for g, teacher in enumerate(contest.teachers):
        rows += _scores(contest, prob[:, :, g], teacher.teacher, "teacher")
    return rows + _scores(contest, prob.mean(2), "teachers:mean", "teacher")


def _weights(contest: Contest, bench: Bench, trained: Trained, units: Sequence[int], method: str) -> Rows:
    """Mean share of every teacher, over all training examples and by domain, under the chosen students.

    ``own`` tells whether the domain is the one that the teacher was trained on.
    """
    if trained.rule is None:
        return []
    with torch.no_grad():
        weights = trained.rule(bench.moment(trained.params))[:, units]
    share = (weights / weights.sum(0)).double().cpu().numpy()
    data, train, rows = contest.dataset, contest.dataset.split == "train", []
    for r, replicate in enumerate(contest.replicates):
        domain = None if data.domain is None else data.domain[r % data.num_replicates, train]
        masks = {"all": np.ones(train.sum(), bool)}
        masks |= {} if domain is None else {name: domain == code for code, name in enumerate(data.domain_names)}
        rows += [
            {"method": method, "replicate": replicate, "domain": name, "teacher": teacher.teacher,
             "own": teacher.card.get("domain") == name, "weight": own.mean()}
            for name, mask in masks.items()
            for teacher, own in zip(contest.teachers, share[:, r, mask], strict=True)
            if mask.any()
        ]  # fmt: skip
    return rows
