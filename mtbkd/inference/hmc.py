"""Hamiltonian Monte Carlo on all examples that jumps among modes, for small students (P in the tens).

Each chain starts at the best of its own MAP runs and warms up there, without leaving: its step (dual averaging, Hoffman &
Gelman 2014) and a multivariate t, q_k, of its mode are learnt. Then a unit's chains share the mixture q of their modes, each
split in two so that it bends, learnt from all of them by EM and fixed when the warm-up ends, and each iteration

    draws a mode k with probability q_k(z) / sum_j q_j(z), moves by a trajectory with the metric of k, accepted by the ratio of
    pi(z) q_k(z) / sum_j q_j(z), so that pi stays invariant though the metric follows the mode;
    proposes ``jumps`` independent draws of q, each accepted with probability min(1, pi(z') q(z) / (pi(z) q(z'))).

A trajectory's step is a random share of the mode's own, so that chains leave places where that is too long for the curvature.
Chains go on in rounds of ``draws`` trajectories (``mtbkd.inference.rounds``). Where they are not good after the first round,
and where any trajectory diverged, modes are learnt anew from the round and nothing of it is kept; steps get shorter where one
diverged.
The jumps give each mode its share of the mass, which chains without them cannot (Andricioaei, Straub & Voter 2001). A mode that
none of a unit's chains has found is missed, as it is by any sampler. Students with one hidden layer are sampled without the
scales that only the prior sees (``mtbkd.inference.scale_free``), in which modes are close to Gaussian.
Shapes: U units, C chains, E = U C members, D draws, P parameters, Z coordinates.
"""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from mtbkd.base.bounds import ChainCount, DrawCount, Steps
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.inference.rounds import Round, in_rounds
from mtbkd.inference.scale_free import Plain, coordinates
from mtbkd.inference.trajectories import Chains, Jumping
from mtbkd.posterior.target import Target

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"energy", "diverging", "mode"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 500
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
LOCAL = (0.1, 0.2, 0.35, 0.5)  # shares of the warm-up after which each chain learns the Gaussian of its mode
JOINT = (0.65, 0.8, 0.9)  # and after which the chains of a unit, which jump by then, learn their mixture


class Settings(Jumping):
    starts: ChainCount = Field(32, description="MAP runs of each chain, which begins at the best of them")
    warmup: Steps = Field(1200, description="first trajectories, left out, in which step and metric are learnt")
    draws: DrawCount = Field(1000, description="trajectories of a round after these, and draws kept of a chain")
    rounds: Steps = Field(2, description="rounds at most, while chains differ")


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """The best of each chain's MAP runs."""
    return State(context.best(target, settings.chains, settings.starts))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Warm up, then keep draws of as many rounds as each unit needs."""
    space, generator = coordinates(target), context.generator("hmc")
    # A chain whose MAP runs were all lost moves on from near the origin, so that the others have what to compute with.
    lost = ~torch.isfinite(state.params).all(-1)
    start = state.params.masked_fill(lost.unsqueeze(-1), 0.1)
    chains = Chains(space, settings, space.from_params(start), generator)
    _warm_up(chains, settings)
    return _fit(space, settings, in_rounds(chains, settings.draws, settings.rounds), lost, context)


def _warm_up(chains: Chains, settings: Settings) -> None:
    local, joint = ({max(1, round(share * settings.warmup)) for share in shares} for shares in (LOCAL, JOINT))
    seen: list[torch.Tensor] = []
    for done in steps(range(1, settings.warmup + 1), "trajectories to warm up"):
        chains.move()
        seen.append(chains.place)
        if done == max(local):
            chains.mix(seen[len(seen) // 2 :])
        elif done in local:
            chains.learn(seen[len(seen) // 2 :])
        elif done in joint:
            chains.learn_together(seen[len(seen) // 2 :])
    chains.learnt = True


def _fit(space: Plain, settings: Settings, kept: list[Round], lost: "torch.Tensor", context: Context) -> Fit:
    every = Round(*(torch.stack(parts) for parts in zip(*kept, strict=True)))
    rng = np.random.default_rng(derive(context.seed, "scales", first=context.replicates[0]))
    of = space.target.members(settings.chains * settings.draws)
    params = space.to_params(every.place.flatten(0, 2), of, rng).unflatten(0, every.value.shape)
    params = params.masked_fill(lost.view(*every.value.shape[:2], 1, 1), torch.nan)
    stats = {name: getattr(every, name).cpu().numpy() for name in ("energy", "diverging", "mode")}
    return Fit(params.float().cpu(), stats)
