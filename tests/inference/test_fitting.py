"""Fits on a small Simulation 1: what is tuned on what, what is shared, what is masked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws, open_draws
from mtbkd.data.datasets import sim1
from mtbkd.evaluation import one_method
from mtbkd.inference.fitting import Spec, fit
from mtbkd.inference.sharpness import COLUMN
from mtbkd.pooling.scaling import scaled
from mtbkd.teachers import mlp

SEED = 5
REPLICATES = range(2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    settings = sim1.Settings(n_train=400, n_val=150, n_test=150, label_share=0.25)
    return sim1.prepare("small", settings, SEED, REPLICATES, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def teachers(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Logits]:
    settings = mlp.Settings(hidden=(12,), steps=300, dropout=0.0)
    raw = tmp_path_factory.getbasetemp()
    return [mlp.train(f"t_{d}", d, settings, dataset, SEED, 0, "cpu", raw) for d in ("b1", "b3")]


def spec(signal: str = "tip", inference: str = "map", settings: dict | None = None, **posterior: list[float]) -> Spec:
    grids = {"lambda": [1.0, 4.0], "beta": [1.0], "prior_scale": [1.0]}
    grids |= {"teacher_temperature": [1.0], "student_temperature": [1.0], "temperature": [1.0]}
    return Spec.model_validate(
        {
            "method": f"{signal}_{inference}",
            "dataset": "small",
            "student": {"architecture": "linear", "settings": {"features": "quadratic"}},
            "signal": {"name": signal, "settings": {}},
            "weights": "entropy" if signal in ("tip", "kd") else None,
            "inference": {"name": inference, "settings": settings or {}},
            "posterior": {**grids, **posterior},
            "training": {"steps": 150, "restarts": 1},
            "output": {"probes": 3, "prediction_draws": 20},
            "seed": SEED,
            "device": "cpu",
        }
    )


SGLD = {"steps": 300, "burn_in": 100, "thin": 5, "chains": 2, "step_size": 1e-4}


def test_a_specialist_is_best_in_its_own_domain(teachers: list[Logits]) -> None:
    first, third = (t.card["accuracy"] for t in teachers)
    assert first["test/b1"] > third["test/b1"]
    assert third["test/b3"] > first["test/b3"]


def test_a_fit_keeps_its_contract_through_a_file(dataset: Dataset, teachers: list[Logits], tmp_path) -> None:
    draws = fit(spec(inference="sgld", settings=SGLD), dataset, teachers, REPLICATES)
    draws.write(tmp_path / "draws.nc")
    again = Draws.read(tmp_path / "draws.nc")
    assert again.prob.shape == (2, 2, 10, 150, 2)
    assert again.log_posterior.shape == (2, 2, 40)
    np.testing.assert_array_equal(again.prob, draws.prob)
    assert {gate["gate"] for gate in again.gates} >= {"rhat", "diverged"}
    assert again.attrs["inference"] == "sgld"
    (curve,), (kept,) = again.curves, draws.curves
    assert curve.objective == "log-posterior" and curve.value.shape == (2, 2, len(curve.step))
    np.testing.assert_array_equal(curve.value, kept.value)
    np.testing.assert_array_equal(curve.step, kept.step)


def test_draws_without_curves_are_read_as_those_of_older_versions(dataset: Dataset, teachers: list[Logits], tmp_path) -> None:
    replace(fit(spec(), dataset, teachers, REPLICATES), curves=[]).write(tmp_path / "draws.nc")
    assert "optimiser" not in open_groups(tmp_path / "draws.nc") and Draws.read(tmp_path / "draws.nc").curves == []


def open_groups(path) -> set[str]:
    with open_draws(path) as tree:
        return set(tree.children)


def test_the_same_specification_gives_the_same_numbers(dataset: Dataset, teachers: list[Logits]) -> None:
    first, second = (fit(spec(inference="sgld", settings=SGLD), dataset, teachers, REPLICATES) for _ in range(2))
    np.testing.assert_array_equal(first.prob, second.prob)


def test_a_fit_hears_its_teachers_scaled(dataset: Dataset, teachers: list[Logits]) -> None:
    asked = spec("kd").model_copy(update={"teacher_scaling": "vector"})
    found = fit(asked, dataset, teachers, REPLICATES)
    np.testing.assert_array_equal(
        found.prob, fit(spec("kd"), dataset, scaled(teachers, dataset, "vector", SEED), REPLICATES).prob
    )
    assert not np.array_equal(found.prob, fit(spec("kd"), dataset, teachers, REPLICATES).prob)
    assert found.attrs["calibration"]["t_b1"]["labels"] == 150 and found.attrs["teacher_scaling"] == "vector"


def test_tuning_takes_the_candidate_with_the_lowest_validation_nll(dataset: Dataset, teachers: list[Logits]) -> None:
    rows = fit(spec("none", prior_scale=[0.001, 1.0]), dataset, teachers, REPLICATES).tuning
    assert len(rows) == 2 * len(REPLICATES)
    for replicate in REPLICATES:
        own = [row for row in rows if row["replicate"] == replicate]
        assert [row for row in own if row["chosen"]] == [min(own, key=lambda row: row["val_nll"])]
        assert next(row for row in own if row["chosen"])["prior_scale"] == 1.0


def test_draws_choose_where_the_method_says_so(dataset: Dataset, teachers: list[Logits]) -> None:
    """A narrow prior spoils MAP alone; what the draws of each candidate predict is scored, not its mode."""
    asked = spec("tip", "sgld", SGLD, prior_scale=[0.3, 3.0])
    by_mode = fit(asked, dataset, teachers, REPLICATES)
    by_draws = fit(asked.model_copy(update={"tuned_by": asked.inference}), dataset, teachers, REPLICATES)
    losses = [[row["val_nll"] for row in found.tuning] for found in (by_mode, by_draws)]
    assert len(losses[0]) == len(losses[1]) == 8 and not np.allclose(*losses, rtol=1e-3)
    at = dataset.rows("val")
    one = asked.model_copy(update={"posterior": asked.posterior | {"lambda": [1.0], "prior_scale": [0.3]}})
    shown = replace(
        dataset, split=np.where(dataset.split == "val", "test", np.where(dataset.split == "test", "val", dataset.split))
    )
    prob = fit(one, shown, teachers, REPLICATES).prob.mean((1, 2))
    nll = -np.log(np.take_along_axis(prob, dataset.y[:, at, None], -1)).mean((1, 2))
    np.testing.assert_allclose([row["val_nll"] for row in by_draws.tuning[:2]], nll, atol=0.12)


SMC = {"chains": 2, "particles": 40, "sweeps": 2, "leapfrogs": 4, "final_sweeps": 2}


def test_a_fit_averages_over_candidates_by_their_evidence_without_validation_labels(
    dataset: Dataset, teachers: list[Logits]
) -> None:
    grid = {"kappa": [0.3, 1.0, 30.0], "lambda": ["kappa"]}
    asked = spec("tip", "smc", SMC, **grid).model_copy(update={"tuned_on": "evidence_average"})
    unseen = np.where(dataset.split == "val", "train", dataset.split)
    hidden = np.where(dataset.split == "val", -1, dataset.y)
    draws = fit(asked, replace(dataset, y=hidden, split=unseen), teachers, REPLICATES).validate()
    assert draws.log_posterior.shape == (2, 2, 40) and draws.replicates.tolist() == [0, 1]
    for replicate in REPLICATES:
        rows = [row for row in draws.tuning if row["replicate"] == replicate]
        assert sum(row["evidence_weight"] for row in rows) == pytest.approx(1)
        assert rows[2]["evidence_weight"] < 1e-3, "far too strong"
        assert [row["chosen"] for row in rows] == [
            row["evidence_weight"] == max(r["evidence_weight"] for r in rows) for row in rows
        ]
    assert {gate["replicate"] for gate in draws.gates} == {0, 1} and len(draws.attrs[COLUMN]) == 2


def test_test_labels_do_not_touch_a_fit(dataset: Dataset, teachers: list[Logits]) -> None:
    y = dataset.y.copy()
    y[:, dataset.split == "test"] = 1 - y[:, dataset.split == "test"]
    flipped = fit(spec(), replace(dataset, y=y), teachers, REPLICATES)
    np.testing.assert_array_equal(flipped.prob, fit(spec(), dataset, teachers, REPLICATES).prob)


def test_labels_only_is_tuned_on_the_prior_scale_alone_and_needs_no_teacher(dataset: Dataset, teachers: list[Logits]) -> None:
    chosen = spec("none", prior_scale=[0.001, 1.0])
    with_teachers, without = fit(chosen, dataset, teachers, REPLICATES), fit(chosen, dataset, [], REPLICATES)
    assert {row["lambda"] for row in with_teachers.tuning} == {1.0}
    np.testing.assert_array_equal(with_teachers.prob, without.prob)


def test_unlabelled_examples_keep_their_teacher_term(dataset: Dataset, teachers: list[Logits]) -> None:
    tip = spec(**{"lambda": [4.0]})
    labelled_everywhere = ((dataset.y >= 0) | (dataset.split != "train")).all(0)
    keep = np.flatnonzero(labelled_everywhere | (np.arange(dataset.num_examples) < 20))
    fewer = replace(dataset, x=dataset.x[:, keep], y=dataset.y[:, keep], split=dataset.split[keep], ids=dataset.ids[keep],
                    domain=None, domain_names=(), true_prob=None, teacher_y=None)  # fmt: skip
    short = [replace(t, logits=t.logits[:, keep], covered=t.covered[keep]) for t in teachers]
    assert fewer.num_examples < dataset.num_examples
    difference = np.abs(fit(tip, dataset, teachers, REPLICATES).prob - fit(tip, fewer, short, REPLICATES).prob)
    assert difference.max() > 0.02


def test_teachers_without_training_logits_are_refused(dataset: Dataset, teachers: list[Logits]) -> None:
    partial = replace(teachers[0], covered=dataset.split == "test")
    with pytest.raises(ContractError, match=r"no training logits of .'t_b1'"):
        fit(spec(), dataset, [partial, teachers[1]], REPLICATES)


def test_a_diverging_replicate_is_masked_and_spares_the_others(dataset: Dataset, teachers: list[Logits]) -> None:
    x = dataset.x.copy()
    x[1] *= 1e20  # squares of these overflow: the second replicate cannot be fitted
    fixed = {"lambda": [1.0]}
    draws = fit(spec(inference="sgld", settings=SGLD, **fixed), replace(dataset, x=x), teachers, REPLICATES)
    assert draws.diverged.tolist() == [[False, False], [True, True]]
    assert np.isfinite(draws.prob[0]).all()
    verdicts = {(row["gate"], row["replicate"]): row["verdict"] for row in draws.gates}
    assert verdicts["diverged", 0] and not verdicts["diverged", 1]


def test_noise_of_minibatches_fails_the_temperature_and_draws_without_it_pass(dataset: Dataset, teachers: list[Logits]) -> None:
    """Few examples a step and a large step heat a chain; the normal approximation of the same posterior is at 1."""
    hot = {"steps": 4000, "burn_in": 1000, "thin": 10, "chains": 4, "step_size": 1e-3, "batch_size": 4}
    fixed = {"lambda": [1.0]}
    heat = {
        (name, row["replicate"]): row
        for name, settings in (("sgld", hot), ("laplace", {}), ("map", {}))
        for row in fit(spec(inference=name, settings=settings, **fixed), dataset, teachers, REPLICATES).gates
        if row["gate"] == "temperature"
    }
    for replicate in REPLICATES:
        assert heat["sgld", replicate]["verdict"] is False and heat["sgld", replicate]["value"] > 1.5
        assert heat["laplace", replicate]["verdict"] is True and abs(heat["laplace", replicate]["value"] - 1) < 0.25
        assert heat["map", replicate]["verdict"] is None and heat["map", replicate]["judged"]


def test_replicates_do_not_depend_on_the_block_they_are_drawn_in(tmp_path) -> None:
    settings = sim1.Settings(n_train=60, n_val=20, n_test=20)
    both, second = (sim1.prepare("x", settings, SEED, r, tmp_path) for r in (range(2), range(1, 2)))
    np.testing.assert_array_equal(both.x[1], second.x[0])


@pytest.mark.parametrize("signal", ["kd", "tip", "bkd"])
def test_a_strong_signal_pulls_the_student_to_its_teacher(signal: str, dataset: Dataset, teachers: list[Logits]) -> None:
    one = [teachers[0], teachers[0]]
    weak, strong = (fit(spec(signal, **{"lambda": [lam]}), dataset, one, REPLICATES).prob[:, 0, 0] for lam in (0.01, 50.0))
    test = dataset.split == "test"
    logits = teachers[0].logits[:, test]
    prob = np.exp(logits - np.logaddexp.reduce(logits, -1, keepdims=True))
    assert np.abs(strong - prob).mean() < 0.7 * np.abs(weak - prob).mean()


def test_weights_that_look_at_labels_and_validation_examples_reach_the_prior(dataset: Dataset, teachers: list[Logits]) -> None:
    """Each weighting makes a posterior of its own; test labels change none."""
    asked = {name: spec().model_copy(update={"weights": name}) for name in ("equal", "label_confidence", "validation")}
    drawn = {name: fit(each, dataset, teachers, REPLICATES).prob for name, each in asked.items()}
    assert not np.array_equal(drawn["equal"], drawn["label_confidence"])
    assert not np.array_equal(drawn["equal"], drawn["validation"])
    blind = replace(dataset, y=np.where(dataset.split == "test", 1 - dataset.y, dataset.y))
    np.testing.assert_array_equal(fit(asked["label_confidence"], blind, teachers, REPLICATES).prob, drawn["label_confidence"])


def test_a_mixtures_sharpness_goes_from_the_fit_into_the_chosen_rows_of_its_table(
    dataset: Dataset, teachers: list[Logits], tmp_path: Path
) -> None:
    fit(spec("tip"), dataset, teachers, REPLICATES).write(tmp_path / "tip.nc")
    draws = Draws.read(tmp_path / "tip.nc")
    rows = one_method._with_sharpness(draws)
    told = [row["responsibility_sharpness"] for row in rows if row["chosen"]]
    assert told == draws.attrs["responsibility_sharpness"] and all(0 < value < 1 for value in told)
    assert {row["responsibility_sharpness"] for row in rows if not row["chosen"]} == {None}
    alone = one_method._with_sharpness(fit(spec("kd"), dataset, teachers, REPLICATES))
    assert {row["responsibility_sharpness"] for row in alone} == {None}
