"""Does the model fit the labels it saw? PSIS leave-one-out and posterior predictive checks, by ArviZ.

LOO (Vehtari, Gelman & Gabry 2017) estimates the log predictive density of each observed label from draws that did not see
it; draws of a variational family are reweighted to the posterior first (Yao et al. 2018). The posterior predictive check
asks whether replicated labels of the test examples fall into each class as often as the real ones do.
Shapes: C chains, S kept draws a chain, L observed examples, M test examples, K classes.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtbkd.draws import Draws
from mtbkd.evaluation.agreement import Summary, agreement_rows
from mtbkd.evaluation.scoring import ALL, Examples
from mtbkd.evaluation.tables import Tables
from mtbkd.function_space import thinned
from mtbkd.lazy import lazy_import

arviz_base: Any = lazy_import("arviz_base")
arviz_stats: Any = lazy_import("arviz_stats")

MIN_DRAWS = 25  # PSIS fits a Pareto to the largest fifth and needs five draws there


def leave_one_out(draws: Draws, index: int) -> Any:
    """ArviZ's ELPDData of the replicate at position ``index``, or None for too few draws (a point estimate)."""
    kept = ~draws.diverged[index]
    values = draws.log_likelihood[index][kept].astype(np.float64)
    if not len(values) or values.shape[0] * values.shape[1] < MIN_DRAWS:
        return None
    # PSIS refuses ties, which saturated probabilities make; this is far below the likelihood's float32 resolution.
    values -= 1e-10 * np.random.default_rng(0).random(values.shape)
    tree = arviz_base.from_dict({"log_likelihood": {"y": values}, "posterior": {"log_posterior": values.sum(-1)}})
    ratio = draws.sample_stats.get("log_ratio")
    # ArviZ warns of large k-hats; their share is a column of the table.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ratio is None:
            return arviz_stats.loo(tree, pointwise=True)
        at = thinned(ratio.shape[2], values.shape[1])
        log_ratio = ratio[index][kept][:, at]
        return arviz_stats.loo_approximate_posterior(tree, log_ratio, np.zeros_like(log_ratio), pointwise=True)


def loo_row(found: Any) -> dict[str, float]:
    """Expected log predictive density and its error, effective number of parameters, worst k-hat and share above .7."""
    k = np.asarray(found.pareto_k)
    return {
        "elpd_loo": float(found.elpd), "se": float(found.se), "p_loo": float(found.p), "n": int(found.n_data_points),
        "khat_max": float(k.max()), "khat_bad": float((k > 0.7).mean()),
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
    """Would replicated labels hold as many examples of each class as the real ones? One row a class.

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
    checks: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)

    def take(self, method: str, replicate: int, draws: Draws, index: int, examples: Examples) -> None:
        """Summarise one replicate; point estimates have no predictive distribution to check."""
        self.summaries.setdefault(method, {})[replicate] = Summary.of(draws, index)
        if (found := leave_one_out(draws, index)) is None:
            return
        if not draws.stacking:  # importance ratios are those of a posterior, which stacked draws are not
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
        for replicate, found in self.loo.items():
            weights = stacking_weights(found)
            for method, each in found.items():
                row = {**named[method], **loo_row(each), "replicate": replicate, "stacking_weight": weights.get(method, 1.0)}
                tables.add("loo", [row])
        for (method, replicate), rows in self.checks.items():
            tables.add("predictive_checks", rows, **named[method], replicate=replicate)
