"""Draws averaged over the candidates of the shared settings, by the weights that the evidence gives them.

Under candidates that are equally likely before, the posterior is the mixture sum_a w_a pi(theta | y, candidate a), w_a in
proportion to the evidence p(y | candidate a) (Hoeting et al. 1999). Every chain of the mixture takes each of its draws from the
same chain of one candidate, at the same place there, and candidates in proportion to their weights: what R-hat reads from its
order stays that of chains. A gate is passed if all candidates that give a draw passed it.
Shapes: A candidates, R replicates, C chains, D draws.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from mtbkd.base.seeds import derive
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.inference import student_scaling
from mtbkd.inference.convergence import GATES
from mtbkd.inference.sharpness import COLUMN
from mtbkd.inference.tuning import Rows

LEAST = 1e-3  # a candidate with a smaller weight in every replicate is not fitted


def contributing(tuning: Rows, replicates: int) -> tuple[Rows, np.ndarray]:
    """The candidates of ``tuning`` with a weight in any replicate, as units, and their weights (A, R), summing to 1 over A."""
    weight = np.array([row["evidence_weight"] for row in tuning]).reshape(-1, replicates)
    kept = np.flatnonzero(weight.max(1) >= LEAST)
    units = [tuning[a * replicates + r] for a in kept.tolist() for r in range(replicates)]
    return units, weight[kept] / weight[kept].sum(0)


def mixed(draws: Draws, weight: np.ndarray, seed: int) -> Draws:
    """``draws`` of A x R units, candidate by candidate, as those of R replicates under ``weight`` (A, R)."""
    candidates, replicates = weight.shape
    numbers = draws.replicates[:replicates]
    at = {size: _chosen(weight, draws.diverged.shape[1], size, seed, numbers) for size in _sizes(draws)}

    def mix(value: np.ndarray) -> np.ndarray:
        """(A R, C, D, ...) to (R, C, D, ...)."""
        found = at[value.shape[2]]
        r, c, d = np.ogrid[: found.shape[0], : found.shape[1], : found.shape[2]]
        return value.reshape(candidates, replicates, *value.shape[1:])[found, r, c, d]

    used = {r: np.unique(at[draws.log_posterior.shape[2]][r]) for r in range(replicates)}
    best = weight.argmax(0) * replicates + np.arange(replicates)
    told = {name: draws.attrs[name] for name in (COLUMN, student_scaling.ATTRIBUTE) if name in draws.attrs}
    return replace(
        draws, replicates=numbers, observed_y=draws.observed_y[:replicates],
        **{name: mix(getattr(draws, name)) for name in ("log_posterior", "probe_prob", "log_likelihood", "prob")},
        diverged=np.stack([draws.diverged[a * replicates + r].any(0) for r, a in used.items()]),
        sample_stats={name: mix(value) for name, value in draws.sample_stats.items()},
        params=None if draws.params is None else mix(draws.params),
        gates=_worst_of(draws.gates, candidates * replicates, {r: a * replicates + r for r, a in used.items()}),
        curves=[replace(curve, value=curve.value[best]) for curve in draws.curves],
        validation=_mean(draws.validation, at[draws.prob.shape[2]], candidates),
        attrs=draws.attrs | {name: [values[at] for at in best.tolist()] for name, values in told.items()},
    )  # fmt: skip


def _mean(held: HeldOut | None, chosen: np.ndarray, candidates: int) -> HeldOut | None:
    """The mixture's predictions of held-out examples: the candidates' (A R, V, K), by their shares of its draws."""
    if held is None:
        return None
    share = np.stack([(chosen == a).mean((1, 2)) for a in range(candidates)])[..., None, None]
    prob = held.prob.reshape(candidates, -1, *held.prob.shape[1:])
    return replace(held, prob=np.where(share > 0, share * prob, 0.0).sum(0).astype(np.float32))


def _sizes(draws: Draws) -> set[int]:
    return {draws.log_posterior.shape[2], draws.prob.shape[2]}


def _chosen(weight: np.ndarray, chains: int, size: int, seed: int, numbers: np.ndarray) -> np.ndarray:
    """Which candidate (R, C, ``size``) gives each draw: systematic in their weights, in random order."""
    found = np.empty((weight.shape[1], chains, size), np.int64)
    for r, number in enumerate(numbers.tolist()):
        for c in range(chains):
            rng = np.random.default_rng(derive(seed, "average", replicate=number, chain=c))
            places = (np.arange(size) + rng.random()) / size
            at = np.searchsorted(weight[:, r].cumsum(), places, side="right").clip(max=len(weight) - 1)
            found[r, c] = rng.permutation(at)
    return found


def _worst_of(gates: Rows, units: int, used: dict[int, np.ndarray]) -> Rows:
    """One row a gate and replicate, of ``gates`` unit by unit: the worst of the units that are ``used``."""
    each = len(gates) // units
    return [
        max((gates[unit * each + gate] for unit in own.tolist()), key=_badness) for own in used.values() for gate in range(each)
    ]


def _badness(row: dict[str, Any]) -> tuple[bool, bool, float]:
    excess = -np.inf if row["value"] is None else float(GATES[row["gate"]].excess(row["value"]))
    return row["verdict"] is False, not row["judged"], excess
