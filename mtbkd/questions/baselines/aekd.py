"""AEKD: weights under which the teachers' gradients agree (Du et al., NeurIPS 2020).

In every minibatch, with the gradients d_g of T^2 KL(p_g^T || q^T) with respect to the student's logits,

    alpha = argmin |sum_g alpha_g d_g|^2   subject to   sum_g alpha_g = 1,   0 <= alpha_g <= C,

a quadratic program, solved exactly; alpha is a constant of the backward pass, as in the official code, whose C is .6. A cap
below 1/G, with which no alpha sums to 1, is taken as 1/G. Left out: the variant on intermediate features.
"""

from functools import lru_cache, partial
from itertools import product

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.questions.baselines.bench import Bench, Moment, Trained

TITLE = "AEKD"
RIDGE = 1e-9  # of the mean squared gradient: makes the weights unique where the teachers agree
SLACK = 1e-7
FREE, ZERO, CAP = 0, 1, 2


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cap: float = Field(0.6, gt=0, le=1, description="largest weight of a teacher; at least 1/G")


def min_norm_weights(gram: "torch.Tensor", cap: float) -> "torch.Tensor":
    """The minimiser alpha (U, G) of alpha' A alpha on the capped simplex, for positive semi-definite A, ``gram`` (U, G, G).

    The minimiser lies inside one face of the capped simplex, where every weight is 0, at the cap or free, and is the stationary
    point there: all faces are solved at once, and the best point that is within bounds wins. Gradients that are all zero, or
    not finite, give equal weights.
    """
    teachers = gram.shape[-1]
    cap = max(cap, 1 / teachers)
    faces = _faces(teachers, round(cap, 12)).to(gram.device)
    if teachers == 1 or not len(faces):
        return torch.full_like(gram[..., 0], 1 / teachers)
    scale = gram.diagonal(dim1=-2, dim2=-1).mean(-1).clamp(min=torch.finfo(gram.dtype).tiny)
    matrix = torch.nan_to_num(gram / scale.view(-1, 1, 1), posinf=0.0, neginf=0.0).double()
    matrix = matrix + RIDGE * torch.eye(teachers, dtype=torch.double, device=gram.device)
    free = (faces == FREE).double()
    system = torch.zeros(len(gram), len(faces), teachers + 1, teachers + 1, dtype=torch.double, device=gram.device)
    system[..., :teachers, :teachers] = free.unsqueeze(-1) * matrix.unsqueeze(1) + torch.diag_embed(1 - free)
    system[..., :teachers, teachers] = free
    system[..., teachers, :teachers] = 1
    right = torch.cat([cap * (faces == CAP).double(), torch.ones(len(faces), 1, dtype=torch.double, device=gram.device)], -1)
    solved, _ = torch.linalg.solve_ex(system, right.expand(len(gram), -1, -1).unsqueeze(-1))
    points = solved[..., :teachers, 0]
    allowed = ((points >= -SLACK) & (points <= cap + SLACK)).all(-1)
    value = torch.einsum("ufg,ugh,ufh->uf", points, matrix, points)
    best = torch.where(allowed, value, torch.inf).argmin(-1)
    chosen = points[torch.arange(len(gram), device=gram.device), best].clamp(0, cap)
    return (chosen / chosen.sum(-1, keepdim=True)).to(gram.dtype)


@lru_cache(maxsize=8)
def _faces(teachers: int, cap: float) -> "torch.Tensor":
    """Faces (F, G) of the capped simplex on which the weights can sum to 1 with at least one of them free."""
    found = []
    for face in product((FREE, ZERO, CAP), repeat=teachers):
        left, free = 1 - cap * face.count(CAP), face.count(FREE)
        if free and -SLACK <= left <= free * cap + SLACK:
            found.append(face)
    return torch.tensor(found)


def agreeing(cap: float, moment: Moment) -> "torch.Tensor":
    """Weights (G, U, m), the same for all examples of the minibatch."""
    gradients = (moment.log_q.exp() - moment.prob).permute(2, 0, 1, 3).flatten(2)
    alpha = min_norm_weights(gradients @ gradients.transpose(1, 2), cap)
    return alpha.T.unsqueeze(-1).expand(-1, -1, moment.prob.shape[-1])


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of teachers whose gradients are made to agree."""
    rule = partial(agreeing, settings.cap)
    return Trained(bench.follow(rule), rule)
