"""AEKD (``mtbkd.questions.baselines.aekd``) on the same labels, folds, unlabelled rows and minibatches as the other methods.

It is ``kd_hinton`` with weights of its own in every step (``mtbkd.questions.tables.agreement``), which have no density: its
final fit has one start, as there is no value to choose between several by.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.fitting import context_of, judged, predict_test
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.tables import agreement
from mtbkd.questions.tables.choosing import winners
from mtbkd.questions.tables.fitting import Fitted, Study, counts, left_over, rounds
from mtbkd.signals import kd_hinton


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
        chosen = winners(rows)
        context = context_of(bench, [row["row"] for row in chosen], study.inputs.training.steps, restarts=1)
        params = context.mode(bench.target([{**row, "fold": -1} for row in chosen], n, transfer))
        by_row = {row["row"]: own[None] for row, own in zip(chosen, params, strict=True)}
        yield Fitted("aekd", n, every, predict_test(bench, by_row), rows)
