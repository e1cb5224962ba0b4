"""The distribution nearest to the teacher who is farthest from it: argmin_q max_g KL(p_g || q); no mean with fixed weights.

By the redundancy-capacity theorem it is the mixture q = sum_g s_g p_g whose shares s maximise the mutual information between
teacher and class, a concave problem: KL(p_g || q) = c where s_g > 0, <= c elsewhere. Solved by a primal-dual interior-point
method in float64. Weights tell only who takes part: teachers of weight 0 do not.
"""

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Steps
from mtbkd.base.lazy import torch

DOMAIN = "all probabilities; of the weights only which are 0"
TOLERANCE = 1e-5  # of a probability: what is left of the solver's error
ITERATIVE = True
CENTRING, TO_BOUNDARY, RIDGE, TINY = 0.1, 0.9, 1e-12, 1e-300


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    iterations: Steps = Field(60, description="maximum number of Newton steps")
    gap: float = Field(1e-12, gt=0, le=1, description="complementary slackness at convergence, in nats")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log q (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    heard = _heard(log_prob.double(), weights)
    share, slack = _solve(heard.detach(), settings)
    if heard.requires_grad:
        step = _step(heard, share, slack, torch.zeros_like(share[..., :1]))
        share = share + (step - step.detach())
    return torch.logsumexp(heard + share.log().unsqueeze(-1), -2).to(log_prob.dtype)


def _heard(log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """The teachers (..., G, K), those of weight 0 replaced by one who takes part: a double changes no minimum."""
    first = weights.argmax(-1)
    one = torch.take_along_dim(log_prob, first[..., None, None], -2)
    return torch.where((weights > 0).unsqueeze(-1), log_prob, one)


def _divergences(log_prob: "torch.Tensor", share: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """KL(p_g || q) (..., G) of the mixture q (..., 1, K), and q."""
    prob = log_prob.exp()
    q = (share.unsqueeze(-2) @ prob).clamp(min=TINY)
    return torch.special.xlogy(prob, prob).sum(-1) - (prob * q.log()).sum(-1), q


def _step(log_prob: "torch.Tensor", share: "torch.Tensor", slack: "torch.Tensor", target: "torch.Tensor") -> "torch.Tensor":
    """Newton's change of the shares (..., G) towards share * slack = ``target`` (..., 1).

    Only the divergences carry a gradient: at the solution that of one step is the gradient of the solution itself.
    """
    divergence, q = _divergences(log_prob, share)
    with torch.no_grad():
        prob, teachers = log_prob.exp(), share.shape[-1]
        system = torch.zeros(*share.shape[:-1], teachers + 1, teachers + 1, dtype=share.dtype, device=share.device)
        system[..., :teachers, :teachers] = (prob / q) @ prob.mT + torch.diag_embed(slack / share + RIDGE)
        system[..., teachers, :teachers] = system[..., :teachers, teachers] = 1
    side = torch.cat([divergence + target / share, torch.zeros_like(target)], -1)
    return torch.linalg.solve(system, side.unsqueeze(-1))[..., :teachers, 0]


def _solve(log_prob: "torch.Tensor", settings: Settings) -> "tuple[torch.Tensor, torch.Tensor]":
    """Shares and their multipliers (..., G): divergence + slack is the same for all teachers, share * slack is 0."""
    with torch.no_grad():
        teachers = log_prob.shape[-2]
        share = torch.full(log_prob.shape[:-1], 1 / teachers, dtype=log_prob.dtype, device=log_prob.device)
        divergence, _ = _divergences(log_prob, share)
        slack = divergence.amax(-1, keepdim=True) - divergence + 0.1
        for _ in range(settings.iterations):
            mean = (share * slack).mean(-1, keepdim=True)
            if not bool((mean > settings.gap).any()):
                break
            change = _step(log_prob, share, slack, CENTRING * mean)
            other = (CENTRING * mean - share * slack - slack * change) / share
            share = share + _longest(share, change) * change
            slack = slack + _longest(slack, other) * other
    return share, slack


def _longest(value: "torch.Tensor", change: "torch.Tensor") -> "torch.Tensor":
    """The part (..., 1) of ``change``, at most all, that keeps ``value`` positive."""
    ratio = torch.where(change < 0, -value / change, torch.inf).amin(-1, keepdim=True)
    return (TO_BOUNDARY * ratio).clamp(max=1)
