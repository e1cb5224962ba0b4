"""One fit in this process, and all that can be asked of it: what the estimator and the command `mtbkd fit` share.

The data are prepared, the settings checked and planned, the posterior drawn and judged by the code of the workflow; a fit here
and a job of the workflow on the same data, with the same seed, have the same draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtbkd.base.delimited import short
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.evaluation.conformal import KINDS, label_scores, rank
from mtbkd.inference.cross_fitting import cross_fit
from mtbkd.inference.fitting import Spec
from mtbkd.serving.bundle import OWN, Bundle
from mtbkd.serving.given import HELD_OUT, NAME
from mtbkd.serving.making import describe, whole_precision_fit
from mtbkd.serving.methods import Asked, choose
from mtbkd.serving.refusals import is_number
from mtbkd.study.plan import Plan
from mtbkd.teachers.oddities import twins


@dataclass(frozen=True)
class Fitted:
    """A fit with what it was made of; ``told`` says which method it is, and why."""

    dataset: Dataset
    teachers: tuple[Logits, ...]
    plan: Plan
    spec: Spec
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
    return Fitted(dataset, tuple(teachers), chosen.plan, chosen.spec, replace(draws, trunk=None), bundle, chosen.told)


Scores = Mapping[str, np.ndarray]


def held_out_scores(bundle: Bundle, dataset: Dataset) -> Scores:
    """Kind of prediction sets -> scores (n,) of the labels of every row that chose nothing."""
    rows = dataset.rows(HELD_OUT)
    prob = bundle.draw_probs(dataset.x[0, rows]).mean(0, dtype=np.float64)
    return {kind: label_scores(prob, dataset.y[0, rows], kind) for kind in KINDS}


@dataclass(frozen=True)
class Crossed:
    """Students that each did not learn from a fold of the labelled training rows, and their scores of these (n,)."""

    bundles: tuple[Bundle, ...]
    held: HeldOut
    scores: Scores


def cross_students(fitted: Fitted, folds: int) -> Crossed:
    """Fit ``folds`` more students; ContractError where there are fewer labelled training rows."""
    bundles: list[Bundle] = []

    def fit(data: Dataset) -> Draws:
        draws = whole_precision_fit(fitted.spec, data, fitted.teachers)
        bundles.append(describe(fitted.spec, data, draws, data.rows(HELD_OUT), OWN, NAME))
        return draws

    held = cross_fit(fit, fitted.dataset, folds, fitted.spec.seed)
    y = fitted.dataset.y[0, held.row]
    return Crossed(tuple(bundles), held, {kind: label_scores(held.prob[0], y, kind) for kind in KINDS})


def check_sets(kind: str, coverage: float, folds: int) -> None:
    """ContractError for a kind that there is not, or a share or number that is none."""
    if kind not in KINDS:
        raise ContractError("predict_set", "kind", repr(kind), ", ".join(KINDS))
    if not (is_number(coverage) and 0 < coverage < 1):
        raise ContractError("predict_set", "coverage", short(repr(coverage)), "a share between 0 and 1")
    if not isinstance(folds, int | np.integer) or folds < 0 or folds == 1:
        raise ContractError("predict_set", "folds", folds, "0, for held-out rows, or at least 2")


def check_promise(coverage: float, n: int, where: str, more: str) -> None:
    """ContractError where ``n`` rows cannot promise the coverage."""
    if rank(n, coverage) > n:
        most = math.floor(1000 * n / (n + 1)) / 1000
        raise ContractError(
            "predict_set", "coverage", f"{coverage:g}", f"at most {most:g}, as {n} {where} rows can promise", more
        )
