"""Section VIII on a student without limits to its form: the price of safety, KKT conditions, and where they fail.

Labels have probabilities pi, the pool is q, the student p; Safety(p) = 1 - sum over critical labels of pi_y (1 - p_y), concave.
Minimise KL(q || p) subject to Safety(p) >= s. Stationarity gives p_y = q_y / (nu - mu pi_y 1[y in S]) with sum p = 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.questions.adaptive.result import Result

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = lazy_import("scipy.optimize")

POOL, LABELS, CRITICAL = np.array([0.655, 0.222, 0.123]), np.array([0.5, 0.2, 0.3]), np.array([0.0, 0.0, 1.0])
LIMITS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
STEP = 1e-5


@dataclass(frozen=True)
class Solution:
    """The student p (V,) under a limit, with its multiplier, safety, and loss (KL, nats)."""

    prob: np.ndarray
    multiplier: float
    safety: float
    loss: float


def safety(prob: np.ndarray) -> float:
    """Expected safety of p (V,)."""
    return float(1 - (LABELS * CRITICAL * (1 - prob)).sum())


def at(multiplier: float) -> Solution:
    """The minimiser of KL(q || p) - mu Safety(p)."""
    gain = multiplier * LABELS * CRITICAL
    lowest = gain.max()
    ends = (lowest + POOL[gain.argmax()] * 0.5, lowest + 1 + 1e-9)
    nu = optimize.root_scalar(lambda v: float((POOL / (v - gain)).sum() - 1), bracket=ends, xtol=1e-14).root
    prob = POOL / (nu - gain)
    return Solution(prob, multiplier, safety(prob), float((POOL * np.log(POOL / prob)).sum()))


def solve(limit: float) -> Solution:
    """The solution for Safety >= ``limit``, below 1."""
    free = at(0.0)
    if free.safety >= limit:
        return free
    return at(optimize.root_scalar(lambda mu: at(mu).safety - limit, bracket=(0, 1e4), xtol=1e-13).root)


def frontier() -> list[dict[str, float]]:
    """limit, safety, loss, multiplier, slope (of the loss in the limit, by differences), residual (of stationarity)."""
    rows: list[dict[str, Any]] = []
    for limit in LIMITS:
        own = solve(limit)
        slope = (solve(limit + STEP).loss - solve(limit - STEP).loss) / (2 * STEP)
        rows.append({"limit": limit, "safety": own.safety, "loss": own.loss, "multiplier": own.multiplier, "slope": slope,
                     "residual": residual(own), "slack": own.multiplier * (own.safety - limit)})  # fmt: skip
    return rows


def residual(own: Solution) -> float:
    """The largest component of the gradient of KL - mu Safety by the student's logits."""
    by_prob = own.multiplier * LABELS * CRITICAL
    by_logit = own.prob * (by_prob - (own.prob * by_prob).sum())
    return float(np.abs(own.prob - POOL - by_logit).max())


def results(rows: list[dict[str, float]]) -> list[Result]:
    """VIII.5 to VIII.7, with ``rows`` of the frontier."""
    bound = [row for row in rows if row["multiplier"] > 0]
    gap = max(abs(row["slope"] - row["multiplier"]) for row in rows)
    worst = max(max(row["residual"], abs(row["slack"])) for row in rows)
    dearest = bound[-1]
    # Safety = 4 p (1 - p) reaches 1 at p = 1/2 alone, where it is flat in the student's logit; q = (0.9, 0.1).
    loss_slope, safety_slope = 0.5 - 0.9, 4 * (1 - 2 * 0.5) * 0.5 * 0.5
    # Two inputs, q = (0.9, 0.1) on the critical one and (0.1, 0.9) elsewhere: a student that sees no input says (0.5, 0.5).
    ensemble, blind = 0.9, (0.9 + 0.1) / 2
    where = "student of any form, three labels, one critical"
    return [
        Result("VIII.6", "Stationarity, feasibility and slackness hold with a multiplier of at least 0.", where,
               "largest residual", worst, 0.0, worst < 1e-6, "A strictly safer student exists (Slater's condition)."),
        Result("VIII.5", "The multiplier is the price of safety.", where, "largest difference from the slope of the loss", gap,
               0.0, gap < 1e-3, f"At {dearest['limit']:g}: {dearest['multiplier']:.2f} nats a unit of safety; "
               "0 while the limit does not bind."),
        Result("VIII.6", "A multiplier exists for every limit in (0, 1].", "Safety = 4 p (1 - p), limit 1, q = (0.9, 0.1)",
               "slope of the loss where that of safety is 0", abs(loss_slope), abs(safety_slope),
               abs(loss_slope) <= abs(safety_slope), "One point is left: KKT needs a constraint qualification."),
        Result("VIII.7", "The student is at least as safe as the pool on critical contexts.",
               "a student that sees no input; q = (0.9, 0.1) on the critical one, (0.1, 0.9) elsewhere",
               "safety of the student", blind, ensemble, blind >= ensemble,
               "The proof takes p = q from VI.2 (ii): it needs realisability.", claimed=False),
    ]  # fmt: skip
