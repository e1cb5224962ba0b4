"""Does an algorithm recover a posterior that is known? One verdict a case and quantity.

Monte Carlo errors are those of ArviZ, at the effective sample size that it estimates. With e the error of the estimated mean in
exact standard deviations, r the ratio of estimated to exact sd, a the allowance of 5 Monte Carlo errors and b the case's
tolerance for bias:

    recovers       |e| <= b + a_mean and |r - 1| <= b + a_sd, the allowances being at most MAX_ALLOWANCE
    fails          one of the two errors is larger than that, or every chain left the finite numbers
    draws too few  no error is larger, but an allowance is: the draws could not have told
    not claimed    the algorithm claims no posterior (its ``CLAIMS_POSTERIOR``): point estimates, ensembles, dropout

Shapes: C chains, D draws, P parameters, T quantities.
"""

import logging
import time
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel

from mtbkd.base.errors import ConfigError, MtbkdError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.inference import Context, Fit
from mtbkd.posterior.target import Target
from mtbkd.questions.exact.case import Case

if TYPE_CHECKING:
    from arviz_stats.base import array as arviz
else:
    arviz = lazy_import("arviz_stats.base.array")

log = logging.getLogger(__name__)

Verdict = Literal["recovers", "fails", "draws too few", "not claimed", "not run"]
ERRORS = 5.0  # Monte Carlo errors that chance may have; one in a million goes further
MIN_RATIOS = 100  # fewer have no tail to fit
MAX_ALLOWANCE = 0.25  # exact sds: 400 effective draws of a mean, as the gates ask for


class Estimate(NamedTuple):
    """What draws say of the quantities, each (T,); ``allowance`` of mean and sd in exact sds, ``rhat`` NaN without chains."""

    mean: np.ndarray
    sd: np.ndarray
    mean_allowance: np.ndarray
    sd_allowance: np.ndarray
    ess: np.ndarray
    rhat: np.ndarray


def judge(case: Case, module: ModuleType, settings: BaseModel, context: Context) -> list[dict[str, Any]]:
    """Run one algorithm on one case.

    Returns:
        rows {case, quantity, exact_mean, exact_sd, mean, sd, mean_error, sd_ratio, mean_allowance, sd_allowance, tolerance,
        ess, rhat, khat, seconds, verdict, note}; one row without a quantity where the algorithm cannot be run.
    """
    began = time.monotonic()
    try:
        fit = run(case.target, module, settings, context)
    except MtbkdError as error:
        return [{"case": case.name, "quantity": "", "verdict": "not run", "note": str(error)}]
    seconds = time.monotonic() - began
    rows = list(_rows(case, fit, module.CLAIMS_POSTERIOR))
    common = {"khat": _khat(fit), "seconds": round(seconds, 2)}
    log.info("%s: %s in %.1f s", case.name, ", ".join(dict.fromkeys(row["verdict"] for row in rows)), seconds)
    return [row | common for row in rows]


def run(target: Target, module: ModuleType, settings: BaseModel, context: Context) -> Fit:
    """The algorithm's draws; MtbkdError where it does not suit the target."""
    if module.NEEDS_HIDDEN and not target.hidden:
        raise ConfigError("needs a student with a hidden layer, which no exact case has")
    return module.run(target, settings, module.init(target, settings, context), context)


def _rows(case: Case, fit: Fit, claimed: bool) -> Iterator[dict[str, Any]]:
    chains, lost = finite_chains(fit.params[0])
    note = f"{lost} of {lost + len(chains)} chains left the finite numbers" if lost else ""
    found = estimate(case, chains) if len(chains) else None
    for i, quantity in enumerate(case.quantities):
        row: dict[str, Any] = {"case": case.name, "quantity": quantity, "tolerance": case.tolerance, "note": note}
        row |= {"exact_mean": case.mean[i], "exact_sd": case.sd[i]}
        if found is None:
            yield row | {"verdict": "fails" if claimed else "not claimed"}
            continue
        row |= {name: float(value[i]) for name, value in found._asdict().items()}
        row["mean_error"] = (row["mean"] - case.mean[i]) / case.sd[i]
        row["sd_ratio"] = row["sd"] / case.sd[i]
        yield row | {"verdict": verdict(row) if claimed else "not claimed"}


def finite_chains(params: "torch.Tensor") -> "tuple[torch.Tensor, int]":
    """The chains of ``params`` (C, D, P) that stayed finite, in double precision, and how many did not."""
    kept = torch.isfinite(params).all(-1).all(-1)
    return params[kept].double(), int((~kept).sum())


def estimate(case: Case, params: "torch.Tensor") -> Estimate:
    """Means, sds and their Monte Carlo errors from draws (C, D, P)."""
    chains, draws, _ = params.shape
    values = case.measure(params.flatten(0, 1)).unflatten(0, (chains, draws)).movedim(-1, 0).numpy()
    flat = values.reshape(len(values), -1)
    unknown = np.full(len(values), np.nan)
    if draws < 4:  # ArviZ's least
        return Estimate(flat.mean(1), flat.std(1), unknown, unknown, unknown, unknown)
    stats, ess = arviz.array_stats, np.full(len(values), 1.0)
    mean_error, sd_error, moves = unknown.copy(), unknown.copy(), np.ptp(flat, axis=1) > 0
    if moves.any():
        with np.errstate(all="ignore"):
            ess[moves] = stats.ess(values[moves], method="mean")
            mean_error[moves] = stats.mcse(values[moves], method="mean")
            sd_error[moves] = stats.mcse(values[moves], method="sd")
    rhat: Any = stats.rhat(values) if chains > 1 else unknown
    # A quantity that never moves, or whose error is not finite, tells nothing: its allowance has no bound.
    allowed = [np.nan_to_num(ERRORS * error / case.sd, nan=np.inf) for error in (mean_error, sd_error)]
    return Estimate(flat.mean(1), flat.std(1, ddof=1), allowed[0], allowed[1], ess, rhat)


def verdict(row: dict[str, Any]) -> Verdict:
    """Of one quantity; see the module's docstring."""
    pairs = [(abs(row["mean_error"]), row["mean_allowance"]), (abs(row["sd_ratio"] - 1), row["sd_allowance"])]
    if any(error > row["tolerance"] + allowance for error, allowance in pairs):
        return "fails"
    return "recovers" if all(allowance <= MAX_ALLOWANCE for _, allowance in pairs) else "draws too few"


def _khat(fit: Fit) -> float:
    """Pareto k-hat of log p - log q (Vehtari et al. 2024), NaN where the draws come from no density or are too few."""
    ratio = fit.sample_stats.get("log_ratio")
    if ratio is None or ratio.size < MIN_RATIOS or not np.isfinite(ratio).all():
        return float("nan")
    # psislw takes the negative log ratios.
    return float(np.max(arviz.array_stats.psislw(-ratio[0])[1]))
