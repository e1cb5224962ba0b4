"""The answer, the findings, the tables and the figures say the same of the same pair, whatever the numbers."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.evaluation.compare import compare
from mtbkd.questions.baselines.section import gain_cell, gains
from mtbkd.report import findings as page
from mtbkd.report.answers import did_teachers_help, which_is_best
from mtbkd.report.contrasts import SAID, Case, Finding
from mtbkd.report.evidence import Evidence
from mtbkd.report.experiment import comparison_table
from mtbkd.report.numbers import estimate, listed
from mtbkd.report.table import score

SIGNALS = {"labels_map": "none", "kd_map": "kd", "tip_map": "tip", "tip_half": "tip"}
EXAMPLES = 50
MARKS = {"better": "good", "worse": "bad", "open": ""}


def random_case(seed: int, shared: bool) -> Case:
    """Effects about as large as what so many replicates decide; ``shared``: all of them on the same test examples."""
    rng = np.random.default_rng(seed)
    n, by_example, rows = int(rng.integers(2, 13)), [], []
    for method in (*SIGNALS, "teachers:best"):
        levels = {metric: level + 0.02 * rng.normal() for metric, level in (("nll", 0.5), ("accuracy", 0.8))}
        for metric, level in levels.items():
            rows += [row(method, metric, r, float(level + 0.02 * rng.normal()), shared) for r in range(n)]
        scores = {metric: level + 0.1 * rng.normal(size=EXAMPLES) for metric, level in levels.items()}
        unused = {"brier": np.nan, "accuracy_kde_mode": np.nan}
        by_example.append(pd.DataFrame({"method": method, "split": "test", "row": range(EXAMPLES), **scores, **unused}))
    metrics, scores = pd.DataFrame(rows), pd.concat(by_example, ignore_index=True) if shared else None
    asked = Evidence("sim", metrics, pd.DataFrame(), {}, {}, None, scores)
    se = (lambda row: asked.se_examples(row["method"], row["reference"], row["metric"])) if shared else None
    evidence = Evidence("sim", metrics, compare(metrics, "labels_map", shared, se), {}, {}, None, scores)
    specs = {m: {"signal": {"name": s}, "weights": None, "inference": {"name": "map"}} for m, s in SIGNALS.items()}
    return Case(evidence, {"methods": specs, "data": {"simulated": not shared, "redrawn": not shared}, "teachers": []}, ())


def row(method: str, metric: str, replicate: int, value: float, shared: bool) -> dict[str, Any]:
    kind = "student" if method in SIGNALS else "teacher"
    place = {"method": method, "signal": SIGNALS.get(method, ""), "kind": kind, "split": "test", "domain": "all"}
    score = {"value": value, "se": 0.1, "n": EXAMPLES, "se_examples": 0.1 if shared else np.nan}
    return {**place, "metric": metric, "replicate": replicate, **score}


def verdicts(case: Case, metric: str) -> dict[str, str]:
    rows = case.evidence.comparisons
    rows = rows[(rows["metric"] == metric) & (rows["method"] != "labels_map")]
    return dict(zip(rows["method"], rows["verdict"], strict=True))


def said_of(found: list[Finding], question: str, word: str, method: str) -> str:
    (answer,) = [
        each.answer for each in found
        if each.question == question and not each.sums_up and each.answer.startswith(f"{word}: {method} vs ")
    ]  # fmt: skip
    return answer.removesuffix(".").rpartition(": ")[2]


def check(case: Case) -> Counter[str]:
    """Every place that judges distilled students against labels alone, or against the best teacher."""
    evidence, found, told = case.evidence, page.findings(case), did_teachers_help(case.evidence)
    table = comparison_table(evidence)
    assert table is not None
    for metric, word in (("nll", "NLL"), ("accuracy", "Accuracy")):
        own = verdicts(case, metric)
        drawn = gains({"comparisons": evidence.comparisons}, "labels_map", metric)  # of figures and of the advice
        for method, verdict in own.items():
            said = SAID[verdict]  # pyright: ignore[reportArgumentType]
            assert said_of(found, "What beats labels alone?", word, method) == said
            (row,) = [r for r in table.rows if (r.cells[0].text, r.cells[1].text) == (method, word)]
            assert said in [cell.text for cell in row.cells]
            assert gain_cell(drawn[method]).mark == MARKS[verdict]
    nll = Counter(verdicts(case, "nll").values())
    counted = f"Higher: {nll['worse'] or 'none'}; inconclusive: {nll['open'] or 'none'}"
    assert told.startswith(f"{nll['better']} of ") and counted in told
    best = which_is_best(evidence).partition(" ")[0]
    if best != "labels_map":
        assert (": a lower NLL" in which_is_best(evidence)) == (verdicts(case, "nll")[best] == "better")
        assert ("no difference can be claimed" in which_is_best(evidence)) == (verdicts(case, "nll")[best] == "open")
    question = "Are students better than their teachers?"
    above = [m for m in list(SIGNALS)[1:] if said_of(found, question, "Accuracy", m) == "better"]
    counted = f"{listed(above) or 'none'} {'are' if len(above) > 1 else 'is'}"
    assert f". By accuracy, {counted} more accurate than the best teacher" in told
    return nll


@pytest.mark.parametrize("shared", [False, True], ids=["own examples", "shared examples"])
def test_all_places_say_the_same_of_random_pairs(shared: bool) -> None:
    seen: Counter[str] = sum((check(random_case(seed, shared)) for seed in range(12)), Counter())
    assert min(seen[each] for each in MARKS) > 0  # nothing is tested where all is open


def test_a_difference_that_its_test_examples_leave_open_is_not_claimed() -> None:
    """Ten seeds agree beyond doubt on 50 examples that do not."""
    noise = np.random.default_rng(0).normal(size=(2, 10)) / 1000
    means = {"labels_map": 0.5, "tip_map": 0.45}
    rows = [
        row(method, "nll", r, mean + float(each[r]), True)
        for (method, mean), each in zip(means.items(), noise, strict=True)
        for r in range(10)
    ]
    metrics = pd.DataFrame(rows)
    assert compare(metrics, "labels_map").iloc[0]["verdict"] == "better"
    compared = compare(metrics, "labels_map", True, lambda row: 0.03)
    assert compared.iloc[0]["verdict"] == "open"
    text = which_is_best(Evidence("real", metrics, compared, {}, {}))
    examples = "[\N{MINUS SIGN}0.109, +0.008] over test examples"
    assert f"over seeds on the same data, and {examples}: the interval over test examples holds 0, so no" in text
    assert "over seeds, [0.254, 0.646] over test examples, of the 2 ranked students" in text
    cell = score(estimate(metrics[metrics["method"] == "tip_map"]))
    assert cell.sub.startswith("[0.449, 0.450]; [0.254, 0.646] e")


def test_pairs_of_random_splits_of_one_table_are_judged_as_their_comparisons() -> None:
    """A report's own pairs read the overlap of the splits beside the comparisons."""
    gap = -0.1 - 0.065 * np.array([-1.5, -1, -0.5, 0, 0, 0.5, 1, 1.5])
    rows = [row(m, "nll", r, 0.5 + own[r], False) for m, own in (("labels_map", 0 * gap), ("tip_map", gap)) for r in range(8)]
    metrics = pd.DataFrame(rows)
    for overlap, way in ((0.0, "lower"), (1 / 3, "open")):
        compared = compare(metrics, "labels_map", overlap=overlap)
        (pair,) = Evidence("split", metrics, compared, {}, {}).pairs([("tip_map", "labels_map")], "nll")
        assert (pair.found.low, pair.found.high) == pytest.approx(compared.loc[0, ["low", "high"]].tolist())
        assert pair.way == way
