"""One fit in this process, and all that can be asked of it: what the estimator and the command `mtbkd fit` share.

The data are prepared, the settings checked and planned, the posterior drawn and judged by the code of the workflow; a fit here
and a job of the workflow on the same data, with the same seed, have the same draws.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.serving.bundle import OWN, Bundle
from mtbkd.serving.given import HELD_OUT, NAME
from mtbkd.serving.making import describe, whole_precision_fit
from mtbkd.serving.methods import Asked, choose
from mtbkd.study.plan import Plan
from mtbkd.teachers.oddities import twins


@dataclass(frozen=True)
class Fitted:
    """A fit with what it was made of; ``told`` says which method it is, and why."""

    dataset: Dataset
    teachers: tuple[Logits, ...]
    plan: Plan
    draws: Draws
    bundle: Bundle
    told: str

    @property
    def doubts(self) -> list[str]:
        """What makes data and teachers doubtful, a sentence each."""
        found = [*self.dataset.card.get("warnings", ())]
        found += [f"Teacher {t.teacher}: {said}" for t in self.teachers for said in t.card.get("warnings", ())]
        return [*found, *twins(self.teachers)]


def fit_student(asked: Asked, dataset: Dataset, teachers: Sequence[Logits]) -> Fitted:
    """Fit the student that is asked for, and describe it.

    Args:
        asked: the settings.
        dataset: with one replicate; the rows of its split ``HELD_OUT`` choose nothing.
        teachers: in their order; none: the student learns from labels alone.
    """
    if dataset.num_replicates != 1:
        raise ContractError(f"dataset {dataset.name}", "replicates", dataset.num_replicates, "one, as a fit here has",
                            "the workflow fits several")  # fmt: skip
    chosen = choose(asked, dataset, tuple(teacher.teacher for teacher in teachers))
    draws = whole_precision_fit(chosen.spec, dataset, teachers)
    bundle = describe(chosen.spec, dataset, draws, dataset.rows(HELD_OUT), OWN, NAME)
    # The bundle holds the layers that were not drawn.
    return Fitted(dataset, tuple(teachers), chosen.plan, replace(draws, trunk=None), bundle, chosen.told)


def nonconformity(bundle: Bundle, dataset: Dataset) -> np.ndarray:
    """1 - probability of the label (n,) of every row that chose nothing."""
    rows = dataset.rows(HELD_OUT)
    prob = bundle.draw_probs(dataset.x[0, rows]).mean(0, dtype=np.float64)
    return 1 - prob[np.arange(len(rows)), dataset.y[0, rows]]


def conformal_threshold(scores: np.ndarray, coverage: float) -> float:
    """The largest score of a class that stays in a prediction set: the ceil((n + 1) coverage)-th smallest of ``scores`` (n,).

    Sets of all classes with at most this score hold the label of a new row with probability ``coverage`` or more, over rows
    drawn as these were (Vovk, Gammerman & Shafer 2005; split conformal prediction).

    >>> conformal_threshold(np.array([0.1, 0.4, 0.2, 0.3]), 0.6)
    0.3

    Raises:
        ContractError: n rows cannot promise the coverage.
    """
    n = len(scores)
    if not 0 < coverage < 1:
        raise ContractError("predict_set", "coverage", f"{coverage:g}", "a share between 0 and 1")
    rank = math.ceil(round((n + 1) * coverage, 9))
    if rank > n:
        most = math.floor(1000 * n / (n + 1)) / 1000
        raise ContractError("predict_set", "coverage", f"{coverage:g}", f"at most {most:g}, as {n} held-out rows can promise",
                            "a larger validation part")  # fmt: skip
    return float(np.sort(scores)[rank - 1])
