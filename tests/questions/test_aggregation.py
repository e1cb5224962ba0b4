"""The questions of pools and weights, from data to report and figure. R replicates, N examples, G teachers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.contracts.draws import Draws
from mtbkd.pooling.axioms import AXIOMS
from mtbkd.questions.axioms import question as axioms
from mtbkd.questions.axioms import section as axioms_report
from mtbkd.questions.guarantees import question as guarantees
from mtbkd.questions.guarantees import section as guarantees_report
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.weightings import question as weightings
from mtbkd.questions.weightings import section as weightings_report
from mtbkd.signals.responsibility import responsibilities
from tests.conformance.examples import dataset
from tests.pooling.test_context import teachers_of
from tests.questions.drawn import asked, checked


def draws_of(signal: str, lam: float = 2.0) -> Draws:
    """Two draws of one chain in both replicates; the test examples are rows 70 to 89 of the toy data."""
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(3), (2, 1, 2, 20)).astype(np.float32)
    tuning = [{"lambda": lam, "replicate": r, "chosen": True} for r in range(2)]
    return Draws(
        np.arange(2), np.zeros((2, 1, 2)), np.zeros((2, 1, 2, 1, 3)), np.zeros(1, int), np.zeros((2, 1, 2, 1)),
        np.zeros((2, 1)), prob, np.arange(70, 90), np.zeros((2, 1), bool), tuning=tuning,
        attrs={"signal": signal, "weights": "entropy"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    data = dataset((3,), replicates=2)
    draws = {"tip_entropy_map": draws_of("tip"), "labels_map": draws_of("none")}
    return Inputs.in_memory(
        name="pools", seed=1, replicates=2, blocks=("r0-1",), dataset=data, teachers=teachers_of(data), draws=draws
    )


def shown(module: Any, report: Any, tables: Mapping[str, Any], folder: Path, settings: Any) -> str:
    """Draw the figure, make the section, return its sentences."""
    content = settings.model_dump(mode="json")
    kind = module.__name__.split(".")[-2]
    assert checked(asked(kind, tables, folder, content, {"tip_entropy_map": ("tip", "entropy", "map")}))
    section = report.section("pools", tables, content)
    assert all(table.name.startswith("pools-") and table.rows for table in (*section.tables, *section.details))
    assert all(len(row.cells) == len(table.columns) for table in (*section.tables, *section.details) for row in table.rows)
    for card in section.cards:
        assert card.answer and card.number and card.place
    return " ".join(section.told)


def test_the_matrix_has_an_entry_for_every_operator_and_axiom(tmp_path: Path) -> None:
    content = {"operators": {"mean": {"operator": "linear"}, "log": {"operator": "logarithmic"}}, "candidates": 1_000}
    settings = axioms.Settings.model_validate(content)
    tables = axioms.run(Inputs.in_memory(name="axioms", seed=1), settings)
    matrix = tables["matrix"].set_index(["operator", "axiom", "form"])
    assert len(matrix) == 2 * len(AXIOMS) and not matrix.loc[("mean", "A5", "strong"), "holds"]
    found = matrix.loc[("log", "A1", "weak")]
    assert (found["teachers"], found["classes"]) == (2, 3) and np.shape(json.loads(found["prob"])) == (2, 3)
    told = shown(axioms, axioms_report, tables, tmp_path, settings)
    assert "mean satisfies the most: 9 of 10." in told and "'log' lies 0.5 outside the teachers' range" in told


@pytest.mark.parametrize("module", [axioms, guarantees])
def test_an_unknown_operator_is_refused(module: Any) -> None:
    with pytest.raises(ValidationError, match="did you mean 'median'"):
        module.Settings.model_validate({"operators": {"middle": {"operator": "medain"}}})


def test_guarantees_are_measured_on_every_replicate(inputs: Inputs, tmp_path: Path) -> None:
    settings = guarantees.Settings.model_validate({"examples": 20, "draws": 500, "classes": ["b"]})
    tables = guarantees.run(inputs, settings)
    bounds = tables["bounds"]
    own = bounds[bounds["source"] == "teachers"]
    assert sorted(own["replicate"].unique()) == [0, 1] and set(own.loc[own["guarantee"] == "log loss", "n"]) == {20}
    assert (bounds.loc[bounds["proven"], "broken"] == 0).all()
    inside = tables["gain"]["r"].between(0, 1)
    assert (tables["gain"].loc[inside, "lost"] == 0).all()
    told = shown(guarantees, guarantees_report, tables, tmp_path, settings)
    assert "theorems were violated in 0 of" in told and "the linear pool never gives b" in told


def test_an_unknown_unsafe_class_is_refused(inputs: Inputs) -> None:
    with pytest.raises(ContractError, match=r"classes: found 'bb'; expected a, b, c. Hint: did you mean 'b'"):
        guarantees.run(inputs, guarantees.Settings.model_validate({"classes": ["bb"]}))


def test_weightings_are_scored_with_the_students_responsibilities_beside_them(inputs: Inputs, tmp_path: Path) -> None:
    settings = weightings.Settings.model_validate({"hard_cases": 50})
    tables = weightings.run(inputs, settings)
    scores, shares = tables["scores"], tables["shares"]
    assert {"equal", "stacking", "density_ratio"} <= set(scores["weights"]) and "label_confidence" not in set(scores["weights"])
    assert {"label_confidence", "responsibilities: tip_entropy_map"} <= set(shares["weights"])
    assert "responsibilities: labels_map" not in set(shares["weights"])
    sums = shares.groupby(["weights", "replicate", "domain"])["weight"].sum()
    np.testing.assert_allclose(sums, 1)
    assert tables["conditions"].query("condition == 'normalised'")["holds"].all()
    told = shown(weightings, weightings_report, tables, tmp_path, settings)
    assert "The responsibilities of tip_entropy_map" in told


def test_weights_that_need_domains_are_left_out_where_there_are_none(inputs: Inputs) -> None:
    bare = [type(t)(t.teacher, t.logits, t.covered, t.ids_sha256, {}) for t in inputs.teachers()]
    some = Inputs.in_memory(name="pools", seed=1, blocks=("r0-1",), dataset=inputs.dataset(), teachers=bare)
    found = weightings.run(some, weightings.Settings.model_validate({"hard_cases": 10}))
    assert not {"density_ratio", "product"} & set(found["scores"]["weights"])


def test_responsibilities_are_the_shares_of_the_mixtures_components() -> None:
    """At lambda -> 0 all components are flat and the student leaves the weights as they are; a large one makes it choose."""
    logits = np.array([[[4.0, 0, 0], [0, 0, 4.0]]])
    weights = np.array([[0.3, 0.7]])
    draws = draws_of("tip", lam=1e-9)
    np.testing.assert_allclose(responsibilities(draws, 0, np.arange(1), logits, weights), weights, atol=1e-6)
    draws = draws_of("tip", lam=200.0)
    draws.prob[:] = (0.98, 0.01, 0.01)
    assert responsibilities(draws, 1, np.arange(1), logits, weights)[0, 0] > 0.99
