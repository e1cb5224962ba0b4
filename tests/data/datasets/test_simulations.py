"""The papers' simulated designs: sizes, ceilings, parameter counts, and what fresh test examples leave as it is."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mtbkd.base import registry
from mtbkd.base.settings import settings_of
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import bkd, sim1, sim2
from mtbkd.study import config
from mtbkd.study.study_files import read_configuration

CONFIG = Path(__file__).parents[3] / "config.yaml"
SMALL = {"n_train": 60, "n_val": 20, "n_test": 30, "label_share": 0.5}


@pytest.fixture(scope="module")
def shipped() -> config.Config:
    return config.load(read_configuration())


def prepared(kind: str, **settings: object) -> Dataset:
    module = registry.part("dataset", kind)
    return module.prepare("data", module.Settings(**settings), 1, range(2), Path())


# Known to three decimals; the standard error of 400,000 draws is below .0003.
@pytest.mark.parametrize(("design", "ceiling"), [("S1", 0.931), ("S2", 0.913), ("S3", 0.868)])
def test_bkds_designs_have_their_bayes_accuracy(design: str, ceiling: float) -> None:
    x = bkd.DESIGNS[design].draw(400_000, np.random.default_rng(3))
    assert bkd.class_prob(x, design).max(-1).mean() == pytest.approx(ceiling, abs=0.0012)


def test_the_labels_of_a_design_follow_its_probabilities() -> None:
    data = prepared("bkd", design="S3", n_train=20_000, n_val=10, n_test=10)
    assert data.true_prob is not None
    right = (data.y[0] == data.true_prob[0].argmax(-1))[:20_000]
    assert right.mean() == pytest.approx(data.true_prob[0, :20_000].max(-1).mean(), abs=0.01)


@pytest.mark.parametrize(
    ("design", "sizes", "features"),
    [("S1", (6364, 2727, 909), 2), ("S2", (6364, 2727, 909), 5), ("S3", (12727, 5455, 1818), 20)],
)
def test_bkds_sizes_are_seven_three_one_of_what_it_draws(design: str, sizes: tuple[int, ...], features: int) -> None:
    settings = bkd.Settings.model_validate({"design": design})
    assert (settings.n_train, settings.n_val, settings.n_test) == sizes
    assert bkd.describe(settings).features == (features,)
    assert bkd.Settings.model_validate({"design": design, "n_val": 50}).n_val == 50


@pytest.mark.parametrize(
    ("kind", "extra"), [("sim1", {}), ("sim2", {}), ("sim2", {"label_rule": "sampled"}), ("bkd", {"design": "S2"})]
)
def test_fresh_examples_join_the_test_split_and_change_nothing_else(kind: str, extra: dict[str, str]) -> None:
    plain, more = prepared(kind, **SMALL, **extra), prepared(kind, **SMALL, **extra, n_fresh=50)
    for name in ("x", "y", "domain", "true_prob", "teacher_y"):
        before, after = getattr(plain, name), getattr(more, name)
        assert before is after is None or np.array_equal(before, after[:, :110]), name
    assert more.ids[:110].tolist() == plain.ids.tolist() and set(more.split[110:]) == {"test"} and len(more.split) == 160
    assert (more.y[:, 110:] >= 0).all()
    assert more.card["Splits, exact counts"].startswith("training 60, validation 20, test 30 and 50 fresh")


def test_fresh_examples_of_one_replicate_differ_from_its_others() -> None:
    data = prepared("sim1", **SMALL, n_fresh=30)
    assert not np.array_equal(data.x[0, 80:110], data.x[0, 110:])
    assert not np.array_equal(data.x[0, 110:], data.x[1, 110:])


def test_fresh_examples_of_the_second_simulation_have_equal_shares() -> None:
    with pytest.raises(ValidationError, match="multiple of 5"):
        sim2.Settings.model_validate({"n_fresh": 7})


@pytest.mark.parametrize(("axis", "column"), [("x1", 0), ("x2", 1)])
def test_domains_of_the_first_simulation_are_thirds_of_the_chosen_feature(axis: str, column: int) -> None:
    data = prepared("sim1", n_train=300, n_val=20, n_test=30, domain_axis=axis)
    assert data.domain is not None
    borders = sim1.LOW[column] + (sim1.HIGH[column] - sim1.LOW[column]) * np.array([1, 2]) / 3
    assert np.array_equal(data.domain, np.searchsorted(borders, data.x[..., column], side="right"))
    assert data.card["domains"] == f"thirds of the range of {axis}"


# 601 is printed as 600.
@pytest.mark.parametrize(
    ("section", "name", "dataset", "params"),
    [
        ("teachers", "sim1_b1", "sim1_paper", 430),
        ("teachers", "sim1_b3", "sim1_paper", 430),
        ("teachers", "sim2_c1", "sim2_paper", 601),
        ("teachers", "sim2_c2", "sim2_paper", 601),
        ("teachers", "sim2_c3", "sim2_paper", 601),
        ("teachers", "bkd_s1_t", "bkd_s1", 430),
        ("students", "mlp_5", "sim1_paper", 27),
        ("students", "mlp_5", "bkd_s1", 27),
        ("students", "mlp_10", "sim2_paper", 115),
    ],
)
def test_networks_of_the_simulations_have_the_papers_parameters(
    shipped: config.Config, section: str, name: str, dataset: str, params: int
) -> None:
    data = shipped.datasets[dataset]
    shape = registry.part("dataset", data.kind).describe(settings_of("dataset", data.kind, data.settings))
    mlp = registry.part("student", "mlp")
    hidden = getattr(shipped, section)[name].settings["hidden"]
    assert mlp.num_params(mlp.Settings(hidden=hidden), shape.features, len(shape.class_names)) == params


@pytest.mark.parametrize(
    ("name", "examples"),
    [("sim1_paper", 20_000), ("sim2_paper", 40_000), ("bkd_s1", 10_000), ("bkd_s2", 10_000), ("bkd_s3", 20_000)],
)
def test_the_papers_datasets_have_the_papers_sizes_and_fresh_examples(shipped: config.Config, name: str, examples: int) -> None:
    entry = shipped.datasets[name]
    settings = settings_of("dataset", entry.kind, entry.settings).model_dump()
    assert sum(settings[size] for size in ("n_train", "n_val", "n_test")) == examples
    assert settings["n_fresh"] >= 10_000
