"""What a teacher has seen: which comparisons of its accuracy raise a doubt, and which do not."""

import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.pooling import unseen
from mtbkd.teachers import accuracy_card, optimism, released
from mtbkd.teachers.optimism import Score, z_score
from mtbkd.teachers.teaching import teach

SIZES = {"train": 300, "val": 100, "test": 200}
SPLIT = np.concatenate([np.full(n, split) for split, n in SIZES.items()])
N = len(SPLIT)


@pytest.fixture(scope="module")
def hard() -> Dataset:
    """Two classes whose features say little: nearest rows are right in about .55 of the test rows."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N)
    x = (rng.normal(size=(N, 3)) + 0.2 * y[:, None]).astype("f4")
    return Dataset("hard", x[None], y[None], SPLIT, ("a", "b"), np.arange(N).astype(str)).validate()


@pytest.fixture(scope="module")
def easy(hard: Dataset) -> Dataset:
    """The same labels with features that tell them."""
    return replace(hard, x=(hard.x + 4 * hard.y[..., None]).astype("f4"))


def teacher(data: Dataset, **accuracy: float) -> Logits:
    """Right on the first share of each split's rows."""
    said = data.y[0].copy()
    for split, share in accuracy.items():
        rows = data.rows(split)
        said[rows[round(share * len(rows)) :]] ^= 1
    covered = np.isin(SPLIT, list(accuracy))
    logits = np.where(covered[:, None], np.eye(2)[said], 0)[None].astype("f4")
    return Logits("mine", logits, covered, ids_digest(data.ids)).validate(data)


def test_the_z_score_is_the_two_proportion_test() -> None:
    assert z_score(Score(0.6, 100), Score(0.4, 100)) == pytest.approx(0.2 / math.sqrt(0.25 * 0.02))
    assert z_score(Score(1.0, 50), Score(1.0, 50)) == 0
    assert math.isnan(z_score(Score(1.0, 19), Score(0.0, 100)))


@pytest.mark.parametrize(
    ("accuracy", "seen", "words"),
    [
        (
            {"train": 0.99, "val": 0.6, "test": 0.6},
            None,
            ["Better on train rows, which it may have seen, than on test: accuracy 0.990"],
        ),
        ({"train": 0.99, "val": 0.97, "test": 0.6}, None, ["Better on train", "Better on val"]),
        ({"train": 0.99, "val": 0.6, "test": 0.6}, ("train",), ["which it saw, than on val", "which it saw, than on test"]),
        (
            {"train": 0.9, "val": 0.6, "test": 0.9},
            ("train",),
            ["than on val", "Did it see the test rows", "As good on test as on"],
        ),
        (
            {"train": 0.88, "val": 0.87, "test": 0.88},
            None,
            ["As good on test as on train (accuracy 0.880 on 200 rows vs"],
        ),
        (
            {"train": 0.88, "val": 0.87, "test": 0.88},
            ("train", "val", "test"),
            ["It was trained on the test split", "It was trained on the val split"],
        ),
        ({"train": 0.88, "val": 0.87, "test": 0.88}, (), []),
        ({"train": 0.6, "val": 0.95, "test": 0.6}, (), ["Better on val than on test: accuracy 0.950 on 100 rows vs 0.600"]),
        ({"train": 0.6, "val": 0.77, "test": 0.6}, (), []),  # z = 2.9
        (
            {"train": 0.97, "val": 0.97, "test": 0.6},
            ("train", "val"),
            [
                "choices between teachers by validation labels",
                "Better on train rows, which it saw, than on test",
                "Better on val rows",
            ],
        ),
        ({"train": 0.6, "val": 0.55, "test": 0.58}, None, []),
        ({"train": 0.7, "val": 0.65, "test": 0.66}, None, []),
        ({"train": 0.88, "val": 0.87}, None, []),
    ],
)
def test_doubts_name_the_split_and_both_scores(
    hard: Dataset, accuracy: dict[str, float], seen: tuple[str, ...] | None, words: list[str]
) -> None:
    found = optimism.doubts(teacher(hard, **accuracy), hard, seen)
    assert len(found) == len(words), found
    assert all(word in doubt for word, doubt in zip(words, found, strict=True)), found


def test_an_easy_problem_raises_no_doubt(easy: Dataset) -> None:
    """Nearest rows are as good: nothing is suspicious about a teacher that is right everywhere."""
    assert optimism.doubts(teacher(easy, train=0.99, val=0.98, test=0.98), easy, ("train",)) == []


def test_a_released_teacher_says_on_card_and_log_what_it_may_have_seen(
    hard: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logits = teacher(hard, train=0.88, val=0.87, test=0.88).logits[0]
    rows = [f"{i},{a},{b}" for i, (a, b) in enumerate(logits)]
    (tmp_path / "t.csv").write_text("\n".join(["id,a,b", *rows]))
    known = {"path": str(tmp_path / "t.csv"), "values": "logits"}
    hard.write(tmp_path / "data")
    told = {"name": "mine", "family": "released", "domain": None, "settings": known, "seed": 0, "device": "cpu"}
    with caplog.at_level(logging.INFO):
        teach(told, "r0-0", tmp_path / "data", Path("unused"), tmp_path / "logits")
    read = Logits.read(tmp_path / "logits", hard)
    assert read.card["accuracy"] == pytest.approx({"train": 0.88, "val": 0.87, "test": 0.88})
    assert "probably saw the test rows" in read.card["warnings"][0] and read.card["warnings"][0] in caplog.text
    assert read.card["covered"] == {"train": "300 of 300", "val": "100 of 100", "test": "200 of 200"}
    assert "joined by row number" in read.card["joined"] and "joined by row number" in caplog.text
    with pytest.raises(ContractError, match=r"seen: found 'tets'; expected train, val, test.*did you mean 'test'"):
        settings = released.Settings.model_validate(known | {"seen": ("tets",)})
        released.train("mine", None, settings, hard, 0, 0, "cpu", Path("unused"))


@pytest.mark.parametrize(
    ("seen", "suspected", "said"),
    [
        (None, ["train", "val"], "teachers judged by validation labels that mine (by its scores) saw in training"),
        (["train"], None, ""),
        (["val"], None, "teachers judged by validation labels that mine saw in training"),
    ],
)
def test_a_teacher_that_does_not_say_what_it_saw_is_judged_by_its_scores(
    hard: Dataset, tmp_path: Path, seen: list[str] | None, suspected: list[str] | None, said: str
) -> None:
    rows = [f"{i},{a},{b}" for i, (a, b) in enumerate(teacher(hard, train=0.97, val=0.97, test=0.6).logits[0])]
    (tmp_path / "t.csv").write_text("\n".join(["id,a,b", *rows]))
    settings = released.Settings.model_validate({"path": str(tmp_path / "t.csv"), "values": "logits", "seen": seen})
    read = released.train("mine", None, settings, hard, 0, 0, "cpu", Path("unused"))
    assert read.card.get("suspected") == suspected and unseen.doubt({"mine": read.card}, "val") == said
    better = any(told.startswith("Better on val") for told in read.card["warnings"])
    assert better, "whatever is stated, a validation score beyond the test score is told"


def test_training_accuracy_counts_the_labels_that_teachers_train_on(hard: Dataset) -> None:
    """Labels that are hidden from students count, rows without any label do not."""
    shown = hard.y.copy()
    shown[0, :100] = -1
    half = replace(hard, y=shown, teacher_y=hard.y)
    logits = teacher(hard, train=0.9, val=0.8, test=0.7)
    assert accuracy_card(logits.logits, half, logits.covered)["train"] == pytest.approx(0.9)
    unlabelled = replace(hard, y=shown)
    assert accuracy_card(logits.logits, unlabelled, logits.covered)["train"] == pytest.approx(170 / 200)
