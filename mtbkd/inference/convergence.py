"""Are the draws reliable? The table of gates, and the functions that judge them.

A gate belongs to draws of certain kinds that claim a posterior and, where it reads a sampler's own statistic, to the
algorithms that supply it: the constants ``DRAWS``, ``CLAIMS_POSTERIOR`` and ``SUPPLIES`` of an inference module. A newly
registered algorithm therefore gets its gates by itself. Elsewhere the verdict is None, "not applicable", with the reason. A
gate that applies but lacks its statistic is "not judged". Neither ever counts as passed. Weights of a network are not
identified, so R-hat and ESS look at functions: the log-posterior and class probabilities at probe inputs, the worst of them
counting.

Kinds of draws: ``point`` (one estimate), ``independent`` (variational families, dropout masks, ensembles), ``chains``
(Markov chains). Shapes: R replicates, C chains, D draws, Q probe inputs, K classes, A levels, T quantities.
Sources: Vehtari et al. 2021 (rank-normalised R-hat, ESS), Betancourt 2016 (E-BFMI), Vehtari et al. 2024 (PSIS), Yao et
al. 2018 (PSIS for variational inference).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.inference.temperature import two_errors

if TYPE_CHECKING:
    from arviz_stats.base import array as arviz
else:
    # A quarter cheaper to import than arviz, and all that is needed.
    arviz = lazy_import("arviz_stats.base.array")

Kind = Literal["point", "independent", "chains"]
Sense = Literal["<=", ">=", "1 \N{PLUS-MINUS SIGN}"]
KINDS: tuple[Kind, ...] = ("point", "independent", "chains")


class Claim(NamedTuple):
    """What an inference module declares about its draws: kind, whether they claim a posterior, statistics supplied."""

    draws: Kind
    posterior: bool
    supplies: frozenset[str] = frozenset()

    @classmethod
    def of(cls, module: ModuleType) -> "Claim":
        return cls(module.DRAWS, module.CLAIMS_POSTERIOR, module.SUPPLIES)


class Evidence(NamedTuple):
    """Input of the gates of stage ``fit``, for one replicate; diverged chains are excluded except in ``diverged``.

    ``diverged`` bool (C,); ``quantities`` (T, C, D) the functions used to assess convergence; ``given`` the
    sampler's statistics, each (C, D), ``temperature`` (C, S) of S of the D draws (``mtbkd.inference.temperature``) and, of a
    point estimate, ``shortfall`` (1, 1) (``mtbkd.inference.arrival``).
    """

    diverged: np.ndarray
    quantities: np.ndarray
    given: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Gate:
    """One row of the table.

    Attributes:
        name: as stored in the file of draws.
        statistic: what is measured, in words.
        sense, threshold: the gate passes if ``value sense threshold``, or within threshold of 1, up to its error.
        exempt: kind of draws -> why the gate does not apply to it; it applies to all others.
        advice: what to do if it fails.
        measure: the value from the evidence; None: judged at stage ``evaluation``, where the test labels are known.
        min_chains, min_draws: with fewer, the verdict is False, "too few draws to tell".
        needs: the sampler's statistic that it uses, or "".
        without: why it does not apply to samplers that do not supply ``needs``; "": it applies but is not judged.
        asks_posterior: applies only to draws that claim a posterior.
        error: Monte Carlo error allowed in addition to the threshold; above MOST_ERROR the gate is not judged.
        informs: informative only; it is shown but does not affect ranking or marks.
    """

    name: str
    statistic: str
    sense: Sense
    threshold: float
    exempt: Mapping[Kind, str]
    advice: str
    measure: Callable[[Evidence], float] | None
    min_chains: int = 1
    min_draws: int = 100
    needs: str = ""
    without: str = ""
    asks_posterior: bool = True
    error: Callable[[Evidence], float] | None = None
    informs: bool = False

    @property
    def stage(self) -> Literal["fit", "evaluation"]:
        return "fit" if self.measure else "evaluation"

    def excess(self, value: Any) -> Any:
        """By how much a value or an array of them misses the threshold; 0 or less is a pass, without error."""
        if self.sense == "<=":
            return value - self.threshold
        return self.threshold - value if self.sense == ">=" else abs(value - 1) - self.threshold

    def worst(self, values: np.ndarray) -> float:
        """The value farthest beyond the threshold; NaN if none is known."""
        known = values[np.isfinite(values)]
        return float(known[np.argmax(self.excess(known))]) if len(known) else math.nan


@dataclass(frozen=True)
class Verdict:
    """One gate; ``value`` None: no honest number; ``verdict`` None: not applicable or, unless ``judged``, not judged."""

    gate: str
    replicate: int
    value: float | None
    threshold: float
    verdict: bool | None
    note: str = ""
    judged: bool = True


def _rhat(evidence: Evidence) -> float:
    return float(np.max(arviz.array_stats.rhat(evidence.quantities), initial=-np.inf))


def _ess(evidence: Evidence, **kind: Any) -> float:
    return float(np.min(arviz.array_stats.ess(evidence.quantities, **kind), initial=np.inf))


def _khat(evidence: Evidence) -> float:
    # array_stats.psislw takes the NEGATIVE log ratios (a log-likelihood, as leave-one-out needs it).
    return float(np.max(arviz.array_stats.psislw(-evidence.given["log_ratio"])[1]))


_POINT = "a point estimate has no draws to compare"
_INDEPENDENT = "independent draws need no mixing; the approximation is judged by other gates"
_MIXING: Mapping[Kind, str] = {"point": _POINT, "independent": _INDEPENDENT}
_SAMPLER: Mapping[Kind, str] = {"point": _POINT, "independent": "no Markov chain"}
_NO_CLAIM = "the algorithm claims no posterior"
_DRAWN = "the draws are judged, not their starting points"
_LONGER = "run longer chains or change the step size; report chains in several modes as such"

MOST_ERROR = 0.25

_TABLE = (
    Gate("diverged", "share of chains with non-finite values", "<=", 0.0, {},
         "reduce the step size or the learning rate, or use a finite prior scale",
         lambda evidence: float(evidence.diverged.mean()), 0, 0, asks_posterior=False),
    Gate("rhat", "largest rank-normalised split R-hat of log-posterior and probe probabilities", "<=", 1.01, _MIXING,
         _LONGER, _rhat, 2),
    Gate("ess_bulk", "smallest bulk effective sample size of the same quantities", ">=", 400.0, _MIXING, _LONGER,
         lambda evidence: _ess(evidence, method="bulk"), 2),
    Gate("ess_tail", "smallest effective sample size of their 5 % and 95 % quantiles", ">=", 400.0, _MIXING, _LONGER,
         lambda evidence: _ess(evidence, method="tail", prob=(0.05, 0.95)), 2),
    Gate("ebfmi", "smallest energy-Bayesian fraction of missing information of a chain", ">=", 0.3, _SAMPLER,
         "reparametrise, or tighten the prior",
         lambda evidence: float(np.min(arviz.array_stats.bfmi(evidence.given["energy"]))),
         needs="energy", without="the sampler has no energy (it is not Hamiltonian)"),
    Gate("divergences", "number of divergent transitions", "<=", 0.0, _SAMPLER,
         "raise the target acceptance rate, or reparametrise",
         lambda evidence: float(evidence.given["diverging"].sum()), 1, 1,
         "diverging", "the sampler has no divergent transitions"),
    Gate("psis_khat", "largest Pareto k-hat of the ratios of posterior to approximation", "<=", 0.7,
         {"point": _POINT, "chains": "the draws do not come from an approximation with a density"},
         "use a richer family (vi: low_rank, full_rank) or a sampler; rely on predictions only if they are calibrated",
         _khat, needs="log_ratio"),
    Gate("temperature", "configurational temperature of the draws: 1 for posterior draws, above 1 if too dispersed",
         "1 \N{PLUS-MINUS SIGN}", 0.1, {"point": _POINT},
         "above 1: use a smaller step, larger minibatches, or a sampler without minibatch noise; below 1: the draws are too "
         "narrow, or parameters are held fixed", lambda evidence: float(evidence.given["temperature"].mean()),
         needs="temperature", error=lambda evidence: two_errors(evidence.given["temperature"])),
    Gate("optimised", "gain in log-posterior from a few full-batch quasi-Newton steps after the fit, nats per label", "<=",
         0.005, {"independent": _DRAWN, "chains": _DRAWN},
         "use more steps or another learning rate: the optimiser stopped short of the mode",
         lambda evidence: float(evidence.given["shortfall"].max()), 1, 1,
         "shortfall", "it was not measured", asks_posterior=False, informs=True),
    Gate("calibration", "largest |coverage - self-expected coverage| / standard error, over levels", "<=", 2.0,
         {"point": "the credible interval of a point estimate is degenerate"},
         "the predictive distribution does not fit the labels: see the coverage curve", None, asks_posterior=False),
)  # fmt: skip
GATES = {gate.name: gate for gate in _TABLE}
INFORMING = frozenset(gate.name for gate in _TABLE if gate.informs)


def gate_table() -> list[dict[str, Any]]:
    """The table for the report: one dictionary per gate; for each kind of draws ``yes`` or the reason why not."""
    columns = ("name", "stage", "statistic", "sense", "threshold")
    table = []
    for gate in GATES.values():
        applies = "yes, if a posterior is claimed" if gate.asks_posterior else "yes"
        if gate.needs:
            applies += f" and '{gate.needs}' is known; otherwise {gate.without or 'not judged'}"
        applies += "; informative only" if gate.informs else ""
        kinds = {kind: gate.exempt.get(kind, applies) for kind in KINDS}
        table.append({**{name: getattr(gate, name) for name in columns}, **kinds, "advice": gate.advice})
    return table


def judge(
    claim: Claim,
    log_posterior: np.ndarray,
    probe_prob: np.ndarray,
    sample_stats: Mapping[str, np.ndarray],
    diverged: np.ndarray,
    replicates: np.ndarray | None = None,
    gates: Iterable[Gate] = tuple(GATES.values()),
) -> list[dict[str, Any]]:
    """Judge the gates of stage ``fit``.

    Args:
        claim: what the inference module declares about its draws.
        log_posterior: (R, C, D).
        probe_prob: (R, C, D, Q, K).
        sample_stats: each (R, C, D): ``energy``, ``diverging`` (NUTS), ``log_ratio`` = log p - log q (VI, ADVI, Laplace);
            ``temperature`` (R, C, S) of S of the draws; and ``shortfall`` of point estimates.
        diverged: bool (R, C); such chains are judged by the gate ``diverged`` alone.
        replicates: numbers (R,) of the replicates, 0..R-1 by default.
        gates: all, or the variants for stacked chains (``within_chains``).

    Returns:
        rows {gate, replicate, value, threshold, verdict, note, judged}, JSON-able.
    """
    rows, fit = [], [gate for gate in gates if gate.measure]
    for r, number in enumerate(range(len(diverged)) if replicates is None else replicates):
        kept = ~diverged[r]
        quantities = _quantities(log_posterior[r][kept], probe_prob[r][kept])
        evidence = Evidence(diverged[r], quantities, {name: value[r][kept] for name, value in sample_stats.items()})
        rows.extend(asdict(_verdict(gate, claim, int(number), evidence)) for gate in fit)
    return rows


def not_applicable(gate: str, draws_kind: Kind, replicate: int) -> dict[str, Any]:
    """The row of a gate that this kind of draws is exempt from."""
    found = GATES[gate]
    return asdict(Verdict(gate, replicate, None, found.threshold, None, found.exempt[draws_kind]))


def _quantities(log_posterior: np.ndarray, probe_prob: np.ndarray) -> np.ndarray:
    """The T functions that convergence is judged on, (T, C, D): of two classes one, and none that is constant."""
    chains, draws = log_posterior.shape
    if not chains:
        return np.empty((0, chains, draws))
    prob = probe_prob[..., :1] if probe_prob.shape[-1] == 2 else probe_prob
    flat = np.moveaxis(prob.reshape(chains, draws, -1), -1, 0)
    found = np.concatenate([log_posterior[None], flat]).astype(np.float64)
    return found[np.ptp(found, axis=(1, 2)) != 0]


def _verdict(gate: Gate, claim: Claim, replicate: int, evidence: Evidence) -> Verdict:
    assert gate.measure is not None
    if reason := _exempt(gate, claim, evidence.given):
        return Verdict(gate.name, replicate, None, gate.threshold, None, reason)
    if gate.needs and gate.needs not in evidence.given:
        return Verdict(gate.name, replicate, None, gate.threshold, None, f"these draws came without '{gate.needs}'", False)
    chains, draws = evidence.quantities.shape[1:]
    if not chains and gate.min_chains:
        return Verdict(gate.name, replicate, None, gate.threshold, False, "every chain diverged")
    for found, least, what in ((chains, gate.min_chains, "chain"), (draws, gate.min_draws, "draws per chain")):
        if found < least:
            note = f"too few draws to tell: {found} {what}, needs at least {least}"
            return Verdict(gate.name, replicate, None, gate.threshold, False, note)
    with np.errstate(all="ignore"):
        value, error = gate.measure(evidence), gate.error(evidence) if gate.error else 0.0
    if not math.isfinite(value) or not math.isfinite(error):
        return Verdict(gate.name, replicate, None, gate.threshold, False, "no finite value: do the chains move?")
    passed = bool(gate.excess(value) <= error)
    if passed and error > MOST_ERROR:
        return Verdict(gate.name, replicate, value, gate.threshold, False, f"too few draws to tell: the error is {error:.2g}")
    told = f"error {error:.2g}" if gate.error else ""
    return Verdict(gate.name, replicate, value, gate.threshold, passed, told if passed else gate.advice)


def _exempt(gate: Gate, claim: Claim, given: Mapping[str, np.ndarray]) -> str:
    """Why a gate does not apply; "" where it does. A statistic that is promised is never excused."""
    if reason := gate.exempt.get(claim.draws):
        return reason
    if gate.asks_posterior and not claim.posterior:
        return _NO_CLAIM
    return "" if gate.needs in claim.supplies or gate.needs in given else gate.without
