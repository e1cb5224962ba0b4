"""Distillation from the mean of the teachers, sharpened by one temperature for the pool: kappa sum_k pbar_k log q_k.

    pbar_k = m_k^(1/T) / sum_j m_j^(1/T),   m = sum_g w_g p_g

Where each teacher knows a part of the data only, the mean is diluted by those that know nothing; T < 1 undoes that. ``kd``
tempers each teacher before it takes the mean.
"""

from mtbkd.base.lazy import torch
from mtbkd.signals import kd
from mtbkd.signals.kd import NEEDS_WEIGHTS, USES, mixture, prepare, slope, term, term_symbolic

__all__ = ["NEEDS_WEIGHTS", "USES", "Settings", "mixture", "prepare", "slope", "temper", "term", "term_symbolic"]
Settings = kd.Settings


def temper(logits: "torch.Tensor", weights: "torch.Tensor", temperature: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """The pool (U, N, 1, K) as the only teacher and its weight 1, of ``logits`` (U, N, G, K) and ``weights`` (U, N, G).

    ``temperature``: T (U, 1, 1, 1).
    """
    log_mean = torch.logsumexp(torch.log(weights).unsqueeze(-1) + torch.log_softmax(logits, -1), -2, keepdim=True)
    return torch.softmax(log_mean / temperature, -1), torch.ones_like(weights[..., :1])
