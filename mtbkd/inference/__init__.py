"""Inference algorithms: one module each, the same names in the same order.

    Settings   hyper-parameters with bounds and defaults
    State      state passed from init to run
    init       (target, settings, context) -> State
    run        (target, settings, state, context) -> Fit

properties for judging its draws: ``DRAWS`` (point, independent or chains), ``CLAIMS_POSTERIOR`` (draws of the target, if only
approximate ones; all others are counted separately) and ``SUPPLIES`` (names of its ``sample_stats``);

and properties for checking a configuration: ``SIGNALS`` (those that it takes; left out: all), ``IMPROPER_PRIOR`` (may the
Gaussian prior be omitted), ``MAX_PARAMS`` (or ``max_params(settings)``, if it depends on them), ``NEEDS_HIDDEN`` (a student
with a hidden layer) and ``NEEDS_SYMBOLIC`` (one with a PyTensor form).
Shapes: U units, C chains, D draws, P parameters.
"""

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from pydantic import BaseModel

from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.draws import Curve
from mtbkd.inference.curves import Recorder, recorder
from mtbkd.inference.optimise import Training, maximise
from mtbkd.posterior.target import Target


@dataclass(frozen=True)
class Context:
    """Inputs shared by all algorithms.

    Attributes:
        seed: base seed.
        replicates: (U,) numbers of the replicates, for seeds that do not depend on the block.
        training: the optimiser that finds starting points.
        device: where tensors live.
        curves: where optimisers leave their curves; None where nobody looks at them, as in tuning.
    """

    seed: int
    replicates: tuple[int, ...]
    training: Training
    device: str
    curves: list[Curve] | None = None

    def generator(self, purpose: str) -> "torch.Generator":
        """A generator on the device for noise and minibatches of this block of replicates."""
        return torch.Generator(self.device).manual_seed(derive(self.seed, purpose, first=self.replicates[0]))

    def start(self, target: Target, chains: int, scale: float = 1.0) -> "torch.Tensor":
        """Starting points (U * C, P), the same for every method: a function of replicate and chain only."""
        seeds = [derive(self.seed, "student", replicate=r, chain=c) for r in self.replicates for c in range(chains)]
        return target.start(seeds, scale)

    def mode(self, target: Target, dropout: float = 0.0) -> "torch.Tensor":
        """MAP parameters (U, P): the best by log-posterior of ``training.restarts`` starts per unit."""
        return self.best(target, 1, self.training.restarts, dropout)

    def best(self, target: Target, chains: int, starts: int, dropout: float = 0.0) -> "torch.Tensor":
        """MAP parameters (U * C, P): for each chain the best by log-posterior of ``starts`` starts of its own."""
        start, units = self.start(target, chains * starts), target.members(chains * starts)
        watched = self._recorder(target, chains * starts)
        found = maximise(target, start, units, self.training, self.generator("minibatch"), dropout, watched)
        value = None if starts == 1 else target.log_density(found, units)
        self.keep(watched, value)
        if value is None:
            return found
        value = value.nan_to_num(nan=-torch.inf).view(-1, starts)
        return found.view(-1, starts, found.shape[-1])[torch.arange(len(value)), value.argmax(1)]

    def chain_starts(self, target: Target, chains: int, overdispersion: float) -> "torch.Tensor":
        """One MAP run per chain, (U * C, P), each from its own overdispersed start and with its own minibatches."""
        start, units = self.start(target, chains, overdispersion), target.members(chains)
        watched = self._recorder(target, chains)
        found = maximise(target, start, units, self.training, self.generator("minibatch"), watched=watched)
        self.keep(watched)
        return found

    def _recorder(self, target: Target, count: int) -> Recorder | None:
        size, steps = self.training.batch_size, self.training.steps
        return recorder(target, count, size, steps, self.generator("curve"), wanted=self.curves is not None)

    def keep(self, watched: Recorder | None, end: "torch.Tensor | None" = None) -> None:
        """Add a curve, its end (E,) on all examples where that is known."""
        if watched and self.curves is not None:
            self.curves.append(watched.curve(end))


@dataclass(frozen=True)
class Fit:
    """What an algorithm returns.

    Attributes:
        params: float32 (U, C, D, P) on the CPU.
        sample_stats: each (U, C, D): ``log_ratio`` (log p - log q, for PSIS), ``diverging``, ``energy`` ...
    """

    params: "torch.Tensor"
    sample_stats: dict[str, np.ndarray] = field(default_factory=dict)


def most_params(module: ModuleType, settings: BaseModel) -> int | None:
    """The largest student that ``module`` takes with these ``settings``, None for any: its ``max_params``, or MAX_PARAMS."""
    own = getattr(module, "max_params", None)
    return own(settings) if own else module.MAX_PARAMS
