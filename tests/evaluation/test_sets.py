"""Rows about prediction sets, from draws with known probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.evaluation import scoring
from mtbkd.evaluation.conformal import label_scores, prediction_sets
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.sets import set_rows
from tests.evaluation.examples import SPLIT, TIP, make_dataset, make_draws, softmax

LEVELS = (0.8, 0.9)


@pytest.fixture(scope="module")
def known():
    """Draws of one replicate with validation predictions and two folds of the training examples."""
    dataset = make_dataset(1, 0)
    draws = make_draws(dataset, [0], 0.3, TIP)
    draws.tuning[:] = [{"lambda": 1, "replicate": 0, "val_nll": 1.0, "chosen": True}]
    true = softmax(2 * dataset.x)
    train, val = np.flatnonzero(SPLIT == "train"), np.flatnonzero(SPLIT == "val")
    mean = draws.prob[0].reshape(-1, 80, 3).mean(0)
    folds = HeldOut(train, true[:, train], np.arange(30) % 2, np.stack([mean, mean[::-1]])[None])
    draws = replace(draws, validation=HeldOut(val, true[:, val], np.zeros(30, np.int64)), folds=folds)
    return dataset, draws


def rows_of(dataset, draws):
    whole = Examples.of(dataset, 0)
    scored = scoring.score(draws.prob[0].reshape(-1, 80, 3), whole.take(draws.example_index), LEVELS)
    return set_rows(scored, whole, draws, 0, LEVELS), scored


def test_rows_are_those_of_the_sets(known):
    dataset, draws = known
    rows, scored = rows_of(dataset, draws)
    assert {(r["kind"], r["form"]) for r in rows} == {
        ("credible", "credible"), *((kind, form) for kind in ("threshold", "aps", "raps") for form in ("split", "cross")),
    }  # fmt: skip
    assert {(r["split"], r["domain"]) for r in rows} == {("test", "all"), ("test", "left"), ("test", "right")}  # far: no labels
    y, test = dataset.y[0, SPLIT == "test"], np.arange(60)
    for form, held in (("split", draws.validation), ("cross", draws.folds)):
        scores = label_scores(held.prob[0], dataset.y[0, held.row], "aps")
        prob = scored.mean[None] if form == "split" else held.test_prob[0]
        inside = prediction_sets(prob, scores, 0.8, "aps", held.fold)[:60]
        for domain, mask in (("all", test >= 0), ("left", scored.examples.domain[:60] == "left")):
            (row,) = [r for r in rows if (r["kind"], r["form"], r["level"], r["domain"]) == ("aps", form, 0.8, domain)]
            assert row["coverage"] == pytest.approx(inside[test, y][mask].mean())
            assert row["size"] == pytest.approx(inside.sum(1)[mask].mean()) and row["n"] == mask.sum()
            assert row["coverage_low"] <= row["coverage"] <= row["coverage_high"] and row["held_out"] == 30
            assert np.isnan(row["guaranteed"]) == (domain != "all")
    whole = {(r["form"], r["kind"]): r for r in rows if r["domain"] == "all" and r["level"] == 0.9}
    assert whole["split", "raps"]["guaranteed"] == 0.9 and 0.6 < whole["cross", "raps"]["guaranteed"] < 0.8
    assert np.isnan(whole["credible", "credible"]["guaranteed"]) and not whole["split", "aps"]["tuned"]


def test_labels_that_chose_settings_promise_nothing_exactly(known):
    dataset, draws = known
    tuned = replace(draws, tuning=[*draws.tuning, {"lambda": 2, "replicate": 0, "val_nll": 2.0, "chosen": False}])
    for row in rows_of(dataset, tuned)[0]:
        assert row["tuned"] == (row["form"] == "split")
        assert not row["tuned"] or (np.isnan(row["guaranteed"]) and np.isnan(row["expected_low"]))
    scaled = replace(draws, attrs={**draws.attrs, "scaled_by": [1.5]})
    assert {(row["tuned"], row["scaled_by"]) for row in rows_of(dataset, scaled)[0] if row["form"] == "split"} == {(True, 1.5)}


@pytest.mark.parametrize(("said", "used"), [
    ({"teachers_learnt_from": ["teachers"]}, set()),
    ({"teachers_learnt_from": ["train"]}, {"cross"}),
    ({"teachers_learnt_from": ["train", "val"]}, {"cross", "split"}),
    ({"teacher_scaling": "temperature"}, {"split"}),
    ({"weights": "domain"}, {"split"}),
    ({"weights": "entropy", "teacher_scaling": "none"}, set()),
    ({"teachers": ["a", "b"], "signal": "bkd", "signal_settings": {"teacher": "best"}}, {"split"}),
])  # fmt: skip
def test_labels_that_shaped_teachers_or_their_weights_promise_nothing_exactly(known, said, used):
    dataset, draws = known
    for row in rows_of(dataset, replace(draws, attrs={**draws.attrs, **said}))[0]:
        assert row["tuned"] == (row["form"] in used)
        assert np.isnan(row["guaranteed"]) == (row["domain"] != "all" or row["form"] in {"credible", *used})


@pytest.mark.parametrize("way", ["cross_validation", "evidence", "evidence_average"])
def test_validation_labels_that_chose_nothing_keep_their_promise(known, way):
    dataset, draws = known
    tuning = [*draws.tuning, {"lambda": 2, "replicate": 0, "val_nll": None, "chosen": False}]
    rows, _ = rows_of(dataset, replace(draws, tuning=tuning, attrs={**draws.attrs, "tuned_on": way}))
    assert not any(row["tuned"] for row in rows)
    assert {row["guaranteed"] for row in rows if (row["form"], row["domain"]) == ("split", "all")} == set(LEVELS)


def test_draws_without_held_out_predictions_have_credible_sets_alone(known):
    dataset, draws = known
    rows, _ = rows_of(dataset, replace(draws, validation=None, folds=None))
    assert {row["kind"] for row in rows} == {"credible"}
    lost = replace(draws.validation, prob=np.full_like(draws.validation.prob, np.nan))
    assert {r["form"] for r in rows_of(dataset, replace(draws, validation=lost))[0]} == {"credible", "cross"}


def test_held_out_predictions_survive_their_file_and_are_checked(known, tmp_path):
    _, draws = known
    draws.write(tmp_path / "draws.nc")
    again = Draws.read(tmp_path / "draws.nc")
    for name in ("validation", "folds"):
        for array in ("row", "prob", "fold", "test_prob"):
            ours, theirs = (getattr(getattr(each, name), array) for each in (draws, again))
            assert (ours is None) == (theirs is None) and (ours is None or (ours == theirs).all())
    wrong = replace(draws, folds=replace(draws.folds, test_prob=draws.folds.test_prob[:, :1]))
    with pytest.raises(ContractError, match=r"folds, test_prob: found shape \(1, 1, 80, 3\); expected \(1, 2, 80, 3\)"):
        wrong.validate()
