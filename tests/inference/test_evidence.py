"""Settings chosen by the evidence of labels, by folds, and averages over candidates, against quadrature in NumPy.

A student of two parameters: the margin of two classes is a + b x. N examples, G teachers, P parameters.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import gammaln, logsumexp

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.inference import Context, averaging, evidence, folds, sgld, smc
from mtbkd.inference.choosing import Judge, way
from mtbkd.inference.optimise import Training
from mtbkd.inference.tuning import SHARED_NAMES, map_fit, shared_of
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.signals import tip
from mtbkd.students import linear

N, SCALE = 24, 1.5
X = np.linspace(-2, 2, N)
ONES = 1 / (1 + np.exp(-np.stack([2 * X, np.full(N, -1.0)], 1)))  # P(y = 1) of two teachers
PROB = np.stack([1 - ONES, ONES], -1)
Y = np.where(np.arange(N) % 3 == 0, (X > -0.5).astype(np.int64), -1)
KAPPAS = (0.1, 1.0, 5.0)


def context(number: int) -> Context:
    return Context(1, (0,) * number, Training.model_validate({"steps": 60, "restarts": 1}), "cpu")


def units(*relations: float) -> list[dict[str, Any]]:
    """Every kappa with every lambda; 0 stands for lambda = kappa."""
    one = {**dict.fromkeys(SHARED_NAMES, 1.0), "prior_scale": SCALE, "no_teacher": 0.0, "replicate": 0}
    return [{**one, "kappa": kappa, "lambda": lam or kappa} for lam in relations for kappa in KAPPAS]


def make(asked: list[dict[str, Any]]) -> Problem:
    student, x = linear.build(linear.Settings.model_validate({}), (1,), 2), torch.tensor(X, dtype=torch.float32).view(1, -1, 1)
    logits, weights = torch.tensor(np.log(PROB), dtype=torch.float32)[None], torch.full((1, N, 2), 0.5)
    rows = torch.zeros(len(asked), dtype=torch.int64)
    return make_problem(
        student, student.inputs(x), torch.tensor(Y)[None], rows, tip, tip.Settings(), shared_of(asked, "cpu"), logits, weights
    )


@lru_cache
def exact(kappa: float, lam: float) -> float:
    """log p(y | kappa) on a grid of the two parameters, from the equations alone."""
    grid = np.linspace(-8, 8, 101)
    margin = grid[:, None, None] + grid[None, :, None] * X
    log_q = np.stack([-np.logaddexp(0, margin), -np.logaddexp(0, -margin)], -1)
    alpha = 1 + lam * PROB
    constant = gammaln(alpha.sum(-1)) - gammaln(alpha).sum(-1) + np.log(0.5)
    components = constant + lam * np.einsum("ngk,abnk->abng", PROB, log_q)
    prior = kappa / lam * logsumexp(components, -1).sum(-1) - (grid[:, None] ** 2 + grid**2) / (2 * SCALE**2)
    likelihood = np.where(Y == 1, log_q[..., 1], np.where(Y == 0, log_q[..., 0], 0)).sum(-1)
    return float(logsumexp(prior + likelihood) - logsumexp(prior))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    settings = smc.Settings.model_validate({**evidence.FAST, "reference_scale": SCALE})
    return evidence.tune(make, units(0, 10.0), context(6), settings)


def test_the_evidence_is_what_quadrature_gives(rows: list[dict[str, Any]]) -> None:
    """At lambda = kappa and at a fixed lambda; the constants of the prior differ by some nats."""
    errors = [row["log_evidence"] - exact(row["kappa"], row["lambda"]) for row in rows]
    assert max(map(abs, errors)) < 0.25
    assert 0.01 < max(row["log_evidence_se"] for row in rows) < 0.25


def test_weights_are_those_of_the_exact_evidence_and_the_heaviest_is_chosen() -> None:
    values = np.array([[exact(kappa, kappa)] for kappa in KAPPAS])
    settings = smc.Settings.model_validate({**evidence.FAST, "reference_scale": SCALE})
    own = evidence.tune(make, units(0), context(3), settings)
    np.testing.assert_allclose([row["evidence_weight"] for row in own], evidence.weights(values).ravel(), atol=0.08)
    assert [row["chosen"] for row in own] == [row["kappa"] == KAPPAS[int(values.argmax())] for row in own]


def test_without_the_priors_constant_the_choice_would_differ(rows: list[dict[str, Any]]) -> None:
    """What the second run is for: log Z of the posterior alone grows with kappa here."""
    found, _ = evidence.constants(make(units(0)), smc.Settings.model_validate(evidence.FAST), context(3))
    assert found.mean(1).argmax() != np.argmax([row["log_evidence"] for row in rows[:3]])


def test_a_candidate_without_a_number_has_no_weight() -> None:
    np.testing.assert_allclose(evidence.weights(np.array([[np.nan], [0.0], [np.log(3)]])).ravel(), [0, 0.25, 0.75])
    with pytest.raises(ContractError, match="log-evidence"):
        evidence.weights(np.array([[np.nan, 0.0], [-np.inf, 1.0]]))


def test_only_an_inference_that_knows_its_constant_can_weigh_candidates() -> None:
    with pytest.raises(ConfigError, match=r"tuned_by: found inference sgld; allowed: smc, .* Hint: leave tuned_by out"):
        way("evidence", Judge(sgld, sgld.Settings.model_validate({})), None)  # type: ignore[arg-type]


def test_folds_are_dealt_once_and_leave_the_fit_altogether() -> None:
    problem = make(units(0))
    out = torch.as_tensor(folds.dealt(problem.y.numpy(), context(3)))
    assert out.shape == (1, folds.FOLDS, 1) and len(set(out.flatten().tolist())) == folds.FOLDS
    assert all(Y[at] >= 0 for at in out.flatten().tolist())
    parts = folds.without(problem, out)
    assert parts.num_units == 15 and parts.num_examples == N - 1
    # The posterior of a fold is that of the data without it, and the candidate's own.
    unit, params = 7, torch.randn(1, 2)
    kept = np.delete(np.arange(N), int(out[0, 2, 0]))
    whole = make(units(0))
    one = torch.tensor([1])
    alone = replace(
        whole, x=whole.x[:, kept], y=whole.y[:, kept], constants={k: v[:, kept] for k, v in whole.constants.items()}
    )
    torch.testing.assert_close(parts.log_density(params, torch.tensor([unit])), alone.log_density(params, one))


def test_cross_validation_scores_every_candidate_on_what_its_folds_kept_out() -> None:
    found = folds.tune(make, units(0), context(3), map_fit)
    assert sum(row["chosen"] for row in found) == 1
    assert [row["chosen"] for row in found] == [row["val_nll"] == min(r["val_nll"] for r in found) for row in found]


def test_fewer_labels_than_folds_is_a_clear_error() -> None:
    with pytest.raises(ContractError, match=r"cross_validation.*3.*at least 5"):
        folds.dealt(np.array([[0, 1, 1, -1, -1]]), context(1))


def drawn() -> Draws:
    """Two candidates of two replicates whose draws say which one they are of, 100 draws of two chains."""
    of = np.repeat(np.arange(4.0), 200).reshape(4, 2, 100)
    prob = np.stack([of / 4, 1 - of / 4], -1)[..., None, :].astype(np.float32)
    gates = [
        {"gate": "rhat", "replicate": unit % 2, "value": value, "threshold": 1.01, "verdict": value < 1.01, "judged": True}
        for unit, value in enumerate((1.0, 1.005, 1.3, 1.001))
    ]
    return Draws(
        np.array([0, 1, 0, 1]), of, prob, np.array([0]), np.log(prob[..., 0] + 1), np.zeros((4, 1), np.int64), prob,
        np.array([0]), np.zeros((4, 2), bool), {"log_evidence": of}, gates=gates,
    )  # fmt: skip


def test_an_average_takes_draws_in_proportion_to_the_weights() -> None:
    found = averaging.mixed(drawn(), np.array([[0.75, 1.0], [0.25, 0.0]]), seed=1)
    assert found.validate().replicates.tolist() == [0, 1]
    counts = [np.unique(own, return_counts=True) for own in found.log_posterior[0]]
    assert all(values.tolist() == [0, 2] and number.tolist() == [75, 25] for values, number in counts)
    assert (found.log_posterior[1] == 1).all(), "a candidate without weight gives no draw"
    assert not np.array_equal(*found.log_posterior[0]), "chains take them in orders of their own"


def test_an_average_passes_a_gate_only_if_every_candidate_in_it_did() -> None:
    found = averaging.mixed(drawn(), np.array([[0.75, 1.0], [0.25, 0.0]]), seed=1).gates
    assert [(row["replicate"], row["value"], row["verdict"]) for row in found] == [(0, 1.3, False), (1, 1.005, True)]


def test_an_average_predicts_held_out_examples_as_its_draws_would() -> None:
    """A candidate without draws counts for nothing, even where it has no number."""
    each = np.array([[0.2, 0.8], [0.4, 0.6], [0.6, 0.4], [np.nan, np.nan]], np.float32)
    held = HeldOut(np.array([5]), each[:, None], np.array([0]))
    found = averaging.mixed(replace(drawn(), validation=held), np.array([[0.75, 1.0], [0.25, 0.0]]), seed=1).validation
    assert found is not None
    np.testing.assert_allclose(found.prob, [[[0.75 * 0.2 + 0.25 * 0.6, 0.75 * 0.8 + 0.25 * 0.4]], [[0.4, 0.6]]], rtol=1e-6)


def test_candidates_of_no_weight_are_not_fitted() -> None:
    rows = [
        {"kappa": k, "replicate": r, "evidence_weight": w}
        for k, own in ((1, (1, 0.4)), (2, (0, 0.6)), (3, (0, 1e-5)))
        for r, w in enumerate(own)
    ]
    kept, weight = averaging.contributing(rows, 2)
    assert [row["kappa"] for row in kept] == [1, 1, 2, 2]
    np.testing.assert_allclose(weight, [[1, 0.4], [0, 0.6]], atol=1e-4)
