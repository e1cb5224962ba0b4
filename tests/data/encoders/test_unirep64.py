"""The multiplicative LSTM: its equations position by position, and what the published weights know of proteins."""

from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.data.encoders import unirep64

HUMAN_HEMOGLOBIN_ALPHA = (
    "MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSHGSAQVKGHGKKVADALTNAVAHVDDMPNALSALSDLHAHKLRVDPVNFKL"
    "LSHCLLVTLAAHLPAEFTPAVHASLDKFLASVSTVLTSKYR"
)
CHAIN = HUMAN_HEMOGLOBIN_ALPHA[:30]


def settings(**given: object) -> unirep64.Settings:
    return unirep64.Settings.model_validate(given)


def by_hand(weights: dict[str, np.ndarray], chain: str) -> np.ndarray:
    """h of all layers (L + 1, 4, 64), written as in the paper, in numpy and double precision."""

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    def normalised(layer: int, name: str) -> np.ndarray:
        v = weights[f"layer{layer}.w{name}"].astype(float)
        return weights[f"layer{layer}.g{name}"] * v / np.sqrt((v**2).sum(0))

    h, c, found = np.zeros((4, 64)), np.zeros((4, 64)), []
    for code in [24, *(unirep64.LETTERS.index(letter) for letter in chain)]:
        x = weights["embed"][code].astype(float)
        for layer in range(4):
            m = (x @ normalised(layer, "mx")) * (h[layer] @ normalised(layer, "mh"))
            z = x @ normalised(layer, "x") + m @ normalised(layer, "h") + weights[f"layer{layer}.b"]
            i, f, o, u = np.split(z, 4)
            c[layer] = sigmoid(f) * c[layer] + sigmoid(i) * np.tanh(u)
            h[layer] = x = sigmoid(o) * np.tanh(c[layer])
        found.append(h.copy())
    return np.stack(found)


@pytest.fixture(scope="module")
def raw(mirror: Path) -> Path:
    if not (mirror / unirep64.WEIGHTS).is_file():
        pytest.skip(f"NOT IN THE DATA MIRROR: {unirep64.WEIGHTS}")
    return mirror


@pytest.mark.parametrize(("layers", "kept"), [("last", slice(3, 4)), ("all", slice(4))])
def test_the_parts_are_those_of_the_equations(raw: Path, layers: str, kept: slice):
    with np.load(raw / unirep64.WEIGHTS) as stored:
        h = by_hand(dict(stored), CHAIN)[:, kept]
    parts = settings(parts=("mean", "max", "min", "head", "tail", "final"), end=7, layers=layers)
    found = unirep64.encode(unirep64.load(parts, raw), [CHAIN[:3], CHAIN])[1].reshape(6, -1, 64)
    for part, expected in zip(found, (h.mean(0), h.max(0), h.min(0), h[:7].mean(0), h[-7:].mean(0), h[-1]), strict=True):
        np.testing.assert_allclose(part, expected, atol=2e-5)


def test_the_published_weights_know_proteins(raw: Path):
    encoder, chain = unirep64.load(settings(), raw), HUMAN_HEMOGLOBIN_ALPHA
    log_prob = unirep64.next_residue_log_prob(encoder, chain)
    assert np.exp(log_prob[0]) > 0.9  # chains begin with methionine
    rng = np.random.default_rng(0)
    shuffled = ["M" + "".join(rng.permutation(list(chain[1:]))) for _ in range(20)]
    mean = [unirep64.next_residue_log_prob(encoder, other).mean() for other in shuffled]
    assert log_prob.mean() > np.mean(mean) + np.std(mean)


def test_only_what_is_read_of_a_chain_counts(raw: Path):
    for policy, other in (("first", CHAIN[:10] + "WWWW"), ("ends", CHAIN[:5] + "WWWW" + CHAIN[-5:])):
        chosen = settings(max_length=10, truncation=policy)
        assert unirep64.prepared(chosen, other) == unirep64.prepared(chosen, CHAIN)


def test_weights_that_are_missing_or_others_are_named(tmp_path: Path):
    with pytest.raises(ContractError, match="found nothing; expected the weights of unirep64"):
        unirep64.load(settings(), tmp_path)
    (tmp_path / unirep64.WEIGHTS).parent.mkdir()
    np.savez(tmp_path / unirep64.WEIGHTS, embed=np.zeros((26, 10), np.float32))
    with pytest.raises(ContractError, match=r"unirep64_weights\.npz: dense_w: found missing"):
        unirep64.load(settings(), tmp_path)
