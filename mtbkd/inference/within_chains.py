"""Gates of stacked chains: evaluated within each chain, because stacked chains need not agree with each other.

Chains without weight count for nothing. Weights w_k and chains k give

    rhat         root of sum_k w_k R_k^2, R_k the rank-normalised R-hat of the two halves of chain k. (Not the largest R_k: of
                 four chains of 400 independent draws, with two halves each, it exceeds 1.01 nine times of ten.)
    ess_*        1 / sum_k (w_k^2 / ESS_k): what the mixture's mean is worth, at one variance for all; equal chains add up
    temperature  sum_k w_k T_k, with the error of that sum

and every other gate what it gives of the chains with weight; ``diverged`` still asks of all. The thresholds are those of pooled
draws. Where weights could not be had, the chains are pooled and judged as such. Every note says which. Shapes: T quantities, C
chains, D draws.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.inference import convergence
from mtbkd.inference.chain_stacking import Weights
from mtbkd.inference.convergence import GATES, Claim, Evidence, Gate
from mtbkd.inference.temperature import two_errors

if TYPE_CHECKING:
    from arviz_stats.base import array as arviz
    from scipy import stats
else:
    arviz = lazy_import("arviz_stats.base.array")
    stats = lazy_import("scipy.stats")

WITHIN = "within chains"  # begins the notes of stacked chains
WEIGHT = "chain_weight"  # among the statistics of ``Evidence``, (C, 1)


def judge(
    claim: Claim,
    log_posterior: np.ndarray,
    probe_prob: np.ndarray,
    sample_stats: Mapping[str, np.ndarray],
    diverged: np.ndarray,
    replicates: np.ndarray,
    stacked: Sequence[Weights],
) -> list[dict[str, Any]]:
    """Judge the gates of stage ``fit``; arguments and rows as ``convergence.judge`` has them, ``stacked`` one a replicate."""
    rows = []
    for r, (number, weights) in enumerate(zip(replicates, stacked, strict=True)):
        own = slice(r, r + 1)
        given = {name: value[own] for name, value in sample_stats.items()}
        gates: Sequence[Gate] = tuple(GATES.values())
        if not weights.why_not:
            gates = [_within(gate) for gate in gates]
            given[WEIGHT] = weights.weight[None, :, None]
        evidence = log_posterior[own], probe_prob[own], given, diverged[own], np.array([number])
        rows += [_noted(row, weights) for row in convergence.judge(claim, *evidence, gates=gates)]
    return rows


def told(weight: np.ndarray) -> str:
    """``stacked from 3 of 4 chains, weights 0.50, 0.30, 0.20``, in falling order; a row (C,) or their mean over rows (R, C)."""
    each = -np.sort(-np.atleast_2d(weight), axis=1)
    least, most = (int(ends((each > 0).sum(1))) for ends in (np.min, np.max))
    mean = each.mean(0)
    some = f"{least}" if least == most else f"{least} to {most}"
    shown = ", ".join(f"{value:.2f}" for value in mean[mean > 0])
    return f"stacked from {some} of {each.shape[1]} chains, {'mean ' if len(each) > 1 else ''}weights {shown}"


def _noted(row: dict[str, Any], weights: Weights) -> dict[str, Any]:
    """The row with a word on stacking where a verdict depends on it."""
    if row["verdict"] is None or row["gate"] == "diverged":
        return row
    word = weights.why_not or f"{WITHIN}: {told(weights.weight)}"
    return {**row, "note": f"{word}; {row['note']}" if row["note"] else word}


def _within(gate: Gate) -> Gate:
    """The gate as it is asked of the chains that have weight."""
    if gate.measure is None or gate.name == "diverged":
        return gate
    measure, error = _MEASURES.get(gate.name, gate.measure), _ERRORS.get(gate.name, gate.error)
    return replace(
        gate, min_chains=min(gate.min_chains, 1), measure=lambda evidence: measure(_weighted(evidence)),
        error=None if error is None else lambda evidence: error(_weighted(evidence)),
    )  # fmt: skip


def _weighted(evidence: Evidence) -> Evidence:
    """What is known of the chains that have weight."""
    having = evidence.given[WEIGHT][:, 0] > 0
    given = {name: value[having] for name, value in evidence.given.items()}
    return Evidence(evidence.diverged, evidence.quantities[:, having], given)


def _weights(evidence: Evidence) -> np.ndarray:
    return evidence.given[WEIGHT][:, 0]


def rhat_within(values: np.ndarray) -> np.ndarray:
    """Rank-normalised R-hat (T, C) of the two halves of each chain of ``values`` (T, C, D), in location and in spread.

    1 for a quantity that is constant in a chain where another one moves, NaN for a chain that stands still.
    """
    halves = values[..., : values.shape[-1] // 2 * 2]
    spread = np.abs(halves - np.median(halves, -1, keepdims=True))
    found = np.fmax(*(_of_halves(each) for each in (halves, spread)))
    still = np.ptp(values, axis=-1) == 0
    return np.where(still, np.where(still.all(0), np.nan, 1.0), found)


def _of_halves(values: np.ndarray) -> np.ndarray:
    normal = stats.norm.ppf((stats.rankdata(values, axis=-1) - 3 / 8) / (values.shape[-1] + 1 / 4))
    pairs = normal.reshape(-1, 2, values.shape[-1] // 2)
    return np.asarray(arviz.array_stats.rhat(pairs, method="identity")).reshape(values.shape[:-1])


def _rhat(evidence: Evidence) -> float:
    squares = rhat_within(evidence.quantities) ** 2
    return float(np.sqrt(squares @ _weights(evidence)).max(initial=-np.inf))


def _ess(evidence: Evidence, **kind: Any) -> float:
    values = evidence.quantities
    halves = values[..., : values.shape[-1] // 2 * 2].reshape(-1, 2, values.shape[-1] // 2)
    each = np.asarray(arviz.array_stats.ess(halves, **kind)).reshape(values.shape[:-1])
    still = np.ptp(values, axis=-1) == 0
    each = np.where(still, np.where(still.all(0), np.nan, np.inf), each)
    return float((1 / (_weights(evidence) ** 2 / each).sum(1)).min(initial=np.inf))


def _temperature(evidence: Evidence) -> float:
    return float(_weights(evidence) @ evidence.given["temperature"].mean(1))


def _error_of_temperature(evidence: Evidence) -> float:
    errors = [two_errors(own[None]) for own in evidence.given["temperature"]]
    return math.hypot(*(_weights(evidence) * errors))


_MEASURES: Mapping[str, Callable[[Evidence], float]] = {
    "rhat": _rhat,
    "ess_bulk": lambda evidence: _ess(evidence, method="bulk"),
    "ess_tail": lambda evidence: _ess(evidence, method="tail", prob=(0.05, 0.95)),
    "temperature": _temperature,
}
_ERRORS: Mapping[str, Callable[[Evidence], float]] = {"temperature": _error_of_temperature}
