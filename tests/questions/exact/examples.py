"""Samplers whose draws are known, in the place of registered algorithms. S draws, U units, P parameters."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from scipy.special import softmax

from mtbkd.inference import Context, Fit
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target
from mtbkd.questions.exact.sbc import EXAMPLES, INPUTS, PRIOR_SCALE

CONTEXT = Context(seed=5, replicates=(0,), training=Training(steps=200, restarts=1), device="cpu")


class NoSettings(BaseModel):
    pass


def sampler(
    draw: Callable[[Target], Fit], kind: str = "independent", needs_hidden: bool = False, claims: bool = True
) -> ModuleType:
    """An inference module whose ``run`` is ``draw``."""
    module: Any = ModuleType("sampler")
    module.DRAWS, module.NEEDS_HIDDEN, module.Settings = kind, needs_hidden, NoSettings
    module.CLAIMS_POSTERIOR = claims
    module.init = lambda target, settings, context: None
    module.run = lambda target, settings, state, context: draw(target)
    return module


def fit(theta: np.ndarray, density: bool = True) -> Fit:
    """Draws (U, C, D, P), with log p - log q when ``density``."""
    params = torch.as_tensor(theta, dtype=torch.float32)
    return Fit(params, {"log_ratio": np.random.default_rng(0).normal(size=params.shape[:3])} if density else {})


def logistic_posterior(problem: Problem, draws: int, seed: int = 0, candidates: int = 6000) -> np.ndarray:
    """All but exact draws (U, S, P) of the calibration's model: prior draws, resampled by their likelihood."""
    rng = np.random.default_rng(seed)
    prior = PRIOR_SCALE * rng.standard_normal((candidates, INPUTS + 1))
    found = []
    for x, y in zip(problem.x.double().numpy(), problem.y.numpy(), strict=True):
        assert x.shape == (EXAMPLES, INPUTS)
        logit = prior[:, :INPUTS] @ x.T + prior[:, INPUTS:]
        weight = softmax((y * logit - np.logaddexp(0, logit)).sum(1))
        found.append(prior[rng.choice(candidates, draws, p=weight)])
    return np.stack(found)
