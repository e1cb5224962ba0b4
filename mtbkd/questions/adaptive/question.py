"""The axioms of adaptive weights (2601.17910): conformance, independence, and the paper's theorems as experiments. No data."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import pd
from mtbkd.pooling.adaptive.axioms import AXIOMS, Axiom
from mtbkd.pooling.adaptive.independence import IMPLIED, WITNESSES, verify
from mtbkd.pooling.adaptive.operators import OPERATORS
from mtbkd.pooling.adaptive.search import Finding, search
from mtbkd.questions.inputs import Inputs

NEEDS: frozenset[str] = frozenset()
TABLES = ("matrix", "independence")
NOTHING = {"evidence": "", "weights": "", "example": "", "broken": ""}
Rows = list[dict[str, Any]]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: int = Field(
        400, ge=50, le=1_000_000, description="candidates per search, of each number of teachers and each fineness"
    )


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables:

    ``matrix``: operator, formula, source, axiom (number), scale, title, statement, where (domain), holds, tried (candidates),
    margin (the smallest), tolerance, and of a counterexample evidence (JSON of ``Evidence``), weights (JSON), example and
    broken (words).
    ``independence``: axiom, scale, title, independent, by (the axiom that implies it), witness (formula), reason, kept (of the
    other fourteen), tried (candidates in all), margin, and the counterexample as above; an implied axiom has in ``kept`` the
    number of operators of the matrix that break it without breaking the one that implies it: 0.
    """
    matrix = [row for axiom in AXIOMS for row in _conformance(axiom, inputs.seed, settings.candidates)]
    independence = [_independence(axiom, matrix, inputs.seed, settings.candidates) for axiom in AXIOMS]
    return {"matrix": pd.DataFrame(matrix), "independence": pd.DataFrame(independence)}


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
