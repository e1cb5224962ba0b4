"""Values of a released teacher: logits as they are, probabilities converted to logits. N rows, K classes."""

from typing import NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.teachers.released_files import Given

FLOOR = 1e-3
SUM_TOLERANCE = 1e-3


class Logs(NamedTuple):
    """Logits float64 (N, K), and what was done to get them, in words, or ""."""

    logits: np.ndarray
    told: str


def refuse_disguised(given: Given, where: object) -> None:
    """ContractError if values of undeclared type look like probabilities, percentages or votes.

    No row has a negative number and all rows, which differ, have one sum: logits have no such rule.
    """
    values, sums = given.values, given.values.sum(1)
    if values.shape[1] < 2 or not len(values) or (values < 0).any() or np.ptp(sums) > SUM_TOLERANCE * max(1.0, sums[0]):
        return
    if abs(sums[0] - 1) <= SUM_TOLERANCE:
        raise ContractError(where, "values", "rows in [0, 1] that sum to 1", "logits, because `values` is not set",
                            "set `values: probabilities`, or `values: logits` if they are logits anyway")  # fmt: skip
    if sums[0] > 0 and np.ptp(values, axis=0).any():
        raise ContractError(where, "values", f"rows >= 0 that all sum to {sums[0]:g}", "logits, because `values` is not set",
                            f"percentages or votes: divide by {sums[0]:g} and set `values: probabilities`; else set "
                            "`values: logits`")  # fmt: skip


def logs(given: Given, where: object, floor: float | None) -> Logs:
    """Logarithms of probabilities; those below ``floor`` are raised to it and the row is divided by its new sum.

    Args:
        floor: None: FLOOR, or a tenth of 1 / K where that is less; 0 refuses probabilities of 0.
    """
    prob, k = given.values, given.values.shape[1]
    if (prob < 0).any():
        row, column = np.argwhere(prob < 0)[0]
        raise ContractError(where, f"probabilities, {given.places[row]}", f"{prob[row, column]:g}", "values >= 0",
                            "set values: logits if these are logits")  # fmt: skip
    off = np.flatnonzero(~np.isclose(prob.sum(1), 1, atol=SUM_TOLERANCE))
    if len(off):
        raise ContractError(where, f"probabilities, {given.places[off[0]]}", f"a row that sums to {prob[off[0]].sum():g}",
                            "rows that sum to 1", "set values: logits if these are logits")  # fmt: skip
    lowest = least(floor, k)
    if lowest == 0 and (prob <= 0).any():
        raise ContractError(where, "probabilities", f"{int((prob <= 0).sum())} values <= 0", "values > 0",
                            "a probability of 0 has no logit: set `floor`, or smooth the teacher")  # fmt: skip
    _refuse_high(lowest, k, where)
    low = prob < lowest
    if not low.any():
        return Logs(np.log(prob), "")
    raised = np.where(low, lowest, prob)
    told = (
        f"{int(low.sum()):,} of {low.size:,} probabilities raised to the floor {lowest:g}, and their rows divided by their sums"
    )
    return Logs(np.log(raised / np.where(low.any(1), raised.sum(1), 1.0)[:, None]), told)


def least(floor: float | None, num_classes: int) -> float:
    """The least probability: ``floor``, or ``FLOOR``, or a tenth of 1 / K where that is less."""
    return min(FLOOR, 0.1 / num_classes) if floor is None else floor


def filled(logits: np.ndarray, known: np.ndarray, floor: float | None, where: object) -> np.ndarray:
    """``logits`` (N, K) where the classes that are not ``known`` (K,) have the least probability."""
    if known.all():
        return logits
    lowest, k = least(floor, len(known)), len(known)
    _refuse_high(lowest, k, where)
    if lowest == 0:
        raise ContractError(where, "floor", "0 for a missing class", "a floor above 0")
    from scipy.special import logsumexp

    rest = np.log(lowest / (1 - (~known).sum() * lowest))
    return np.where(known, logits, logsumexp(logits[:, known], axis=1, keepdims=True) + rest)


def _refuse_high(lowest: float, num_classes: int, where: object) -> None:
    if lowest * num_classes >= 1:
        raise ContractError(where, "floor", f"{lowest:g} for {num_classes} classes", f"below 1 / {num_classes}")
