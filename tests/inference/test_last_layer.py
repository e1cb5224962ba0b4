"""The last layer of a network: its features by hand, its posterior as one of its own, and the network put together again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd.contracts.artefacts import Dataset, stack_logits
from mtbkd.data.datasets import sim1
from mtbkd.inference import fitting
from mtbkd.inference.fitting import Spec
from mtbkd.inference.last_layer import Frozen, behind_features, features
from mtbkd.teachers import mlp as mlp_teacher

SEED = 7
SGHMC = {"steps": 12_000, "burn_in": 2_000, "thin": 20, "chains": 4, "step_size": 2e-4, "friction": 0.1}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    settings = sim1.Settings(n_train=400, n_val=150, n_test=150)
    return sim1.prepare("small", settings, SEED, range(2), tmp_path_factory.getbasetemp())


def spec(layers: str = "last", inference: str = "sghmc", settings: dict[str, object] | None = None) -> Spec:
    grids = {"lambda": [1.0], "beta": [1.0], "prior_scale": [1.0]}
    grids |= {"teacher_temperature": [1.0], "student_temperature": [1.0], "temperature": [1.0]}
    return Spec.model_validate({
        "method": "tip_last", "dataset": "small", "student": {"architecture": "mlp", "settings": {"hidden": [6, 5]}},
        "signal": {"name": "tip", "settings": {}}, "weights": "equal",
        "inference": {"name": inference, "settings": SGHMC if settings is None else settings}, "layers": layers,
        "posterior": grids, "training": {"steps": 300, "restarts": 1},
        "output": {"probes": 3, "prediction_draws": 80, "keep_params": True}, "seed": SEED, "device": "cpu",
    })  # fmt: skip


@pytest.fixture(scope="module")
def teachers(dataset: Dataset) -> list:
    settings = mlp_teacher.Settings(hidden=(4,), steps=60)
    return [mlp_teacher.train(name, None, settings, dataset, SEED, 0, "cpu", Path()) for name in ("one", "two")]


def test_draws_of_the_last_layer_are_networks_with_the_map_fit_before_it(dataset: Dataset, teachers: list) -> None:
    """Predictions of the kept networks, by hand, are those of the draws; what lies before the last layer never moves."""
    draws, point = (
        fitting.fit(spec(), dataset, teachers, range(2)),
        fitting.fit(spec("all", "map", {}), dataset, teachers, range(2)),
    )
    assert draws.params is not None and point.params is not None
    before = 2 * 6 + 6 + 6 * 5 + 5
    frozen = point.params[..., 0, :before][:, :, None]
    np.testing.assert_array_equal(draws.params[..., :before], np.broadcast_to(frozen, draws.params[..., :before].shape))
    assert draws.params[..., before:].std(2).min() > 0
    x = dataset.x[0, draws.example_index].reshape(len(draws.example_index), -1)
    theta = draws.params[0, 1, 3]
    for inputs, outputs in ((2, 6), (6, 5), (5, 2)):
        weights, bias, theta = (
            theta[: inputs * outputs],
            theta[inputs * outputs : (inputs + 1) * outputs],
            theta[(inputs + 1) * outputs :],
        )
        x = np.maximum(x, 0) if inputs != 2 else x
        x = x @ weights.reshape(inputs, outputs) + bias
    expected = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(draws.prob[0, 1, 3], expected, atol=1e-5)
    assert {row["gate"]: row["verdict"] for row in draws.gates if row["replicate"] == 0}["temperature"]
    assert draws.attrs["layers"] == "last"


def test_its_log_posterior_is_that_of_the_network_but_for_the_frozen_layers_prior(dataset: Dataset, teachers: list) -> None:
    problem = _problem(spec(), dataset, teachers)
    network = problem.start([1, 2])
    head = behind_features(problem, network)
    size = head.num_params
    moved = network.clone()
    moved[:, -size:] += 0.3
    whole = problem.log_density(moved, problem.members(1)) - problem.log_density(network, problem.members(1))
    own = head.log_density(moved[:, -size:], head.members(1)) - head.log_density(network[:, -size:], head.members(1))
    torch.testing.assert_close(whole, own, atol=2e-3, rtol=1e-4)


def test_features_are_what_the_last_layer_reads_in_every_chunk(dataset: Dataset, teachers: list, monkeypatch) -> None:
    problem = _problem(spec(), dataset, teachers)
    network = problem.start([1, 2])
    whole = features(problem, network, problem.x)
    assert whole.shape == (2, 400, 5) and whole.min() == 0
    monkeypatch.setattr("mtbkd.inference.last_layer.EXAMPLES", 7)
    torch.testing.assert_close(features(problem, network, problem.x), whole)


def test_real_data_get_features_of_their_own_in_every_replicate(dataset: Dataset, teachers: list) -> None:
    from dataclasses import replace

    one = replace(dataset, x=dataset.x[:1], y=dataset.y[:1], true_prob=None, teacher_y=None)
    shared = [replace(t, logits=t.logits[:1]) for t in teachers]
    problem = _problem(spec(), one, shared)
    frozen = Frozen.of(problem, one, fitting.Context(SEED, (0, 1), spec().training, "cpu"))
    assert frozen.dataset.x.shape == (2, dataset.num_examples, 5) and frozen.dataset.y.shape == (2, dataset.num_examples)
    assert not np.array_equal(*frozen.dataset.x)
    draws = fitting.fit(spec(), one, shared, range(2))
    assert draws.prob.shape[0] == 2 and draws.observed_y.shape[0] == 2


def _problem(spec: Spec, dataset: Dataset, teachers: list):
    student = fitting.student_of(spec, dataset)
    material = fitting.material_of(spec, student, dataset, teachers, "cpu")
    assert len(stack_logits(teachers)) == len(dataset.x)
    unit = {name: values[0] for name, values in spec.posterior.items()}
    return fitting._problem(spec, student, material, None, "cpu", [unit | {"replicate": r} for r in range(2)])
