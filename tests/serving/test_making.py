"""What a card says is what the draws do."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.data import preprocess
from mtbkd.data.datasets import digits, sim1, table
from mtbkd.evaluation import metrics
from mtbkd.inference import fitting
from mtbkd.serving import making
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.making import DRAWS, RISK_LABELS, make_bundle
from tests.serving.examples import CLASSES, bundle, make_dataset, make_spec

COLUMNS = ("height", "weight", "constant")


def test_the_card_states_the_scores_of_its_own_draws():
    dataset, card = make_dataset(), bundle().card
    kept = making._keep_risk_labels(dataset, make_spec().seed).rows(RISK_LABELS)
    for split, rows in (("val", np.setdiff1d(dataset.rows("val"), kept)), ("test", dataset.rows("test"))):
        mean = bundle().draw_probs(dataset.x[0, rows]).mean(0, dtype=np.float64)
        scores, y = card.scores[split], dataset.y[0, rows]
        assert scores["accuracy"] == metrics.accuracy(mean, y).value > 0.5
        assert scores["nll"] == pytest.approx(metrics.nll(mean, y).value)
        assert scores["ece"] == pytest.approx(metrics.ece(mean, y).value)
    assert {"coverage@0.95", "coverage_gap@0.95"} <= set(card.scores["test"])


def flipped(dataset: Dataset, rows: np.ndarray) -> Dataset:
    """The same data with the labels of ``rows`` moved on by one class."""
    y = dataset.y.copy()
    y[:, rows] = (y[:, rows] + 1) % dataset.num_classes
    return replace(dataset, y=y)


def test_the_labels_that_measure_the_risk_choose_nothing():
    """Half of the validation labels decide on the prior's scale and the other half on the risk: neither touches the other."""
    dataset, spec = make_dataset(), make_spec("map")
    spec = spec.model_copy(update={"posterior": {**spec.posterior, "prior_scale": [0.001, 1.0]}})
    kept = making._keep_risk_labels(dataset, spec.seed).rows(RISK_LABELS)
    others = np.setdiff1d(dataset.rows("val"), kept)
    assert len(kept) == len(others) == 30

    def made(data: Dataset) -> Bundle:
        return make_bundle(spec, data, [], "protein", "made_up")

    plain, other_risk, other_choice = made(dataset), made(flipped(dataset, kept)), made(flipped(dataset, others))
    assert plain.card.tuned == other_risk.card.tuned != other_choice.card.tuned
    assert np.array_equal(plain.params, other_risk.params) and plain.card.scores["val"] == other_risk.card.scores["val"]
    assert other_risk.card.risk[-1].errors > plain.card.risk[-1].errors and plain.card.risk[-1].n == 30
    assert any("measured on 30 validation examples that chose no setting" in told for told in plain.card.limits)


def test_the_card_says_that_teachers_learnt_from_the_examples_that_measure_the_risk():
    dataset, spec = make_dataset(), make_spec("map")
    spec = spec.model_copy(update={"output": spec.output.model_copy(update={"keep_params": True})})
    draws = making.whole_precision_fit(spec, making._keep_risk_labels(dataset, spec.seed), [])
    kept = dataset.rows("val")[::2]
    for learnt, taught in ((["train"], False), (["train", "val"], True)):
        told = replace(draws, attrs={**draws.attrs, "teachers_learnt_from": learnt})
        limits = making.describe(spec, dataset, told, kept, "protein", "made_up").card.limits
        assert any("hold approximately" in each for each in limits) == taught


def test_one_validation_example_cannot_do_both():
    dataset = make_dataset()
    split = np.where(np.arange(dataset.num_examples) == 90, "val", np.where(dataset.split == "val", "train", dataset.split))
    with pytest.raises(ContractError, match="validation examples: found 1; expected 2 or more"):
        make_bundle(make_spec("map"), replace(dataset, split=split), [], "protein", "made_up")


def test_the_card_says_where_the_student_comes_from():
    card = bundle().card
    assert card.class_names == CLASSES and card.draws == len(bundle().params) <= DRAWS
    assert card.data["counts"] == {"train": 90, "val": 60, "test": 60}
    assert set(card.licences) == {"data", "encoder descriptors"} and card.licences["data"] == "made up"
    assert card.config["method"] == card.method == "labels_sgld" and card.tuned["prior_scale"] == 0.1
    assert {"rhat", "ess_bulk"} <= set(card.gates) and card.seeds["base"] == 3
    assert any(f"{card.scores['test']['accuracy']:.1%}" in told for told in card.limits)


def test_a_point_estimate_is_a_bundle_of_one_draw():
    card = bundle("map").card
    assert card.draws == 1 and card.gates["rhat"] == "not applicable"
    assert any("no credible intervals" in told for told in card.limits)
    assert not any(name.startswith("coverage") for name in card.scores["test"])


def test_a_student_whose_last_layer_was_drawn_predicts_as_its_fit_did_and_says_so():
    """The bundle is refused where its whole networks do not predict what the fit predicted from features."""
    card = make_bundle(make_spec().model_copy(update={"layers": "last"}), make_dataset(), [], "protein", "made_up").card
    assert card.draws > 1 and any("Only its last layer was drawn" in told for told in card.limits)
    assert not any("last layer" in told for told in bundle().card.limits)


def test_the_card_says_that_chains_are_stacked():
    spec = make_spec()
    settings = {**spec.inference.settings, "steps": 120}
    spec = spec.model_copy(update={"stack_chains": True, "inference": spec.inference.model_copy(update={"settings": settings})})
    card = make_bundle(spec, make_dataset(), [], "protein", "made_up").card
    assert card.chains.startswith("stacked from 2 of 2 chains, weights 0.") and card.config["stack_chains"]
    (told,) = [each for each in card.limits if "stacked" in each]
    assert card.chains in told and "not the posterior" in told
    assert bundle().card.chains == "pooled" and not any("stacked" in each for each in bundle().card.limits)


def test_a_gate_that_was_not_judged_is_no_gate_that_does_not_apply(monkeypatch: pytest.MonkeyPatch):
    def fit(*given):
        draws = fitting.fit(*given)
        row = next(row for row in draws.gates if row["gate"] == "rhat")
        row.update(verdict=None, judged=False)
        return draws

    monkeypatch.setattr(making, "fit", fit)
    card = make_bundle(make_spec(), make_dataset(), [], "protein", "made_up").card
    assert card.gates["rhat"] == "not judged" and "not applicable" in card.gates.values()
    assert any("could not be judged: rhat" in told for told in card.limits)


def test_of_a_simulation_the_first_replicate_is_fitted(tmp_path):
    settings = sim1.Settings(n_train=100, n_val=60, n_test=60)
    dataset = sim1.prepare("small", settings, 1, range(2), tmp_path)
    teacher = Logits("t", np.zeros((2, 220, 2), np.float32), np.ones(220, bool), ids_digest(dataset.ids))
    spec = make_spec("map")
    spec = spec.model_copy(update={"signal": spec.signal.model_copy(update={"name": "tip"}), "weights": "equal"})
    made = make_bundle(spec, dataset, [teacher], "demo", "sim1")
    assert made.card.inputs.features == (2,) and not made.card.inputs.encoders
    rows = dataset.rows("test")
    mean = made.draw_probs(dataset.x[0, rows]).mean(0, dtype=np.float64)
    assert made.card.scores["test"]["accuracy"] == metrics.accuracy(mean, dataset.y[0, rows]).value


def make_table(folder: Path, standardise: bool) -> tuple[Dataset, np.ndarray]:
    """A table whose columns are far from mean 0 and deviation 1, and its columns as a user has them (N, 3)."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 2
    columns = np.stack([170 + 8 * y + 3 * rng.normal(size=150), 2e-3 * (1 - y + rng.normal(size=150)), np.full(150, 7.0)], 1)
    with open(folder / "people.csv", "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["name", *COLUMNS, "class"])
        writer.writerows([f"p{i}", *map(float, row), "ab"[k]] for i, (row, k) in enumerate(zip(columns, y, strict=True)))
    given = {"path": str(folder / "people.csv"), "label": "class", "id": "name", "standardise": standardise}
    dataset = table.prepare("people", table.Settings.model_validate(given), 1, range(1), folder)
    if standardise:
        known = preprocess.scaling(columns, dataset.split == "train").card()
        dataset = replace(dataset, card={"scaling": known, **dataset.card})
    return dataset, columns


@pytest.mark.parametrize("standardise", [True, False])
def test_a_table_s_student_answers_from_the_columns_as_a_user_has_them(tmp_path: Path, standardise: bool):
    dataset, columns = make_table(tmp_path, standardise)
    if not standardise:  # a network does not learn from numbers around 170
        columns = columns - [174, 0, 7]
        dataset = replace(dataset, x=columns[None].astype(np.float32))
    spec = make_spec("map")
    spec = spec.model_copy(update={"posterior": {**spec.posterior, "prior_scale": [2.0]}})
    make_bundle(spec, dataset, [], "own", "people").write(tmp_path / "student")
    read = Bundle.read(tmp_path / "student")
    assert read.card.inputs.names == COLUMNS and read.card.inputs.standardised == standardise
    assert read.card.class_names == ("a", "b")
    rows = dataset.rows("test")
    mean = read.draw_probs(read.standardised(columns[rows])).mean(0, dtype=np.float64)
    accuracy = metrics.accuracy(mean, dataset.y[0, rows]).value
    assert accuracy == read.card.scores["test"]["accuracy"] > 0.8


def test_digits_are_read_as_they_are(tmp_path: Path):
    dataset = digits.prepare("digits", digits.Settings(share=0.2), 1, range(1), tmp_path)
    made = make_bundle(make_spec("map"), dataset, [], "demo", "digits")
    assert not made.card.inputs.standardised and not made.card.inputs.names
    rows = dataset.rows("test")
    images = dataset.x[0, rows].astype(np.float64)
    mean = made.draw_probs(made.standardised(images)).mean(0, dtype=np.float64)
    assert metrics.accuracy(mean, dataset.y[0, rows]).value == made.card.scores["test"]["accuracy"]


def test_standardised_inputs_without_their_scaling_make_no_student(tmp_path: Path):
    dataset, _ = make_table(tmp_path, True)
    told = "dataset people: scaling: found nothing on the card of standardised inputs"
    for settings in ({"standardise": True}, {}):  # the latter: by their mean and deviation
        with pytest.raises(ContractError, match=told):
            make_bundle(make_spec("map"), replace(dataset, card={"settings": settings}), [], "own", "people")
    for wrong in ({"mean": [0.0]}, {"mean": [0.0] * 3, "scale": [1.0, -1.0, 1.0]}, {"mean": [0.0] * 3, "scale": [np.nan] * 3}):
        with pytest.raises(ContractError, match="3 finite numbers each"):
            make_bundle(make_spec("map"), replace(dataset, card={"scaling": wrong}), [], "own", "people")


@pytest.mark.parametrize("part", ["params", "scaling"])
def test_a_bundle_that_does_not_predict_what_its_fit_predicted_is_refused(monkeypatch: pytest.MonkeyPatch, part: str):
    if part == "params":
        whole = fitting.fit
        monkeypatch.setattr(making, "fit", lambda *given: _with_other_weights(whole(*given)))
    else:
        right = Bundle.standardised
        monkeypatch.setattr(Bundle, "standardised", lambda self, features: right(self, features + 0.1 * self.scale))
    with pytest.raises(ContractError, match=r"test examples: found some that differ by .*; expected at most 1e-05"):
        make_bundle(make_spec("map"), make_dataset(), [], "protein", "made_up")


def _with_other_weights(draws):
    return replace(draws, params=draws.params + 0.01)
