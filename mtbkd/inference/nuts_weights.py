"""Full Bayes over the weights of the teachers: the No-U-Turn sampler on the student's parameters and the weights together.

    p(theta, w | y) prop. to p(w) N(theta) prod_i f_i(theta, w)^beta / Z(w) prod_{i labelled} q_i[y_i]
    f_i = w0 Gamma(K) + (1 - w0) sum_g w_g(d_i) Dir(q_i; 1 + lambda p_ig)

with w(d) ~ Dirichlet(alpha) for every domain d and, where the posterior has a component of no teacher (``no_teacher`` > 0),
w0 ~ Beta(a, b). Which teacher an example follows is summed out. Z(w) is the mass of the teachers' term, by sequential Monte
Carlo without labels (``mtbkd.inference.prior_mass``). The weights that the method names are not read. Without teachers there
are no weights, and this is NUTS. Draws of the weights are among the statistics: ``no_teacher``, ``weight_<domain>_<teacher>``,
numbers from 0; ``particles`` is how many of Z's particles count at the draw.
Shapes: U units, C chains, D draws, N examples, G teachers, B domains, P parameters, V coordinates of the weights.
"""

import logging
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from mtbkd.base.bounds import ChainCount, Positive
from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit, nuts, smc
from mtbkd.inference.evidence import FAST
from mtbkd.inference.prior_mass import PriorMass, prior_mass
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.symbolic import unit_data
from mtbkd.posterior.target import Target
from mtbkd.signals import log_beta, tip

if TYPE_CHECKING:
    import pymc as pm
else:
    pm = lazy_import("pymc")
pt, special = lazy_import("pytensor.tensor"), lazy_import("pytensor.tensor.special")

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"diverging", "energy"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 60
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = True
SIGNALS = frozenset({"tip", "none"})
FEW = 30  # particles that count, below which Z is too noisy
LEAST = 1e-3  # weight of a component in the designs

State = nuts.State


class Settings(nuts.Settings):
    # nutpie calls from a thread of its own, in which this density was seen to wait forever.
    sampler: Literal["pymc", "numpyro"] = Field("pymc", description="implementation; numpyro needs the extra jax or gpu")
    alpha: Positive = Field(1.0, description="concentration of the Dirichlet prior of a domain's weights")
    no_teacher: tuple[Positive, Positive] = Field((1.0, 9.0), description="a and b of the Beta prior of w0")
    designs: ChainCount = Field(
        12, description="weights, drawn from their prior, at which particles are drawn for Z, beside the corners"
    )
    particles: int = Field(40, ge=4, le=10_000, description="particles at each of them")


def init(target: Target, settings: Settings, context: Context) -> State:
    """Each chain's own MAP run under the weights that the method names."""
    return nuts.init(target, settings, context)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Sample the units one after another."""
    if not isinstance(target, Problem) or not target.has_signal:
        return nuts.run(target, settings, state, context)
    if target.signal is not tip:
        raise ConfigError("inference nuts_weights: found another signal than tip; allowed: tip, whose weights are a mixture's")
    starts = state.params.view(target.num_units, settings.chains, -1).cpu().double().numpy()
    fits = []
    for unit, replicate in enumerate(context.replicates):
        own = Context(context.seed, (replicate,), context.training, context.device)
        fits.append(sample(Weighted.of(target, unit, settings, own), target, unit, starts[unit], settings, own))
    theta, stats = zip(*fits, strict=True)
    return Fit(torch.as_tensor(np.stack(theta), dtype=torch.float32), {k: np.stack([s[k] for s in stats]) for k in stats[0]})


class Weighted:
    """The weights of one unit's mixture: their coordinates, their prior and Z.

    Coordinates (V,): first the log-odds of w0, where there is one; then for every domain the log-ratios of all teachers but the
    last to it.
    """

    def __init__(self, teachers: int, domains: int, none: bool, settings: Settings):
        self.teachers, self.domains, self.none, self.settings = teachers, domains, none, settings
        self.size = none + domains * (teachers - 1)
        self.mass: PriorMass | None = None

    @classmethod
    def of(cls, problem: Problem, unit: int, settings: Settings, context: Context) -> "Weighted":
        """With Z of the unit."""
        none = problem.shared.no_teacher is not None and bool(problem.shared.no_teacher[unit] > 0)
        domain = np.zeros(problem.num_examples, np.int64)
        if problem.domain is not None:
            row = int(problem.data_row[unit]) if len(problem.domain) > 1 else 0
            domain = np.unique(problem.domain[row].cpu().numpy(), return_inverse=True)[1]
        found = cls(problem.constants["prob"].shape[2] - none, int(domain.max()) + 1, none, settings)
        rng = np.random.default_rng(derive(context.seed, "designs", replicate=context.replicates[0]))
        about = smc.Settings.model_validate({**FAST, "chains": 1, "particles": settings.particles, "final_sweeps": 4})
        designs = np.concatenate([found.corners(), found.prior_draws(settings.designs, rng)])
        found.mass = prior_mass(problem, unit, domain, designs, about, context)
        return found

    def corners(self) -> np.ndarray:
        """Weights (C, B, C) that are all but one component's alone, the same in every domain."""
        count = self.teachers + self.none
        own = np.where(np.eye(count, dtype=bool), 1 - (count - 1) * LEAST, LEAST)
        return np.repeat(own[:, None], self.domains, 1)

    def prior_draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Weights (``count``, B, C) from their prior, each about LEAST or more, as logarithms need it."""
        own = rng.dirichlet(np.full(self.teachers, self.settings.alpha), (count, self.domains)).clip(min=LEAST)
        own /= own.sum(-1, keepdims=True)
        if not self.none:
            return own
        share = rng.beta(*self.settings.no_teacher, (count, 1, 1)).clip(LEAST, 1 - LEAST)
        return np.concatenate([(1 - share) * own, np.broadcast_to(share, (count, self.domains, 1))], -1)

    def _log_own(self, at: Any) -> Any:
        """Logarithms (B, G) of the teachers' weights among themselves."""
        ratios = pt.concatenate([at[self.none :].reshape((self.domains, -1)), pt.zeros((self.domains, 1))], axis=1)
        return special.log_softmax(ratios, axis=1)

    def log_weights(self, at: Any) -> Any:
        """Logarithms (B, C) of the weights at the coordinates ``at`` (V,), in PyTensor."""
        own = self._log_own(at)
        if not self.none:
            return own
        share, rest = -pt.softplus(-at[0]), -pt.softplus(at[0])
        return pt.concatenate([rest + own, pt.alloc(share, self.domains, 1)], axis=1)

    def log_prior(self, at: Any) -> Any:
        """Log-density of the coordinates: that of the weights times the Jacobian, up to a constant."""
        found = self.settings.alpha * self._log_own(at).sum()
        if self.none:
            a, b = self.settings.no_teacher
            found = found - a * pt.softplus(-at[0]) - b * pt.softplus(at[0])
        return found

    def weights(self, at: np.ndarray) -> np.ndarray:
        """Weights (S, B, C) at coordinates (S, V)."""
        ratios = at[:, self.none :].reshape(len(at), self.domains, -1)
        own = np.exp(np.concatenate([ratios, np.zeros((len(at), self.domains, 1))], -1))
        own /= own.sum(-1, keepdims=True)
        if not self.none:
            return own
        share = 1 / (1 + np.exp(-at[:, :1, None]))
        return np.concatenate([(1 - share) * own, np.broadcast_to(share, (len(at), self.domains, 1))], -1)

    def log_z(self, log_weights: Any) -> Any:
        """log Z in PyTensor, of ``log_weights`` (B, C)."""
        assert self.mass is not None
        ratio = np.moveaxis(self.mass.ratio, 2, 0)
        mixed = (ratio * pt.exp(log_weights)[self.mass.domain].T[:, None, :]).sum(0)
        return special.logsumexp(self.mass.power * pt.log(mixed).sum(1) + self.mass.log_weight)


def build_model(weighted: Weighted, problem: Problem, unit: int) -> "pm.Model":
    """The joint density of ``theta`` (P + V,): the student's parameters and the coordinates of the weights."""
    assert weighted.mass is not None
    data = unit_data(problem, unit)
    size = problem.student.num_params
    scale = -log_beta(1 + problem.shared.lam[unit] * problem.constants["prob"][unit]).double().cpu().numpy()
    with pm.Model() as model:
        theta = pm.Flat("theta", shape=size + weighted.size)
        labels = pm.Data("labels", data["labels"], shape=data["labels"].shape)
        params, at = theta[:size], theta[size:]
        log_q = special.log_softmax(problem.student.apply_symbolic(params, pt.as_tensor(data["x"])).T, axis=0)
        log_w = weighted.log_weights(at)
        log_f = scale.T + data["lam"] * (data["signal_prob"] * log_q).sum(1)
        pm.Potential("prior", -0.5 * (params**2).sum() / data["prior_scale"] ** 2 + weighted.log_prior(at))
        pm.Potential("labels_term", (labels * log_q).sum())
        pm.Potential("teachers", data["beta"] * special.logsumexp(log_w[weighted.mass.domain].T + log_f, axis=0).sum())
        pm.Potential("minus_log_z", -weighted.log_z(log_w))
    return model


def sample(
    weighted: Weighted, problem: Problem, unit: int, starts: np.ndarray, settings: Settings, context: Context
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draws (C, D, P) and statistics (C, D) of one unit, whose chains begin at ``starts`` (C, P) and equal weights."""
    sampler = nuts.SAMPLERS[settings.sampler](build_model(weighted, problem, unit), settings)
    seeds = [derive(context.seed, "nuts", replicate=context.replicates[0], chain=c) >> 33 for c in range(len(starts))]
    chains = sampler(np.concatenate([starts, np.zeros((len(starts), weighted.size))], 1), seeds)
    theta, at = np.split(chains.theta, [problem.student.num_params], -1)
    weights = weighted.weights(at.reshape(-1, weighted.size))
    stats = {"diverging": chains.diverging, "energy": chains.energy}
    return theta, stats | _statistics(weighted, weights, at.shape[:2])


def _statistics(weighted: Weighted, weights: np.ndarray, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The weights (S, B, C) and how many particles count, by name."""
    assert weighted.mass is not None
    count = np.concatenate([weighted.mass.effective(part) for part in np.array_split(weights, max(1, len(weights) // 50))])
    if (low := float(np.quantile(count, 0.05))) < FEW:
        log.warning("warning: only %.0f particles count for Z at some weights; raise designs or particles", low)
    own = weights[..., : weighted.teachers]
    own = own / own.sum(-1, keepdims=True)
    found = {f"weight_{b}_{g}": own[:, b, g] for b in range(weighted.domains) for g in range(weighted.teachers)}
    found |= {"no_teacher": weights[:, 0, -1]} if weighted.none else {}
    return {name: value.reshape(shape) for name, value in (found | {"particles": count}).items()}
