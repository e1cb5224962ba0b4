"""Weights by domain: exact cases of the mixture, and domains that are not known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.pooling import stacking
from mtbkd.pooling.context import Context, applies, teacher_weights
from mtbkd.pooling.domain import Settings, mixture_weights

SPLIT = np.repeat(["train", "val", "test"], [20, 200, 30])
SCORES = np.log(np.random.default_rng(0).uniform(0.05, 0.9, (150, 2)))


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(1)
    y, own = (rng.integers(0, k, (1, len(SPLIT))) for k in (3, 2))
    ids = np.array([f"e{i}" for i in range(len(SPLIT))])
    return Dataset("toy", np.zeros((1, len(SPLIT), 1), np.float32), y, SPLIT, ("a", "b", "c"), ids, own, ("east", "west"))


@pytest.fixture(scope="module")
def teachers(data: Dataset) -> list[Logits]:
    """Each knows one domain."""
    assert data.domain is not None
    found = []
    for code in range(2):
        knows = (data.domain == code)[..., None]
        logits = 3 * np.eye(3)[data.y] * knows + np.random.default_rng(code).normal(size=(1, len(SPLIT), 3))
        found.append(Logits(f"t{code}", logits.astype(np.float32), np.ones(len(SPLIT), bool), ids_digest(data.ids)))
    return found


def weights(data: Dataset, teachers: list[Logits], **settings: object) -> np.ndarray:
    rows = data.rows("test")
    prob = np.exp(np.stack([t.logits[:, rows] for t in teachers], 2).astype(np.float64))
    return teacher_weights("domain", prob / prob.sum(-1, keepdims=True), Context(data, teachers, rows, settings))[0]


def test_em_finds_the_maximum_of_the_concave_likelihood() -> None:
    for alpha in (1.0, 3.5):

        def density(w: float, alpha: float = alpha) -> float:
            prior = (alpha - 1) * (np.log(w) + np.log(1 - w))
            return float(-np.log(np.exp(SCORES) @ [w, 1 - w]).sum() - prior)

        wanted = minimize_scalar(density, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10})
        found = mixture_weights(SCORES, Settings.model_validate({"alpha": alpha}))
        np.testing.assert_allclose(found, [wanted.x, 1 - wanted.x], atol=1e-6)  # pyright: ignore[reportAttributeAccessIssue]


def test_the_mean_is_that_of_the_posterior_by_quadrature() -> None:
    w = (np.arange(20_000) + 0.5) / 20_000
    density = np.log(np.exp(SCORES) @ np.stack([w, 1 - w])).sum(0) + np.log(w) + np.log(1 - w)
    share = np.exp(density - density.max())
    found = mixture_weights(SCORES, Settings.model_validate({"alpha": 2, "estimate": "mean"}))[0]
    assert found == pytest.approx((share * w).sum() / share.sum(), abs=5e-3)


@pytest.mark.parametrize("estimate", ["map", "mean"])
def test_a_strong_prior_gives_equal_weights(estimate: str) -> None:
    found = mixture_weights(SCORES, Settings.model_validate({"alpha": 1e9, "estimate": estimate}))
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


def test_every_domain_has_the_weights_of_its_own_labels(data: Dataset, teachers: list[Logits]) -> None:
    assert data.domain is not None
    found, own = weights(data, teachers, alpha=1), data.domain[0, data.rows("test")]
    assert (found[own == 0, 0] > 0.9).all() and (found[own == 1, 1] > 0.9).all()
    scores = Context(data, teachers, data.rows("test")).validation
    east = scores[:, data.domain[0, data.rows("val")] == 0]
    np.testing.assert_allclose(found[own == 0][0], stacking.stacked(east)[0], atol=1e-3)


def test_unknown_domains_are_refused_or_weighted_by_all_labels(data: Dataset, teachers: list[Logits]) -> None:
    none = replace(data, domain=None, domain_names=())
    with pytest.raises(ContractError, match="use weights: stacking"):
        weights(none, teachers)
    assert applies("domain", data, teachers) and not applies("domain", none, teachers)
    everything = Context(data, teachers, data.rows("test")).validation[0]
    marginal = mixture_weights(everything, Settings.model_validate({}))
    np.testing.assert_allclose(weights(none, teachers, unknown="marginal"), np.tile(marginal, (30, 1)))
    assert data.domain is not None
    lonely = replace(data, domain=np.where((SPLIT == "val") & (data.domain == 1), 0, data.domain))
    with pytest.raises(ContractError, match="none of the domain 'west'"):
        weights(lonely, teachers)
    found = weights(lonely, teachers, unknown="marginal")
    west = found[data.domain[0, data.rows("test")] == 1]
    np.testing.assert_allclose(west, np.tile(marginal, (len(west), 1)))
