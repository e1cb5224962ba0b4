"""Theorem VI.2: SGD with step eta0 / (1 + t); when the loss converges, when KL vanishes, when the rate is 1 / t."""

from typing import Any

import numpy as np

from mtbkd.questions.adaptive.result import Result
from mtbkd.questions.adaptive.student import Task, task

OPERATORS = ("equal", "safety first")
RIDGE, FAST, SLOW = 0.1, 2.0, 0.1  # eta0 in units of 1 / curvature
SETTINGS = {
    "realisable": (True, 0.0, FAST),
    "realisable, ridge": (True, RIDGE, FAST),
    "realisable, ridge, small step": (True, RIDGE, SLOW),
    "not realisable": (False, 0.0, FAST),
}
SHORT = 0.75  # a slope above minus this is slower than 1 / t
CONTEXTS = np.array([[0.8, 0.2], [0.2, 0.8]])
EXTREMES = np.array([[0.9, 0.1], [0.1, 0.9]])


def descend(of: Task, eta0: float, steps: int, runs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Times (T,), spaced evenly in log t, and the parameters there (T, R, F, V - 1) of runs that start at 0."""
    times = np.unique(np.geomspace(1, steps, 25).round().astype(int))
    theta = np.zeros((runs, of.features.shape[1], of.teachers.shape[-1] - 1))
    rows, target, kept = rng.integers(0, len(of.features), (steps, runs)), of.target, []
    for t in range(steps):
        at = rows[t]
        x = of.features[at][:, None]
        logits = np.concatenate([(x @ theta)[:, 0], np.zeros((runs, 1))], -1)
        prob = np.exp(logits - logits.max(-1, keepdims=True))
        error = (prob / prob.sum(-1, keepdims=True) - target[at])[:, None, :-1]
        theta = theta - eta0 / (1 + t) * (x.transpose(0, 2, 1) * error + of.ridge * theta)
        if t + 1 in times:
            kept.append(theta)
    return times, np.array(kept)


def curves(steps: int, runs: int, seed: int) -> list[dict[str, Any]]:
    """setting, operator, step, excess (mean loss above the optimum, nats), se, kl (mean), least_kl (at the optimum)."""
    rows = []
    for setting, (realisable, ridge, factor) in SETTINGS.items():
        for operator in OPERATORS:
            rng = np.random.default_rng(seed)
            own = task(operator, realisable, ridge, rng)
            best = own.optimum()
            times, theta = descend(own, factor / own.curvature(best), steps, runs, rng)
            excess, kl = own.loss(theta) - own.loss(best), own.kl(theta)
            se = excess.std(1, ddof=1) / np.sqrt(runs)
            rows += [{"setting": setting, "operator": operator, "step": int(t), "excess": float(e), "se": float(s),
                      "kl": float(k), "least_kl": float(own.kl(best))}
                     for t, e, s, k in zip(times, excess.mean(1), se, kl.mean(1), strict=True)]  # fmt: skip
    return rows


def results(rows: list[dict[str, Any]]) -> list[Result]:
    """What VI.2 says, of the rows of ``curves``; means over operators."""
    last = {setting: [_last(rows, setting, operator) for operator in OPERATORS] for setting in SETTINGS}
    excess = float(np.mean([own["excess"] for own in last["realisable"]]))
    rates = {setting: float(np.mean([_slope(rows, setting, operator) for operator in OPERATORS]))
             for setting in ("realisable, ridge", "realisable, ridge, small step")}  # fmt: skip
    vanishing = float(np.mean([own["kl"] for own in last["realisable"]]))
    ridge, unable = (float(np.mean([own["least_kl"] for own in last[s]])) for s in ("realisable, ridge", "not realisable"))
    unseen = context_gap(CONTEXTS, EXTREMES)
    gone = "E KL(q || p) of the best student, nats"
    return [
        Result("VI.2 (i)", "The loss converges.", "realisable", "loss above the optimum after the last step, nats", excess, 0.0,
               excess < 0.01, "For every conforming operator that was tried."),
        Result("VI.2 (ii)", "KL vanishes.", "realisable", "KL after the last step, nats", vanishing, 0.0, vanishing < 0.01,
               "Needs A3, realisability."),
        Result("VI.2 (ii)", "KL vanishes.", "not realisable", gone, unable, 0.0, unable < 1e-6,
               "A stationary point is not a perfect fit: without A3 the projection's KL remains.", claimed=False),
        Result("VI.2 (ii)", "KL vanishes.", "realisable, ridge", gone, ridge, 0.0, ridge < 1e-6,
               "The ridge that (iii) suggests for strong convexity makes (ii) false.", claimed=False),
        Result("VI.2 (ii)", "KL vanishes.", "weights differ by context", gone, unseen, 0.0, unseen < 1e-6,
               "A3 cannot hold: q depends on (t, c), the student p(.|x) does not.", claimed=False),
        Result("VI.2 (iii)", "The excess loss falls as C / t.", "realisable, ridge", "slope of log excess in log t",
               rates["realisable, ridge"], -1.0, rates["realisable, ridge"] <= -SHORT,
               "eta0 = 2 / curvature. A slope of -1 says that the rate is tight (IX-C)."),
        Result("VI.2 (iii)", "The excess loss falls as C / t.", "realisable, ridge, small step", "slope of log excess in log t",
               rates["realisable, ridge, small step"], -1.0, rates["realisable, ridge, small step"] <= -SHORT,
               "eta0 must exceed 1 / (2 curvature); below, the rate is t^(-2 eta0 curvature)."),
    ]  # fmt: skip


def context_gap(weights: np.ndarray, teachers: np.ndarray) -> float:
    """Least E_c KL(q_c || p), nats, of a student that does not see c: ``weights`` (C, G), ``teachers`` (G, V)."""
    pooled = weights @ teachers
    return float((pooled * np.log(pooled / pooled.mean(0))).sum(-1).mean())


def _of(rows: list[dict[str, Any]], setting: str, operator: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["setting"] == setting and row["operator"] == operator]


def _last(rows: list[dict[str, Any]], setting: str, operator: str) -> dict[str, Any]:
    return _of(rows, setting, operator)[-1]


def _slope(rows: list[dict[str, Any]], setting: str, operator: str) -> float:
    """Least-squares slope of log excess in log t over the last hundredfold of steps."""
    own = _of(rows, setting, operator)
    late = [row for row in own if row["step"] * 100 >= own[-1]["step"]]
    return float(np.polyfit(np.log([row["step"] for row in late]), np.log([row["excess"] for row in late]), 1)[0])
