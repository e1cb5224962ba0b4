"""Variational families on posteriors whose best q is known. U units, D draws, P parameters.

On N(m, C) full_rank and low_rank (rank = P) reach the law itself, mean_field the means and the variances 1 / Lambda_ii,
smaller than C_ii (Bishop 2006, section 10.1.2). Moments are those of q, not of draws; the bounds leave room for a learning
rate that fell to zero before the end of the way.
"""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from arviz_stats.base import array
from pydantic import ValidationError

from mtbkd.base.errors import ConfigError
from mtbkd.inference import Context, vi
from mtbkd.inference.gaussians import Family, FullRank, LowRank, MeanField, log_prob
from mtbkd.inference.optimise import Training
from mtbkd.signals import tip
from mtbkd.students.linear import Linear
from tests.inference.gaussian import Gaussian, gaussian
from tests.inference.test_pymc import TWO_TEACHERS, intercepts, random_problem

CONTEXT = Context(seed=5, replicates=(0, 1), training=Training(steps=600, restarts=1, learning_rate=0.05), device="cpu")
ALONE = replace(CONTEXT, replicates=(0,))
SD = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
MEAN = torch.tensor([-1.0, 0.3, 0.0, 2.0], dtype=torch.float64)
LAG = (torch.arange(4).unsqueeze(1) - torch.arange(4)).abs()
COV = 0.8**LAG * SD * SD.unsqueeze(1)
TARGET = gaussian(MEAN, COV, units=2)
FAMILIES: dict[str, Family] = {"mean_field": MeanField(), "low_rank": LowRank(3), "full_rank": FullRank()}
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def settings(**values: Any) -> vi.Settings:
    return vi.Settings.model_validate({"steps": 1500, "learning_rate": 0.02, **values})


def fit(chosen: vi.Settings) -> vi.State:
    return vi.optimise(TARGET, chosen, vi.init(TARGET, chosen, CONTEXT), CONTEXT)


def random_state(family: Family) -> vi.State:
    """Any q of the family on four parameters, in double precision; the two units differ."""
    generator = torch.Generator().manual_seed(2)
    factor = family.start(torch.zeros(2, 4, dtype=torch.float64), generator)
    factor = torch.randn(factor.shape, generator=generator, dtype=torch.float64)
    factor = factor.tril(-1) if isinstance(family, FullRank) else factor
    return vi.State(*(torch.randn((2, 4), generator=generator, dtype=torch.float64) for _ in range(2)), factor)


def covariance(family: Family, state: vi.State) -> torch.Tensor:
    """Cov(theta) (U, P, P), from what the family makes of each unit vector of its noise."""
    noise = torch.eye(family.noise_size(4), dtype=state.mean.dtype).expand(2, -1, -1)
    root = (state.log_scale.exp().unsqueeze(1) * family.spread(state.factor, noise)).mT
    return root @ root.mT


@every_family
def test_log_prob_is_the_normal_density_of_the_draws(family: Family) -> None:
    state = random_state(family)
    noise = torch.randn((2, 7, family.noise_size(4)), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    theta = state.mean.unsqueeze(1) + state.log_scale.exp().unsqueeze(1) * family.spread(state.factor, noise)
    expected = torch.distributions.MultivariateNormal(state.mean.unsqueeze(1), covariance(family, state).unsqueeze(1))
    torch.testing.assert_close(log_prob(family, state.log_scale, state.factor, noise), expected.log_prob(theta))


@every_family
def test_the_written_out_slopes_are_the_path_derivative_of_log_q(family: Family) -> None:
    """grad of - log q(theta(parts)) with the parts inside log q held fixed, for one draw: by automatic differentiation."""
    state = random_state(family)
    noise = torch.randn((2, 1, family.noise_size(4)), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    leaves = vi.State(*(part.clone().requires_grad_() for part in state))
    theta = leaves.mean + leaves.log_scale.exp() * family.spread(leaves.factor, noise)[:, 0]
    fixed = torch.distributions.MultivariateNormal(state.mean, covariance(family, state))
    expected = torch.autograd.grad(-fixed.log_prob(theta).sum(), leaves, allow_unused=True, materialize_grads=True)
    solved, scale = family.solve(state.factor, noise), state.log_scale.exp()
    slopes = solved[:, 0] / scale, (solved * family.spread(state.factor, noise))[:, 0], family.pull(solved, noise)
    free = expected[2].tril(-1) if isinstance(family, FullRank) else expected[2]
    for found, wanted in zip(slopes, (*expected[:2], free), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("chosen", [{"family": "full_rank"}, {"family": "low_rank", "rank": 4}], ids=lambda s: s["family"])
def test_a_family_that_holds_the_posterior_finds_it(chosen: dict[str, Any]) -> None:
    chosen = {**chosen, "anneal": 0.2}
    state = fit(settings(**chosen))
    family = vi.FAMILIES[chosen["family"]](settings(**chosen))
    assert ((state.mean - MEAN).abs() / SD).max() < 0.05
    assert ((covariance(family, state) - COV).abs() / (SD * SD.unsqueeze(1))).max() < 0.02


def test_mean_field_finds_the_means_and_its_known_too_small_variances() -> None:
    state = fit(settings())
    exact = 1 / torch.linalg.inv(COV).diagonal()
    assert ((state.mean - MEAN).abs() / SD).max() < 0.1
    assert ((2 * state.log_scale).exp() / exact - 1).abs().max() < 0.15
    assert (exact < 0.4 * COV.diagonal()).all()  # far from the true ones: the bound above tells them apart


def test_log_ratio_is_exact_so_that_q_equal_to_the_posterior_has_a_constant_one() -> None:
    """The density of tests/inference/gaussian.py is normalised: the constant is zero."""
    chosen = settings(family="full_rank")
    fitted = vi.run(TARGET, chosen, vi.init(TARGET, chosen, CONTEXT), CONTEXT)
    assert np.abs(fitted.sample_stats["log_ratio"]).max() < 0.3
    assert fitted.params.shape == (2, 1, 400, 4)


def test_khat_tells_the_family_that_fits_from_the_one_that_does_not() -> None:
    """N(0, C) with correlation .9 everywhere in 12 dimensions, which one factor holds; 4,000 draws."""
    target, khat = gaussian(torch.zeros(12), 0.1 * torch.eye(12) + 0.9), {}
    for family in ("mean_field", "low_rank"):
        chosen = settings(family=family, rank=1, initial_scale=0.3, draws=4000)
        start = vi.init(target, chosen, ALONE)
        ratio = vi.run(target, chosen, start, ALONE).sample_stats["log_ratio"]
        khat[family] = float(array.array_stats.psislw(-ratio[0])[1].max())
    assert khat["low_rank"] < 0.4 and khat["mean_field"] > 0.7


def test_full_rank_is_nearer_to_the_two_teacher_posterior_than_mean_field() -> None:
    """Its logits are correlated: log p - log q varies less and its mean, the ELBO, is larger.

    k-hat cannot tell them apart (.50 and .53): the posterior's tails are heavier than those of either.
    """
    problem, ratio = intercepts(tip, **TWO_TEACHERS, scale=10.0), {}
    for family in ("mean_field", "full_rank"):
        chosen = settings(family=family, steps=1000)
        start = vi.init(problem, chosen, ALONE)._replace(mean=torch.zeros(1, 2))
        ratio[family] = vi.run(problem, chosen, start, ALONE).sample_stats["log_ratio"]
    assert ratio["full_rank"].std() < 0.5 * ratio["mean_field"].std()
    assert ratio["full_rank"].mean() > ratio["mean_field"].mean() + 0.1


def test_it_stops_once_the_elbo_settles_and_says_when(caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings(steps=20_000, tolerance=0.01, window=100, family="full_rank")
    with caplog.at_level(logging.INFO, "mtbkd.inference.vi"):
        state = fit(chosen)
    (record,) = caplog.records
    assert "settled at step" in record.message and int(record.message.split()[5]) <= 5000
    assert ((state.mean - MEAN).abs() / SD).max() < 0.3


@dataclass(frozen=True)
class Recording(Gaussian):
    """Keeps the mean square of the draws that it is asked about."""

    seen: list[float] = field(default_factory=list)

    def gradient(self, params: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.seen.append(params.square().mean().item())
        return super().gradient(params, *args, **kwargs)


def test_annealing_gives_q_a_share_of_its_variance_that_grows_to_one() -> None:
    """For N(0, I) the best q at entropy weight w is N(0, w I): the weight is 1/2, 3/4 at these steps, then stays 1."""
    target = Recording(torch.zeros(300, dtype=torch.float64), torch.eye(300, dtype=torch.float64), 1)
    start = vi.State(torch.zeros(1, 300), torch.zeros(1, 300), torch.zeros(1, 300, 0))
    vi.optimise(target, settings(steps=1600, anneal=0.5), start, ALONE)
    found = [float(np.mean(target.seen[step - 10 : step + 10])) for step in (400, 600, 1500)]
    np.testing.assert_allclose(found, [0.5, 0.75, 1.0], rtol=0.1)


def test_full_rank_refuses_a_student_beyond_its_limit() -> None:
    size = vi.FULL_RANK_LIMIT + 1
    large = gaussian(torch.zeros(size), torch.eye(size))
    with pytest.raises(ConfigError, match=r"found family: full_rank for 2,001 parameters; allowed: at most 2,000"):
        vi.init(large, settings(family="full_rank"), CONTEXT)
    assert [vi.max_params(settings(family=f)) for f in FAMILIES] == [None, None, 2000]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_unit_without_a_finite_mode_is_masked_and_spares_the_other(family: str) -> None:
    problem = random_problem(tip, Linear(4, 3, False), 1.0)
    chosen = settings(family=family, rank=3, steps=400, tolerance=1e-9, window=100)
    mean = torch.zeros(2, 10, dtype=torch.float64)
    start = vi.State(mean, mean - 3, FAMILIES[family].start(mean, torch.Generator().manual_seed(0)))
    healthy = vi.run(problem, chosen, start, CONTEXT).params
    start.mean[0, 0] = torch.nan
    params = vi.run(problem, chosen, start, CONTEXT).params
    assert params[0].isnan().all() and torch.equal(params[1], healthy[1])


def test_a_tolerance_without_time_to_judge_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 4 windows"):
        settings(steps=500, tolerance=0.1, window=200)
