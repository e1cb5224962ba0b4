"""Pooling operators, from the teachers' class probabilities to one distribution; one module each.

A module holds ``DOMAIN`` (what it needs of probabilities and weights, and which limit it takes where they are zero),
``Settings`` and ``log_pool``: log-probabilities (..., K) of log-probabilities (..., G, K) and weights (..., G) that sum to 1.
Everything is computed in log space, where certain teachers neither underflow nor divide by zero, and is differentiable
wherever no probability and no weight is 0. ``TOLERANCE`` and ``ITERATIVE`` may tell that the result is a solver's: how exact,
and slow.

Where all that an operator looks at is zero, it has a stated value: classes that some teacher of positive weight allows share
the mass, as each DOMAIN says.
Shapes: G teachers, K classes; leading axes are free.
"""

import math
from collections.abc import Mapping
from functools import reduce
from types import ModuleType
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch

SUM_TOLERANCE = 1e-4


def load(name: str) -> ModuleType:
    """The operator ``name`` of the registry; ConfigError with the legal names otherwise."""
    return registry.part("operator", name)


def pool[A: (np.ndarray, "torch.Tensor")](
    name: str, prob: A, weights: A | None = None, settings: Mapping[str, Any] | None = None
) -> A:  # fmt: skip
    """Pooled class probabilities (..., K), checked, in the kind of array and the precision that came in.

    Args:
        name: an operator of the registry.
        prob: (..., G, K), rows sum to 1.
        weights: (..., G) or (G,), sum to 1; equal by default.
        settings: the operator's.

    Raises:
        ContractError: what came in are no probabilities or no weights.
    """
    module, given = load(name), torch.as_tensor(prob)
    check_prob(given, f"operator {name}")
    if weights is None:
        weight = torch.full(given.shape[:-1], 1 / given.shape[-2], dtype=given.dtype, device=given.device)
    else:
        weight = torch.as_tensor(weights)
        check_weights(weight, given.shape[-2], f"operator {name}")
        weight = weight.to(given.dtype).broadcast_to(given.shape[:-1])
    found = module.log_pool(given.log(), weight, module.Settings.model_validate(settings or {})).exp()
    return found.numpy() if isinstance(prob, np.ndarray) else found  # pyright: ignore[reportReturnType]


def check_prob(prob: "torch.Tensor", where: str) -> None:
    """Raise ContractError unless ``prob`` (..., G, K) are class probabilities of teachers."""
    if prob.ndim < 2 or prob.shape[-2] < 1 or prob.shape[-1] < 2:
        raise ContractError(where, "prob", f"shape {tuple(prob.shape)}", "(..., teachers, classes), at least two classes")
    if not prob.is_floating_point():
        raise ContractError(where, "prob", f"numbers of type {prob.dtype}", "floating-point numbers")
    _refuse(torch.isnan(prob).any(), where, "prob", "NaN", "numbers from 0 to 1", "did a teacher diverge?")
    low, high = float(prob.min()), float(prob.max())
    _refuse(low < 0 or high > 1 + SUM_TOLERANCE, where, "prob", f"values from {low:g} to {high:g}", "numbers from 0 to 1",
            "are these logits? take their softmax")  # fmt: skip
    worst = float((prob.sum(-1) - 1).abs().max())
    _refuse(worst > SUM_TOLERANCE, where, "prob", f"a teacher whose classes sum to 1 within {worst:.2g} only",
            f"sums of 1 within {SUM_TOLERANCE:g}", "divide by the sum over classes")  # fmt: skip


def check_weights(weights: "torch.Tensor", teachers: int, where: str) -> None:
    """Raise ContractError unless ``weights`` (..., G) are points of the simplex over ``teachers``."""
    if weights.ndim < 1 or weights.shape[-1] != teachers:
        raise ContractError(where, "weights", f"shape {tuple(weights.shape)}", f"(..., {teachers}), one per teacher")
    _refuse(torch.isnan(weights).any(), where, "weights", "NaN", "numbers from 0 to 1")
    _refuse((weights < 0).any(), where, "weights", f"{float(weights.min()):g}", "numbers from 0 to 1")
    _refuse((weights.sum(-1) <= 0).any(), where, "weights", "zero for every teacher", "a positive weight for one at least",
            "equal weights say that nothing is known")  # fmt: skip
    worst = float((weights.sum(-1) - 1).abs().max())
    _refuse(worst > SUM_TOLERANCE, where, "weights", f"weights that sum to 1 within {worst:.2g} only",
            f"sums of 1 within {SUM_TOLERANCE:g}", "divide by the sum over teachers")  # fmt: skip


def _refuse(wrong: Any, where: str, name: str, found: str, expected: str, hint: str = "") -> None:
    if bool(wrong):
        raise ContractError(where, name, found, expected, hint)


def has_zeros(log_prob: "torch.Tensor") -> bool:
    """Is any probability exactly 0?"""
    return bool(log_prob.numel()) and math.isinf(float(log_prob.detach().amin()))


def settled(log_mean: "torch.Tensor", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """log q (..., K): ``log_mean`` (..., K) normalised.

    Where every class has mean 0, the classes that some teacher of positive weight allows share the mass.
    """
    if has_zeros(log_mean):
        allowed = ~torch.isneginf(log_prob.masked_fill((weights == 0).unsqueeze(-1), -torch.inf)).all(-2)
        shared = torch.zeros_like(log_mean).masked_fill(~allowed, -torch.inf)
        log_mean = torch.where(torch.isneginf(log_mean).all(-1, keepdim=True), shared, log_mean)
    return torch.log_softmax(log_mean, -1)


def ordered(log_prob: "torch.Tensor", weights: "torch.Tensor") -> "tuple[list[torch.Tensor], list[torch.Tensor]]":
    """Values in rising order over teachers, class by class, and the weights up to and with each: G arrays (..., K) each.

    A sorting network on whole arrays, teachers first in memory: for a handful of them faster than sorting millions of short
    lists. Shares change places by ``lerp``, exact at 0 and 1 and many times faster than ``where``.
    """
    values = list(log_prob.movedim(-2, 0).contiguous())
    shares = [weight.unsqueeze(-1).expand_as(values[0]) for weight in weights.movedim(-1, 0).contiguous()]
    for turn in range(len(values)):
        for low in range(turn % 2, len(values) - 1, 2):
            one, other = values[low], values[low + 1]
            wrong = (one > other).to(one.dtype)
            values[low], values[low + 1] = torch.minimum(one, other), torch.maximum(one, other)
            one, other = shares[low], shares[low + 1]
            shares[low], shares[low + 1] = torch.lerp(one, other, wrong), torch.lerp(other, one, wrong)
    below = [shares[0]]
    for share in shares[1:]:
        below.append(below[-1] + share)
    return values, below


def largest_of(values: "list[torch.Tensor]", counted: "list[torch.Tensor]") -> "torch.Tensor":
    """The largest (..., K) of those ``values`` whose entry in the bool arrays ``counted`` is true; -inf where none is.

    1 / 1 - 1 takes nothing off, 1 / 0 - 1 everything: many times faster than ``where``.
    """
    kept = [value - (flag.to(value.dtype).reciprocal() - 1) for value, flag in zip(values, counted, strict=True)]
    return reduce(torch.maximum, kept)
