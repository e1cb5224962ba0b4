"""One table under one regime: what is told of it, and that no number looks where it must not."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import Frame
from mtbkd.base.sources import closure
from mtbkd.evaluation.metrics import accuracy
from mtbkd.inference import Context
from mtbkd.questions.curves.budget import held_out
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables import aekd, agreement, posteriors
from mtbkd.questions.tables import question as tables
from mtbkd.questions.tables.choosing import winners
from mtbkd.questions.tables.fitting import Fitted, Study, counts, fit_all, taught_by_itself
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.part import COLUMNS, coverage, posterior_rows, score_rows, tables_of_part, tuning_rows
from mtbkd.questions.tables.references import experts, reference_probs, teacher_rows, tempered
from mtbkd.questions.tables.spec import Grids, Part, Settings, parts_of
from mtbkd.study.config import load
from mtbkd.study.plan import make_plan
from mtbkd.study.questions import Part as QuestionPart
from mtbkd.study.study_files import read_configuration
from tests.questions.tables.examples import DOMAINS, REPLICATES, dataset, inputs, part, study, teachers

METRICS = {"nll", "accuracy", "brier", "ece", "aurc", "coverage"}


@cache
def told() -> dict[str, Frame]:
    data = dataset()
    return tables_of_part(inputs(), part(), data, teachers(data))


def test_every_method_has_one_number_a_split_metric_and_number_of_labels() -> None:
    scores = told()["scores"]
    assert tuple(scores.columns) == COLUMNS["scores"]
    assert set(scores["metric"]) == METRICS
    students = scores[scores["kind"] == "student"]
    assert set(students["method"]) == set(METHODS)
    assert set(students.loc[students["labels"] == 70, "method"]) == set(METHODS)
    keys = ["labels", "method", "replicate", "metric"]
    assert not scores.duplicated(keys).any()
    assert (scores.groupby(["labels", "method"]).size() == len(REPLICATES) * len(METRICS)).all()
    assert scores["value"].notna().all()
    assert scores.groupby("labels")["all_labels"].first().to_dict() == {20: False, 70: True}


def test_the_time_that_posteriors_take_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(study: Study) -> list[dict[str, object]]:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        return []

    monkeypatch.setattr("mtbkd.questions.tables.part.posterior_rows", busy)
    data = dataset()
    asked = part(labels=[20], methods=["labels"], posteriors={"tables": ["iris"]})
    sizes = tables_of_part(inputs(2), asked, data, teachers(data))["sizes"]
    assert 0.5 <= sizes["posteriors_cpu_s"].item() < 0.9
    assert told()["sizes"]["posteriors_cpu_s"].item() < 0.1


def test_sharp_methods_start_from_what_their_predecessor_chose() -> None:
    tuning = told()["tuning"].set_index(["labels", "method", "replicate"]).sort_index()
    for name, method in METHODS.items():
        if method.after:
            for setting in ("kappa", "teacher_temperature", "prior_scale"):
                mine, first = (tuning.xs(each, level="method")[setting] for each in (name, method.after))
                pd.testing.assert_series_equal(mine, first)
    sharp = tuning.xs("tip_equal_sharp", level="method")
    assert set(sharp["candidates"]) == {4}
    assert (tuning.xs("tip_equal", level="method")["lambda"] == tuning.xs("tip_equal", level="method")["kappa"]).all()


def test_choices_are_in_the_order_of_the_replicates() -> None:
    rows = [{"row": 1, "chosen": True}, {"row": 0, "chosen": False}, {"row": 0, "chosen": True, "kappa": 1.0}]
    assert winners(rows) == [rows[2], rows[0]]


def test_methods_that_hear_teachers_have_equally_many_candidates() -> None:
    tuning = told()["tuning"]
    given = [name for name, each in METHODS.items() if each.teachers == "given" and not each.after]
    each_has_one_more = 3  # settings of two values, one of them the middle one
    assert set(tuning.loc[tuning["method"].isin(given), "candidates"]) == {1 + each_has_one_more}


def test_an_edge_counts_as_falling_where_the_value_before_it_is_worse_by_what_matters() -> None:
    grids = Grids.model_validate({"kappa": [1, 10, 100], "prior_scale": [1, 3], "teacher_temperature": [1]})

    def chosen(loss_before: float) -> dict[str, object]:
        shared = {"replicate": 0, "prior_scale": 1.0, "teacher_temperature": 1.0, "steps": 5, "val_accuracy": 1.0}
        of = ((10.0, loss_before, False), (100.0, 0.5, True), (1.0, 0.9, False))
        rows = [{**shared, "kappa": k, "lambda": k, "val_nll": loss, "chosen": won} for k, loss, won in of]
        (row,) = tuning_rows(Fitted("tip_equal", 20, False, [], rows), grids)
        return row

    assert (chosen(0.55)["at_edge"], chosen(0.55)["falling"]) == ("kappa", "kappa")
    assert (chosen(0.505)["at_edge"], chosen(0.505)["falling"]) == ("kappa", "")


def test_neither_test_labels_nor_labels_outside_the_budget_change_a_student() -> None:
    data = dataset()
    of = study(data, labels=[20])
    order = of.bench("labels").order
    y = data.y.copy()
    for r, rows in enumerate(order.rows):
        y[r, rows[20:]] = 1 - y[r, rows[20:]]
    y[:, data.rows("test")] = 0
    changed = replace(data, y=y)
    again = replace(of, dataset=changed)
    found, others = ([*fit_all(each), *aekd.fit_aekd(each)] for each in (of, again))
    assert {each.method for each in found} == set(METHODS)
    for one, other in zip(found, others, strict=True):
        np.testing.assert_array_equal(one.prob, other.prob, err_msg=one.method)


def test_self_training_in_a_fold_hears_a_student_that_did_not_see_what_the_fold_keeps_out() -> None:
    data = dataset()
    of = study(data, labels=[20])
    chosen = winners(next(fit_all(of)).tuning)
    kept = held_out(20, of.settings.folds)
    y, rows = data.y.copy(), of.bench("labels").order.rows
    for r in REPLICATES:
        y[r, rows[r, kept[1]]] = 1 - y[r, rows[r, kept[1]]]
    logits, changed = (
        taught_by_itself(each, each.bench("self_training"), 20, chosen).logits
        for each in (of, replace(of, dataset=replace(data, y=y)))
    )
    assert logits is not None and changed is not None
    same = [torch.equal(*pair) for pair in zip(logits, changed, strict=True)]
    every = 1 + of.settings.folds
    assert [i for i, equal in enumerate(same) if equal] == [r * every + 1 + 1 for r in REPLICATES]


def test_aekd_of_teachers_that_agree_is_hintons_distillation() -> None:
    data = dataset()
    same = [replace(teachers(data)[1], teacher=f"t{g}") for g in range(3)]
    of = replace(study(data, methods=["kd_hinton", "aekd"]), teachers=same)
    hinton = [each for each in fit_all(of) if each.method == "kd_hinton"]
    for one, other in zip(hinton, aekd.fit_aekd(of), strict=True):
        assert (one.labels, one.all_labels) == (other.labels, other.all_labels)
        np.testing.assert_allclose(one.prob, other.prob, atol=1e-3)


def test_aekd_of_teachers_that_differ_is_not() -> None:
    of = study(dataset(), labels=[20], methods=["kd_hinton", "aekd"])
    (one,) = [each for each in fit_all(of) if each.method == "kd_hinton"]
    (other,) = aekd.fit_aekd(of)
    assert not np.allclose(one.prob, other.prob, atol=1e-2)


def test_a_start_that_died_is_not_the_result_of_aekd(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, of = Context.best, study(dataset(), labels=[20], methods=["kd_hinton", "aekd"])
    two = of.inputs.training.model_copy(update={"restarts": 2})
    of = replace(of, inputs=replace(of.inputs, training=two))

    def fitted(first_dies: bool) -> list[np.ndarray]:
        def best(context: Context, target: Any, chains: int, starts: int, dropout: float = 0.0) -> torch.Tensor:
            found = whole(context, target, chains, starts, dropout).view(-1, chains, target.num_params)
            if chains == 1:  # of a candidate
                return found.flatten(0, 1)
            several.append(chains)
            found[:, 0] = 0 if first_dies else found[:, 1]
            return found.flatten(0, 1)

        monkeypatch.setattr(Context, "best", best)
        (one,) = aekd.fit_aekd(of)
        return one.prob

    several: list[int] = []
    np.testing.assert_array_equal(fitted(first_dies=True), fitted(first_dies=False))
    assert several == [2, 2]


def test_weights_under_which_gradients_agree_are_the_smallest_combination() -> None:
    """One teacher's gradient is three times the other's, and the other way: 1/4 and 3/4, of which the cap leaves .4 and .6."""
    log_q = torch.tensor([[[0.5, 0.5]]]).log()
    prob = torch.tensor([[[[0.8, 0.2], [0.4, 0.6]]]])
    found = agreement.slope(log_q, {"prob": prob}, torch.tensor([2.0]))
    torch.testing.assert_close(found, 2 * (0.4 * prob[:, :, 0] + 0.6 * prob[:, :, 1]))


def test_an_oracle_asks_the_teacher_of_the_rows_own_domain() -> None:
    data = dataset()
    of = study(data)
    order, test = of.bench("labels").order, data.rows("test")
    found = reference_probs(data, of.teachers, order, 20, (0.25, 1.0))
    assert [accuracy(prob, data.y[r, test]).value for r, prob in enumerate(found["routed", "reference"])] == [1.0, 1.0]
    assert experts(data, of.teachers[:2]) is None
    rows: Frame = pd.DataFrame(teacher_rows(data, of.teachers, REPLICATES))
    assert (rows.loc[rows["rows"] == "own", "accuracy"] == 1).all()
    assert set(rows["domain"]) == set(DOMAINS)


def test_a_diluted_mean_is_sharpened_by_the_labels_at_hand() -> None:
    data = dataset()
    of = study(data)
    found = reference_probs(data, of.teachers, of.bench("labels").order, 20, (0.25, 1.0))
    for mean, sharp in zip(found["mean", "reference"], found["sharpened_mean", "reference"], strict=True):
        np.testing.assert_allclose(sharp, tempered(mean, 0.25))
        np.testing.assert_allclose(sharp, mean**4 / (mean**4).sum(-1, keepdims=True))


def test_coverage_is_that_of_the_smallest_sets_that_hold_the_level() -> None:
    prob = np.array([[0.95, 0.05, 0.0], [0.6, 0.35, 0.05], [0.6, 0.35, 0.05], [0.5, 0.3, 0.2]])
    assert coverage(prob, np.array([1, 1, 2, 2])) == 0.5  # the sets: {0}, {0, 1}, {0, 1}, all


def test_a_fit_that_diverged_has_no_score() -> None:
    data = dataset()
    prob = [np.full((50, 2), np.nan), np.full((50, 2), 0.5)]
    rows: Frame = pd.DataFrame(score_rows(data, REPLICATES, prob))
    assert rows[rows["replicate"] == 0]["value"].isna().all()
    assert rows[rows["replicate"] == 1]["value"].notna().all()


def test_a_table_that_is_added_leaves_the_other_parts_as_they_are() -> None:
    few, more = (parts_of(Settings.model_validate({"groups": groups})) for groups in (
        {"A": ["iris", "Vehicle"]}, {"A": ["iris", "Vehicle", "Glass"], "B": ["wine"]}
    ))  # fmt: skip
    assert len(few) == 6 and len(more) == 12
    assert {name: more[name] for name in few} == few
    assert more["wine-clusters"].group == "B" and more["Glass-features"].kind == "mlbench"


SHORT = {"tables": ["iris"], "labels": 20, "methods": ["labels", "self_training", "tip_equal"], "settings": {"draws": 150}}


def test_posteriors_are_scored_beside_the_map_and_the_verdicts_of_their_gates() -> None:
    data = dataset()
    rows: Frame = pd.DataFrame(posterior_rows(study(data, posteriors={**SHORT, "grids": {"prior_scale": [1]}})))
    assert set(rows["method"]) == {"labels", "self_training", "tip_equal"}
    assert set(rows["inference"]) == {"map", "hmc_laplace"}
    assert set(rows["metric"]) == METRICS and rows["value"].notna().all()
    assert not rows.duplicated(["method", "inference", "replicate", "metric"]).any()
    assert (rows["passed"] == (rows["failed"] == "")).all()
    few: Frame = pd.DataFrame(
        posterior_rows(study(data, posteriors={**SHORT, "methods": ["labels"], "settings": {"draws": 2}}))
    )
    assert not few.loc[few["inference"] != "map", "passed"].any()  # too few draws to tell


def test_posteriors_and_their_map_are_tuned_on_grids_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []
    once = posteriors.fit_all

    def spied(of: Study) -> Iterator[Fitted]:
        for fitted in once(of):
            seen.extend(fitted.tuning)
            yield fitted

    monkeypatch.setattr(posteriors, "fit_all", spied)
    grids = {"kappa": [0.3], "teacher_temperature": [0.7], "prior_scale": [0.4, 0.6]}
    of = study(dataset(), posteriors={**SHORT, "methods": ["labels", "tip_equal"], "grids": grids})
    (labels, tip) = posteriors.fit_posteriors(of)
    assert (labels.method, tip.method) == ("labels", "tip_equal")
    assert {row["prior_scale"] for row in seen} == {0.4, 0.6}
    assert {(row["kappa"], row["teacher_temperature"]) for row in seen if "kappa" in row} == {(0.3, 0.7)}


def test_draws_of_a_posterior_of_a_small_table_pass_their_gates_and_do_not_repeat_the_map() -> None:
    of = study(dataset(), posteriors={**SHORT, "methods": ["tip_equal"], "settings": {}, "grids": {"prior_scale": [1]}})
    (drawn,) = posteriors.fit_posteriors(of)
    assert [gate["gate"] for gate in drawn.gates if gate["verdict"] is False] == []
    apart = [np.abs(one - other).max() for one, other in zip(drawn.prob, drawn.mode, strict=True)]
    assert all(0.001 < each < 0.3 for each in apart)


def test_only_the_regimes_that_are_asked_for_have_posteriors() -> None:
    asked = {"groups": {"A": ["iris", "Vehicle"]}, "posteriors": {"tables": ["Vehicle"]}}
    found = {name: each.settings.posteriors.tables for name, each in parts_of(Settings.model_validate(asked)).items()}
    assert {name: own for name, own in found.items() if own} == {"Vehicle-clusters": ("Vehicle",)}
    assert len(found) == 6


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"groups": {"A": ["irises"]}}, "irises.*allowed: .*Glass.*iris.*Hint: .*iris"),
        ({"groups": {"A": ["iris"], "B": ["iris"]}}, "unique entries \\(iris repeated\\)"),
        ({"methods": ["tip"]}, "'tip'.*allowed: .*tip_equal"),
        ({"posteriors": {"tables": ["wine"]}}, "posteriors: found 'wine'; allowed: iris"),
        ({"labels": [3, 20]}, "3.*at least 4"),
    ],
)
def test_a_mistake_in_the_settings_is_told_in_one_sentence(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        part(**changed)


def test_the_tables_of_the_parts_are_joined() -> None:
    second = {name: frame.assign(regime="features") for name, frame in told().items()}
    parts = {name: [frame, second[name]] for name, frame in told().items()}
    both = Inputs(name="tables", seed=1, parts={"parts": parts})
    found = tables.run(both, part().settings)
    assert {"labels", "self_training"} <= set(found["ranks"]["method"])
    assert set(found) == set(tables.TABLES)
    assert len(found["scores"]) == 2 * len(told()["scores"])
    assert set(found["scores"]["regime"]) == {"clusters", "features"}


def planned(settings: Settings) -> Mapping[str, QuestionPart]:
    """The parts of a question with these settings in a study."""
    asked = {"kind": "tables", "student": "mlp_5", "settings": settings.model_dump(mode="json", by_alias=True)}
    raw = read_configuration()
    raw["studies"] = {"own": {**raw["studies"]["tables"], "questions": {"asked": asked}}}
    return make_plan(load(raw, "own")).questions["asked"].parts["parts"]


def test_a_part_is_handed_on_as_json() -> None:
    groups = {"A": ["iris", "Zoo"], "B": ["wine"]}
    settings = part(groups=groups, posteriors={"tables": ["iris", "wine"]}).settings
    handed = {name: Part.model_validate_json(json.dumps(each.content)) for name, each in planned(settings).items()}
    assert handed == parts_of(settings)


def test_a_part_depends_on_its_signals_and_on_nothing_that_joins_or_shows_parts() -> None:
    first = next(iter(planned(part(methods=["kd_mean"]).settings).values()))
    roots = [tables.STEPS["parts"].job, *(registry.module_name(kind, name) for kind, name in first.uses)]
    sources = closure(roots, ("mtbkd.base.registry",))
    assert {"mtbkd/signals/kd_mean.py", "mtbkd/data/datasets/scikit.py", "mtbkd/teachers/sklearn.py"} <= set(sources)
    assert not [path for path in sources if path.startswith("mtbkd/report") or re.search("verdicts|figure_|section", path)]


def test_a_table_with_fewer_labels_than_folds_is_refused() -> None:
    of = study(dataset(), labels=["all"], folds=71)
    with pytest.raises(ContractError, match=r"labels: found 70; .*at least 71, one for each fold"):
        counts(of, of.bench("labels"))
