"""Teachers weighed so that their gradients agree, as the engine reads signals: the same weights for all of a minibatch.

The weights are constants of a step (``mtbkd.questions.baselines.aekd``), so that there is a slope, but no density behind it.
"""

from typing import TYPE_CHECKING

from mtbkd.questions.baselines import aekd
from mtbkd.signals import Mixture

if TYPE_CHECKING:
    import torch

CAP = aekd.Settings.model_validate({}).cap


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """lambda sum_g alpha_g p_gk, (E, m, K), of ``log_q`` (E, m, K), teachers ``prob`` (E, m, G, K) and ``lam`` (E,)."""
    gradients = (log_q.exp().unsqueeze(2) - constants["prob"]).movedim(2, 1).flatten(2)
    alpha = aekd.min_norm_weights(gradients @ gradients.transpose(1, 2), CAP)
    return lam.view(-1, 1, 1) * (alpha.view(len(alpha), 1, -1, 1) * constants["prob"]).sum(2)


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The teachers, and the largest weight of one."""
    return Mixture(constants["prob"], cap=CAP)
