"""The step of a sampler or optimiser as numbers, so that compiled loops can take many steps at once."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.bounds import Rate, Steps

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Moves:
    """What a sampler does at steps t = 1, 2, ..., given the gradient (N/m) grad log pi(minibatch) and xi ~ N(0, I).

        V <- V + learn_t ((gradient / N)^2 - V),  G <- 1 / (damping + sqrt(V))    where learn_t > 0; G = 1 before
        v <- keep v + drift_t G gradient + spread_t sqrt(G) xi,   theta <- theta + v

    Attributes:
        drift, spread, learn: float64 (steps,); no ``learn`` leaves G at 1.
        keep: of the momentum v, which starts at 0.
        damping: of G.
        anchored: bool (steps,), where the gradient has a control variate, None for nowhere; where such steps begin, the
            chain's position becomes its anchor, unless ``anchors`` (E, P) are given.
    """

    drift: np.ndarray
    spread: np.ndarray
    keep: float = 0.0
    learn: np.ndarray | None = None
    damping: float = 1.0
    anchored: np.ndarray | None = None
    anchors: "torch.Tensor | None" = None

    def turns(self, done: int) -> bool:
        """Whether control variates begin or end after ``done`` steps."""
        return self.anchored is not None and bool(self.anchored[done] != (done > 0 and self.anchored[done - 1]))

    def anchor(self, done: int, params: "torch.Tensor") -> "torch.Tensor":
        """``params`` (E, P) as they are where control variates begin, (0, P) where they end."""
        if self.anchored is None or not self.anchored[done]:
            return params[:0].clone()
        return (params if self.anchors is None else self.anchors).clone()


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), its learning rate decaying to zero along a cosine; steps count from 0.

    Attributes:
        learning_rate: at the start.
        steps: until the rate is zero.
        keep, keep_square: what the running means of gradient and squared gradient keep of their value.
        epsilon: added to the root of the latter.
    """

    learning_rate: Rate
    steps: Steps
    keep: float = 0.9
    keep_square: float = 0.999
    epsilon: float = 1e-8

    def rate(self, step: int) -> float:
        """The learning rate, over what the running mean of gradients has of its weight."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps)) / (1 - self.keep ** (step + 1))

    def unbias(self, step: int) -> float:
        """One over what the running mean of squares has of its weight."""
        return 1 / (1 - self.keep_square ** (step + 1))
