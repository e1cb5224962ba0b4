"""Settings are chosen along their grids, the same way and at the same cost for every method and replicate."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.fitting import _held_out
from mtbkd.questions.tables import fitting
from mtbkd.questions.tables.choosing import moved, search, winners
from mtbkd.questions.tables.fitting import rounds
from tests.questions.tables.examples import REPLICATES, dataset, study

GRIDS = {"teacher_temperature": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "kappa": [0.1, 1, 10], "prior_scale": [1, 2, 3, 4, 5]}
START: dict[str, Any] = {"teacher_temperature": 0.4, "kappa": 1, "lambda": 1, "prior_scale": 3}


class Folds:
    """Losses with one valley: at ``best`` (one row a replicate)."""

    def __init__(self, best: Sequence[dict[str, float]]):
        self.best, self.asked = best, []

    def __call__(self, listed: Sequence[Rows]) -> Rows:
        self.asked += listed
        return [
            {**row, "row": r, "val_nll": sum(abs(math.log(row[name] / value)) for name, value in self.best[r].items())}
            for each in listed
            for r, row in enumerate(each)
        ]


def test_every_replicate_finds_its_own_valley_at_the_same_cost() -> None:
    ends = [
        {"teacher_temperature": 0.1, "kappa": 10, "prior_scale": 4},
        {"teacher_temperature": 0.6, "kappa": 0.1, "prior_scale": 3},
    ]
    folds = Folds(ends)
    rows = search(START, GRIDS, 2, folds)
    assert [{name: row[name] for name in ends[0]} for row in winners(rows)] == ends
    assert all(row["lambda"] == row["kappa"] for row in rows)
    assert len(folds.asked) == 5 + 2 + 4 and len(rows) == 2 * len(folds.asked)


def test_an_end_is_not_tried_while_its_neighbour_is_not_the_best() -> None:
    folds = Folds([{"teacher_temperature": 0.4, "kappa": 1, "prior_scale": 3}])
    search(START, GRIDS, 1, folds)
    assert {0.1, 0.7}.isdisjoint(each[0]["teacher_temperature"] for each in folds.asked)


def test_a_fit_that_diverged_is_not_chosen_and_a_grid_may_have_any_length() -> None:
    def folds(listed: Sequence[Rows]) -> Rows:
        return [{**row, "row": 0, "val_nll": math.nan if row["kappa"] == 1 else row["kappa"]} for (row,) in listed]

    for grid in ([1.0], [0.5, 1.0], [0.5, 1.0, 2.0], [0.1, 0.5, 1.0, 2.0], [5.0, 0.1, 1.0, 2.0, 0.5, 7.0]):
        start = {"kappa": sorted(grid)[(len(grid) - 1) // 2], "prior_scale": 1.0}
        found = winners(search(start, {"kappa": grid, "prior_scale": [1.0]}, 1, folds))
        assert [row["kappa"] for row in found] == [min((v for v in grid if v != 1), default=1.0)]


def test_lambda_follows_kappa_and_nothing_else() -> None:
    assert moved(START, "kappa", 10) == {**START, "kappa": 10, "lambda": 10}
    assert moved(START, "prior_scale", 1) == {**START, "prior_scale": 1}


def test_what_a_predecessor_chose_is_not_fitted_again() -> None:
    of, asked = study(dataset()), []
    chosen = [{"row": r, "kappa": 10.0, "lambda": 10.0, "no_teacher": 0.0, "val_nll": 1.0, "chosen": True} for r in REPLICATES]

    def folds(listed: Sequence[Rows]) -> Rows:
        asked.extend(listed)
        return [{**row, "val_nll": 2.0} for each in listed for row in each]

    rows = rounds(of, "tip_equal_sharp", folds, {"tip_equal": chosen})
    assert [(each[0]["lambda"], each[0]["no_teacher"]) for each in asked] == [(10.0, 0.1), (5.0, 0.0), (5.0, 0.1)]
    assert winners(rows) == chosen


@pytest.mark.parametrize(("enough", "judging"), [(100, 4), (10, 2), (11, 3), (1, 1), (None, 4)])
def test_only_as_many_folds_judge_as_keep_out_enough_labels(
    enough: int | None, judging: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = study(dataset(), **({"validation": enough} if enough else {}))
    bench = of.bench("labels")
    bench = fitting.replace(bench, enough=enough)
    assert bench.judging_folds(20) == judging  # each fold keeps out 5
    seen: list[int] = []
    whole = Bench.target
    monkeypatch.setattr(
        type(bench),
        "target",
        lambda own, units, *rest: (seen.extend(unit["fold"] for unit in units), whole(own, units, *rest))[1],
    )
    start = {**of.start(frozenset()), "row": 0, "replicate": 0}
    nll, accuracy = _held_out(bench, 20, 0, [start], 5)
    assert sorted(seen) == list(range(judging)) and nll.shape == accuracy.shape == (1,)


def test_methods_judge_by_the_folds_that_the_settings_ask_for() -> None:
    assert study(dataset(), validation=7).bench("tip_equal").enough == 7
