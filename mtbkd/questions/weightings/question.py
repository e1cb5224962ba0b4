"""Weights of teachers side by side: what they are, what the pools they make are worth, and which conditions they keep.

Beside them the responsibilities of the students with the mixture prior: the weights that these choose themselves.
Shapes: N examples, G teachers, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.bounds import Examples, Names
from mtbkd.base.lazy import pd, torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.evaluation.compare import judged, paired
from mtbkd.pooling import (  # fmt: skip
    conditions,
    density_ratio,
    domain,
    entropy,
    equal,
    exponential_entropy,
    inverse_entropy,
    inverse_square_entropy,
    label_confidence,
    margin,
    product,
    stacking,
    validation,
)
from mtbkd.pooling import context as weighing
from mtbkd.pooling.chosen import Weightings
from mtbkd.pooling.operators import linear, logarithmic
from mtbkd.pooling.scaling import scaled
from mtbkd.questions.inputs import Inputs
from mtbkd.signals.responsibility import responsibilities

NEEDS = frozenset({"dataset", "teachers", "draws"})
TABLES = ("scores", "gains", "conditions", "shares")
# Imported so that the job depends on their sources; the registry names further ones.
OWN = (
    equal, entropy, exponential_entropy, inverse_entropy, inverse_square_entropy, margin, label_confidence, validation,
    stacking, domain, density_ratio, product,
)  # fmt: skip
POOLS = {"linear": linear, "logarithmic": logarithmic}
EVERYWHERE, HARD, REFERENCE = "all", "hard cases", "equal"
Rows = list[dict[str, Any]]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Weightings = Field((), description="modules of mtbkd/pooling; default: all that apply to the data")
    classes: Names = Field((), description="classes to avoid; default: the last class")
    hard_cases: Examples = Field(
        2_000, description="number of certain, undecided and random teachers on which the conditions are tested"
    )


@dataclass(frozen=True)
class Replicate:
    """One replicate's data with its teachers: ``dataset`` has R = 1."""

    number: int
    dataset: Dataset
    teachers: list[Logits]

    def prob(self, rows: np.ndarray) -> np.ndarray:
        """Class probabilities (n, G, K)."""
        logits = torch.as_tensor(stack_logits(self.teachers)[0, rows], dtype=torch.float64)
        return torch.softmax(logits, -1).numpy()

    def weights(self, name: str, rows: np.ndarray, settings: Mapping[str, Any] | None = None) -> np.ndarray:
        """Weights (n, G) of the examples ``rows``."""
        context = weighing.Context(self.dataset, self.teachers, rows, settings or {})
        return weighing.teacher_weights(name, self.prob(rows)[None], context)[0]


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables, one row a replicate of the data; label weights are those of the training examples, all others of the test
    examples:

    ``scores``: weights, pool (linear or logarithmic), replicate, nll and accuracy of the pool on the test split, n.
    ``gains``: weights, pool, those of ``evaluation.compare.judged``: nll minus that with equal weights.
    ``conditions``: weights, where (teachers or hard cases), replicate, the fields of ``pooling.conditions.Verdict``.
    ``shares``: weights (or "responsibilities: <method>"), replicate, domain, teacher, weight (mean over its examples).
    """
    found: dict[str, Rows] = {name: [] for name in TABLES}
    for block in dict.fromkeys(inputs.data_block(block) for block in inputs.blocks):
        for each in replicates(inputs, block):
            names = settings.weights or tuple(
                name for name in registry.WEIGHTS if weighing.applies(name, each.dataset, each.teachers)
            )
            for name in names:
                _measure(found, name, each, settings)
            for method in inputs.methods:
                found["shares"] += _responsibilities(inputs, method, block, each)
    rng = np.random.default_rng(derive(inputs.seed, "hard cases"))
    teachers, dataset = inputs.teachers(), inputs.dataset()
    prob = conditions.corner_cases(len(teachers), dataset.num_classes, settings.hard_cases, rng)
    unsafe = prob[..., _unsafe(dataset, settings)].sum(-1)
    for name in dict.fromkeys(row["weights"] for row in found["scores"]):
        if not weighing.needs(name):
            of = registry.part("weights", name).weights
            verdicts = [*_verdicts(of(prob[None])[0], unsafe), conditions.lipschitz(of, prob, rng)]
            found["conditions"] += [{"weights": name, "where": HARD, "replicate": 0, **asdict(v)} for v in verdicts]
    tables = {name: pd.DataFrame(rows) for name, rows in found.items() if name != "gains"}
    return {**tables, "gains": pd.DataFrame(_gains(tables["scores"]))}


def replicates(inputs: Inputs, block: str) -> Iterator[Replicate]:
    """Every replicate of a block of data."""
    dataset, teachers = inputs.dataset(block), inputs.teachers(block)
    for row in range(dataset.num_replicates):
        domain, true_prob = (None if a is None else a[row : row + 1] for a in (dataset.domain, dataset.true_prob))
        one = Dataset(
            dataset.name, dataset.x[row : row + 1], dataset.y[row : row + 1], dataset.split, dataset.class_names, dataset.ids,
            domain, dataset.domain_names, true_prob, card=dataset.card,
        )  # fmt: skip
        own = [
            Logits(t.teacher, t.logits[min(row, len(t.logits) - 1)][None], t.covered, t.ids_sha256, t.card) for t in teachers
        ]
        yield Replicate(block_range(block)[0] + row, one, own)


def _measure(found: dict[str, Rows], name: str, each: Replicate, settings: Settings) -> None:
    """Add the rows of one weighting in one replicate to all tables."""
    by_label = "labels" in weighing.needs(name)
    rows = each.dataset.rows("train" if by_label else "test")
    if by_label:
        rows = rows[each.dataset.y[0, rows] >= 0]
    prob, weights, place = each.prob(rows), each.weights(name, rows), {"weights": name, "replicate": each.number}
    if not by_label:
        found["scores"] += [{**place, **row} for row in _scores(prob, weights, each.dataset.y[0, rows])]
    unsafe = prob[..., _unsafe(each.dataset, settings)].sum(-1)
    found["conditions"] += [{**place, "where": "teachers", **asdict(verdict)} for verdict in _verdicts(weights, unsafe)]
    found["shares"] += [{**place, **row} for row in _shares(each, rows, weights)]


def _unsafe(dataset: Dataset, settings: Settings) -> np.ndarray:
    return np.isin(dataset.class_names, settings.classes or dataset.class_names[-1:])


def _scores(prob: np.ndarray, weights: np.ndarray, y: np.ndarray) -> Iterator[dict[str, Any]]:
    """Negative log-likelihood (nats) and accuracy of both pools."""
    log_prob, given = torch.as_tensor(prob).log(), torch.as_tensor(weights)
    for pool, module in POOLS.items():
        log_q = module.log_pool(log_prob, given, module.Settings()).numpy()
        nll = -log_q[np.arange(len(y)), y].mean()
        yield {"pool": pool, "nll": float(nll), "accuracy": float((log_q.argmax(-1) == y).mean()), "n": len(y)}


def _verdicts(weights: np.ndarray, unsafe: np.ndarray) -> list[conditions.Verdict]:
    of_all = (conditions.normalised, conditions.positive, conditions.bounded)
    return [*(condition(weights) for condition in of_all), conditions.ordinal(weights, unsafe)]


def _shares(each: Replicate, rows: np.ndarray, weights: np.ndarray) -> Iterator[dict[str, Any]]:
    """Mean weight of each teacher over all examples, and domain by domain."""
    parts = {EVERYWHERE: np.ones(len(rows), bool)}
    if each.dataset.domain is not None:
        parts |= {name: each.dataset.domain[0, rows] == code for code, name in enumerate(each.dataset.domain_names)}
    for place, own in parts.items():
        for g, teacher in enumerate(each.teachers):
            if own.any():
                yield {"domain": place, "teacher": teacher.teacher, "weight": float(weights[own, g].mean())}


def _responsibilities(inputs: Inputs, method: str, block: str, each: Replicate) -> Rows:
    """Shares of one method with the mixture prior; none of another method."""
    blocks = [b for b in inputs.blocks if inputs.data_block(b) == block and each.number in block_range(b)]
    draws = inputs.draws(method, blocks[0])
    if draws.attrs.get("signal") != "tip":
        return []
    test = np.flatnonzero(each.dataset.split[draws.example_index] == "test")
    rows = draws.example_index[test]
    position = draws.replicates.tolist().index(each.number)
    scaling, seed = draws.attrs.get("teacher_scaling", "none"), draws.attrs.get("seed", 0)
    each = replace(each, teachers=scaled(each.teachers, each.dataset, scaling, seed))
    weights = each.weights(draws.attrs["weights"], rows, draws.attrs.get("weights_settings"))
    found = responsibilities(draws, position, test, stack_logits(each.teachers)[0, rows], weights)
    place = {"weights": f"responsibilities: {method}", "replicate": each.number}
    return [{**place, **row} for row in _shares(each, rows, found)]


def _gains(scores: "pd.DataFrame") -> Rows:
    """Every weighting against equal weights, paired over replicates."""
    rows = []
    for pool, own in scores.groupby("pool", sort=False):
        values = own.pivot(index="replicate", columns="weights", values="nll")
        names = [name for name in dict.fromkeys(own["weights"]) if name != REFERENCE and REFERENCE in values]
        found = judged([paired((values[name] - values[REFERENCE]).to_numpy()) for name in names], higher_is_better=False)
        rows += [{"weights": name, "pool": pool, **each} for name, each in zip(names, found, strict=True)]
    return rows
