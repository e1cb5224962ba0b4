"""`mtbkd compare`: what it calls moved, on scores whose noise is known."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.evaluation import two_runs as judging
from mtbkd.report import two_runs
from mtbkd.serving.cli import main

Scores = Mapping[tuple[str, str], Iterable[float]]
NOISE = np.array([0.02, -0.01, 0.03, -0.02, 0.01, -0.03])
BASE = 0.7 + NOISE


def rows(scores: Scores) -> pd.DataFrame:
    told = [
        {"experiment": "e", "method": method, "signal": "kd", "weights": "", "inference": "map", "kind": "student",
         "replicate": r, "split": "test", "domain": "all", "metric": metric, "value": value}
        for (method, metric), values in scores.items() for r, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(told)


def run(folder: Path, scores: Scores, seed: int = 0) -> Path:
    (folder / "evaluation" / "e").mkdir(parents=True)
    write_table(rows(scores), folder / "evaluation" / "e" / "metrics.parquet")
    plan = {"seed": seed, "experiments": {"e": {"data": {"key": "d-1"}}}}
    told = {"study": "s", "plan": plan, "end": "2026-11-26T22:31:12+00:00", "git": None}
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def ways(first: Scores, second: Scores, paired: bool = True) -> dict[tuple[str, str], str]:
    found = judging.moved({"e": rows(first)}, {"e": rows(second)}, {"e": paired})
    return {(each.method, each.metric): each.way for each in found}


def test_paired_and_unpaired_changes_are_those_of_scipys_t_tests() -> None:
    other = BASE + 0.01 + 0.3 * NOISE[::-1]
    paired: Any = stats.ttest_rel(other, BASE)
    unpaired: Any = stats.ttest_ind(other[:4], BASE, equal_var=False)
    for change, test in (
        (judging.paired_change(other - BASE), paired),
        (judging.unpaired_change(BASE, other[:4]), unpaired),
    ):
        ends = test.confidence_interval(0.95)
        assert change.p_value == pytest.approx(test.pvalue)
        assert (change.low, change.high) == pytest.approx((ends.low, ends.high))


def test_a_shift_of_every_replicate_is_seen_by_pairs_where_two_samples_drown_it() -> None:
    first, second = {("kd", "nll"): BASE}, {("kd", "nll"): BASE + 0.005 + 0.02 * NOISE[::-1]}
    assert ways(first, second) == {("kd", "nll"): "higher"}
    assert ways(first, second, paired=False) == {("kd", "nll"): "within noise"}


def test_equal_scores_and_differences_of_rounding_are_the_same() -> None:
    scores = {("kd", "nll"): BASE, ("kd", "accuracy"): BASE}
    nudged = {("kd", "nll"): BASE * (1 + 1e-12), ("kd", "accuracy"): BASE}
    assert set(ways(scores, nudged).values()) == {"the same"}


def test_two_replicates_are_too_few_and_never_move() -> None:
    assert ways({("kd", "nll"): [1.0, 1.1]}, {("kd", "nll"): [5.0, 5.1]}) == {("kd", "nll"): "too few replicates"}


def test_runs_that_differ_in_noise_alone_seldom_move() -> None:
    """Of 40 pairs of runs with 12 scores each, at most 5 % of the runs are expected to show any; 6 of 40 has p < .02."""
    rng, alarms = np.random.default_rng(5), 0
    for _ in range(40):
        first, second = ({(f"m{k}", "nll"): rng.normal(size=6) for k in range(12)} for _ in range(2))
        alarms += any(way in judging.MOVED for way in ways(first, second, paired=False).values())
    assert alarms < 6


def test_equal_differences_are_no_proof() -> None:
    """Three accuracies on 100 examples that each gained one right answer: signs alone say p = 2/8, whatever rounding adds."""
    three = np.array([0.93, 0.94, 0.91])
    for gained in (np.full(3, 0.01), (three + 0.01) - three):
        change = judging.paired_change(gained)
        assert change.p_value == 0.25 and np.isnan(change.low)
    assert judging.unpaired_change(np.full(3, 0.9), np.full(3, 0.91)).p_value == pytest.approx(2 / 20)
    assert judging.paired_change(np.full(10, 0.01)).p_value == pytest.approx(2 / 1024)


def test_runs_whose_accuracies_differ_in_few_examples_seldom_move() -> None:
    """Three replicates with 100 test examples, 12 accuracies: of 100 pairs of runs 5 % may show any; 12 of 100 has p < .01."""
    rng, alarms = np.random.default_rng(6), 0
    for _ in range(100):
        first, second = ({(f"m{k}", "accuracy"): (90 + rng.poisson(1, 3)) / 100 for k in range(12)} for _ in range(2))
        alarms += any(way in judging.MOVED for way in ways(first, second).values())
    assert alarms < 12


def test_better_follows_the_direction_of_the_score() -> None:
    shift = 0.2 + 0.02 * NOISE[::-1]
    names = ("accuracy", "nll", "coverage@0.9")
    first = {("kd", metric): BASE for metric in names}
    second = {("kd", metric): BASE + shift for metric in names}
    found = judging.moved({"e": rows(first)}, {"e": rows(second)}, {"e": True})
    assert {each.metric: each.better for each in found} == {"accuracy": True, "nll": False, "coverage@0.9": None}


def test_the_command_says_what_moved_and_leaves_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(tmp_path / "a", {("kd_map", "nll"): BASE, ("gone", "nll"): BASE})
    second = run(tmp_path / "b", {("kd_map", "nll"): BASE - 0.2 + 0.02 * NOISE[::-1]})
    page = tmp_path / "moved.html"
    assert main(["compare", str(first), str(second), "--out", str(page)]) == 1
    told = capsys.readouterr().out
    assert "only in" in told and "e, gone" in told
    assert "(better)" in told and "1 score compared: 1 moved beyond noise" in told
    html = page.read_text()
    assert "KD (log pool), MAP" in html and "better" in html and "paired, n = 6" in html and "<script" not in html


def test_the_command_leaves_with_0_where_nothing_moved_and_says_why_it_took_two_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(tmp_path / "a", {("kd_map", "nll"): BASE})
    second = run(tmp_path / "b", {("kd_map", "nll"): BASE + 0.001}, seed=1)
    assert main(["compare", str(first), str(second)]) == 0
    told = capsys.readouterr().out
    assert "other data or seeds, compared as two samples" in told and "0 moved beyond noise; 1 within noise" in told


def test_folders_that_cannot_be_compared_are_refused_in_one_line(tmp_path: Path) -> None:
    sound = run(tmp_path / "a", {("kd_map", "nll"): BASE})
    empty = tmp_path / "empty"
    empty.mkdir()
    other = run(tmp_path / "other", {("kd_map", "nll"): BASE})
    (other / "evaluation" / "e").rename(other / "evaluation" / "f")
    broken = run(tmp_path / "broken", {("kd_map", "nll"): BASE})
    (broken / "manifest.json").write_text("[]")
    for wrong in (tmp_path / "nowhere", empty, other, broken):
        with pytest.raises(ContractError):
            two_runs.compare(sound, wrong)
