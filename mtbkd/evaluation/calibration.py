"""The gate ``calibration``: does the coverage of the predictive distribution match its own expectation?"""

from dataclasses import asdict
from statistics import NormalDist
from typing import Any

import numpy as np

from mtbkd.inference.convergence import GATES, Verdict

SMALL_GAP = 0.01  # a mean |coverage gap| below it is called small, whatever the test says


def judge_calibration(gap: np.ndarray, se: np.ndarray, shared_sd: np.ndarray, replicate: int, looks: int = 1) -> dict[str, Any]:
    """Judge the gate ``calibration``: does the coverage of the predictive distribution match its own expectation?

    The error of the gap has two parts: that of the labels (``se``, clustered by example) and one that all test examples
    share, because the posterior behind them saw one training set (``coverage.Coverage.shared_sd``). Without the second,
    EXACT posteriors failed in 9 to 74 % of trials (Beta-Bernoulli cells, 12,000 to 100 training examples); with it, in
    4 to 6 %.

    Args:
        gap, se, shared_sd: (A,) one per level; NaN if every chain diverged.
        replicate: its number.
        looks: number of replicates judged; the threshold of 2 rises (Bonferroni, also over levels) so that a perfect
            method passes ALL of them as often as it would pass one look at 2.
    """
    gate = GATES["calibration"]
    threshold = corrected_threshold(gate.threshold, looks * len(gap))
    if not np.isfinite(gap).all():
        return asdict(Verdict(gate.name, replicate, None, threshold, False, "every chain diverged"))
    error = np.hypot(se, shared_sd)
    ratio = np.abs(gap) / np.maximum(error, np.finfo(float).tiny)
    worst = int(ratio.argmax())
    note = f"mean |gap| {sized(float(np.abs(gap).mean()))}; worst {gap[worst]:+.4f}, error of the labels {se[worst]:.4f}, "
    note += f"shared {shared_sd[worst]:.4f}"
    passed = bool(ratio[worst] <= threshold)
    return asdict(Verdict(gate.name, replicate, float(ratio[worst]), threshold, passed, note))


def sized(gap: float) -> str:
    """``0.0042 (small)``: the size of a mean |coverage gap|, which the test does not tell: with many labels it finds any."""
    return f"{gap:.4f} (small)" if gap < SMALL_GAP else f"{gap:.4f}"


def corrected_threshold(threshold: float, looks: int) -> float:
    """The normal deviate that the worst of ``looks`` passes as often as one look passes ``threshold`` (Bonferroni)."""
    return -NormalDist().inv_cdf(NormalDist().cdf(-threshold) / looks)
