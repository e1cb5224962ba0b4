"""Model criticism: PSIS leave-one-out and posterior predictive checks, by ArviZ.

LOO (Vehtari, Gelman & Gabry 2017) estimates the log predictive density of each observed label from draws that did not see
it; draws of a variational family are reweighted to the posterior first (Yao et al. 2018). Draws that claim no posterior, as
dropout's and an ensemble's, have none: taking a label out by weights presumes draws that are proportional to its likelihood.
No more have draws whose logits were divided by one temperature: their likelihood is not the one that they are drawn by.
Those of a tempered posterior pi^(1/T) are proportional to p(y_i | theta)^(1/T): the ratios that take a label out are
p(y_i | theta)^(-1/T), and what they average is p(y_i | theta) itself.

The posterior predictive check asks whether replicated labels of the test examples fall into each class as often as the real
ones do.
Shapes: C chains, S kept draws per chain, L observed examples, M test examples, K classes.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.tables import Tables
from mtbkd.inference.convergence import Claim
from mtbkd.inference.function_space import thinned
from mtbkd.inference.student_scaling import ATTRIBUTE

arviz_base: Any = lazy_import("arviz_base")
arviz_stats: Any = lazy_import("arviz_stats")

MIN_DRAWS = 25  # PSIS fits a Pareto to the largest fifth and needs five draws there
BAD_KHAT, MOST_BAD = 0.7, 0.1  # a k-hat above the first is bad; with a larger share of them there is no stacking weight
NO_POSTERIOR = "claims no posterior: no leave-one-out"
STACKED = "stacked chains are a mixture of modes, not a posterior whose draws can be reweighted"
SCALED = "predictions divided by one temperature: not those of the posterior that the draws are of"
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


def stacking_weights(elpd: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Weight of each method in the stack that predicts left-out labels best (Yao et al. 2018); {} for fewer than two.

    ``elpd``: method -> (L,) log predictive density of each label, left out.
    """
    from xarray import DataArray

    if len(elpd) < 2:
        return {}
    found = {
        method: arviz_stats.utils.ELPDData(
            elpd=each.sum(), se=math.sqrt(len(each) * each.var()), p=math.nan, n_samples=1, n_data_points=len(each),
            scale="log", warning=False, good_k=BAD_KHAT, elpd_i=DataArray(each, dims="observed"),
        )
        for method, each in elpd.items()
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = arviz_stats.compare(found, method="stacking", round_to="none")
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


def criticise(
    tables: Tables, names: Mapping[str, str], replicate: int, draws: Draws, index: int, examples: Examples
) -> None:  # fmt: skip
    """Add one replicate's rows of loo and predictive_checks; a point estimate has no predictive distribution to check."""
    claim = Claim.of(registry.part("inference", draws.attrs["inference"]))
    if claim.draws == "point" or draws.diverged[index].all():
        return
    why, row = "", {}
    if not claim.posterior:
        why = NO_POSTERIOR
    elif draws.stacking:
        why = STACKED
    elif ATTRIBUTE in draws.attrs:
        why = SCALED
    elif (found := leave_one_out(draws, index, _temperature(draws, replicate))) is None:
        why = FEW_DRAWS
    else:
        row, common = loo_row(found), {"method": names["method"], "replicate": replicate}
        tables.add("pointwise", [{**common, "elpd": np.asarray(found.elpd_i, np.float64).ravel()}])
    tables.add("loo", [{**names, **row, "replicate": replicate, "note": why}])
    test = examples.split == "test"
    prob = draws.prob[index][~draws.diverged[index]][..., test, :]
    checks = predictive_check(prob.reshape(-1, *prob.shape[2:]), examples.y[test])
    tables.add("predictive_checks", checks, **names, replicate=replicate)


def _temperature(draws: Draws, replicate: int) -> float:
    """T of the posterior that a replicate's draws are of."""
    return next((row.get("temperature", 1.0) for row in draws.tuning if row["replicate"] == replicate and row["chosen"]), 1.0)
