"""Simulation-based calibration (Talts et al. 2018): are an algorithm's posteriors right on average over data sets?

Draw theta from the prior and labels from theta, sample the posterior of the labels, and rank theta among L posterior draws:
with exact posteriors the rank is uniform on 0..L. The model is a logistic student of three parameters, without teachers; all
data sets are units of one posterior, so that chains run as one ensemble and PyMC's model is compiled once.

Three tests a quantity, each of a uniform PIT u = (rank + v) / (L + 1), v ~ U(0, 1) (a randomised rank is exactly uniform):

    uniform   chi-square of the ranks in equal bins (Talts et al.)
    shift     mean of z = Phi^-1(u) against 0: estimates lie too high (below 0) or too low
    spread    sum of z^2 against chi-square (Cook, Gelman & Rubin 2006): posteriors too narrow (sd of z above 1) or too wide

Besides each parameter the log-likelihood is ranked, which sees what the parameters' margins do not (Modrak et al. 2023).
Shapes: U data sets, N examples, C chains, D draws, T quantities, L ranked draws.
"""

import logging
import math
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel

from mtbkd.base.errors import MtbkdError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.seeds import derive
from mtbkd.inference import Context
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.questions.exact.judge import run
from mtbkd.signals import none
from mtbkd.students.linear import Linear

if TYPE_CHECKING:
    from arviz_stats.base import array as arviz
else:
    arviz = lazy_import("arviz_stats.base.array")

log = logging.getLogger(__name__)

Verdict = Literal["calibrated", "not calibrated", "draws too few", "not claimed", "not run"]
EXAMPLES, INPUTS, PRIOR_SCALE = 50, 2, 1.0
CORRELATION = 0.8  # of the two inputs: an approximation without correlations must show
QUANTITIES = (*(f"weight {i}" for i in range(1, INPUTS + 1)), "intercept", "log-likelihood")
# Draws ranked a data set: fewer say little, more make ranks no sharper than so many data sets can show.
LEAST_RANKED, MOST_RANKED = 9, 100
PER_BIN = 10  # expected ranks in a bin of the chi-square
TOO_NARROW = 1.3  # the fault of which the page says how likely it is to be found
LEVEL = 0.01  # chance that an exact algorithm is called not calibrated, over all its tests (Bonferroni)


class Model(NamedTuple):
    """``problem`` of U units; the ``theta`` (U, P), ``x`` (U, N, d) and ``y`` (U, N) behind them."""

    problem: Problem
    theta: np.ndarray
    x: np.ndarray
    y: np.ndarray


def simulate(datasets: int, seed: int) -> Model:
    """``datasets`` draws of prior and data."""
    rng = np.random.default_rng(derive(seed, "sbc"))
    theta = PRIOR_SCALE * rng.standard_normal((datasets, INPUTS + 1))
    x = rng.standard_normal((datasets, EXAMPLES, INPUTS))
    x[..., 1] = CORRELATION * x[..., 0] + math.sqrt(1 - CORRELATION**2) * x[..., 1]
    y = (rng.random((datasets, EXAMPLES)) < 1 / (1 + np.exp(-_logit(theta[:, None], x)[:, 0]))).astype(np.int64)
    one = torch.ones(datasets)
    problem = make_problem(
        Linear(INPUTS, 2, False), torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y), torch.arange(datasets), none,
        none.Settings(), Shared(one, one, PRIOR_SCALE * one, one, one),
    )  # fmt: skip
    return Model(problem, theta, x, y)


def _logit(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Logits (U, S, N) of draws ``theta`` (U, S, P) at ``x`` (U, N, d)."""
    return np.einsum("usd,und->usn", theta[..., :INPUTS], x) + theta[..., INPUTS:]


def measure(model: Model, theta: np.ndarray) -> np.ndarray:
    """Quantities (U, S, T) of draws ``theta`` (U, S, P)."""
    logit = _logit(theta, model.x)
    log_likelihood = (model.y[:, None] * logit - np.logaddexp(0, logit)).sum(-1)
    return np.concatenate([theta, log_likelihood[..., None]], -1)


class Ranks(NamedTuple):
    """``rank`` int (U', T) of the truth among ``draws`` (L), of the data sets whose chains stayed finite; ``lost`` did not."""

    rank: np.ndarray
    draws: int
    lost: int


def ranks(model: Model, params: np.ndarray, chains_of_markov: bool) -> Ranks:
    """Ranks of the truth among thinned draws of ``params`` (U, C, D, P).

    L is half the effective sample size that nine in ten data sets reach, so that ranked draws are all but independent, at most
    MOST_RANKED, and such that L + 1 is a multiple of the number of bins; 0 where that leaves less than LEAST_RANKED.
    """
    units, chains, draws, size = params.shape
    kept = np.isfinite(params).all((1, 2, 3))
    flat = params.reshape(units, chains * draws, size).astype(np.float64)
    # A lost data set keeps its place until the end, as zeros.
    values = measure(model, np.where(kept[:, None, None], flat, 0.0))[kept]
    truth = measure(model, model.theta[:, None])[kept]
    worth = float(chains * draws)
    if chains_of_markov and len(values):
        by_chain = np.moveaxis(values.reshape(len(values), chains, draws, -1), -1, 1)
        with np.errstate(all="ignore"):
            ess = np.asarray(arviz.array_stats.ess(by_chain, method="bulk")) if draws >= 4 else np.zeros(1)
        worth = 0.5 * float(np.quantile(np.nan_to_num(ess.min(-1)), 0.1))
    bins = num_bins(len(values))
    most = min(worth, MOST_RANKED)
    count = int((most + 1) // bins) * bins - 1 if bins else 0
    count = count if count >= LEAST_RANKED else 0
    at = np.linspace(0, chains * draws, count, endpoint=False).astype(int)
    return Ranks((values[:, at] < truth).sum(1), count, int((~kept).sum()))


def one_chain(settings: BaseModel) -> BaseModel:
    """``settings`` with one chain a data set: whether chains agree is judged elsewhere."""
    return settings.model_copy(update={"chains": 1}) if "chains" in type(settings).model_fields else settings


def num_bins(datasets: int) -> int:
    """Bins of the chi-square: PER_BIN data sets each, 20 at most, none for less than two of them."""
    bins = min(datasets // PER_BIN, 20)
    return bins if bins >= 2 else 0


def pit(rank: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Randomised PIT values in (0, 1) of ranks in 0..L."""
    return (rank + rng.uniform(size=rank.shape)) / (draws + 1)


def assess(found: Ranks, seed: int) -> list[dict[str, Any]]:
    """The three tests of every quantity: rows {quantity, datasets, draws, p_uniform, shift, p_shift, spread, p_spread}."""
    from scipy import special, stats

    rng, rows = np.random.default_rng(derive(seed, "sbc pit")), []
    datasets, bins = len(found.rank), num_bins(len(found.rank))
    for quantity, rank in zip(QUANTITIES, found.rank.T, strict=True):
        z = special.ndtri(pit(rank, found.draws, rng))
        observed = np.bincount(rank * bins // (found.draws + 1), minlength=bins)
        lower = float(stats.chi2.cdf((z**2).sum(), datasets))
        rows.append({
            "quantity": quantity, "datasets": datasets, "draws": found.draws, "p_uniform": float(stats.chisquare(observed)[1]),
            "shift": float(z.mean()), "p_shift": float(2 * special.ndtr(-abs(z.mean()) * math.sqrt(datasets))),
            "spread": float(z.std()), "p_spread": 2 * min(lower, 1 - lower),
        })  # fmt: skip
    return rows


def verdict(rows: list[dict[str, Any]]) -> Verdict:
    """Not calibrated when any test falls below LEVEL over their number."""
    smallest = [min(row["p_uniform"], row["p_shift"], row["p_spread"]) for row in rows]
    return "not calibrated" if min(smallest) < LEVEL / (3 * len(rows)) else "calibrated"


def power(datasets: int, factor: float = TOO_NARROW) -> float:
    """Chance that posteriors too narrow by ``factor`` are found out: by the test of spread, of one quantity alone."""
    from scipy import stats

    tail = LEVEL / (3 * len(QUANTITIES)) / 2
    low, high = stats.chi2.ppf([tail, 1 - tail], datasets) / factor**2
    return float(stats.chi2.cdf(low, datasets) + stats.chi2.sf(high, datasets))


def calibrate(
    datasets: int, module: ModuleType, settings: BaseModel, context: Context
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run one algorithm on ``datasets`` simulated data sets.

    Returns:
        rows of ``assess`` with ``verdict`` and ``note``, one without a quantity where nothing could be ranked; and one row a
        quantity and data set: {quantity, dataset, rank, draws}.
    """
    if module.DRAWS == "point":
        return [_silent("not claimed", "a point estimate has no draws")], []
    model = simulate(datasets, context.seed)
    own = Context(context.seed, tuple(range(datasets)), context.training, context.device)
    try:
        fit = run(model.problem, module, one_chain(settings), own)
    except MtbkdError as error:
        return [_silent("not run", str(error))], []
    found = ranks(model, fit.params.numpy(), module.DRAWS == "chains")
    if found.draws < 1:
        return [_silent("draws too few", "the effective sample size leaves no independent draws to rank among")], []
    rows, note = assess(found, context.seed), f"{found.lost} data sets left out: not finite" if found.lost else ""
    said = verdict(rows) if module.CLAIMS_POSTERIOR else "not claimed"
    log.info("calibration: %s with %d draws of %d data sets", said, found.draws, len(found.rank))
    table = [
        {"quantity": quantity, "dataset": i, "rank": int(rank), "draws": found.draws}
        for quantity, column in zip(QUANTITIES, found.rank.T, strict=True)
        for i, rank in enumerate(column)
    ]
    return [row | {"verdict": said, "note": note} for row in rows], table


def _silent(said: Verdict, note: str) -> dict[str, Any]:
    return {"quantity": "", "verdict": said, "note": note}
