"""Which axioms of aggregation does each operator keep? The conformance matrix, with a counterexample for every no."""

import json
from time import perf_counter
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import pd
from mtbkd.pooling.axioms import AXIOMS, Axiom
from mtbkd.pooling.chosen import DEFAULT, Chosen, settings_of
from mtbkd.pooling.counterexamples import Finding, search
from mtbkd.questions.inputs import Inputs

NEEDS: frozenset[str] = frozenset()
TABLES = ("matrix",)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    operators: dict[str, Chosen] = Field(DEFAULT, min_length=1, description="operators with their settings, by displayed name")
    candidates: int = Field(
        20_000,
        ge=1_000,
        le=100_000_000,
        description="approximate number of candidates per search; a tenth for operators solved by iteration",
    )


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """``matrix``: operator (name to show), module, settings (JSON), domain (of the operator), axiom, title, form, statement,
    where (domain of the statement), holds, tried (candidates), margin (the smallest, negative beyond the tolerance where it
    does not hold), tolerance, sizes (teachers x classes tried), and of a counterexample teachers, classes, prob (JSON), weights
    (JSON), example and broken (words); seconds.
    """
    rows = []
    for name, chosen in settings.operators.items():
        module, typed = settings_of(chosen.operator, chosen.settings)
        about = {"operator": name, "module": chosen.operator, "settings": json.dumps(chosen.settings), "domain": module.DOMAIN}
        for axiom in AXIOMS:
            started = perf_counter()
            found = search(axiom, module, typed, settings.candidates, inputs.seed)
            rows.append({**about, **_row(axiom, found), "seconds": perf_counter() - started})
    return {"matrix": pd.DataFrame(rows)}


def _row(axiom: Axiom, found: Finding) -> dict[str, Any]:
    row = {
        "axiom": axiom.key, "title": axiom.title, "form": axiom.form, "statement": axiom.statement, "where": axiom.domain,
        "holds": found.holds, "tried": found.tried, "margin": found.margin, "tolerance": axiom.tolerance,
        "sizes": ", ".join(f"{teachers} x {classes}" for teachers, classes in found.sizes),
    }  # fmt: skip
    example = found.example
    if example is None:
        return {**row, "teachers": 0, "classes": 0, "prob": "", "weights": "", "example": "", "broken": ""}
    teachers, classes = example.prob.shape
    broken = axiom.broken.format(size=f"{-found.margin:.2g}")
    return {**row, "teachers": teachers, "classes": classes, "prob": json.dumps(example.prob.tolist()),
            "weights": json.dumps(example.weights.tolist()), "example": example.told(), "broken": broken}  # fmt: skip
