"""Weights by domain: the mixture of teachers that predicts the validation labels of an example's domain best, by EM.

    p(y_i | d_i = d) = sum_g w_dg p_gi(y_i),   w_d a priori Dirichlet(alpha, ..., alpha)

The E step takes the responsibilities r_ig = w_dg p_gi(y_i) / sum_h w_dh p_hi(y_i); the M step of the largest posterior density
(``map``) sets w_dg proportional to sum_i r_ig + alpha - 1. ``mean`` is the mean of the variational posterior (Attias 2000):
r_ig proportional to exp(psi(a_dg)) p_gi(y_i), a_dg = alpha + sum_i r_ig, w_dg = a_dg / sum_h a_dh. alpha = 1 with ``map`` is
stacking within each domain, a concave problem; a large alpha gives equal weights.

A dataset without domains, or a domain without validation labels, is refused unless ``unknown: marginal``: weights of all
validation labels would otherwise pass for those of a domain.
Shapes: R replicates, N examples, M labels, G teachers.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.errors import ContractError
from mtbkd.pooling import equal
from mtbkd.pooling.context import Context

MIN_TEACHERS = 2
NEEDS = frozenset({"validation", "domains"})
ITERATIONS, TOLERANCE = 20_000, 1e-11


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(
        2.0, ge=1, le=1e9, description="concentration of the Dirichlet prior of a domain's weights: alpha - 1 labels that each "
        "teacher is given beforehand"
    )  # fmt: skip
    estimate: Literal["map", "mean"] = Field(
        "map", description="largest posterior density, or mean of the variational posterior"
    )
    unknown: Literal["refuse", "marginal"] = Field(
        "refuse", description="data without domains, or a domain without validation labels: an error, or weights by all labels"
    )


def weights(prob: np.ndarray) -> np.ndarray:
    """Equal weights (R, N, G): no validation example is known."""
    return equal.weights(prob)


def weights_of(prob: np.ndarray, context: Context) -> np.ndarray:
    """Weights (R, N, G): the same for all examples of a domain.

    Raises:
        ContractError: with ``unknown: refuse``, no domains, or one without validation labels.
    """
    settings, dataset, scores = Settings.model_validate(context.settings), context.dataset, context.validation
    domains, refused = dataset.domain, settings.unknown == "refuse"
    if domains is None and refused:
        raise ContractError(f"weights domain on {dataset.name}", "domains", "none", "a dataset with domains",
                            "use weights: stacking, or unknown: marginal")  # fmt: skip
    found = np.empty(prob.shape[:3])
    for r in range(len(prob)):
        found[r] = mixture_weights(scores[min(r, len(scores) - 1)], settings)
        if domains is None:
            continue
        own = domains[min(r, len(domains) - 1)]
        known, asked = own[context.judging_rows], own[context.rows]
        for code in np.unique(asked):
            labels = scores[min(r, len(scores) - 1)][known == code]
            if len(labels):
                found[r, asked == code] = mixture_weights(labels, settings)
            elif refused:
                raise ContractError(f"weights domain on {dataset.name}", "validation labels",
                                    f"none of the domain '{dataset.domain_names[code]}'", "labels of every domain",
                                    "label some, or use unknown: marginal")  # fmt: skip
    return found


def mixture_weights(log_score: np.ndarray, settings: Settings) -> np.ndarray:
    """Weights (G,) of the mixture of teachers by the log scores log p_g(y) (M, G) of the labels."""
    from scipy.special import digamma

    score = np.exp(log_score - log_score.max(-1, keepdims=True))
    teachers = score.shape[-1]
    share = np.full(teachers, 1 / teachers)
    prior = settings.alpha - 1 if settings.estimate == "map" else settings.alpha
    total = len(score) + teachers * prior
    for _ in range(ITERATIONS):
        factor = share if settings.estimate == "map" else np.exp(digamma(share * total) - digamma(total))
        parts = factor * score
        new = ((parts / parts.sum(-1, keepdims=True)).sum(0) + prior) / total
        if np.abs(new - share).max() < TOLERANCE:
            return new
        share = new
    return share
