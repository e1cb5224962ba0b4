"""Who was tuned on which candidates, and who chose the end of a grid."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from mtbkd.report import findings as page
from mtbkd.report.answers import did_teachers_help
from mtbkd.report.contrasts import Case
from mtbkd.report.experiment import comparison_table, main_table, tuning_table
from mtbkd.report.grids import edges, of_its_own, unlike
from mtbkd.study.config import load
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration
from tests.report.test_findings import METHODS, asked, case

GRIDS = {"lambda": [0.05, 0.5, 5.0], "beta": [1.0], "prior_scale": [0.5, 2.0], "temperature": [1.0]}


def methods(**own: dict[str, list[float]]) -> dict[str, Any]:
    """The specifications of METHODS; labels alone read no lambda, which their plan fills with 1."""
    found = {}
    for name, (signal, _, weights, inference) in METHODS.items():
        unread = {"lambda": [1.0]} if signal == "none" else {}
        found[name] = {"signal": {"name": signal, "settings": {}}, "weights": weights,
                       "inference": {"name": inference, "settings": {}},
                       "posterior": GRIDS | unread | own.get(name, {})}  # fmt: skip
    return found


def told(**own: dict[str, list[float]]) -> Case:
    whole, specs = case(), methods(**own)
    return replace(whole, evidence=replace(whole.evidence, methods=specs), planned={**whole.planned, "methods": specs})


FORCED = {"kd_entropy_map": {"lambda": [4.0, 9.0]}}


def test_candidates_are_compared_whatever_their_order_and_unread_settings_are_not() -> None:
    same = methods(kd_equal_map={"lambda": [5.0, 0.5, 0.05]})
    assert unlike(same, "kd_equal_map", "tip_entropy_map") == "" == unlike(same, "labels_map", "tip_entropy_map")
    assert unlike(same, "kd_equal_map", "teachers:best") == "" == of_its_own(same, "kd_equal_map")
    forced = methods(**FORCED)
    assert unlike(forced, "kd_entropy_map", "tip_entropy_map") == "lambda 4, 9 vs 0.05, 0.5, 5"
    assert (
        unlike(forced, "kd_entropy_map", "labels_map") == "lambda 4, 9 vs 0.05, 0.5, 5"
    )  # it was kept from the others' candidates
    assert of_its_own(forced, "kd_entropy_map") == "lambda 4, 9"
    wide = methods(labels_map={"prior_scale": [0.5, 1.0, 2.0]})
    assert unlike(wide, "tip_entropy_map", "labels_map") == "prior scale 0.5, 2 vs 0.5, 1, 2"


def test_a_pair_that_was_not_tuned_alike_is_flagged_and_not_counted() -> None:
    question = "Linear pool (tip) or log pool (kd)?"
    (fair,) = [a for a in asked(page.findings(told()), question) if a.startswith("Accuracy")]
    (flagged,) = [a for a in asked(page.findings(told(**FORCED)), question) if a.startswith("Accuracy")]
    assert "2 pairs" in fair and "Not counted" not in fair
    assert "1 pair." in flagged
    assert (
        "Not counted because tuned on other candidates: tip_entropy_map vs kd_entropy_map (lambda 0.05, 0.5, 5 vs 4, 9)."
        in flagged
    )
    single = [
        a for a in asked(page.findings(told(**FORCED)), question, summed=False) if "kd_entropy_map" in a and "Not" not in a
    ]
    assert any("better, but not tuned on the same candidates: lambda" in each for each in single)


def test_tables_and_answers_flag_a_method_with_candidates_of_its_own() -> None:
    evidence = told(**FORCED).evidence
    assert "tuned on other candidates: kd_entropy_map" in did_teachers_help(evidence)
    assert "of 4 distilled students" in did_teachers_help(evidence) and "of 5 distilled" in did_teachers_help(told().evidence)
    described = replace(evidence, metrics=evidence.metrics.assign(weights="", inference="map"))
    cells = {row.cells[0].sub.partition(";")[0]: row.cells[0].sub for row in main_table(described, []).rows}
    assert "own candidates: lambda 4, 9" in cells["kd_entropy_map"] and "own" not in cells["tip_entropy_map"]
    table = comparison_table(evidence)
    assert table is not None
    flags = {row.cells[0].text: row.cells[5] for row in table.rows if row.cells[1].text == "NLL"}
    assert flags["kd_entropy_map"].mark == "warn" and "lambda 4, 9 vs" in flags["kd_entropy_map"].sub
    assert flags["tip_entropy_map"].mark == ""


def tuning(
    method: str, chosen: list[float], candidates: tuple[float, ...] = (0.05, 0.5, 5.0), setting: str = "lambda"
) -> pd.DataFrame:
    rows = [
        {"method": method, "replicate": r, setting: value, "val_nll": 0.5, "val_accuracy": 0.8, "chosen": value == best}
        for r, best in enumerate(chosen) for value in candidates
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("chosen", "candidates", "found"),
    [
        ([0.5, 0.5], (0.05, 0.5, 5.0), []),
        ([0.05, 0.5], (0.05, 0.5, 5.0), [("lowest", 0.05, 1, 2)]),
        ([5.0, 0.05], (0.05, 0.5, 5.0), [("lowest", 0.05, 1, 2), ("highest", 5.0, 1, 2)]),
        ([0.5, 0.5], (0.5,), []),
        ([float("inf")], (1.0, float("inf")), []),
    ],
)
def test_choices_at_the_ends_of_a_grid_are_counted(
    chosen: list[float], candidates: tuple[float, ...], found: list[Any]
) -> None:
    assert [edge[1:] for edge in edges(tuning("m", chosen, candidates), ["lambda"])] == found


def test_neither_zero_nor_a_lambda_that_is_kappa_is_the_end_of_a_grid() -> None:
    pairs = [(0.1, 0.1), (0.1, 5.0), (0.1, 20.0), (10.0, 10.0), (10.0, 5.0), (10.0, 20.0)]
    grid = [(kappa, lam, w0) for kappa, lam in pairs for w0 in (0.0, 0.1)]
    names = ["kappa", "lambda", "no_teacher"]

    def chosen(*best: float) -> list[Any]:
        rows = pd.DataFrame(grid, columns=names).assign(method="tip", replicate=0, chosen=[each == best for each in grid])
        return [edge[:3] for edge in edges(rows, names)]

    assert chosen(0.1, 0.1, 0.0) == [("kappa", "lowest", 0.1)]
    assert chosen(10.0, 20.0, 0.1) == [
        ("kappa", "highest", 10), ("lambda", "highest", 20), ("no_teacher", "highest", 0.1),
    ]  # fmt: skip
    assert ("lambda", "lowest", 5.0) not in chosen(10.0, 5.0, 0.0)


def test_the_word_kappa_is_a_candidate_like_another() -> None:
    specs = methods()
    for name, spec in specs.items():
        sharp = {"tip": ["kappa", 5.0], "power": ["kappa", 5.0]}.get(spec["signal"]["name"])
        shared = {key: spec["posterior"][key] for key in ("prior_scale", "temperature")}
        own = ["kappa"] if name == "tip_entropy_sgld" else sharp
        spec["posterior"] = shared | {"kappa": [0.1, 1.0]} | ({"lambda": own} if own else {})
    assert unlike(specs, "tip_entropy_map", "kd_entropy_map") == ""  # kd has no sharpness to choose
    assert unlike(specs, "tip_entropy_map", "tip_entropy_sgld") == "lambda 5, kappa vs kappa"


def test_ends_of_grids_are_marked_in_the_table_and_told_with_advice() -> None:
    whole = told()
    rows = pd.concat([tuning("tip_entropy_map", [0.05, 0.05, 0.5]), tuning("kd_entropy_map", [5.0, 0.5, 0.5])])
    table = tuning_table(replace(whole.evidence, tuning=rows), rows)
    assert table is not None
    tip, kd = (row.cells[1] for row in table.rows)
    assert tip.mark == kd.mark == "warn" and "lowest in 2 of 3" in tip.sub and "highest in 1 of 3" in kd.sub
    found = page.ends_of_grids(replace(whole, evidence=replace(whole.evidence, tuning=rows)))
    assert [each.answer for each in found] == [
        "The lowest lambda, 0.05, was chosen by 1 method: tip_entropy_map (2 of 3). Extend the grid below it, or interpret it "
        "as validation preferring weaker teachers, or none.",
        "The highest lambda, 5, was chosen by 1 method: kd_entropy_map (1 of 3). Extend the grid above it.",
    ]


def test_the_paper_s_grid_of_the_bnn_is_seen_in_the_shipped_study() -> None:
    config = load(read_configuration())
    specs = make_plan(config, "paper_simulations").experiments["sim1"].methods
    assert of_its_own(specs, "kd_equal_bnn_grid") == "lambda 4, 9, 19, 99"
    assert all(not of_its_own(specs, m) for m in specs if not m.endswith("bnn_grid"))


def test_the_table_of_tuned_settings_says_whose_draws_judged() -> None:
    whole = told()
    methods = {name: dict(spec) for name, spec in whole.evidence.methods.items()}
    methods["tip_entropy_map"]["tuned_by"] = {"name": "sghmc", "settings": {}}
    rows = pd.concat([tuning("tip_entropy_map", [0.5]), tuning("kd_entropy_map", [0.5])])
    table = tuning_table(replace(whole.evidence, tuning=rows, methods=methods), rows)
    assert table is not None
    tip, kd = (row.cells[0].sub for row in table.rows)
    assert "tuned on draws of sghmc" in tip and "tuned" not in kd
