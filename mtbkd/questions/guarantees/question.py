"""What is promised of each pool, measured against its bound: on the dataset's teachers and on teachers at random.

All at equal weights, on test examples; see mtbkd/pooling/guarantees.py for what is promised, and of which operators.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.blocks import block_range
from mtbkd.base.bounds import DrawCount, Examples, Names
from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.explain import distinct
from mtbkd.base.lazy import pd, torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.pooling.chosen import DEFAULT, Chosen, settings_of
from mtbkd.pooling.guarantees import (  # fmt: skip
    ROUNDING,
    Opinions,
    Pool,
    at_random,
    correlated_errors,
    log_loss,
    measure,
    proven,
)
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "teachers"})
TABLES = ("bounds", "gain", "variance")
OWN, RANDOM = "teachers", "random teachers"
ORDERS = (-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
Rows = list[dict[str, Any]]
Orders = Annotated[tuple[Annotated[float, Field(ge=-1_000, le=1_000)], ...], AfterValidator(distinct)]
Numbers = Annotated[tuple[Annotated[int, Field(ge=1, le=1_000)], ...], AfterValidator(distinct)]
Correlations = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], AfterValidator(distinct)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    operators: dict[str, Chosen] = Field(DEFAULT, min_length=1, description="operators with their settings, by displayed name")
    classes: Names = Field((), description="classes to avoid; default: the last class")
    orders: Orders = Field(ORDERS, min_length=1, description="orders r of the power means")
    examples: Examples = Field(2_000, description="maximum number of test examples per replicate")
    draws: DrawCount = Field(20_000, description="simulated errors for each number of teachers and correlation")
    teachers: Numbers = Field((1, 2, 4, 8, 16), min_length=1, description="numbers of simulated teachers")
    correlations: Correlations = Field((0.0, 0.3, 0.6, 0.9), min_length=1, description="correlations of their errors, 0 to 1")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables, one row a replicate where there are several:

    ``bounds``: source (teachers or random teachers), replicate, operator, guarantee, proven (a theorem for this operator),
    measured and bound (means), margin (their mean difference) and worst (the least), broken (share of examples), n.
    ``gain``: source, replicate, r, gain (mean teachers' log loss minus the pool's, nats), worst, lost (share below 0), n.
    ``variance``: simulated errors of variance 1: teachers, rho, measured (of their mean), se, law.
    """
    bounds, gain = [], []
    for source, replicate, opinions in _every(inputs, settings):
        place = {"source": source, "replicate": replicate}
        rng = np.random.default_rng(derive(inputs.seed, "other weights", replicate=replicate))
        bounds += [{**place, **row} for row in _bounds(opinions, settings, rng)]
        gain += [{**place, **row} for row in _gains(opinions, settings)]
    rng = np.random.default_rng(derive(inputs.seed, "correlated errors"))
    variance = [_variance(count, rho, settings.draws, rng) for rho in settings.correlations for count in settings.teachers]
    return {"bounds": pd.DataFrame(bounds), "gain": pd.DataFrame(gain), "variance": pd.DataFrame(variance)}


def _every(inputs: Inputs, settings: Settings) -> Iterator[tuple[str, int, Opinions]]:
    """(source, replicate, opinions): the dataset's teachers in every replicate of it, then teachers at random."""
    shape = (1, 2)
    for block in dict.fromkeys(inputs.data_block(block) for block in inputs.blocks):
        dataset, teachers = inputs.dataset(block), inputs.teachers(block)
        shape = (len(teachers), dataset.num_classes)
        first = block_range(block)[0]
        for row in range(dataset.num_replicates):
            yield OWN, first + row, opinions_of(dataset, teachers, row, settings)
    rng = np.random.default_rng(derive(inputs.seed, "random teachers"))
    yield RANDOM, 0, at_random(settings.examples, max(2, shape[0]), max(3, shape[1]), rng)


def opinions_of(dataset: Dataset, teachers: list[Logits], row: int, settings: Settings) -> Opinions:
    """What the teachers say of the first test examples of one replicate.

    Raises:
        ContractError: teachers do not cover the test split, or a designated class does not exist.
    """
    rows = dataset.rows("test")[: settings.examples]
    missing = [teacher.teacher for teacher in teachers if not teacher.covered[rows].all()]
    if missing:
        raise ContractError("question guarantees", "teachers", f"no logits of {', '.join(missing)} on the test split",
                            "teachers that cover it")  # fmt: skip
    for name in settings.classes:
        if name not in dataset.class_names:
            allowed = ", ".join(dataset.class_names)
            hint = nearest(name, dataset.class_names)
            raise ContractError(f"question guarantees on {dataset.name}", "classes", f"'{name}'", allowed, hint)
    stacked = stack_logits(teachers)
    logits = stacked[row if len(stacked) > 1 else 0, rows]
    prob = torch.softmax(torch.as_tensor(logits, dtype=torch.float64), -1).numpy()
    y = dataset.y[row, rows]
    truth = np.eye(dataset.num_classes)[y] if dataset.true_prob is None else dataset.true_prob[row, rows].astype(np.float64)
    return Opinions(prob, y, truth, np.isin(dataset.class_names, settings.classes or dataset.class_names[-1:]))


def _bounds(opinions: Opinions, settings: Settings, rng: np.random.Generator) -> Rows:
    rows = []
    for name, chosen in settings.operators.items():
        r = chosen.settings.get("r", 0.5) if chosen.operator == "power_mean" else None
        for found in measure(opinions, _pool(chosen), rng):
            of = {"operator": name, "proven": proven(found.guarantee, chosen.operator, r)}
            rows.append({**of, **found.row()})
    return rows


def _gains(opinions: Opinions, settings: Settings) -> Rows:
    rows = []
    for r in settings.orders:
        pool = _pool(Chosen(operator="power_mean", settings={"r": r}))
        found = log_loss(opinions, pool(opinions.prob, opinions.weights))
        gain = found.bound - found.measured
        rows.append({"r": r, "gain": float(gain.mean()), "worst": float(gain.min()), "lost": float((gain < -ROUNDING).mean()),
                     "n": len(gain)})  # fmt: skip
    return rows


def _pool(chosen: Chosen) -> Pool:
    module, typed = settings_of(chosen.operator, chosen.settings)

    def pool(prob: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return module.log_pool(torch.as_tensor(prob).log(), torch.as_tensor(weights), typed).exp().numpy()

    return pool


def _variance(teachers: int, rho: float, draws: int, rng: np.random.Generator) -> dict[str, Any]:
    """The variance of the mean of simulated errors, with its standard error, beside the law."""
    pooled = correlated_errors(draws, teachers, rho, rng).mean(1)
    measured = float(pooled.var(ddof=1))
    return {"teachers": teachers, "rho": rho, "measured": measured, "se": measured * np.sqrt(2 / (draws - 1)),
            "law": rho + (1 - rho) / teachers}  # fmt: skip
