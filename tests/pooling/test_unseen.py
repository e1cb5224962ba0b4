"""Labels that a teacher was trained on choose between teachers only where there are no others, and never in silence."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.evaluation.references import teacher_probs
from mtbkd.evaluation.scoring import Examples
from mtbkd.inference.fitting import Spec, fit
from mtbkd.inference.tuning import SHARED_NAMES
from mtbkd.pooling import unseen
from mtbkd.pooling.context import Context, teacher_weights

SIZES = {"train": 40, "val": 40, "test": 40}
SPLIT = np.concatenate([np.full(n, split) for split, n in SIZES.items()])


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, len(SPLIT))
    x = (rng.normal(size=(len(SPLIT), 2)) + y[:, None]).astype("f4")
    return Dataset("small", x[None], y[None], SPLIT, ("a", "b"), np.arange(len(SPLIT)).astype(str)).validate()


def teacher(data: Dataset, name: str, card: dict, **accuracy: float) -> Logits:
    """Right on the first share of each split's rows."""
    said = data.y[0].copy()
    for split, share in accuracy.items():
        rows = data.rows(split)
        said[rows[round(share * len(rows)) :]] ^= 1
    logits = 2 * np.eye(2)[said][None].astype("f4")
    return Logits(name, logits, np.ones(len(SPLIT), bool), ids_digest(data.ids), card).validate(data)


def two(data: Dataset, *seen: str) -> list[Logits]:
    """One that learnt the validation rows by heart, and one that is better on all others."""
    honest = teacher(data, "honest", {"seen": []}, train=0.9, val=0.8, test=0.9)
    return [teacher(data, "cribber", {"seen": list(seen)}, train=0.6, val=1.0, test=0.6), honest]


def test_rows_that_no_teacher_saw_judge(data: Dataset) -> None:
    assert set(SPLIT[unseen.judging_rows(data, two(data))]) == {"val"}
    assert set(SPLIT[unseen.judging_rows(data, two(data, "val"))]) == {"train"}
    assert set(SPLIT[unseen.judging_rows(data, two(data, "train", "val"))]) == {"val"}
    silent = [replace(each, card={}) if each.teacher == "honest" else each for each in two(data, "val")]
    assert set(SPLIT[unseen.judging_rows(data, silent)]) == {"val"}, "who does not say what it saw may have seen all"


def test_hidden_labels_judge_nobody(data: Dataset) -> None:
    y = data.y.copy()
    y[0, :30] = -1
    assert unseen.judging_rows(replace(data, y=y), two(data, "val")).tolist() == list(range(30, 40))
    y[0, :40] = -1
    with pytest.raises(ContractError, match="choice between teachers on small: labels: found none on the split train"):
        unseen.judging_rows(replace(data, y=y), two(data, "val"))


@pytest.mark.parametrize(("seen", "best"), [((), "cribber"), (("val",), "honest")])
def test_the_best_teacher_of_the_tables_is_not_the_one_that_learnt_the_labels(
    data: Dataset, seen: tuple[str, ...], best: str
) -> None:
    probs = teacher_probs(two(data, *seen), Examples.of(data, 0), 0)
    assert np.array_equal(probs["teachers:best"][1], probs[best][1])


@pytest.mark.parametrize("name", ["validation", "stacking"])
def test_weights_by_labels_turn_to_labels_that_no_teacher_saw(data: Dataset, name: str) -> None:
    rows = data.rows("train")
    clean, cribbed = (
        teacher_weights(name, np.full((1, 40, 2, 2), 0.5), Context(data, two(data, *seen), rows)).mean((0, 1))
        for seen in ((), ("val",))
    )
    assert clean[0] > 0.55 and cribbed[0] < 0.45


def test_labels_that_a_teacher_saw_are_named_in_the_log_where_there_are_no_others(
    data: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    prob, rows = np.full((1, 40, 2, 2), 0.5), data.rows("train")
    teacher_weights("stacking", prob, Context(data, two(data, "val"), rows))
    assert not caplog.text
    teacher_weights("stacking", prob, Context(data, two(data, "train", "val"), rows))
    assert "weights on small: teachers judged by validation labels that cribber saw in training" in caplog.text


def spec(signal: str, **settings: object) -> Spec:
    told = {"method": "m", "dataset": "small", "student": {"architecture": "linear"}, "weights": None, "seed": 0}
    told |= {"signal": {"name": signal, "settings": settings}, "inference": {"name": "map"}, "output": {}}
    return Spec.model_validate(
        told | {"posterior": {name: [1.0] for name in SHARED_NAMES}, "training": {"steps": 5, "restarts": 1}}
    )


def test_a_fit_by_the_best_teacher_says_whose_labels_chose_it_and_one_by_a_named_teacher_does_not(
    data: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = fit(spec("bkd", teacher=0), data, two(data, "train", "val"), range(1))
        assert not caplog.text and found.attrs["teachers_learnt_from"] == ["train", "val"]
        fit(spec("bkd", teacher="best"), data, two(data, "train", "val"), range(1))
    assert "method m on small: teachers judged by validation labels that cribber saw in training" in caplog.text


def test_the_page_is_told_of_every_choice_by_labels_that_were_seen() -> None:
    methods = {
        "kd": {"signal": {"name": "kd", "settings": {}}, "weights": "entropy"},
        "stacked": {"signal": {"name": "tip", "settings": {}}, "weights": "stacking"},
        "best": {"signal": {"name": "bkd", "settings": {"teacher": "best"}}, "weights": None},
        "first": {"signal": {"name": "bkd", "settings": {"teacher": 0}}, "weights": None},
        "confident": {"signal": {"name": "kd", "settings": {}}, "weights": "label_confidence"},
    }
    found = unseen.doubtful(methods, {"a": {"seen": ["train", "val"]}, "b": {}})
    assert set(found) == {"teachers:best", "stacked", "best", "confident"}
    assert found["stacked"] == "teachers judged by validation labels that a saw in training"
    assert found["confident"] == "teachers judged by training labels that a saw in training"
    assert unseen.doubtful(methods, {"a": {}, "b": {}}) == {}
    assert set(unseen.doubtful(methods, {"a": {"seen": ["val"]}, "b": {"seen": []}}).values()) == {
        "teachers judged by training labels, which none of them saw"
    }


def test_teachers_learnt_from_what_their_cards_say_and_from_train_where_one_says_nothing():
    out_of_fold = {"seen": ["train"], "out_of_fold": ["train"]}
    assert unseen.learnt_from({}) == []
    assert unseen.learnt_from({"a": {"seen": ["teachers"]}, "b": {"seen": [], "suspected": ["val"]}}) == ["teachers", "val"]
    assert unseen.learnt_from({"a": {"seen": ["teachers"]}, "b": out_of_fold}) == ["teachers", "train"]
    assert unseen.learnt_from({"a": {"seen": []}, "b": {}}) == ["train"]
