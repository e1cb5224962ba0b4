"""Model criticism: PSIS leave-one-out and posterior predictive checks, by ArviZ.

LOO (Vehtari, Gelman & Gabry 2017) estimates the log predictive density of each observed label from draws that did not see
it; draws of a variational family are reweighted to the posterior first (Yao et al. 2018). Draws that claim no posterior, as
dropout's and an ensemble's, have none: taking a label out by weights presumes draws that are proportional to its likelihood.
Those of a tempered posterior pi^(1/T) are proportional to p(y_i | theta)^(1/T): the ratios that take a label out are
p(y_i | theta)^(-1/T), and what they average is p(y_i | theta) itself.

The posterior predictive check asks whether replicated labels of the test examples fall into each class as often as the real
ones do.
Shapes: C chains, S kept draws per chain, L observed examples, M test examples, K classes.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.agreement import Summary, agreement_rows
from mtbkd.evaluation.scoring import ALL, Examples
from mtbkd.evaluation.tables import Tables
from mtbkd.inference.convergence import Claim
from mtbkd.inference.function_space import thinned

arviz_base: Any = lazy_import("arviz_base")
arviz_stats: Any = lazy_import("arviz_stats")

MIN_DRAWS = 25  # PSIS fits a Pareto to the largest fifth and needs five draws there
BAD_KHAT, MOST_BAD = 0.7, 0.1  # a k-hat above the first is bad; with a larger share of them there is no stacking weight
NO_POSTERIOR = "claims no posterior: no leave-one-out"
STACKED = "stacked chains are a mixture of modes, not a posterior whose draws can be reweighted"
FEW_DRAWS = f"fewer than {MIN_DRAWS} draws: no leave-one-out"
NO_WEIGHT = f"no stacking weight: more than {MOST_BAD:.0%} of the k-hats exceed {BAD_KHAT:g}"


def leave_one_out(draws: Draws, index: int, temperature: float = 1.0) -> Any:
    """ArviZ's ELPDData of the replicate at position ``index``, or None for too few draws (a point estimate).

    ``temperature``: T of the tempered posterior that the draws are of.
    """
    kept = ~draws.diverged[index]
    values = draws.log_likelihood[index][kept].astype(np.float64)
    if not len(values) or values.shape[0] * values.shape[1] < MIN_DRAWS:
        return None
    # PSIS refuses ties, which saturated probabilities make; this is far below the likelihood's float32 resolution.
    values -= 1e-10 * np.random.default_rng(0).random(values.shape)
    tree = arviz_base.from_dict({"log_likelihood": {"y": values}, "posterior": {"log_posterior": values.sum(-1)}})
    ratio = draws.sample_stats.get("log_ratio")
    if ratio is not None:
        ratio = ratio[index][kept][:, thinned(ratio.shape[2], values.shape[1])].astype(np.float64)
    # ArviZ warns of large k-hats; their share is a column of the table.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if temperature != 1:
            return _tempered(tree, values, ratio, temperature)
        if ratio is None:
            return arviz_stats.loo(tree, pointwise=True)
        return arviz_stats.loo_approximate_posterior(tree, ratio, np.zeros_like(ratio), pointwise=True)


def _tempered(tree: Any, values: np.ndarray, ratio: np.ndarray | None, temperature: float) -> Any:
    """Leave-one-out of draws of pi^(1/T); ``values`` (C, S, L), ``ratio`` (C, S) of pi^(1/T) to what was drawn from."""
    from xarray import DataArray

    log_prob = np.moveaxis(values, -1, 0)
    drawn = np.zeros(values.shape[:2]) if ratio is None else ratio
    # psislw takes minus the log-ratios.
    log_weight, khat = arviz_stats.base.array_stats.psislw(log_prob / temperature - drawn, axis=(1, 2))
    observed = tree["log_likelihood"]["y"].dims[-1]
    weights = DataArray(log_weight, dims=(observed, "chain", "draw"))
    found = arviz_stats.loo(tree, pointwise=True, log_weights=weights, pareto_k=DataArray(khat, dims=observed))
    total = np.logaddexp.reduce((log_prob + drawn).reshape(len(log_prob), -1), axis=1)
    found.p = float((total - np.logaddexp.reduce(drawn.ravel())).sum() - found.elpd)
    return found


def loo_row(found: Any) -> dict[str, float]:
    """Expected log predictive density and its error, effective number of parameters, worst k-hat and share above .7."""
    k = np.asarray(found.pareto_k)
    return {
        "elpd_loo": float(found.elpd), "se": float(found.se), "p_loo": float(found.p), "n": int(found.n_data_points),
        "khat_max": float(k.max()), "khat_bad": float((k > BAD_KHAT).mean()),
    }  # fmt: skip


def stacking_weights(found: Mapping[str, Any]) -> dict[str, float]:
    """Weight of each method in the stack that predicts left-out labels best (Yao et al. 2018); {} for fewer than two."""
    if len(found) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = arviz_stats.compare(dict(found), method="stacking", round_to="none")
    return {str(method): float(weight) for method, weight in table["weight"].items()}


def predictive_check(prob: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """Posterior predictive check: do replicated labels have the class counts of the real ones? One row per class.

    The number of examples of a class is Poisson-binomial given a draw; its Gaussian approximation, averaged over draws,
    gives the posterior predictive p-value without simulating labels.

    Args:
        prob: (S, M, K), draws of class probabilities.
        y: (M,), labels; -1 are left out.

    Returns:
        ``class``, ``observed`` and ``expected`` share, two-sided ``p_value``: near 0 where the draws cannot produce as many
        or as few as were observed.
    """
    from scipy.special import ndtr

    prob, y = prob[:, y >= 0].astype(np.float64), y[y >= 0]
    count = prob.sum(1)
    sd = np.sqrt((prob * (1 - prob)).sum(1)).clip(min=1e-12)
    observed = np.bincount(y, minlength=prob.shape[-1])
    below = ndtr((observed - count) / sd).mean(0)
    p_value = 2 * np.minimum(below, 1 - below)
    return [
        {"class": k, "observed": seen / len(y), "expected": expected / len(y), "p_value": float(p)}
        for k, (seen, expected, p) in enumerate(zip(observed.tolist(), count.mean(0).tolist(), p_value, strict=True))
    ]


@dataclass
class Criticised:
    """What the tables agreement, loo and predictive_checks need of every method; draws themselves are not kept."""

    summaries: dict[str, dict[int, Summary]] = field(default_factory=dict)
    loo: dict[int, dict[str, Any]] = field(default_factory=dict)
    without_loo: dict[tuple[str, int], str] = field(default_factory=dict)
    checks: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)

    def take(self, method: str, replicate: int, draws: Draws, index: int, examples: Examples) -> None:
        """Summarise one replicate; point estimates have no predictive distribution to check."""
        self.summaries.setdefault(method, {})[replicate] = Summary.of(draws, index)
        claim = Claim.of(registry.part("inference", draws.attrs["inference"]))
        if claim.draws == "point" or draws.diverged[index].all():
            return
        if not claim.posterior:
            self.without_loo[method, replicate] = NO_POSTERIOR
        elif draws.stacking:
            self.without_loo[method, replicate] = STACKED
        elif (found := leave_one_out(draws, index, _temperature(draws, replicate))) is None:
            self.without_loo[method, replicate] = FEW_DRAWS
        else:
            self.loo.setdefault(replicate, {})[method] = found
        test = examples.split == "test"
        prob = draws.prob[index][~draws.diverged[index]][..., test, :]
        self.checks[method, replicate] = predictive_check(prob.reshape(-1, *prob.shape[2:]), examples.y[test])

    def add_to(self, tables: Tables, attrs: Mapping[str, Mapping[str, Any]], levels: Sequence[float]) -> None:
        """Rows of the three tables."""
        named = {
            m: {"method": m, **{n: each.get(n) or "" for n in ("signal", "weights", "inference")}} for m, each in attrs.items()
        }
        level = f"coverage@{min(levels, key=lambda each: abs(each - 0.9)):g}"
        scores: dict[str, dict[tuple[str, int], float]] = {"coverage": {}, "nll": {}}
        for row in tables.rows["metrics"]:
            name = "coverage" if row["metric"] == level else row["metric"]
            if name in scores and (row["kind"], row["split"], row["domain"]) == ("student", "test", ALL):
                scores[name][row["method"], row["replicate"]] = row["value"]
        tables.add("agreement", list(agreement_rows(self.summaries, scores)))
        tables.add("loo", [{**named[method], **row} for method, row in self._loo_rows()])
        for (method, replicate), rows in self.checks.items():
            tables.add("predictive_checks", rows, **named[method], replicate=replicate)

    def _loo_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(method, row); a method whose k-hats are bad in some replicate is in no stack, so that all stacks are of the same."""
        rows = [(m, r, loo_row(each)) for r, found in self.loo.items() for m, each in found.items()]
        bad = {method for method, _, row in rows if row["khat_bad"] > MOST_BAD}
        weights = {r: stacking_weights({m: e for m, e in found.items() if m not in bad}) for r, found in self.loo.items()}
        for method, replicate, row in rows:
            weight = math.nan if method in bad else weights[replicate].get(method, 1.0)
            yield method, {**row, "replicate": replicate, "stacking_weight": weight, "note": NO_WEIGHT if method in bad else ""}
        for (method, replicate), why in self.without_loo.items():
            yield method, {"replicate": replicate, "note": why}


def _temperature(draws: Draws, replicate: int) -> float:
    """T of the posterior that a replicate's draws are of."""
    return next((row.get("temperature", 1.0) for row in draws.tuning if row["replicate"] == replicate and row["chosen"]), 1.0)
