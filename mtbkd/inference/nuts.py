"""The No-U-Turn sampler (Hoffman & Gelman 2014) on the PyMC model: the reference for every other algorithm.

Every chain starts at its own MAP run, as SGLD's chains do. On linear students the posterior is close to unimodal and the
draws are as good as exact; on networks with several modes R-hat tells that chains sit in different ones. The momentum's
metric adapts to the posterior's correlations, which halves the gradients a draw.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import ChainCount
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.inference.pymc_model import MODES, Backend, require, resolve_backend
from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    import pymc as pm
else:
    pm = lazy_import("pymc")

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"diverging", "energy"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 500
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent chains per replicate; at least 2 for R-hat")
    # No thinning: E-BFMI compares the energies of successive draws, and a thinned-out divergence would go unseen.
    draws: int = Field(500, ge=4, le=5000, description="draws per chain, all stored")
    tune: int = Field(
        400, ge=50, le=1_000_000, description="warm-up steps per chain, which adapt step size and metric; discarded"
    )
    target_accept: float = Field(0.8, gt=0, lt=1, description="target acceptance rate of the step size")
    max_treedepth: int = Field(10, ge=1, le=15, description="maximum tree depth: a draw costs at most 2^depth gradients")
    sampler: Literal["nutpie", "pymc", "numpyro"] = Field(
        "nutpie", description="implementation; numpyro runs on the GPU if JAX finds one, and needs the extra jax or gpu"
    )
    backend: Backend = Field(
        "auto", description="compiler of the density for nutpie and pymc: c, jax or numba; auto uses what is available"
    )
    overdispersion: float = Field(
        2.0, ge=1, le=1_000, description="factor on the spread of the starting points before their MAP fits"
    )


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


class Chains(NamedTuple):
    """Draws of C chains of one unit: ``theta`` (C, D, P), ``diverging`` and ``energy`` (C, D)."""

    theta: np.ndarray
    diverging: np.ndarray
    energy: np.ndarray


Sampler = Callable[[np.ndarray, list[int]], Chains]


def init(target: Target, settings: Settings, context: Context) -> State:
    """Each chain's own MAP run."""
    return State(context.chain_starts(target, settings.chains, settings.overdispersion))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Sample the units one after another with one compiled density; a chain that cannot start is NaN throughout."""
    model = target.pymc_model()
    sample = SAMPLERS[settings.sampler](model, settings)
    size = (target.num_units, settings.chains, settings.draws)
    starts = state.params.cpu().double().numpy().reshape(*size[:2], -1)
    theta, energy = np.full((*size, starts.shape[-1]), np.nan), np.full(size, np.nan)
    diverging = np.zeros(size, bool)
    for unit, replicate in enumerate(context.replicates):
        began = time.monotonic()
        pm.set_data(target.pymc_data(unit), model=model)
        alive = np.flatnonzero(np.isfinite(starts[unit]).all(-1))
        if alive.size:
            # JAX takes no seed above 2^31.
            seeds = [derive(context.seed, "nuts", replicate=replicate, chain=int(c)) >> 33 for c in alive]
            theta[unit, alive], diverging[unit, alive], energy[unit, alive] = sample(starts[unit, alive], seeds)
        log.info("replicate %d: %d chains, %.1f s, %d divergences", replicate, alive.size,
                 time.monotonic() - began, diverging[unit].sum())  # fmt: skip
    return Fit(torch.as_tensor(theta, dtype=torch.float32), {"diverging": diverging, "energy": energy})


def _nutpie(model: "pm.Model", settings: Settings) -> Sampler:
    """nutpie's Rust sampler around PyMC's compiled density: numba, nutpie's own compiler, takes minutes where C takes 2 s."""
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    mode = MODES[resolve_backend(settings.backend)]
    density = model.logp_dlogp_function(ravel_inputs=True, mode=mode)
    density.set_extra_values({})
    size = model["theta"].type.shape[0]

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(theta)
        return float(value), np.asarray(gradient)

    def chain(start: np.ndarray, seed: int) -> Any:
        compiled = from_pyfunc(
            size, lambda: value_and_gradient, lambda *_: lambda theta: {"theta": theta},
            [np.dtype("float64")], [(size,)], ["theta"], make_initial_point_fn=lambda _: start,
        )  # fmt: skip
        return nutpie.sample(
            compiled, chains=1, cores=1, draws=settings.draws, tune=settings.tune, seed=seed, save_warmup=False,
            target_accept=settings.target_accept, adaptation="low_rank", progress_bar=False,
            maxdepth=settings.max_treedepth,
        )  # fmt: skip

    def sample(starts: np.ndarray, seeds: list[int]) -> Chains:
        chains = steps(list(zip(starts, seeds, strict=True)), "nuts, chain by chain")
        parts = [_chains(chain(start, seed)) for start, seed in chains]
        return Chains(*(np.concatenate(field) for field in zip(*parts, strict=True)))

    return sample


def _pymc(model: "pm.Model", settings: Settings) -> Sampler:
    """PyMC's own sampler, in Python: three times slower, for comparison."""
    backend = resolve_backend(settings.backend)

    def sample(starts: np.ndarray, seeds: list[int]) -> Chains:
        tree = pm.sample(
            chains=len(starts), cores=1, draws=settings.draws, tune=settings.tune, random_seed=seeds, model=model,
            initvals=[{"theta": start} for start in starts], init="adapt_full", nuts_sampler="pymc",
            nuts={"max_treedepth": settings.max_treedepth}, backend=backend,
            target_accept=settings.target_accept, compute_convergence_checks=False, quiet=True,
        )  # fmt: skip
        return _chains(tree)

    return sample


def _numpyro(model: "pm.Model", settings: Settings) -> Sampler:
    """numpyro's sampler in JAX, all chains as one computation; compiled anew for every unit, whose data are constants."""
    require("numpyro", "sampler: numpyro")

    def sample(starts: np.ndarray, seeds: list[int]) -> Chains:
        tree = pm.sample(
            chains=len(starts), draws=settings.draws, tune=settings.tune, random_seed=seeds[0], model=model,
            initvals=[{"theta": start} for start in starts], nuts_sampler="numpyro",
            nuts={
                "chain_method": "vectorized", "jitter": False, "dense_mass": True, "max_tree_depth": settings.max_treedepth
            },
            target_accept=settings.target_accept, compute_convergence_checks=False, quiet=True,
        )  # fmt: skip
        return _chains(tree)

    return sample


def _chains(tree: Any) -> Chains:
    stats = tree["sample_stats"]
    return Chains(tree["posterior"]["theta"].values, stats["diverging"].values, stats["energy"].values)


SAMPLERS: dict[str, Callable[["pm.Model", Settings], Sampler]] = {
    "nutpie": _nutpie,
    "pymc": _pymc,
    "numpyro": _numpyro,
}
