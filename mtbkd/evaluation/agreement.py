"""Distance of each algorithm from an exact sampler of the same posterior.

Methods of one experiment that share signal, weights, student and the chosen settings aim at the same posterior. Among
them a sampler that is exact but for Monte Carlo error (NUTS, tempered SMC, HMC that jumps among modes) is the gold standard of
a replicate, provided that it passed all its gates there and its smallest bulk effective sample size reaches ``GOLD_ESS``. All
others are compared with it at the probe inputs, where every draw is kept.
Shapes: C chains, D draws, S = C * D, Q probe inputs, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from mtbkd.contracts.artefacts import digest
from mtbkd.contracts.draws import Draws
from mtbkd.inference.tuning import TOLD

# Algorithms whose draws are the posterior's but for Monte Carlo error, in order of preference.
EXACT = ("nuts", "smc", "hmc")
GOLD_ESS = 1000.0
# What counts as agreement: the largest difference of a posterior mean probability, the ratio of mean deviations.
MEAN_TOLERANCE, SD_RATIO = 0.02, (0.85, 1.15)
_NAMED = (
    "signal", "signal_settings", "weights", "weights_settings", "teacher_scaling", "student", "layers", "posterior", "tuned_on",
    "student_scaling",
)  # fmt: skip


class Aim(NamedTuple):
    """What a replicate's draws are of, ``target``, and by which algorithm, ``sampler``."""

    target: str
    sampler: str

    @classmethod
    def of(cls, draws: Draws, index: int) -> Self:
        """The replicate at position ``index`` of a block."""
        replicate, attrs = int(draws.replicates[index]), draws.attrs
        chosen = [row for row in draws.tuning if row["replicate"] == replicate and row["chosen"]]
        settings = [{k: v for k, v in row.items() if k not in TOLD} for row in chosen]
        target = digest([[attrs.get(name) for name in _NAMED], settings])
        # Stacked chains of an exact sampler are no draws of the posterior, so they must not be the reference.
        return cls(target, f"{attrs.get('inference')}{', stacked' if draws.stacking else ''}")


@dataclass(frozen=True)
class Summary:
    """One replicate of one method, as far as it is compared.

    Attributes:
        target: what identifies the posterior.
        inference: name of the algorithm.
        draws: float64 (S, Q * K), sorted along the draws: probabilities at the probe inputs.
        gates_passed: no gate of the fit failed or lacked its statistic, and one that speaks of mixing applied.
        ess: smallest bulk effective sample size, NaN where it could not be estimated; the number of independent draws.
        seconds: of inference, the replicate's share of its block.
    """

    target: str
    inference: str
    draws: np.ndarray
    gates_passed: bool
    ess: float
    seconds: float

    @classmethod
    def of(cls, draws: Draws, index: int) -> "Summary":
        """The replicate at position ``index`` of a block, its diverged chains left out."""
        replicate, attrs = int(draws.replicates[index]), draws.attrs
        prob = draws.probe_draws(index).astype(np.float64)
        flat = np.sort(prob.reshape(len(prob), prob.shape[-2] * prob.shape[-1]), axis=0)
        gates = {row["gate"]: row for row in draws.gates if row["replicate"] == replicate}
        ess = _effective(gates.get("ess_bulk", {}), len(flat))
        passed = gates.get("rhat", {}).get("verdict") is True and all(
            g["verdict"] is not False and g["judged"] for g in gates.values()
        )
        seconds = float(attrs.get("inference_s", np.nan)) / len(draws.replicates)
        aim = Aim.of(draws, index)
        return cls(aim.target, aim.sampler, flat, passed, ess, seconds)

    @property
    def is_gold(self) -> bool:
        return self.inference in EXACT and self.gates_passed and self.ess >= GOLD_ESS


Summaries = Mapping[str, Mapping[int, Summary]]
Scores = Mapping[tuple[str, int], float]


def _effective(gate: Mapping[str, Any], draws: int) -> float:
    """The gate's value; where the gate does not apply the draws are independent, and each counts."""
    if gate.get("verdict") is None:
        return float(draws)
    return float("nan") if gate["value"] is None else float(gate["value"])


def agreement_rows(
    summaries: Summaries, scores: Mapping[str, Scores], groups: Sequence[Sequence[str]] | None = None
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """One row per method, replicate and posterior for which there is an exact sampler, passed or not.

    Args:
        summaries: method -> replicate -> summary.
        scores: name -> (method, replicate) -> score on the test labels; their differences become columns <name>_diff. What a
            point estimate lacks is absent.
        groups: methods with one posterior, as ``groups_of`` finds them; by default from ``summaries``.
    """
    if groups is None:
        groups = groups_of({m: {r: Aim(s.target, s.inference) for r, s in own.items()} for m, own in summaries.items()})
    for group in groups:
        references = {
            r: next(
                (m for name in EXACT for m in group if (s := summaries[m].get(r)) and s.inference == name and s.is_gold), ""
            )
            for method in group
            for r in summaries[method]
        }
        candidates = [m for m in group if any(s.inference in EXACT for s in summaries[m].values())]
        for method in group:
            for replicate, own in summaries[method].items():
                gold = references[replicate]
                row = {"method": method, "inference": own.inference, "replicate": replicate, "reference": gold}
                row |= {"ess": own.ess, "ess_per_s": own.ess / own.seconds if own.seconds > 0 else np.nan}
                if gold == method:
                    yield {**row, "verdict": "reference", "note": f"smallest bulk ESS {own.ess:.0f}"}
                elif gold:
                    gaps = differences(own.draws, summaries[gold][replicate].draws)
                    found = {
                        f"{name}_diff": each.get((method, replicate), np.nan) - each.get((gold, replicate), np.nan)
                        for name, each in scores.items()
                    }
                    yield {**row, **gaps, **found, **_verdict(gaps, len(own.draws))}
                else:
                    yield {**row, "verdict": "no reference", "note": _why(candidates, summaries, replicate)}


def groups_of(aims: Mapping[str, Mapping[int, Aim]]) -> list[list[str]]:
    """Methods with the same posterior in every replicate, where one of them is an exact sampler."""
    found: dict[tuple[str, ...], list[str]] = {}
    for method, by_replicate in aims.items():
        found.setdefault(tuple(aim.target for _, aim in sorted(by_replicate.items())), []).append(method)
    exact = {m for m, by_replicate in aims.items() if any(aim.sampler in EXACT for aim in by_replicate.values())}
    return [group for group in found.values() if len(group) > 1 and exact & set(group)]


def differences(own: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Gaps between sorted draws ``own`` (S, T) and ``gold`` (S', T) of T probabilities.

    ``mean_max``, ``mean_mean``: |difference of means|; ``sd_max``, ``sd_mean``: of standard deviations; ``sd_ratio``: the
    mean deviation over gold's; ``w1_max``, ``w1_mean``: 1-Wasserstein distances of the marginals.
    """
    if not len(own):
        return dict.fromkeys(("mean_max", "mean_mean", "sd_max", "sd_mean", "sd_ratio", "w1_max", "w1_mean"), float("nan"))
    mean = np.abs(own.mean(0) - gold.mean(0))
    sd = np.abs(own.std(0) - gold.std(0))
    at = (np.arange(400) + 0.5) / 400
    w1 = np.abs(np.quantile(own, at, axis=0) - np.quantile(gold, at, axis=0)).mean(0)
    gaps = {"mean": mean, "sd": sd, "w1": w1}
    found = {f"{name}_{how}": float(getattr(value, how)()) for name, value in gaps.items() for how in ("max", "mean")}
    return {**found, "sd_ratio": float(own.std(0).mean() / gold.std(0).mean())}


def _verdict(gaps: Mapping[str, float], draws: int) -> dict[str, str]:
    if draws == 0:
        return {"verdict": "differs", "note": "every chain diverged"}
    if draws == 1:
        return {"verdict": "not claimed", "note": "a point estimate has no posterior"}
    wrong = []
    if not gaps["mean_max"] <= MEAN_TOLERANCE:
        wrong.append(f"error of a mean probability {gaps['mean_max']:.3f}")
    if not SD_RATIO[0] <= gaps["sd_ratio"] <= SD_RATIO[1]:
        wrong.append(f"standard deviation {gaps['sd_ratio']:.2f} times the reference's")
    return {"verdict": "differs" if wrong else "agrees", "note": "; ".join(wrong)}


def _why(candidates: Sequence[str], summaries: Summaries, replicate: int) -> str:
    """Why no exact sampler can serve as the reference."""
    told = []
    for method in candidates:
        summary = summaries[method].get(replicate)
        if summary is not None:
            short = f"has a bulk ESS of {summary.ess:.0f}, below {GOLD_ESS:.0f}"
            told.append(f"{method} {short if summary.gates_passed else 'failed a gate'}")
    return "; ".join(told)
