"""The question of experts on a tiny experiment, and what the report and the figure make of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.questions.experts import figure_experts as figure
from mtbkd.questions.experts import question as experts
from mtbkd.questions.experts import section as report
from tests.questions.drawn import asked, checked
from tests.questions.images import inputs, make_dataset, teacher

DATASET = make_dataset(noise=())
LEFT = DATASET.domain[0] == 0  # pyright: ignore[reportOptionalSubscript]


def specialists(sure_at_home: bool = True) -> list[Logits]:
    """One teacher a domain, sure of its own and vague elsewhere, or the other way round."""
    at_home, away = (6.0, 0.1) if sure_at_home else (0.1, 6.0)
    return [
        teacher(DATASET, "of_left", np.where(LEFT, at_home, away), domain="left"),
        teacher(DATASET, "of_right", np.where(LEFT, away, at_home), domain="right"),
    ]


def run(teachers: list[Logits], dataset: Dataset = DATASET) -> dict[str, pd.DataFrame]:
    return experts.run(inputs(dataset, teachers, {}), experts.Settings(weights=("entropy",)))


@pytest.mark.parametrize("sure_at_home", [True, False])
def test_entropy_weights_find_whoever_is_sure(sure_at_home: bool) -> None:
    tables = run(specialists(sure_at_home))
    (found,) = tables["found"].to_dict("records")
    assert found["found"] == float(sure_at_home) and found["chance"] == 0.5 and found["n"] == 60
    first = tables["confusion"].set_index(["group", "teacher"])["first"]
    assert first["left", "of_left"] == first["right", "of_right"] == float(sure_at_home)
    assert (tables["confusion"].groupby("group")["first"].sum() == 1).all()


def test_equally_sure_teachers_share_the_first_place() -> None:
    same = np.full(DATASET.num_examples, 2.0)
    pair = [teacher(DATASET, "a", same, domain="left"), teacher(DATASET, "b", same, domain="right")]
    found = run(pair)["found"].iloc[0]
    assert found["found"] == 0.5 and found["weight_on_experts"] == pytest.approx(0.5)


def test_classes_are_the_groups_where_there_is_no_domain() -> None:
    plain = Dataset(**{**vars(DATASET), "domain": None, "domain_names": ()})
    y = plain.y[0]
    pair = [
        teacher(plain, "ab", np.where(y < 2, 6.0, 0.1), settings={"classes": ["a", "b"]}),
        teacher(plain, "all", np.full(len(y), 3.0), settings={}),
    ]
    tables = run(pair, plain)
    assert set(tables["confusion"]["group"]) == {"a", "b", "c"}
    knows = tables["confusion"].set_index(["group", "teacher"])["knows"]
    assert knows["a", "ab"] and not knows["c", "ab"] and knows["c", "all"]
    # Only class c has a teacher that does not know it; there the one that knows all is surer.
    found = tables["found"].iloc[0]
    assert found["n"] == int((y[plain.rows("test")] == 2).sum()) and found["found"] == 1


def test_nothing_is_asked_where_every_teacher_knows_everything() -> None:
    same = np.full(DATASET.num_examples, 2.0)
    tables = run([teacher(DATASET, "a", same), teacher(DATASET, "b", same)])
    assert tables["found"].iloc[0]["n"] == 0
    assert "there is no expert to find" in report.section("asked", tables, {}).told[0]


def test_unknown_weights_and_too_few_teachers_are_refused() -> None:
    with pytest.raises(ValidationError, match="did you mean 'entropy'"):
        experts.Settings(weights=("entropi",))
    with pytest.raises(ContractError, match="at least 2 for entropy"):
        run(specialists()[:1])


def test_teachers_without_test_logits_are_named() -> None:
    pair = specialists()
    half = Logits(**{**vars(pair[0]), "covered": DATASET.split != "test"})
    with pytest.raises(ContractError, match="no test logits of of_left"):
        run([half, pair[1]])


def test_the_report_says_more_often_than_lots() -> None:
    section = report.section("asked", run(specialists()), {})
    assert "in 100.0 % of 60 test examples" in section.told[0] and "more often than chance" in section.told[0]
    assert "less often than" in report.section("asked", run(specialists(False)), {}).told[0]


def test_the_figure_boxes_the_teachers_that_know(tmp_path: Path) -> None:
    tables = run(specialists())
    drawn, _ = checked(asked("experts", tables, tmp_path))["experts"]
    ax, mean = drawn.axes
    assert [text.get_text() for text in ax.texts] == ["1.00", "0.00", "0.00", "1.00"]
    assert ax.get_title("left") == "weighs most" and mean.get_title("left") == "mean weight,\nentropy"
    boxed = sorted((round(p.get_x() + 0.46), round(p.get_y() + 0.44)) for p in ax.patches)  # pyright: ignore
    assert boxed == [(0, 0), (1, 1)]


def test_weights_that_agree_on_the_first_share_its_panel() -> None:
    orders = {"a": (1, 0), "b": (1, 0), "c": (0, 1)}
    rows = [
        {"weights": name, "group": "g", "teacher": teacher, "first": first, "mean_weight": first / 2}
        for name, order in orders.items()
        for teacher, first in zip("xy", order, strict=True)
    ]
    found = figure.panels(pd.DataFrame(rows))
    assert [(title, name) for title, name, column in found if column == "first"] == [
        ("weighs most,\na, b", "a"), ("weighs most,\nc", "c"),
    ]  # fmt: skip
    assert [name for _, name, column in found if column == "mean_weight"] == ["a", "b", "c"]
