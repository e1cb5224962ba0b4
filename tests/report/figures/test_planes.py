"""Figures over the plane of two features: what stands in their panels, from data, teachers and draws that are known."""

from collections.abc import Iterator

import numpy as np
import pytest

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.pooling import entropy
from mtbkd.report.figures import plane, planes, weights_plane
from mtbkd.report.figures.material import Experiment, Material, Method
from mtbkd.report.figures.style import style

N, TEST, DRAWS, LAMBDA = 130, 100, 30, 3.0
TUNED = {
    "lambda": LAMBDA,
    **dict.fromkeys(("beta", "prior_scale", "teacher_temperature", "student_temperature", "temperature"), 1.0),
}


def probabilities(p1: np.ndarray) -> np.ndarray:
    return np.stack([1 - p1, p1], -1)


def make_draws(dataset: Dataset, signal: str, inference: str, lost: bool) -> Draws:
    """Draws around the truth; of two chains the first diverged where ``lost``."""
    rng, at = np.random.default_rng(3), dataset.rows("test")
    chains, count = (1, 1) if inference == "map" else (2, DRAWS)
    odds = 4 * dataset.x[0, at, 1] + 0.3 * rng.normal(size=(1, chains, count, TEST))
    prob = probabilities(1 / (1 + np.exp(-odds))).astype(np.float32)
    diverged = np.zeros((1, chains), bool)
    if lost:
        diverged[0, 0], prob[0, 0] = True, np.nan
    attrs = {"signal": signal, "weights": "entropy", "inference": inference}
    tuning = [{**TUNED, "replicate": 0, "val_nll": 1.0, "val_accuracy": 0.5, "chosen": True}]
    empty = np.zeros((1, chains, count, 4), np.float32)
    return Draws(
        np.array([0]), np.zeros((1, chains, count)), prob[:, :, :, :2], at[:2], empty, np.zeros((1, 4), np.int64), prob, at,
        diverged, gates=[], tuning=tuning, attrs=attrs,
    )  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The truth rises with x2; teacher up knows it where x2 > 0 and is sure and wrong below, down the other way round."""
    folder, rng = tmp_path_factory.mktemp("plane"), np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1, N, 2)).astype(np.float32)
    p1 = 1 / (1 + np.exp(-4 * x[..., 1].astype(np.float64)))
    split = np.array(["train"] * 20 + ["val"] * 10 + ["test"] * TEST)
    y, domain = (rng.random((1, N)) < p1).astype(np.int64), (x[..., 1] > 0).astype(np.int64)
    ids = np.array([f"e{i}" for i in range(N)])
    truth = probabilities(p1).astype(np.float32)
    dataset = Dataset("two", x, y, split, ("0", "1"), ids, domain, ("low", "high"), truth)
    dataset.write(folder / "data")
    covered, z = np.ones(N, bool), 4 * x[..., 1]
    for teacher, odds in (("up", np.where(z > 0, z, 9.0)), ("down", np.where(z < 0, z, -9.0))):
        logits = np.stack([np.zeros_like(odds), odds], -1).astype(np.float32)
        Logits(teacher, logits, covered, ids_digest(ids)).write(folder / teacher)
    methods = {"kd_map": ("kd", "map", "point"), "tip_sgld": ("tip", "sgld", "chains")}
    for name, (signal, inference, _) in methods.items():
        make_draws(dataset, signal, inference, name == "tip_sgld").write(folder / f"{name}.nc")
    files = {name: {"r0-0": folder / f"{name}.nc"} for name in methods}
    logits = {teacher: {"r0-0": folder / teacher} for teacher in ("up", "down")}
    evaluate_experiment("s", "e", "two", {"r0-0": folder / "data"}, logits, files, [0.9], folder / "out")
    known = {name: Method(signal, "entropy", inference, kind) for name, (signal, inference, kind) in methods.items()}
    return Material(Experiment(
        "e", "two", "two", True, (2,), ("up", "down"), known, str(folder / "out"), str(folder / "data"),
        {name: str(folder / f"{name}.nc") for name in methods}, {}, {name: str(folder / name) for name in logits}, 2,
    ))  # fmt: skip


@pytest.fixture(autouse=True)
def house_style() -> Iterator[None]:
    with style():
        yield


def test_borders_are_found_where_one_feature_separates_the_domains() -> None:
    x = np.random.default_rng(0).uniform(-3, 3, (900, 2))
    found = plane.borders(x, np.digitize(x[:, 1], [-1, 1]))
    assert [border.axis for border in found] == [1, 1]
    assert [border.value for border in found] == pytest.approx([-1, 1], abs=0.05)
    assert plane.borders(x, (x.sum(1) > 0).astype(int)) == []  # a slanted border is none of either feature


def test_the_six_panels_are_truth_teachers_students_and_uncertainty(material: Material) -> None:
    assert planes.applies(material.experiment)
    shown = planes.panels(material)
    words = ["truth", "teacher up", "teacher down", "classical student\nKD, entropy, MAP",
             "Bayesian student\nMT-BKD, entropy, SGLD", "uncertainty\nMT-BKD"]  # fmt: skip
    assert len(shown) == 6 and all(panel.title.startswith(word) for panel, word in zip(shown, words, strict=True))
    rows = material.dataset.rows("test")
    np.testing.assert_allclose(shown[0].values, material.dataset.true_prob[0, rows, 1])
    odds = 4 * material.dataset.x[0, rows, 1]
    np.testing.assert_allclose(shown[1].values, 1 / (1 + np.exp(-np.where(odds > 0, odds, 9))), atol=1e-6)
    prob, at = material.predictions("tip_sgld")
    assert prob.shape == (DRAWS, TEST, 2) and np.isfinite(prob).all()  # the diverged chain is left out
    np.testing.assert_array_equal(at, rows)
    np.testing.assert_allclose(shown[4].values, prob[..., 1].mean(0), atol=1e-6)
    np.testing.assert_allclose(shown[5].values, -2 * (prob * np.log(prob)).sum(-1).mean(0), rtol=1e-4)
    figure = planes.draw(material)
    drawn = [ax for ax in figure.axes if ax.get_visible() and ax.get_title("left")]
    assert len(drawn) == 6
    for ax in drawn:  # the border between the domains is drawn, at x2 = 0
        assert any(abs(np.mean(line.get_ydata())) < 0.05 for line in ax.lines)


def test_responsibilities_are_the_mean_over_draws_of_the_components_shares(material: Material) -> None:
    """By hand, with log Dir(q; 1 + lambda p) of two classes = log of a Beta density."""
    from scipy.stats import beta

    rows = material.dataset.rows("test")
    prob, _ = material.predictions("tip_sgld")
    z = material.logits[rows].astype(np.float64)
    p1 = 1 / (1 + np.exp(z[..., 0] - z[..., 1]))
    weights = entropy.weights(probabilities(p1)[None])[0]
    density = beta.pdf(prob[..., 1, None].astype(np.float64), 1 + LAMBDA * p1, 1 + LAMBDA * (1 - p1))
    share = weights * density / (weights * density).sum(-1, keepdims=True)
    found = weights_plane.responsibilities(material, "tip_sgld", rows)
    np.testing.assert_allclose(found, share.mean(0), atol=1e-5)


def test_a_sure_teacher_gets_the_entropy_weight_and_a_right_one_deserves_it(material: Material) -> None:
    assert weights_plane.applies(material.experiment)
    at = plane.rows(material)
    deserved, weight, own = weights_plane.panels(material, at)
    high = material.dataset.domain[0, at] == 1
    assert deserved.values[high].min() > 0.9 and deserved.values[~high].max() < 0.1  # up knows the upper half
    assert weight.values[high].mean() < 0.2 and weight.values[~high].mean() > 0.8  # but is surer in the lower one
    assert "lambda = 3" in own.title
    figure = weights_plane.draw(material)
    texts = {text.get_text() for ax in figure.axes for text in ax.texts}
    assert f"high: {weight.values[high].mean():.2f}" in texts
