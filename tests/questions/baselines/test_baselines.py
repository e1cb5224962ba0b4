"""The comparison of multi-teacher methods, from a small data set to the page and its figures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from pydantic import ValidationError

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.evaluation.verdict import judge, verdict
from mtbkd.inference.optimise import Training
from mtbkd.questions.baselines import BASELINES
from mtbkd.questions.baselines import figure_literature_gains as literature_gains
from mtbkd.questions.baselines import figure_literature_weights as literature_weights
from mtbkd.questions.baselines import question as baselines
from mtbkd.questions.baselines import section as page
from mtbkd.questions.baselines import together as advice
from mtbkd.questions.inputs import Inputs
from mtbkd.report import questions as report_questions
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import style
from tests.questions.baselines.examples import teachers, toy
from tests.questions.drawn import checked

METHODS = ("aver", "camkd", "takd")
SETTINGS = baselines.Settings(methods=METHODS, share=(0.2, 0.7), temperature=(1.0, 4.0))
Tables = dict[str, pd.DataFrame]


def inputs(replicates: int = 3, **changes: Any) -> Inputs:
    data = toy(3, hidden_labels=20)
    content = {
        "name": "toy", "seed": 1, "replicates": replicates, "blocks": (f"r0-{replicates - 1}",), "dataset": data,
        "teachers": teachers(data), "student": {"architecture": "mlp", "settings": {"hidden": [4]}},
        "posterior": {"prior_scale": (0.5, 2.0)}, "training": Training(steps=30, batch_size=16), "device": "cpu",
    }  # fmt: skip
    return Inputs.in_memory(**{**content, **changes})


@pytest.fixture(scope="module")
def tables() -> Tables:
    return baselines.run(inputs(), SETTINGS)


def test_every_promised_table_has_its_columns(tables: Tables) -> None:
    assert set(tables) == set(baselines.TABLES)
    assert all(list(tables[name].columns) == list(columns) for name, columns in baselines.COLUMNS.items())


def test_labels_only_and_every_method_are_scored_on_every_replicate(tables: Tables) -> None:
    scores = tables["scores"]
    students = scores[(scores["kind"] == "student") & (scores["metric"] == "nll")]
    assert list(students["method"].unique()) == ["labels", *METHODS]
    assert set(students.groupby("method")["replicate"].nunique()) == {3}
    assert set(scores[scores["kind"] == "teacher"]["method"]) == {"t0", "t1", "t2", "teachers:mean"}
    assert np.isfinite(scores["value"]).all()


def test_validation_chooses_one_candidate_a_replicate_and_labels_have_only_the_priors(tables: Tables) -> None:
    tuning = tables["tuning"]
    assert (tuning[tuning["chosen"]].groupby(["method", "replicate"]).size() == 1).all()
    assert tuning.groupby("method").size().to_dict() == {"labels": 2 * 3, **dict.fromkeys(METHODS, 8 * 3)}
    best = tuning.loc[tuning.groupby(["method", "replicate"])["val_nll"].idxmin()]
    assert best["chosen"].all()


def test_the_shares_of_the_teachers_add_up_to_one(tables: Tables) -> None:
    weights = tables["weights"]
    assert set(weights["method"]) == {"aver", "camkd"}, "an assistant weighs no teachers"
    assert set(weights["domain"]) == {"all", "east", "west"}
    np.testing.assert_allclose(weights.groupby(["method", "replicate", "domain"])["weight"].sum(), 1, atol=1e-6)


def test_a_teachers_own_domain_is_known_and_told(tables: Tables) -> None:
    data = toy(3, hidden_labels=20)
    experts = [replace(each, card={"domain": name}) for each, name in zip(teachers(data), ("east", "west", None), strict=True)]
    found = baselines.run(inputs(teachers=experts), baselines.Settings(methods=("aver",)))
    own = found["weights"][found["weights"]["own"]]
    assert set(zip(own["teacher"], own["domain"], strict=True)) == {("t0", "east"), ("t1", "west")}
    assert "In its own training domain, the mean share of a teacher is 0.333 with AVER." in page.section("toy", found, {}).told
    assert "trained on" not in " ".join(page.section("toy", tables, {}).told)


def test_ranks_of_a_replicate_are_those_of_its_scores(tables: Tables) -> None:
    scores = tables["scores"]
    values = scores[(scores["kind"] == "student") & (scores["metric"] == "accuracy")]
    expected = values.pivot(index="replicate", columns="method", values="value").rank(axis=1, ascending=False).mean()
    own = tables["ranks"][tables["ranks"]["metric"] == "accuracy"].set_index("method")["rank"]
    assert own.to_dict() == pytest.approx(expected.to_dict())


def test_real_data_share_one_row_and_vary_the_students_seeds() -> None:
    data = toy(1)
    found = baselines.run(
        inputs(2, dataset=data, teachers=teachers(data), blocks=("r0-1",)), baselines.Settings(methods=("aver",))
    )
    scores = found["scores"]
    students = scores[(scores["method"] == "aver") & (scores["metric"] == "nll")]["value"]
    assert students.nunique() == 2
    assert found["comparisons"]["note"].str.contains("same data, different seeds").all()


def test_teachers_without_logits_on_the_validation_split_are_refused() -> None:
    asked = inputs()
    data, held = asked.dataset(), asked.teachers()
    lacking = replace(held[1], covered=data.split != "val")
    with pytest.raises(ContractError, match=r"question toy on toy: teachers: found no logits .*t1.*training and validation"):
        baselines.run(inputs(teachers=[held[0], lacking]), SETTINGS)


@pytest.mark.parametrize(
    "wrong", [{"share": [1.0]}, {"share": [0.0]}, {"temperature": []}, {"methods": ["dml"]}, {"methods": ["aver", "aver"]},
              {"methods": []}, {"aekd": {"cap": 0}}, {"mmkd": {"buffer": 3}}]
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        baselines.Settings.model_validate(wrong)


def test_every_method_of_the_literature_can_be_asked_for() -> None:
    assert {"labels", *baselines.ALL} == set(BASELINES)


def test_the_page_says_who_gained_and_that_three_replicates_decide_nothing(tables: Tables) -> None:
    section = page.section("toy", tables, {})
    told = " ".join(section.told)
    assert "means over 3 replicates" in told and "too few replicates to test" in told
    assert "none is clearly better" in told and "accuracy of the single teachers" in told
    (table, *_) = section.tables
    assert [row.cells[0].text for row in table.rows] == ["labels only", "AVER", "CA-MKD", "TAKD"]
    assert len({len(row.cells) for row in table.rows} | {len(table.columns)}) == 1


def known_gain(tables: Tables, method: str, reference: str, difference: float) -> Tables:
    """The tables with one comparison in negative log-likelihood beyond doubt."""
    rows = tables["comparisons"].copy()
    at = (rows["method"] == method) & (rows["reference"] == reference) & (rows["metric"] == "nll")
    assert at.sum() == 1
    rows.loc[at, ["difference", "low", "high", "p_holm"]] = [difference, difference - 0.01, difference + 0.01, 0.001]
    rows.loc[at, "verdict"] = verdict(judge(difference, difference - 0.01, difference + 0.01, 0.001), higher_is_better=False)
    return {**tables, "comparisons": rows}


def test_a_smaller_loss_is_a_gain_and_a_larger_one_is_not(tables: Tables) -> None:
    better = page.gains(known_gain(tables, "camkd", "labels", -0.2), "labels", "nll")["camkd"]
    assert (better["gain"], better["clear"]) == (0.2, 1)
    assert (better["low"], better["high"]) == pytest.approx((0.19, 0.21))
    assert page.gains(known_gain(tables, "camkd", "labels", 0.2), "labels", "nll")["camkd"]["clear"] == -1
    told = " ".join(page.section("toy", known_gain(tables, "camkd", "labels", -0.2), {}).told)
    assert "in negative log-likelihood, CA-MKD is clearly better and none is clearly worse" in told


def test_the_page_warns_of_grids_that_end_too_early(tables: Tables) -> None:
    tuning = tables["tuning"].copy()
    own = tuning["method"] == "aver"
    tuning.loc[own, "chosen"] = (tuning["share"] == 0.7) & (tuning["temperature"] == 1) & (tuning["prior_scale"] == 2)
    tuning.loc[~own, "chosen"] = False
    tuning.loc[~own & (tuning["prior_scale"] == 0.5) & (tuning["replicate"] == 0), "chosen"] = True
    tuning.loc[~own & (tuning["prior_scale"] == 2) & (tuning["replicate"] == 1), "chosen"] = True
    told = " ".join(page.section("toy", {**tables, "tuning": tuning}, {}).told)
    (said,) = [each for each in told.split(". ") if "the edge of a grid" in each]
    ends = {each.partition(" for ")[0]: each for each in said.partition(": ")[2].split("; ")}
    assert "AVER (3 of 3)" in ends["the highest share of the teachers, 0.7,"]
    assert "AVER (3 of 3)" in ends["the highest prior scale, 2,"] and "lowest prior scale" in said


def test_the_advice_counts_data_sets_and_names_the_cheapest_clear_gain(tables: Tables) -> None:
    other = known_gain(tables, "camkd", "aver", -0.2)
    section = advice.section({"one": ("baselines", tables), "two": ("baselines", other), "more": ("axioms", {})})
    assert section is not None
    told = " ".join(section.told)
    assert "over 2 data sets, of 4 methods" in told
    assert "CA-MKD (on 1 of 2 data sets)" in told and "CA-MKD is the cheapest" in told
    plain = advice.section({"one": ("baselines", tables)})
    assert plain is not None and "start with equal weights" in " ".join(plain.told)


def test_without_a_comparison_there_is_no_advice() -> None:
    assert advice.section({"more": ("axioms", {})}) is None


@pytest.fixture
def question(tables: Tables, tmp_path: Path) -> Question:
    for name, frame in tables.items():
        write_table(frame, tmp_path / f"{name}.parquet")
    return Question("toy", "baselines", {}, {name: str(tmp_path / f"{name}.parquet") for name in tables})


def test_the_page_begins_with_the_advice(question: Question) -> None:
    plan = {"kind": "baselines", "content": {}, "data": None, "student_name": ""}
    found, frames = report_questions.parts({"toy": plan}, {"toy": question.tables})
    assert [(part.name, part.title) for part in found] == [("advice", advice.TITLE), ("toy", page.TITLE)]
    assert set(frames) == {f"toy-{table}" for table in baselines.TABLES}
    names = [table.name for part in found for table in (*part.section.tables, *part.section.details)]
    assert len(set(names)) == len(names)


def test_the_figure_of_gains_shows_the_means_that_the_table_holds(question: Question, tables: Tables) -> None:
    with style():
        figure: Figure = literature_gains.draw(question)
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["AVER", "CA-MKD", "TAKD"]
        lowest = figure.axes[2]  # log-likelihood against labels only
        drawn = [line.get_xdata()[0] for line in lowest.lines if line.get_marker() == "o"]
    found = page.gains(tables, "labels", "nll")
    _, spec = checked(question)["literature_gains"]
    viewed = {row["method"]: row["mean"] for row in spec["datasets"]["data"] if row["panel"] == 2}
    assert viewed == pytest.approx({method: found[method]["gain"] for method in METHODS}, rel=1e-3)
    assert drawn == pytest.approx([found[method]["gain"] for method in METHODS])


def test_the_figure_of_weights_writes_every_share(question: Question, tables: Tables) -> None:
    with style():
        figure: Figure = literature_weights.draw(question)
        texts = [text.get_text() for ax in figure.axes[:2] for text in ax.texts]
    assert len(texts) == 2 * 2 * 3
    assert texts.count(".33") >= 6, "equal weights of three teachers in both domains"
