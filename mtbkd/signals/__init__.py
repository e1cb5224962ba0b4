"""Signals: how teachers enter the posterior, as a term added to each example's log-likelihood.

Each module has ``USES`` (the shared posterior settings it reads), ``NEEDS_WEIGHTS``, ``Settings``, ``prepare`` (constants
of the data, computed once, outside every loop), ``term`` (the log-density term, of the student's log-probabilities),
``slope`` (its derivative with respect to them, in closed form: samplers never differentiate a signal automatically) and
``term_symbolic`` (the term in PyTensor, of one unit). A signal whose slope is a mixture of teachers may declare ``mixture``:
gradients of small students are then compiled, including this slope. ``USES`` contains ``no_teacher`` if the signal is a mixture
of the teachers' priors: only then does its sharpness lambda matter in addition to its strength kappa. ``temper`` replaces the
division of each teacher's logits by the teachers' temperature, ``adjust`` changes the shared settings.
Shapes: U units (a replicate under one candidate of the shared settings), N examples, G teachers, K classes,
E members of an ensemble, m examples of a minibatch.
"""

from typing import NamedTuple

from mtbkd.base.lazy import torch


class Mixture(NamedTuple):
    """The slope lambda sum_g r_g p_gk, where r is the softmax over teachers of log_scale + lambda power sum_k p_gk log q_k.

    Attributes:
        prob: p (U, N, G, K).
        log_scale: (U, N, G); None for one teacher, whose r is 1.
        power: of the mixture, one for all.
        cap: where positive, r are instead the weights, none larger than this, under which the teachers' gradients agree
            (``mtbkd.posterior.compiled.agreement``).
    """

    prob: "torch.Tensor"
    log_scale: "torch.Tensor | None" = None
    power: float = 1.0
    cap: float = 0.0


def with_no_teacher(
    prob: "torch.Tensor", weights: "torch.Tensor", share: "torch.Tensor"
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Teachers (U, N, G + 1, K) and weights (U, N, G + 1) with one more that believes none of ``prob`` (U, N, G, K).

    Its row is zero, as Dir(q; 1 + 0) is uniform; its weight is ``share`` (U,), the others' are ``weights`` times 1 - share.
    """
    share = share.to(prob.dtype).view(-1, 1, 1)
    weights = torch.cat([(1 - share) * weights, share.expand_as(weights[..., :1])], -1)
    return torch.cat([prob, torch.zeros_like(prob[..., :1, :])], -2), weights


def log_beta(alpha: "torch.Tensor") -> "torch.Tensor":
    """log B(alpha) = sum_k lgamma(alpha_k) - lgamma(sum_k alpha_k), over the last axis."""
    return torch.lgamma(alpha).sum(-1) - torch.lgamma(alpha.sum(-1))
