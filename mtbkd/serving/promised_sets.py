"""Which classes `mtbkd predict --set` puts into a set: thresholds on the card, by examples that chose no setting.

Split conformal prediction (``mtbkd.evaluation.conformal``): the sets hold the class of a new example with the stated
probability or more, over examples drawn as the calibrating ones were.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.errors import ContractError
from mtbkd.evaluation.conformal import KINDS, Kind, label_scores, rank, threshold_of

COVERAGES = (0.8, 0.9, 0.95, 0.99)
FEWEST = 4  # examples that can promise the least of them


class SetPoint(BaseModel):
    """One kind of prediction set at one coverage."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind = Field(description="how classes are scored, see mtbkd.evaluation.conformal")
    coverage: float = Field(gt=0, lt=1, description="least probability that a set holds the class")
    threshold: float = Field(ge=0, description="largest score of a class in a set")
    n: int = Field(ge=1, description="examples that it was calibrated on")


def set_points(prob: np.ndarray, y: np.ndarray) -> tuple[SetPoint, ...]:
    """Every kind at every one of ``COVERAGES`` that the examples can promise.

    Args:
        prob: probabilities (n, K) of examples that chose no setting.
        y: their classes (n,).
    """
    n = len(y)
    return tuple(
        SetPoint(kind=kind, coverage=coverage, threshold=threshold_of(label_scores(prob, y, kind), coverage), n=n)
        for kind in KINDS
        for coverage in COVERAGES
        if rank(n, coverage) <= n
    )


def set_point(points: Sequence[SetPoint], kind: str, coverage: float) -> SetPoint:
    """The point asked for; ContractError where the card has none."""
    if not points:
        raise ContractError("--set", "student", "no thresholds of prediction sets on its card", "a student of one label an "
                            f"example, made by this release, with {FEWEST} or more examples that chose no setting",
                            "make it again")  # fmt: skip
    for point in points:
        if (point.kind, point.coverage) == (kind, coverage):
            return point
    known = ", ".join(f"{c:g}" for c in dict.fromkeys(point.coverage for point in points))
    allowed = f"one of {known}, as its {points[0].n} calibrating examples can promise"
    raise ContractError("--coverage", "share", f"{coverage:g}", allowed, "predict_set in Python takes any share")
