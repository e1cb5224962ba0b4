"""The question of pools on small teachers: cross-fitting, scores, what the report and the figure make of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize_scalar

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.evaluation.metrics import label_scores, ood_auroc
from mtbkd.pooling.operators import pool
from mtbkd.pooling.temperature import inverse_temperature
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.pools import figure_pools, question, section, together
from mtbkd.questions.pools.folding import case_of, opinions
from mtbkd.questions.pools.rules import EACH, HOME, NONE, PLAIN, POOL, TEACHER, VECTOR, Rule, chosen, indexed, words
from mtbkd.report.figures import interactive
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import style
from tests.report.figures.test_views import seen

CLASSES = ("a", "b", "c")
SPLIT = np.array(["train"] * 30 + ["val"] * 30 + ["test"] * 180 + ["ood:far"] * 60)
SOME = {name: {"operator": name} for name in ("linear", "logarithmic", "best_single", "minimax")}
SETTINGS = question.Settings.model_validate({"operators": SOME, "weights": ["entropy", "stacking"], "folds": 4})


def teacher(data: Dataset, name: str, sharpness: float, seed: int, **card: Any) -> Logits:
    """Right in about nine of ten cases and much too sure; undecided about foreign examples."""
    rng = np.random.default_rng(seed)
    known = np.eye(3)[np.maximum(data.y[0], 0)] * (data.y[0] >= 0)[:, None]
    logits = sharpness * (2 * known + rng.normal(size=known.shape))
    own = {"seen": ["train"], **card}
    return Logits(name, logits[None].astype(np.float32), np.ones(len(SPLIT), bool), ids_digest(data.ids), own)


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    y = np.where(SPLIT == "ood:far", -1, rng.integers(0, 3, len(SPLIT)))
    ids = np.array([f"cifar10-{'test' if s == 'test' else 'other'}-{i}" for i, s in enumerate(SPLIT)])
    return Dataset("toy", np.zeros((1, len(SPLIT), 1), np.float32), y[None], SPLIT, CLASSES, ids).validate()


@pytest.fixture(scope="module")
def teachers(data: Dataset) -> list[Logits]:
    return [teacher(data, f"t{g}", sharpness, g) for g, sharpness in enumerate((1.0, 3.0, 5.0))]


@pytest.fixture(scope="module")
def tables(data: Dataset, teachers: list[Logits]) -> dict[str, pd.DataFrame]:
    return question.run(Inputs.in_memory(name="pools", seed=1, dataset=data, teachers=teachers), SETTINGS)


def test_the_temperature_is_that_of_the_smallest_loss() -> None:
    rng = np.random.default_rng(0)
    logits, y = 4 * rng.normal(size=(300, 5)), rng.integers(0, 5, 300)
    y = np.where(rng.random(300) < 0.6, logits.argmax(-1), y)

    def loss(beta: float) -> float:
        scaled = beta * logits
        return float((np.log(np.exp(scaled).sum(-1)) - scaled[np.arange(300), y]).mean())

    found: Any = minimize_scalar(loss, bounds=(0.01, 5), method="bounded", options={"xatol": 1e-8})
    assert inverse_temperature(logits, y) == pytest.approx(found.x, rel=1e-4)
    assert inverse_temperature(logits, logits.argmax(-1)) == 100  # nothing is ever wrong: no finite temperature


@pytest.mark.parametrize("scaling", ["temperature", "vector"])
def test_labels_of_a_fold_change_nothing_that_it_is_judged_by(data: Dataset, teachers: list[Logits], scaling: str) -> None:
    case = case_of(data, teachers, 4, 0)
    fold, n = case.fold, len(case.y)
    other, labels = data.y.copy(), case.y.copy()
    mine = case.rows[:n][fold[:n] == 1]
    other[0, mine] = (other[0, mine] + 1) % 3
    labels[fold[:n] == 1] = other[0, mine]
    changed = replace(case, dataset=replace(data, y=other), y=labels)
    one, two = (opinions(each, ["stacking", "validation"], scaling) for each in (case, changed))
    own = fold == 1
    np.testing.assert_array_equal(one.log_prob[own], two.log_prob[own])
    assert not np.array_equal(one.log_prob[~own], two.log_prob[~own])
    for name in ("stacking", "validation"):
        np.testing.assert_array_equal(one.weights[name][own], two.weights[name][own])
        assert not np.array_equal(one.weights[name][~own], two.weights[name][~own])


def test_only_examples_that_no_teacher_saw_are_judged(data: Dataset, teachers: list[Logits]) -> None:
    assert len(case_of(data, teachers, 4, 0).y) == 210
    saw_val = [*teachers[:2], teacher(data, "t", 2.0, 9, seen=["train", "val"])]
    assert len(case_of(data, saw_val, 4, 0).y) == 180
    silent = [*teachers[:2], replace(teachers[2], card={})]
    assert len(case_of(data, silent, 4, 0).y) == 180


def test_unscaled_scores_are_those_of_the_pool(data: Dataset, teachers: list[Logits], tables: dict[str, pd.DataFrame]) -> None:
    rows = np.flatnonzero(np.isin(SPLIT, ("val", "test")))
    logits = np.stack([t.logits[0] for t in teachers], 1).astype(np.float64)
    prob = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for operator in ("linear", "logarithmic"):
        q = pool(operator, prob)
        found = indexed(chosen(tables["scores"], data=HOME, metric="nll"))[Rule(operator, "equal", NONE)]
        wanted = label_scores(q[rows], data.y[0, rows])
        assert found["value"] == pytest.approx(wanted["nll"].value, rel=1e-5) and found["n"] == 210
        assert found["high"] - found["value"] == pytest.approx(1.96 * wanted["nll"].se, rel=1e-3)
        error = indexed(chosen(tables["scores"], data=HOME, metric="ece"))[Rule(operator, "equal", NONE)]
        assert error["value"] == pytest.approx(wanted["ece"].value, rel=1e-4)
        entropy = -(q * np.log(q)).sum(-1)
        far = indexed(chosen(tables["scores"], data="far", metric="auroc_entropy"))[Rule(operator, "equal", NONE)]
        assert far["value"] == pytest.approx(ood_auroc(entropy[rows], entropy[SPLIT == "ood:far"]).value, abs=1e-4)
    q = pool("linear", prob)
    each = -(prob * np.log(prob)).sum(-1).mean(-1)
    information = -(q * np.log(q)).sum(-1) - each
    disagreement = (prob.argmax(-1) != q.argmax(-1)[:, None]).mean(-1)
    for name, values in {"information": information, "disagreement": disagreement}.items():
        far = indexed(chosen(tables["scores"], data="far", metric=f"auroc_{name}"))[PLAIN]
        assert far["value"] == pytest.approx(ood_auroc(values[rows], values[SPLIT == "ood:far"]).value, abs=1e-3)


def test_a_difference_is_paired_over_examples(data: Dataset, teachers: list[Logits], tables: dict[str, pd.DataFrame]) -> None:
    rows = np.flatnonzero(np.isin(SPLIT, ("val", "test")))
    logits = np.stack([t.logits[0, rows] for t in teachers], 1).astype(np.float64)
    prob, y = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), data.y[0, rows]
    losses = [-np.log(pool(operator, prob)[np.arange(210), y]) for operator in ("logarithmic", "linear")]
    each = losses[0] - losses[1]
    found = indexed(chosen(tables["differences"], against="operator", data=HOME, metric="nll"))[
        Rule("logarithmic", "equal", NONE)
    ]
    assert found["difference"] == pytest.approx(each.mean(), rel=1e-4)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * each.std(ddof=1) / np.sqrt(210), rel=1e-3)
    again = indexed(chosen(tables["differences"], against="plain", data=HOME, metric="nll"))[Rule("logarithmic", "equal", NONE)]
    assert again["difference"] == found["difference"]


def test_scaling_mends_overconfident_teachers(tables: dict[str, pd.DataFrame]) -> None:
    scale = dict(zip(tables["teachers"]["teacher"], tables["teachers"]["temperature"], strict=True))
    assert scale["t0"] < scale["t1"] < scale["t2"] and scale["t2"] / scale["t0"] == pytest.approx(5, rel=0.3)
    nll = indexed(chosen(tables["scores"], data=HOME, metric="nll"))
    assert nll[Rule(TEACHER, "t2", EACH)]["value"] < nll[Rule(TEACHER, "t2", NONE)]["value"] - 0.1
    for operator in ("linear", "logarithmic"):
        plain, whole = (nll[Rule(operator, "equal", t)]["value"] for t in (NONE, POOL))
        assert whole < plain


def test_pools_that_cannot_differ_are_judged_once(tables: dict[str, pd.DataFrame]) -> None:
    rules = set(indexed(chosen(tables["scores"], data=HOME, metric="nll")))
    assert {r.weights for r in rules if r.operator == "minimax"} == {"equal"}
    assert {r.weights for r in rules if r.operator == "best_single"} == {"entropy", "stacking"}
    assert {r.temperature for r in rules if r.operator == TEACHER} == {NONE, EACH, VECTOR}
    assert len(rules) == 4 * (3 + 3 + 2 + 1) + 3 * 3


def test_people_judge_a_pool_by_their_votes(data: Dataset, teachers: list[Logits], tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    counts = np.random.default_rng(0).integers(1, 9, (len(SPLIT), 3))
    np.save(tmp_path / "people/votes.npy", counts)
    saw = [replace(each, card={"seen": ["train", "val"]}) for each in teachers]
    settings = SETTINGS.model_copy(update={"votes": "people/votes.npy"})
    asked = Inputs.in_memory(name="pools", seed=1, dataset=data, teachers=saw, raw=tmp_path)
    found = indexed(chosen(question.run(asked, settings)["scores"], data=HOME, metric="votes"))[PLAIN]
    rows = np.flatnonzero(SPLIT == "test")
    logits = np.stack([t.logits[0, rows] for t in teachers], 1).astype(np.float64)
    q = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).mean(1)
    share = counts[rows] / counts[rows].sum(1, keepdims=True)
    assert found["value"] == pytest.approx(-(share * np.log(q)).sum(-1).mean(), rel=1e-5)
    with pytest.raises(ContractError, match="votes for all 210 labelled examples"):
        question.run(Inputs.in_memory(name="pools", seed=1, dataset=data, teachers=teachers, raw=tmp_path), settings)


def test_what_cannot_be_pooled_is_refused_in_one_line(data: Dataset, teachers: list[Logits]) -> None:
    with pytest.raises(ContractError, match="at least two"):
        case_of(data, teachers[:1], 4, 0)
    lacking = replace(teachers[0], covered=SPLIT != "test")
    with pytest.raises(ContractError, match="t0 without the test split"):
        case_of(data, [lacking, teachers[1]], 4, 0)
    with pytest.raises(ContractError, match="label_confidence"):
        settings = SETTINGS.model_copy(update={"weights": ("label_confidence",)})
        question.run(Inputs.in_memory(name="pools", seed=1, dataset=data, teachers=teachers), settings)
    with pytest.raises(ValidationError, match="the operator linear"):
        question.Settings.model_validate({"operators": {"log": {"operator": "logarithmic"}}})
    with pytest.raises(ValidationError, match="entropy"):
        question.Settings.model_validate({"weights": ["entrpy"]})


def test_the_report_tells_the_best_pool_and_what_weights_change(tables: dict[str, pd.DataFrame]) -> None:
    found = section.section("pools", tables, SETTINGS.model_dump(mode="json"))
    told = " ".join(found.told)
    nll = {r: row["value"] for r, row in indexed(chosen(tables["scores"], data=HOME, metric="nll")).items()}
    best = min((r for r in nll if r.operator != TEACHER), key=nll.__getitem__)
    assert f"{nll[best]:.3f}, is that of the {words(best)}" in told
    assert "MT-BKD's entropy weights change NLL by" in told and "Foreign data (far) are recognised best by" in told
    shown = [*found.tables, *found.details]
    assert all(len(row.cells) == len(table.columns) for table in shown for row in table.rows)
    assert sum(len(table.rows) for table in shown if table.name in ("pools-pools", "pools-all")) == len(nll)


def test_advice_names_a_pool_that_is_worse_nowhere(tables: dict[str, pd.DataFrame]) -> None:
    asked = {name: ("pools", tables) for name in ("one", "two")} | {"other": ("votes", {})}
    found = together.section(asked)
    assert found is not None and together.section({"other": ("votes", {})}) is None
    ranks = together.mean_ranks({"one": tables, "two": tables})
    nll = {r: row["value"] for r, row in indexed(chosen(tables["scores"], data=HOME, metric="nll")).items()}
    assert ranks[min(ranks, key=nll.__getitem__)] == 1 and sorted(ranks.values())[-1] == len(ranks)
    differences = chosen(tables["differences"], against="plain", data=HOME)
    worse = {(r["operator"], r["weights"], r["temperature"]) for r in chosen(differences, verdict="worse").to_dict("records")
             if r["metric"] in together.JUDGED}  # fmt: skip
    safe = sorted((r for r in ranks if r != PLAIN and tuple(r) not in worse), key=ranks.__getitem__)
    assert safe and f"With labelled examples, use the {words(safe[0])}" in found.told[0]
    assert found.cards[0].answer.lower() == words(safe[0]).lower()
    choices = next(table for table in found.tables if table.name == "pools_advice-choices")
    (row,) = [row for row in choices.rows if row.cells[0].text == "logarithmic pool"]
    own = chosen(tables["differences"], against="operator", data=HOME, metric="nll", operator="logarithmic")
    assert row.cells[4].sort == pytest.approx((own["verdict"] == "better").mean())
    assert all(len(row.cells) == len(table.columns) for table in (*found.tables, *found.details) for row in table.rows)


def test_the_figure_and_its_view_show_every_pool(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    for name, frame in tables.items():
        write_table(frame, files[name])
    asked = Question("pools", "pools", SETTINGS.model_dump(mode="json"), files)
    with style():
        figure = figure_pools.draw(asked)
        marks = sum(len(line.get_xdata()) for line in figure.axes[0].get_lines())  # pyright: ignore[reportArgumentType]
    pools = indexed(chosen(tables["scores"], data=HOME, metric="nll"))
    assert marks == len(pools) + 2, "and a ring around the plain average and that with entropy weights"
    spec = seen("pools", asked)
    rows, changes = spec["datasets"]["data"], spec["datasets"]["changes"]
    found = indexed(chosen(tables["differences"], against="weights", data=HOME, metric="nll", operator="linear"))
    assert {row["title"]: row["difference"] for row in changes} == {
        words(rule): interactive.rounded(row["difference"]) for rule, row in found.items()
    }
    assert {row["title"]: row["accuracy"] for row in rows} == {
        words(rule): interactive.rounded(row["value"])
        for rule, row in indexed(chosen(tables["scores"], data=HOME, metric="accuracy")).items()
    }
