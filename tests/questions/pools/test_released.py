"""Pools of released CIFAR-100 networks: numbers computed from the files in NumPy alone, and what the question makes of them.

Architectures and seeds: accuracy, NLL and calibration error in 15 bins of equal width of three pools, as in the first report of
these numbers. MT-BKD's entropy weights help where teachers differ and hurt where they are alike.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd.data.datasets import cifar100_logits
from mtbkd.data.released_logits import ARCHITECTURES, SEEDS, key
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.pools import question
from mtbkd.questions.pools.rules import HOME, NONE, PLAIN, Rule, chosen, indexed
from mtbkd.teachers import released

NETWORKS = {"architectures": ARCHITECTURES, "seeds": SEEDS}
METRICS = ("accuracy", "nll", "ece_width")
RULES = {"mean": PLAIN, "geometric": Rule("logarithmic", "equal", NONE), "entropy": Rule("linear", "entropy", NONE)}
KNOWN = {
    "architectures": {
        "mean": (0.8475, 0.5660, 0.0264), "geometric": (0.8508, 0.5713, 0.0349), "entropy": (0.8479, 0.5612, 0.0177),
    },
    "seeds": {"mean": (0.8312, 0.6350, 0.0217), "geometric": (0.8310, 0.6595, 0.0520), "entropy": (0.8313, 0.6385, 0.0304)},
}  # fmt: skip


@pytest.fixture(scope="module", params=NETWORKS)
def of(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def tables(of: str, mirror: Path) -> dict[str, pd.DataFrame]:
    data = cifar100_logits.prepare("cifar100", cifar100_logits.Settings.model_validate({}), 1, range(1), mirror)
    settings = [released.Settings.model_validate({"source": f"cifar100/{name}", "seen": []}) for name in NETWORKS[of]]
    teachers = [released.train(str(s.source), None, s, data, 1, 0, "cpu", mirror) for s in settings]
    asked = {"operators": {name: {"operator": name} for name in ("linear", "logarithmic")}, "weights": ["entropy"]}
    return question.run(
        Inputs.in_memory(name="pools", seed=1, dataset=data, teachers=teachers), question.Settings.model_validate(asked)
    )


def by_hand(networks: tuple[str, ...], mirror: Path) -> dict[str, tuple[float, float, float]]:
    """Accuracy, NLL and calibration error of three pools: no code of this package."""
    files = [torch.load(mirror / key(name), weights_only=True) for name in networks]
    y, logits = files[0]["labels"].numpy(), np.stack([file["logits"].double().numpy() for file in files], 1)
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    prob /= prob.sum(-1, keepdims=True)
    geometric = np.exp(np.log(np.maximum(prob, 1e-300)).mean(1))
    entropy = -(prob * np.log(np.maximum(prob, 1e-300))).sum(-1)
    weights = (1 - entropy / entropy.sum(-1, keepdims=True)) / (len(networks) - 1)
    pools = {"mean": prob.mean(1), "geometric": geometric / geometric.sum(-1, keepdims=True),
             "entropy": (weights[..., None] * prob).sum(1)}  # fmt: skip
    found = {}
    for name, q in pools.items():
        confidence, right, error = q.max(1), q.argmax(1) == y, 0.0
        for b in range(15):
            inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
            error += abs((right[inside] - confidence[inside]).sum()) / len(y)
        found[name] = (right.mean(), -np.log(q[np.arange(len(y)), y]).mean(), error)
    return found


def test_the_known_numbers_follow_from_the_files_and_from_the_question(
    of: str, tables: dict[str, pd.DataFrame], mirror: Path
) -> None:
    hand = by_hand(NETWORKS[of], mirror)
    for name, rule in RULES.items():
        np.testing.assert_allclose(hand[name], KNOWN[of][name], atol=5.1e-5)
        found = [indexed(chosen(tables["scores"], data=HOME, metric=metric))[rule]["value"] for metric in METRICS]
        np.testing.assert_allclose(found, hand[name], atol=2e-5)


def test_entropy_weights_help_different_teachers_and_hurt_alike_ones(of: str, tables: dict[str, pd.DataFrame]) -> None:
    """Paired over the 10,000 images, corrected for the number of pools."""
    sign = {"architectures": -1, "seeds": 1}[of]
    nll, error = (
        indexed(chosen(tables["differences"], against="plain", data=HOME, metric=metric))[RULES["entropy"]]
        for metric in ("nll", "ece_smooth")
    )
    assert nll["verdict"] == {-1: "better", 1: "worse"}[sign]
    assert min(sign * error["low"], sign * error["high"]) > 0
    share = np.mean(tables["teachers"]["disagreement"].tolist())
    assert share == pytest.approx({"architectures": 0.170, "seeds": 0.138}[of], abs=0.001)


def test_scaling_the_average_calibrates_and_scaling_each_teacher_first_does_not(
    of: str, tables: dict[str, pd.DataFrame]
) -> None:
    """Averages of calibrated networks are underconfident (Rahaman and Thiery 2021)."""
    differences = chosen(tables["differences"], against="plain", data=HOME)
    after, before = (Rule("linear", "equal", temperature) for temperature in ("pool", "teachers"))
    nll, error = (indexed(chosen(differences, metric=metric)) for metric in ("nll", "ece_smooth"))
    assert nll[after]["difference"] < 0 and error[after]["difference"] < 0
    assert error[before]["verdict"] == "worse" or (of == "seeds" and error[before]["difference"] > 0)
