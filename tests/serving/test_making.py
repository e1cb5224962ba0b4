"""What a card says is what the draws do."""

import numpy as np
import pytest

from mtbkd.artefacts import Logits, ids_digest
from mtbkd.datasets import sim1
from mtbkd.evaluation import metrics
from mtbkd.serving.making import DRAWS, make_bundle
from tests.serving.examples import CLASSES, bundle, make_dataset, make_spec


def test_the_card_states_the_scores_of_its_own_draws():
    dataset, card = make_dataset(), bundle().card
    for split in ("val", "test"):
        rows = dataset.rows(split)
        mean = bundle().draw_probs(dataset.x[0, rows]).mean(0, dtype=np.float64)
        scores, y = card.scores[split], dataset.y[0, rows]
        assert scores["accuracy"] == metrics.accuracy(mean, y).value > 0.5
        assert scores["nll"] == pytest.approx(metrics.nll(mean, y).value)
        assert scores["ece"] == pytest.approx(metrics.ece(mean, y).value)
    assert {"coverage@0.95", "coverage_gap@0.95"} <= set(card.scores["test"])


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
    assert card.draws == 1 and card.gates["rhat"] is None
    assert any("no credible intervals" in told for told in card.limits)
    assert not any(name.startswith("coverage") for name in card.scores["test"])


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
