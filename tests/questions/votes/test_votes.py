"""The question of votes on a tiny experiment, and what the report and the figure make of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.votes import figure_votes as figure
from mtbkd.questions.votes import question as votes
from mtbkd.questions.votes import section as report
from tests.evaluation.examples import MAP, TIP
from tests.questions.drawn import asked as asked_for
from tests.questions.drawn import checked
from tests.questions.images import draws_of, inputs, make_dataset, teacher

DATASET = make_dataset()
TEST = DATASET.rows("test")
KEY = "cifar10h/cifar10h-counts.npy"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Votes of 100 images: people are surest of image 30, the first of the test split, and least of the last."""
    folder = tmp_path_factory.mktemp("raw")
    doubt = np.clip((np.arange(100) - 30) / 60, 0, 1)
    share = np.full((100, 3), 0.0)
    share[np.arange(90), DATASET.y[0, :90]] = 1
    share = share * (1 - doubt[:, None]) + doubt[:, None] / 3
    share[90:, 0] = 1
    (folder / "cifar10h").mkdir()
    np.save(folder / KEY, np.round(51 * share).astype(np.int64) + (share > 0.99))
    return folder


@pytest.fixture(scope="module")
def asked(raw: Path) -> Inputs:
    """``tip`` doubts what people doubt, ``labels`` is sure of everything; the teacher knows no doubt either."""
    rising = np.full(DATASET.num_examples, 4.0)
    rising[TEST] = np.linspace(5, 0.3, len(TEST))
    sure = np.full(DATASET.num_examples, 6.0)
    draws = {
        "labels": draws_of(DATASET, sure, MAP, (1, 1)),
        "tip": draws_of(DATASET, rising, TIP, (2, 30)),
    }
    return inputs(DATASET, [teacher(DATASET, "t", sure)], draws, raw)


@pytest.fixture(scope="module")
def tables(asked: Inputs) -> dict[str, pd.DataFrame]:
    return votes.run(asked, votes.Settings())


def value(frame: pd.DataFrame, method: str, metric: str) -> pd.Series:
    (row,) = frame[(frame["method"] == method) & (frame["metric"] == metric)].itertuples()
    return pd.Series(row._asdict())


def test_a_student_that_doubts_what_people_doubt_is_nearer_to_them(tables: dict[str, pd.DataFrame]) -> None:
    scores, differences = tables["scores"], tables["differences"]
    assert value(scores, "tip", "corr_total_entropy")["value"] > 0.9
    assert abs(value(scores, "labels", "corr_total_entropy")["value"]) < 0.5
    found = value(differences, "tip", "cross_entropy")
    assert found["reference"] == "labels" and found["high"] < 0
    assert found["value"] == pytest.approx(
        value(scores, "tip", "cross_entropy")["value"] - value(scores, "labels", "cross_entropy")["value"]
    )
    assert value(differences, "tip", "minority_inside")["low"] > 0


def test_people_bound_the_cross_entropy_and_points_have_no_epistemic_part(tables: dict[str, pd.DataFrame]) -> None:
    scores = tables["scores"]
    floor = value(scores, "people", "cross_entropy")["value"]
    assert (scores[scores["metric"] == "cross_entropy"]["value"] >= floor).all()
    epistemic = scores[scores["metric"] == "corr_epistemic_entropy"]
    assert set(epistemic["method"]) == {"tip"}
    assert set(tables["images"]["method"]) == {"labels", "tip", "t", "teachers:mean"}
    assert len(tables["images"]) == 4 * len(TEST)


def test_votes_are_found_by_the_number_in_the_id() -> None:
    rows, image = votes.voted(DATASET, votes.Settings().ids)
    assert rows.tolist() == TEST.tolist() and image.tolist() == list(range(30, 90))
    with pytest.raises(ContractError, match="test ids like"):
        votes.voted(DATASET, r"mnist-(\d+)")


@pytest.mark.parametrize("pattern", ["cifar10", "(a)(b)", "("])
def test_a_pattern_without_one_group_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="one group"):
        votes.Settings(ids=pattern)


def test_a_reference_that_is_no_method_is_refused(asked: Inputs) -> None:
    with pytest.raises(ContractError, match="found kd; expected labels, tip"):
        votes.run(asked, votes.Settings(reference="kd"))


def test_votes_of_other_images_are_refused(asked: Inputs, raw: Path, tmp_path: Path) -> None:
    (tmp_path / "cifar10h").mkdir()
    np.save(tmp_path / KEY, np.load(raw / KEY)[:80])
    other = Inputs(**{**vars(asked), "raw": tmp_path})
    with pytest.raises(ContractError, match="more than 89 images and 3 classes"):
        votes.run(other, votes.Settings())


def test_the_report_counts_wins_and_names_the_floor(tables: dict[str, pd.DataFrame]) -> None:
    section = report.section("asked", tables, votes.Settings().model_dump())
    assert "of 1 distilled student, 1 better compared with labels (labels alone)" in section.told[0]
    assert "cannot" not in section.told[0] and "The smallest possible cross-entropy" in section.told[2]
    names = [table.name for table in (*section.tables, *section.details)]
    assert names == ["asked-scores", "asked-differences"]
    teachers = [row for row in section.tables[0].rows if row.last]
    assert [row.cells[0].text for row in teachers] == ["t", "teachers:mean"]


def test_the_figure_shows_the_reference_and_the_nearest(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    assert figure.panels(tables["differences"])[:2] == ["labels", "tip"]
    drawn, spec = checked(asked_for("votes", tables, tmp_path))["votes"]
    shown = [ax.get_title("left") for ax in drawn.axes if ax.get_title("left")]
    forest = {label.get_text() for label in drawn.axes[-1].get_yticklabels()}
    assert [title.partition("\nSpearman")[0].replace("\n", " ") for title in shown[:2]] == [
        "Labels alone, MAP", "MT-BKD, equal, SGLD",
    ]  # fmt: skip
    assert forest == {"MT-BKD, equal, SGLD", "t", "Teachers' mean"} == {row["at"] for row in spec["datasets"]["data"]}
    cross = tables["differences"].query("metric == 'cross_entropy' and method == 'tip'")["value"].iloc[0]
    assert next(row["mean"] for row in spec["datasets"]["data"] if row["method"] == "tip") == pytest.approx(cross, rel=1e-3)


def test_tenths_keep_equal_values_together() -> None:
    human = np.r_[np.zeros(60), np.linspace(0.1, 1, 40)]
    at, value = figure.tenths(human, human)
    np.testing.assert_allclose(at, value)
    assert at[0] == 0 and np.all(np.diff(at) > 0) and len(at) <= 10
