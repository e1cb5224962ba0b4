"""AEKD (``mtbkd.questions.baselines.aekd``) on the same labels, folds, unlabelled rows and minibatches as the other methods.

It is ``kd_hinton`` with weights of its own in every step (``mtbkd.questions.tables.agreement``), which have no density: between
starts the log-posterior of ``kd_hinton`` with equal weights decides, so that a start that died is not the result.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.fitting import context_of, judged, predict_test
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.tables import agreement
from mtbkd.questions.tables.choosing import winners
from mtbkd.questions.tables.fitting import Fitted, Study, counts, left_over, rounds
from mtbkd.signals import kd_hinton

if TYPE_CHECKING:
    import torch


class Agreeing(Bench):
    """A bench of the teachers one by one, whose signal is the rule of AEKD."""

    def target(self, units: Rows, n: int, transfer: int) -> Budget:
        target = super().target(units, n, transfer)
        shared = kd_hinton.adjust(target.shared)
        at_one = bool((shared.student_temperature == 1).all())
        constants = {"prob": target.constants["prob"]}
        return replace(target, signal=agreement, shared=shared, student_at_one=at_one, constants=constants)


def fit_aekd(study: Study) -> Iterator[Fitted]:
    """AEKD at all numbers of labels."""
    bench = Agreeing(**vars(study.bench("tip_equal")))
    for n, every in counts(study, bench).items():
        transfer = left_over(study, bench, n)
        rows = rounds(study, "aekd", partial(judged, bench, n, transfer), {})
        chosen = [{**row, "fold": -1} for row in winners(rows)]
        params = _best(study, bench, chosen, n, transfer)
        by_row = {row["row"]: own[None] for row, own in zip(chosen, params, strict=True)}
        yield Fitted("aekd", n, every, predict_test(bench, by_row), rows)


def _best(study: Study, bench: Bench, chosen: Rows, n: int, transfer: int) -> "torch.Tensor":
    """Parameters (U, P) of what each replicate chose, fitted on all n labels."""
    target, judge = (each.target(chosen, n, transfer) for each in (bench, study.bench("kd_hinton")))
    training = study.inputs.training
    context = context_of(bench, [row["row"] for row in chosen], training.steps, restarts=1)
    found = context.best(target, training.restarts, 1)
    value = judge.log_density(found, target.members(training.restarts)).nan_to_num(nan=-math.inf)
    best = value.view(-1, training.restarts).argmax(1)
    return found.view(len(best), training.restarts, -1)[range(len(best)), best]
