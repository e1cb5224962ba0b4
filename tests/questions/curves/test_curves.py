"""Budgets of labels, the posterior they give, and one tiny curve computed for real."""

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.data.datasets import sim1
from mtbkd.posterior.compiled.posterior import CompiledPosterior
from mtbkd.questions.curves import fitting, references
from mtbkd.questions.curves.bench import Bench
from mtbkd.questions.curves.budget import budgets, held_out, label_order
from mtbkd.questions.curves.fitting import fit_curve
from mtbkd.questions.curves.spec import References, Spec
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.inputs import Inputs
from mtbkd.teachers import mlp

SEED = 4
REPLICATES = range(2)
POSTERIOR = {
    "lambda": [0.01, 1.0], "beta": [1.0], "prior_scale": [1.0], "teacher_temperature": [1.0],
    "student_temperature": [1.0], "temperature": [1.0],
}  # fmt: skip


BY_KAPPA = {
    **{name: grid for name, grid in POSTERIOR.items() if name != "beta"},
    "kappa": [0.5, 5.0], "lambda": ["kappa", 5.0, 20.0], "no_teacher": [0.0, 0.1],
}  # fmt: skip


def spec(signal: str = "tip", transfer: tuple[bool, ...] = (True, False), inference: str = "map", **settings: float) -> Spec:
    fit = {
        "method": "m", "dataset": "d", "student": {"architecture": "linear", "settings": {"features": "quadratic"}},
        "signal": {"name": signal}, "weights": None if signal == "none" else "entropy",
        "inference": {"name": inference, "settings": settings}, "posterior": POSTERIOR,
        "training": {"steps": 40, "restarts": 1}, "output": {}, "seed": SEED,
    }  # fmt: skip
    asked = {"curve": "c", "teachers": "none" if signal == "none" else "tiny", "fit": fit, "steps": [20, 40]}
    return Spec.model_validate({**asked, "labels": [20, "all"], "folds": 4, "transfer": transfer})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    settings = sim1.Settings(n_train=90, n_val=30, n_test=80)
    return sim1.prepare("d", settings, SEED, REPLICATES, tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def teachers(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Logits]:
    settings = mlp.Settings(hidden=(6,), steps=80)
    folder = tmp_path_factory.mktemp("raw")
    return [mlp.train(f"t_{d}", d, settings, dataset, SEED, 0, "cpu", folder) for d in ("b1", "b3")]


def test_a_larger_budget_holds_every_smaller_one_and_no_test_example(dataset: Dataset) -> None:
    order = label_order(dataset, SEED, REPLICATES)
    inside = np.flatnonzero(dataset.split != "test")
    for row in order.rows:
        assert sorted(row) == inside.tolist()
    assert not np.array_equal(order.rows[0], order.rows[1])
    assert budgets([20, "all", 120], order.labelled, "c") == {20: False, 120: True}
    # The labels of a replicate do not depend on the block that it is computed in.
    second = replace(dataset, x=dataset.x[1:], y=dataset.y[1:], domain=None, domain_names=(), true_prob=None)
    np.testing.assert_array_equal(label_order(second, SEED, range(1, 2)).rows[0], order.rows[1])


def test_unlabelled_examples_come_last_and_more_labels_than_there_are_is_refused(dataset: Dataset) -> None:
    y = dataset.y.copy()
    y[:, :40] = -1
    order = label_order(replace(dataset, y=y), SEED, REPLICATES)
    assert order.labelled == 80
    assert (order.take(y)[:, :80] >= 0).all()
    assert (order.take(y)[:, 80:] == -1).all()
    with pytest.raises(ContractError, match="at most 80"):
        budgets([81], order.labelled, "c")


def test_folds_keep_out_disjoint_examples_of_equal_number() -> None:
    assert held_out(22, 4).shape == (4, 5)
    assert len(set(held_out(22, 4).ravel())) == 20


def _budget(dataset: Dataset, teachers: list[Logits], fold: int, transfer: bool) -> tuple[Bench, Budget]:
    bench = Bench.of(spec(), dataset, teachers, REPLICATES)
    units = [{**{k: v[0] for k, v in POSTERIOR.items()}, "row": r, "fold": fold, "lambda": 1.0} for r in (0, 1, 1)]
    return bench, bench.target(units, 20, 100 if transfer else 0)


@pytest.mark.parametrize("transfer", [True, False])
@pytest.mark.parametrize("fold", [-1, 0, 2])
def test_a_unit_sees_its_fold_with_labels_the_rest_without_and_never_what_is_held_out(
    dataset: Dataset, teachers: list[Logits], fold: int, transfer: bool
) -> None:
    bench, budget = _budget(dataset, teachers, fold, transfer)
    batch = budget.full(torch.arange(3))
    kept = [i for i in range(20) if fold < 0 or i not in held_out(20, 4)[fold]]
    seen = kept + (list(range(20, 120)) if transfer else [])
    for unit, row in enumerate((0, 1, 1)):
        np.testing.assert_array_equal(batch.x[unit], bench.x[row, seen])
        np.testing.assert_array_equal(batch.y[unit, : len(kept)], bench.y[row, kept])
        assert (batch.y[unit, len(kept) :] == -1).all()


@pytest.mark.parametrize("transfer", [True, False])
def test_minibatch_gradients_are_unbiased(dataset: Dataset, teachers: list[Logits], transfer: bool) -> None:
    _, budget = _budget(dataset, teachers, 1, transfer)
    units, generator = torch.arange(3), torch.Generator().manual_seed(0)
    params = 0.3 * torch.randn(3, budget.num_params, generator=generator)
    exact = budget.gradient(params, units, budget.full(units))
    assert torch.allclose(exact, budget.joint().gradient(params, units, budget.joint().full(units)), rtol=1e-4, atol=1e-4)
    drawn = torch.stack([budget.gradient(params, units, budget.minibatch(units, 64, generator)) for _ in range(500)])
    z = (drawn.mean(0) - exact) / (drawn.std(0) / len(drawn) ** 0.5)
    assert z.abs().max() < 4.5


def test_test_labels_choose_nothing(dataset: Dataset, teachers: list[Logits]) -> None:
    y = dataset.y.copy()
    test = dataset.split == "test"
    y[:, test] = 1 - y[:, test]
    asked = spec(transfer=(True,))
    scores, tuning = fit_curve(asked, dataset, teachers, REPLICATES)
    flipped, again = fit_curve(asked, replace(dataset, y=y), teachers, REPLICATES)
    assert tuning == again
    accuracy, other = ([row["value"] for row in rows if row["metric"] == "accuracy"] for rows in (scores, flipped))
    np.testing.assert_allclose(np.add(accuracy, other), 1)


def test_labels_alone_are_the_same_with_and_without_a_transfer_set(dataset: Dataset, teachers: list[Logits]) -> None:
    rows = pd.DataFrame(fit_curve(spec("none"), dataset, teachers, REPLICATES)[0])
    kept, dropped = (rows[rows["transfer"] == t].drop(columns="transfer").reset_index(drop=True) for t in (True, False))
    pd.testing.assert_frame_equal(kept, dropped)
    pd.testing.assert_frame_equal(rows, pd.DataFrame(fit_curve(spec("none"), dataset, [], REPLICATES)[0]))


def test_a_tiny_curve_has_every_cell_and_its_choice_has_the_lowest_held_out_loss(
    dataset: Dataset, teachers: list[Logits], tmp_path: Path
) -> None:
    dataset.write(tmp_path / "data")
    for teacher in teachers:
        teacher.write(tmp_path / teacher.teacher)
    logits = {teacher.teacher: {"r0-1": str(tmp_path / teacher.teacher)} for teacher in teachers}
    inputs = Inputs("c", SEED, blocks=("r0-1",), data={"r0-1": str(tmp_path / "data")}, logits=logits)
    found = fitting.run(inputs, spec())
    scores, tuning = found["scores"], found["tuning"]
    assert len(scores) == 2 * 2 * 2 * 5  # replicates x budgets x transfer x scores
    assert scores["value"].notna().all()
    assert (scores["n"] == 80).all()
    for _, own in tuning.groupby(["labels", "transfer", "replicate"]):
        assert len(own) == 2 * 2  # steps x lambda
        assert own.loc[own["chosen"], "val_nll"].tolist() == [own["val_nll"].min()]
    few = scores[(scores["labels"] == 20) & (scores["metric"] == "nll")]
    assert few["value"].nunique() == 4  # the transfer set matters in both replicates
    every = scores[scores["all_labels"]]
    assert set(every["labels"]) == {120}
    np.testing.assert_array_equal(every[every["transfer"]]["value"], every[~every["transfer"]]["value"])


def test_draws_are_averaged_and_minibatches_reach_a_sampler(dataset: Dataset, teachers: list[Logits]) -> None:
    asked = spec(inference="sgld", steps=60, burn_in=20, thin=10, chains=2, step_size=1e-4)
    asked = asked.model_copy(update={"labels": (20,), "transfer": (True,)})
    rows = fit_curve(asked, dataset, teachers, REPLICATES)[0]
    assert np.isfinite([row["value"] for row in rows]).all()


def test_the_best_teacher_is_chosen_by_the_labels_at_hand(dataset: Dataset, teachers: list[Logits]) -> None:
    asked = References(curve="c", labels=(20, "all"), transfer=(True,), seed=SEED, sets={})
    rows = pd.DataFrame(references.references(asked, dataset, {"tiny": teachers}, REPLICATES))
    order, test = label_order(dataset, SEED, REPLICATES), dataset.split == "test"
    for r in REPLICATES:
        first = order.rows[r, :20]
        right = [(t.logits[r, first].argmax(-1) == dataset.y[r, first]).mean() for t in teachers]
        best = teachers[int(np.argmax(right))].logits[r, test].argmax(-1) == dataset.y[r, test]
        own = rows[(rows["method"] == "teachers:best") & (rows["labels"] == 20) & (rows["replicate"] == r)]
        assert own.set_index("metric")["value"]["accuracy"] == pytest.approx(best.mean())
    assert rows.groupby("kind")["method"].nunique().to_dict() == {"ceiling": 1, "teacher": 4}


def test_teachers_that_miss_a_split_are_refused(dataset: Dataset, teachers: list[Logits]) -> None:
    partial = replace(teachers[0], covered=dataset.split != "val")
    with pytest.raises(ContractError, match=r"no logits of .'t_b1'"):
        fit_curve(spec(), dataset, [partial, teachers[1]], REPLICATES)


def test_weights_that_look_at_labels_are_refused_where_the_number_of_labels_varies(
    dataset: Dataset, teachers: list[Logits]
) -> None:  # fmt: skip
    asked = spec()
    asked = asked.model_copy(update={"fit": asked.fit.model_copy(update={"weights": "label_confidence"})})
    with pytest.raises(ContractError, match="weights: found 'label_confidence', which depend on labels; expected weights of"):
        Bench.of(asked, dataset, teachers, REPLICATES)


def test_a_curve_tunes_strength_sharpness_and_no_teacher_each_candidate_once(dataset: Dataset, teachers: list[Logits]) -> None:
    asked = spec(transfer=(True,))
    fit = asked.fit.model_copy(update={"posterior": BY_KAPPA})
    asked = asked.model_copy(update={"fit": fit, "steps": (20,), "labels": (20,)})
    _, rows = fit_curve(asked, dataset, teachers, REPLICATES)
    tuning = pd.DataFrame(rows)
    tried = tuning[["kappa", "lambda", "no_teacher"]].drop_duplicates()
    assert set(zip(tried["kappa"], tried["lambda"], strict=True)) == {(0.5, 0.5), (0.5, 5), (0.5, 20), (5, 5), (5, 20)}
    assert len(tried) == 10 and len(tuning) == 20 and "beta" not in tuning
    assert np.isfinite(tuning["val_nll"]).all() and tuning["val_nll"].nunique() == 20
    chosen = tuning[tuning["chosen"]]
    assert (chosen["responsibility_sharpness"].between(0.001, 0.5)).all()
    assert tuning.loc[~tuning["chosen"], "responsibility_sharpness"].isna().all()


@pytest.mark.parametrize("kappa", [0.5, 5.0])
def test_a_candidate_of_a_grid_is_fitted_as_it_is_alone(dataset: Dataset, teachers: list[Logits], kappa: float) -> None:
    """Also where others of the batch have the row of no teacher."""
    bench = Bench.of(spec(), dataset, teachers, REPLICATES)
    base = {name: grid[0] for name, grid in BY_KAPPA.items()} | {"row": 0, "fold": -1, "kappa": kappa, "lambda": 20.0}
    beside = bench.target([{**base, "no_teacher": w0} for w0 in (0.0, 0.3)], 20, True)
    alone = bench.target([{**base, "no_teacher": 0.0}], 20, True)
    params = beside.start([3]).expand(2, -1).contiguous()
    found, expected = (each.log_density(params[: each.num_units], each.members(1)) for each in (beside, alone))
    assert found[0].item() == pytest.approx(expected[0].item(), rel=1e-5) and abs(found[1] - found[0]) > 1
    kept, own = (each.compiled for each in (beside, alone))
    assert kept is not None and own is not None
    slopes = kept.full_gradient(params, beside.members(1)), own.full_gradient(params[:1], alone.members(1))
    torch.testing.assert_close(slopes[0][:1], slopes[1], rtol=1e-4, atol=1e-3)


def test_a_curve_of_hintons_distillation_tempers_the_student_too(dataset: Dataset, teachers: list[Logits]) -> None:
    bench = Bench.of(spec("kd_hinton"), dataset, teachers, REPLICATES)
    units = [{**{k: v[0] for k, v in POSTERIOR.items()}, "row": 0, "fold": -1, "teacher_temperature": t} for t in (0.5, 2.0)]
    target = bench.target(units, 20, True)
    assert target.shared.student_temperature.tolist() == [0.5, 2.0] and not target.student_at_one
    assert target.shared.beta.tolist() == [0.25, 4.0]
    params = target.start([1, 2])
    whole = target.joint()
    torch.testing.assert_close(whole.log_density(params, whole.members(1)), target.log_density(params, target.members(1)))


def test_what_fits_were_made_of_is_gone_with_them(dataset: Dataset, teachers: list[Logits]) -> None:
    asked = spec().model_copy(update={"labels": (20,), "transfer": (True,)})

    def compiled() -> int:
        return sum(type(each) is CompiledPosterior for each in gc.get_objects())  # a weak proxy has no isinstance

    gc.collect()
    gc.disable()
    try:
        before = compiled()
        fit_curve(asked, dataset, teachers, REPLICATES)
        assert compiled() == before
    finally:
        gc.enable()
