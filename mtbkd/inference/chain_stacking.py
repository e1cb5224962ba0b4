"""Stacking of chains in different modes (Yao, Vehtari & Gelman 2022, "Stacking for non-mixing Bayesian computations").

Chains that do not mix reach each mode as often as their starting points happen to lie in its basin, so pooling them equally
means nothing. Each chain k is a predictive distribution of its own instead, and the mixture that predicts left-out labels best,

    max_w  sum_i log sum_k w_k p_k(y_i | y_-i) + sum_k log w_k,    w in the simplex,

is taken; p_k is the leave-one-out density by PSIS. The last term, a Dirichlet(2) prior, keeps chains of one mode at nearly
equal weights, where the first is flat and Monte Carlo error would decide; a chain that loses D >> 1 nats keeps about 1/D. The
result is the best mixture of what the chains found. It is not the posterior: modes that no chain reached are missing, and w are
no masses of modes. Shapes: C chains, D draws, L labelled examples, P parameters.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference.function_space import log_likelihood, observed_rows, thinned
from mtbkd.posterior.problem import Problem

if TYPE_CHECKING:
    from arviz_stats.base import array as arviz
    from scipy import optimize, special
else:
    arviz = lazy_import("arviz_stats.base.array")
    optimize, special = lazy_import("scipy.optimize"), lazy_import("scipy.special")

EXAMPLES = 1000  # labelled training examples whose left-out densities decide
DRAWS = 500  # of a chain that are used
MIN_DRAWS = 25  # PSIS fits a Pareto to the largest fifth and needs five draws there
KHAT, KHAT_SHARE = 0.7, 0.1  # a chain with more than this share of worse k-hats gets no weight
LEAST = 0.1  # of an equal weight 1/C: smaller weights become 0
UNTRUSTED = f"not stacked: over {KHAT_SHARE:.0%} of the k-hats of every chain exceed {KHAT:g}, so all chains count equally"
LOST = "not stacked: every chain diverged"


class Weights(NamedTuple):
    """Weights of the chains of one replicate.

    Attributes:
        weight: (C,), sum 1; equal over the finite chains where ``why_not`` is set, all 0 where none is finite.
        elpd: (C,) expected log predictive density of the left-out labels, NaN for a diverged chain.
        khat_bad: (C,) share of the labels whose k-hat exceeds KHAT, NaN for a diverged chain.
        why_not: why the chains are pooled after all, "" where they are stacked.
    """

    weight: np.ndarray
    elpd: np.ndarray
    khat_bad: np.ndarray
    why_not: str = ""

    def rows(self, replicate: int) -> list[dict[str, Any]]:
        """One JSON-able entry a chain, as ``Draws.stacking`` holds them."""
        columns = zip(self.weight.tolist(), self.elpd.tolist(), self.khat_bad.tolist(), strict=True)
        return [
            {"replicate": replicate, "chain": chain, "weight": weight, "why_not": self.why_not,
             "elpd": elpd if np.isfinite(elpd) else None, "khat_bad": bad if np.isfinite(bad) else None}
            for chain, (weight, elpd, bad) in enumerate(columns)
        ]  # fmt: skip


def check_labels(dataset: Dataset, method: str) -> None:
    """Raise ContractError unless every replicate has a labelled training example."""
    if not observed_rows(dataset, 1).shape[1]:
        raise ContractError(f"method {method} on {dataset.name}", "labelled training examples", "none in some replicate",
                            "at least one, by which stack_chains weights the chains", "set stack_chains: false")  # fmt: skip


def weigh(problem: Problem, params: "torch.Tensor", dataset: Dataset, temperature: float, device: str) -> list[Weights]:
    """Weights of the chains of each unit, from draws ``params`` (U, C, D, P) of the posterior at ``temperature``."""
    diverged = ~torch.isfinite(params).all(-1).all(-1).numpy()
    rows, kept = observed_rows(dataset, EXAMPLES), params[:, :, thinned(params.shape[2], DRAWS)]
    values, _ = log_likelihood(problem, kept, dataset, rows, device)
    return [weights_of(*leave_one_out(own, temperature), lost) for own, lost in zip(values, diverged, strict=True)]


def leave_one_out(values: np.ndarray, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Log density (C, L) of each label under each chain without it, and the k-hats (C, L), NaN for diverged chains.

    Args:
        values: log-likelihood (C, D, L) of draws of the posterior to the power 1/T.
        temperature: T; without label i, that posterior loses the factor p_i^(1/T).
    """
    values = np.moveaxis(values.astype(np.float64), 1, 2)
    # PSIS refuses ties, which saturated probabilities make; this is far below the likelihood's float32 resolution.
    values = values - 1e-10 * np.random.default_rng(0).random(values.shape)
    elpd, khat = np.full(values.shape[:2], np.nan), np.full(values.shape[:2], np.nan)
    finite = np.isfinite(values).all((1, 2))
    if finite.any():
        with np.errstate(all="ignore"):  # tails without a Pareto fit: their k-hats say so
            log_weight, khat[finite] = arviz.array_stats.psislw(values[finite] / temperature)
        elpd[finite] = special.logsumexp(log_weight + values[finite], axis=-1)
    return elpd, khat


def weights_of(elpd: np.ndarray, khat: np.ndarray, diverged: np.ndarray) -> Weights:
    """Weights from the left-out log densities and k-hats (C, L); chains that ``diverged`` (C,) have none."""
    bad = np.where(diverged, np.nan, (~(khat <= KHAT)).mean(1))
    total = np.where(diverged, np.nan, elpd.sum(1))
    trusted = ~diverged & (bad <= KHAT_SHARE) & np.isfinite(total)
    if not trusted.any():
        finite = ~diverged
        return Weights(finite / max(1, finite.sum()), total, bad, UNTRUSTED if finite.any() else LOST)
    weight = np.zeros(len(elpd))
    weight[trusted] = _best(elpd[trusted])
    weight[weight < LEAST / len(weight)] = 0
    return Weights(weight / weight.sum(), total, bad)


def _best(elpd: np.ndarray) -> np.ndarray:
    """The maximum (C,) of the concave criterion above, for left-out log densities (C, L)."""
    chains, examples = elpd.shape
    density = np.exp(elpd - elpd.max(0)).T

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixture = density @ w
        value = np.log(mixture).sum() + np.log(w).sum()
        return -value / examples, -((density / mixture[:, None]).sum(0) + 1 / w) / examples

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    limits = {"bounds": [(1e-8, 1.0)] * chains, "constraints": simplex, "options": {"ftol": 1e-12}}
    found = optimize.minimize(loss, np.full(chains, 1 / chains), jac=True, method="SLSQP", **limits)
    return found.x / found.x.sum()


def chosen(weight: np.ndarray, diverged: np.ndarray, draws: int, kept: int) -> np.ndarray:
    """Position (C, S) in the flat (C * D) draws of what fills each slot of the kept draws, in proportion to ``weight`` (C,).

    The slots of diverged chains keep these chains' own draws, which are masked; those of the others take every chain's share,
    evenly spread over the chain (systematic, so nothing is left to chance). With equal weights each chain keeps its own.
    """
    slots = np.tile(thinned(draws, kept), (len(weight), 1)) + draws * np.arange(len(weight))[:, None]
    finite = ~diverged
    ends = np.rint(np.cumsum(weight) * finite.sum() * slots.shape[1]).astype(np.int64)
    shares = np.diff(ends, prepend=0)
    taken = [
        chain * draws + (np.linspace(0, draws - 1, share) if share > 1 else np.full(share, draws // 2)).round()
        for chain, share in enumerate(shares)
    ]
    if finite.any():
        slots[finite] = np.concatenate(taken).astype(np.int64).reshape(-1, slots.shape[1])
    return slots
