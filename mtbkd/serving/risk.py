"""When to abstain, so that the answers given are wrong at most at a chosen rate.

A student answers where the posterior mean probability of the class that it predicts reaches a threshold. (Not where the mean
deviance is small: draws that are each sure of another class have a small one, although together they know nothing.) Validation
examples that chose no setting say how often it is then wrong: for each of ``POINTS`` shares of them, the surest ones, the upper
confidence bound of Clopper and Pearson (1934) on the error rate. The threshold of a risk level is that of the largest share
whose bound is at most the level. All bounds hold at once with probability ``CONFIDENCE`` (Bonferroni over the shares), so that
the choice of the share costs nothing; they are promises about examples drawn as these validation examples were, and no others.
"""

from collections.abc import Sequence

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import
from mtbkd.serving.bundle import RiskPoint

stats = lazy_import("scipy.stats")

POINTS, CONFIDENCE = 20, 0.95


def risk_points(
    sure: np.ndarray, wrong: np.ndarray, test_sure: np.ndarray | None = None, test_wrong: np.ndarray | None = None
) -> tuple[RiskPoint, ...]:
    """The risk of answering at ``POINTS`` thresholds.

    Args:
        sure: probability (n,) of the predicted class of validation examples that chose nothing before.
        wrong: bool (n,), the predicted class is not the label.
        test_sure, test_wrong: the same of other examples (m,), which choose nothing either; None where there are none.
    """
    falling = np.sort(sure)[::-1]
    found: list[RiskPoint] = []
    for share in np.arange(1, POINTS + 1) / POINTS:
        threshold = falling[max(1, round(share * len(falling))) - 1]
        answered = sure >= threshold
        n, errors = int(answered.sum()), int(wrong[answered].sum())
        point = RiskPoint(
            coverage=n / len(sure), threshold=float(threshold), n=n, errors=errors, bound=upper_bound(errors, n),
            test_coverage=None, test_risk=None,
        )  # fmt: skip
        if test_sure is not None and test_wrong is not None:
            test = test_sure >= threshold
            risk = float(test_wrong[test].mean()) if test.any() else None
            point = point.model_copy(update={"test_coverage": float(test.mean()), "test_risk": risk})
        if not found or point.threshold < found[-1].threshold:
            found.append(point)
    return tuple(found)


def upper_bound(errors: int, n: int) -> float:
    """The largest error rate that ``errors`` of ``n`` do not speak against, at level (1 - CONFIDENCE) / POINTS."""
    return 1.0 if errors >= n else float(stats.beta.ppf(1 - (1 - CONFIDENCE) / POINTS, errors + 1, n - errors))


def point_of(points: Sequence[RiskPoint], level: float, where: object = "student") -> RiskPoint:
    """The point with the largest coverage whose bound is at most ``level``.

    Raises:
        ContractError: the level is not between 0 and 1, or no share of the validation examples is that safe.
    """
    if not 0 < level <= 1:
        raise ContractError("--risk", "level", f"{level:g}", "a share above 0, such as 0.1, up to 1: never abstain")
    safe = [point for point in points if point.bound <= level]
    if not safe:
        least = min(point.bound for point in points)
        raise ContractError("--risk", "level", f"{level:g}", f"at least {np.ceil(least * 1000) / 1000:g} for {where}",
                            "validation cannot promise less, however few examples are answered")  # fmt: skip
    return max(safe, key=lambda point: point.coverage)
