"""The axioms of adaptive weights (2601.17910): conformance, independence, and the paper's theorems as experiments. No data."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import pd
from mtbkd.base.seeds import derive
from mtbkd.pooling.adaptive.axioms import AXIOMS, Axiom
from mtbkd.pooling.adaptive.independence import IMPLIED, WITNESSES, verify
from mtbkd.pooling.adaptive.operators import OPERATORS
from mtbkd.pooling.adaptive.search import Finding, search
from mtbkd.questions.adaptive import composition, constrained, convergence, families, stability
from mtbkd.questions.inputs import Inputs

NEEDS: frozenset[str] = frozenset()
TABLES = ("matrix", "independence", "theorems", "example", "convergence", "frontier")
NOTHING = {"evidence": "", "weights": "", "example": "", "broken": ""}
Rows = list[dict[str, Any]]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: int = Field(
        400, ge=50, le=1_000_000, description="candidates per search, of each number of teachers and each fineness"
    )
    steps: int = Field(4_000, ge=500, le=10_000_000, description="steps of stochastic gradient descent")
    runs: int = Field(32, ge=2, le=10_000, description="runs of it")
    cases: int = Field(2_000, ge=100, le=1_000_000, description="random compositions and random pairs of teachers")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables:

    ``matrix``: operator, formula, source, axiom (number), scale, title, statement, where (domain), holds, tried (candidates),
    margin (the smallest), tolerance, and of a counterexample evidence (JSON of ``Evidence``), weights (JSON), example and
    broken (words).
    ``independence``: axiom, scale, title, independent, by (the axiom that implies it), witness (formula), reason, kept (of the
    other fourteen), tried (candidates in all), margin, and the counterexample as above; an implied axiom has in ``kept`` the
    number of operators of the matrix that break it without breaking the one that implies it: 0.
    ``theorems``: the fields of ``Result``. ``example``: quantity, printed, corrected, remark of appendix A.
    ``convergence``: see ``convergence.curves``. ``frontier``: see ``constrained.frontier``.
    """
    matrix = [row for axiom in AXIOMS for row in _conformance(axiom, inputs.seed, settings.candidates)]
    independence = [_independence(axiom, matrix, inputs.seed, settings.candidates) for axiom in AXIOMS]
    curves = convergence.curves(settings.steps, settings.runs, derive(inputs.seed, "convergence of weighted distillation"))
    frontier, rng = constrained.frontier(), np.random.default_rng(derive(inputs.seed, "theorems on weights"))
    theorems = [
        *families.results(matrix),
        *composition.results(rng, settings.cases),
        *convergence.results(curves),
        *stability.results(rng, settings.cases),
        *constrained.results(frontier),
    ]
    rows = {"matrix": matrix, "independence": independence, "theorems": list(map(asdict, theorems)),
            "example": composition.example(), "convergence": curves, "frontier": frontier}  # fmt: skip
    return {name: pd.DataFrame(own) for name, own in rows.items()}


def _conformance(axiom: Axiom, seed: int, count: int) -> Rows:
    about = {"axiom": axiom.number, "scale": axiom.scale, "title": axiom.title, "statement": axiom.statement,
             "where": axiom.where, "tolerance": float(axiom.tolerance)}  # fmt: skip
    rows = []
    for operator in OPERATORS.values():
        found = search(axiom, operator.log_weights, count, seed, operator.most)
        of = {"operator": operator.name, "formula": operator.formula, "source": operator.source}
        rows.append({**of, **about, "holds": found.holds, "tried": found.tried, **_counterexample(axiom, found)})
    return rows


def _independence(axiom: Axiom, matrix: Rows, seed: int, count: int) -> dict[str, Any]:
    about = {"axiom": axiom.number, "scale": axiom.scale, "title": axiom.title}
    if axiom.number in IMPLIED:
        by, reason = IMPLIED[axiom.number]
        broken = {number: {row["operator"] for row in matrix if row["axiom"] == number and not row["holds"]}
                  for number in (axiom.number, by)}  # fmt: skip
        against = len(broken[axiom.number] - broken[by])
        tried = sum(row["tried"] for row in matrix if row["axiom"] == axiom.number)
        return {**about, "independent": False, "by": by, "witness": "", "reason": reason, "kept": against, "tried": tried,
                "margin": 0.0, **NOTHING}  # fmt: skip
    found, witness = verify(axiom.number, count, seed), WITNESSES[axiom.number]
    kept = sum(other.holds for number, other in found.items() if number != axiom.number)
    return {**about, "independent": kept == len(AXIOMS) - 1 and not found[axiom.number].holds, "by": "",
            "witness": witness.formula, "reason": witness.reason, "kept": kept,
            "tried": sum(other.tried for other in found.values()), **_counterexample(axiom, found[axiom.number])}  # fmt: skip


def _counterexample(axiom: Axiom, found: Finding) -> dict[str, Any]:
    if found.example is None or found.weights is None:
        return {"margin": found.margin, **NOTHING}
    return {"margin": found.margin, "evidence": found.example.to_json(), "weights": json.dumps(found.weights.tolist()),
            "example": found.example.told(), "broken": axiom.broken.format(size=f"{-found.margin:.2g}")}  # fmt: skip
