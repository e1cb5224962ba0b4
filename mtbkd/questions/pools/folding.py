"""Teachers' opinions on labelled and foreign examples, cross-fitted: what needs labels learns from the other folds.

Shapes: N labelled examples, M foreign ones after them, G teachers, K classes, F folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import SPLITS, Dataset, Logits, stack_logits
from mtbkd.data.preprocess import stratified_split
from mtbkd.evaluation.deviance import entropy
from mtbkd.pooling import context as weighing
from mtbkd.pooling.scaling import IDENTITY, Map, fitted


@dataclass(frozen=True)
class Case:
    """The examples that are judged.

    Attributes:
        dataset: with one replicate.
        teachers: of this replicate.
        rows: int (N + M,), examples of the dataset.
        y: int (N,), labels of the first N of them.
        fold: int (N + M,).
        folds: F.
        foreign: name of foreign data -> positions in ``rows``.
    """

    dataset: Dataset
    teachers: Sequence[Logits]
    rows: np.ndarray
    y: np.ndarray
    fold: np.ndarray
    folds: int
    foreign: dict[str, np.ndarray]

    @property
    def names(self) -> list[str]:
        """The teachers'."""
        return [teacher.teacher for teacher in self.teachers]


@dataclass(frozen=True)
class Opinions:
    """What teachers say, and how they are weighed.

    Attributes:
        log_prob: float32 tensor (N + M, G, K).
        weights: name -> float32 tensor (N + M, G).
        temperature: (F, G), of each teacher in each fold: 1 / its mean slope.
    """

    log_prob: "torch.Tensor"
    weights: "dict[str, torch.Tensor]"
    temperature: np.ndarray

    @cached_property
    def prob(self) -> np.ndarray:
        """Class probabilities (N + M, G, K)."""
        return self.log_prob.exp().numpy()

    @cached_property
    def named(self) -> np.ndarray:
        """The class (N + M, G) that each teacher names."""
        return self.prob.argmax(-1)

    @cached_property
    def entropy(self) -> np.ndarray:
        """Of each teacher (N + M, G), nats."""
        return entropy(self.prob)

    @cached_property
    def information(self) -> dict[str, np.ndarray]:
        """Weights -> mutual information (N + M,) of class and teacher, H(sum_g w_g p_g) - sum_g w_g H(p_g), nats."""
        shares = {name: weights.numpy() for name, weights in self.weights.items()}
        mixed = {name: (w[:, None] @ self.prob)[:, 0] for name, w in shares.items()}
        return {name: entropy(mixed[name]) - (w * self.entropy).sum(-1) for name, w in shares.items()}


def case_of(dataset: Dataset, teachers: Sequence[Logits], folds: int, seed: int) -> Case:
    """All labelled examples that no teacher saw in training, and the foreign ones that all cover; folds stratified by class.

    Raises:
        ContractError: fewer than two teachers, or a teacher that does not cover the test split.
    """
    where = f"pools on {dataset.name}"
    if len(teachers) < 2:
        raise ContractError(where, "teachers", len(teachers), "at least two")
    covered = np.all([teacher.covered for teacher in teachers], axis=0)
    if not covered[dataset.rows("test")].all():
        lacking = [teacher.teacher for teacher in teachers if not teacher.covered[dataset.rows("test")].all()]
        raise ContractError(where, "teachers", f"{', '.join(lacking)} without the test split", "teachers that cover it")
    fresh = [s for s in SPLITS if s == "test" or all(s not in teacher.card.get("seen", SPLITS) for teacher in teachers)]
    labelled = np.flatnonzero(np.isin(dataset.split, fresh) & (dataset.y[0] >= 0) & covered)
    foreign = [s for s in dataset.splits() if s.startswith("ood:") and covered[dataset.rows(s)].all()]
    rows = [labelled, *(dataset.rows(split) for split in foreign)]
    ends = np.cumsum([len(part) for part in rows])
    rng = np.random.default_rng(seed)
    y = dataset.y[0, labelled]
    drawn = stratified_split(y, {str(f): 1 / folds for f in range(folds)}, rng).astype(int)
    if np.bincount(drawn, minlength=folds).min() == 0:
        raise ContractError(where, "folds", f"{folds} for {len(y)} labelled examples", "folds that all hold examples")
    others = [rng.permutation(len(part)) % folds for part in rows[1:]]
    places = {s.removeprefix("ood:"): np.arange(a, b) for s, a, b in zip(foreign, ends, ends[1:], strict=False)}
    return Case(dataset, teachers, np.concatenate(rows), y, np.concatenate([drawn, *others]), folds, places)


def opinions(case: Case, names: Sequence[str], scaling: str) -> Opinions:
    """Log-probabilities and the weights ``names`` of teachers scaled as ``scaling`` says: none, temperature or vector.

    In each fold, scaling and weights that need labels learn from the labelled examples of all others.
    """
    own = stack_logits(list(case.teachers))[0][case.rows]
    maps = [_maps(case, own, fold, scaling) for fold in range(case.folds)]
    log_prob = torch.empty(own.shape)
    for fold, each in enumerate(maps):
        here = torch.as_tensor(case.fold == fold)
        for g, scale in enumerate(each):
            log_prob[here, g] = torch.as_tensor(scale(own[here.numpy(), g]), dtype=torch.float32)
    temperature = np.array([[1 / scale.slope.mean() for scale in each] for each in maps])
    said = Opinions(log_prob, {name: torch.empty(own.shape[:2]) for name in names}, temperature)
    for fold in range(case.folds):
        here = np.flatnonzero(case.fold == fold)
        known = _known(case, maps[fold], here)
        for name in names:
            found = weighing.teacher_weights(name, said.prob[None, here].astype(np.float64), known)[0]
            said.weights[name][torch.as_tensor(here)] = torch.as_tensor(found, dtype=torch.float32)
    return said


def _maps(case: Case, logits: np.ndarray, fold: int, scaling: str) -> list[Map]:
    """Of every teacher with ``logits`` (N + M, G, K), learnt from the labelled examples of the other folds."""
    if scaling == "none":
        return [IDENTITY] * len(case.teachers)
    n = len(case.y)
    others = case.fold[:n] != fold
    return [fitted(scaling, logits[:n][others, g], case.y[others]) for g in range(len(case.teachers))]


def _known(case: Case, maps: Sequence[Map], here: np.ndarray) -> weighing.Context:
    """What weights may know in a fold: the labelled examples of the others, as validation split but for those of train."""
    labelled = case.rows[: len(case.y)]
    split = np.where(case.dataset.split == "val", "train", case.dataset.split)
    split[labelled] = np.where(case.dataset.split[labelled] == "train", "train", "val")
    split[case.rows[here]] = np.where(here < len(labelled), "test", split[case.rows[here]])
    teachers = []
    for teacher, scale in zip(case.teachers, maps, strict=True):
        card = {key: value for key, value in teacher.card.items() if key not in ("seen", "suspected")}
        logits = np.zeros_like(teacher.logits)  # nobody asks for those of other rows
        logits[:, labelled] = scale(teacher.logits[:, labelled])
        teachers.append(replace(teacher, logits=logits, card=card))
    return weighing.Context(replace(case.dataset, split=split), teachers, case.rows[here])


def applying(case: Case) -> list[str]:
    """Weights that need no label of the example itself, and nothing else that data or teachers lack."""
    return [
        name
        for name in registry.WEIGHTS
        if "labels" not in weighing.needs(name) and weighing.applies(name, case.dataset, case.teachers)
    ]
