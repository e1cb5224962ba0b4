"""What the page says of data and teachers, from their cards."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import read_card
from mtbkd.report.cards import dataset_facts, label_budget, teacher_table
from mtbkd.report.numbers import NONE
from tests.evaluation.examples import make_dataset

PLANS = [{"name": name, "family": "released", "domain": None} for name in ("fresh", "informed")]
CARD = {"class_names": ["a", "b"], "counts": {"train": 6, "val": 2, "test": 2}}


def shown(cards: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    table = teacher_table("study", PLANS, cards)
    assert all(len(row.cells) == len(table.columns) for row in table.rows)
    return [{c.name: cell.text for c, cell in zip(table.columns, row.cells, strict=True)} for row in table.rows]


def test_training_accuracy_stands_beside_that_of_the_test() -> None:
    fresh, informed = shown({"fresh": {"accuracy": {"train": 0.9, "test": 0.6}}, "informed": {}})
    assert (fresh["Accuracy, training"], fresh["Accuracy, validation"], fresh["Accuracy, test"]) == ("0.900", NONE, "0.600")
    assert informed["Accuracy, training"] == NONE and "Warnings" not in fresh


def test_what_a_teacher_saw_and_the_doubts_about_it_are_shown() -> None:
    cards = {
        "fresh": {"seen": [], "joined": "joined by id", "covered": {"train": "6 of 6"}},
        "informed": {"seen": ["train", "test"], "warnings": ["It was trained on the test split."]},
    }
    fresh, informed = shown(cards)
    assert fresh["Trained on (as declared)"] == "none of these splits" and fresh["Warnings"] == NONE
    assert fresh["Rows"] == "joined by id; covers train 6 of 6"
    assert shown({"fresh": {"learnt": "learnt 9 rows of the split train"}, "informed": {}})[0]["Rows"].startswith(
        "learnt 9 rows"
    )
    assert informed["Trained on (as declared)"] == "train, test" and informed["Warnings"] == "It was trained on the test split."


def test_labels_that_choose_the_settings_are_counted_among_those_spent() -> None:
    few = {"counts": {"train": 3000, "val": 100, "test": 5000}, "labelled_train": 60}
    told = "60 of 3,000 training examples and 100 validation examples for tuning: 160 in total"
    assert label_budget(few) == told
    assert ("Label budget", told) in dataset_facts(CARD | few, 4)
    assert label_budget(CARD) == "all 6 training examples and 2 validation examples for tuning: 8 in total"


def test_every_written_data_set_tells_how_many_training_labels_it_has(tmp_path: Path) -> None:
    data = make_dataset(1, 0)
    hidden = np.where((data.split == "train") & (np.arange(len(data.split)) % 3 > 0), -1, data.y)
    replace(data, y=hidden).write(tmp_path)
    assert label_budget(read_card(tmp_path)).startswith("10 of 30 training examples and 30 validation examples")


def test_doubts_about_data_stand_among_the_facts() -> None:
    facts = dataset_facts(CARD | {"warnings": ["one", "two"], "ids": "row numbers, from 0", "imputed": "height 3 of 7"}, 4)
    assert [fact for name, fact in facts if name == "Warning"] == ["one", "two"]
    assert ("Ids", "row numbers, from 0") in facts and ("Missing values", "height 3 of 7") in facts
    assert not any(name in ("ids", "imputed", "warnings") for name, _ in facts)


def test_a_table_that_is_split_anew_is_called_neither_simulated_nor_the_same() -> None:
    told = {words: dict(dataset_facts(CARD | card, 4))["Replicates"] for words, card in {
        "redrawn": {"simulated": True}, "resplit": {"simulated": False, "resampled": True}, "the same": {},
    }.items()}  # fmt: skip
    assert all(words in said for words, said in told.items())
    assert "drawn" not in told["resplit"] and "same" not in told["resplit"]
