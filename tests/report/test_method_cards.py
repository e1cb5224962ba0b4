"""Method cards: a pasted entry gives the same fit, and what is shown is what the tables hold."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from mtbkd.base import registry
from mtbkd.inference.convergence import GATES
from mtbkd.report.evidence import Evidence
from mtbkd.report.judgement import Judgement
from mtbkd.report.method_cards import method_cards, says, settings, typeset
from mtbkd.report.runs import Cost
from mtbkd.report.sparkline import Training
from mtbkd.study import config
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

SPEC = {
    "method": "tip_sgld", "signal": {"name": "tip", "settings": {}}, "weights": "entropy", "layers": "all",
    "stack_chains": False, "inference": {"name": "sgld", "settings": {}}, "tuned_by": None,
    "posterior": {"lambda": [0.5, 5.0], "prior_scale": [1.0]},
}  # fmt: skip


@pytest.mark.parametrize(("study", "experiment"), [("demo", "digits"), ("demo", "sim1_gold"), ("paper_simulations", "sim1"),
                                                   ("protein", "both"), ("validation", None)])  # fmt: skip
def test_the_settings_of_a_card_give_the_same_fit_when_pasted(study: str, experiment: str | None) -> None:
    raw = read_configuration() | {"study": study}
    asked = make_plan(config.load(raw)).experiments
    name = experiment or next(iter(asked))
    fits = {id: spec for id, spec in asked[name].methods.items() if not spec["tuned_by"]}
    entries = {f"pasted_{id}": yaml.safe_load(settings(spec))["methods"][id] for id, spec in fits.items()}
    experiments = raw["studies"][study]["experiments"]
    changed = {"experiments": experiments | {name: {**experiments[name], "methods": list(entries)}}, "questions": {}}
    studies = raw["studies"] | {study: raw["studies"][study] | changed}
    again = make_plan(config.load(raw | {"methods": raw["methods"] | entries, "studies": studies})).experiments[name].methods
    assert fits and {id: again[f"pasted_{id}"] | {"method": id} for id in fits} == fits


def test_a_method_tuned_by_another_is_pasted_with_it() -> None:
    judge = {"name": "sghmc", "settings": {"steps": 4000, "burn_in": 1600, "thin": 80, "chains": 2}}
    entries = yaml.safe_load(settings(SPEC | {"tuned_by": judge}))["methods"]
    raw = read_configuration() | {"study": "demo"}
    demo = raw["studies"]["demo"]
    digits = demo["experiments"]["digits"] | {"posterior": {}, "methods": ["labels_map", "tip_sgld"]}
    studies = raw["studies"] | {"demo": demo | {"experiments": {"digits": digits}}}
    pasted = raw | {"methods": raw["methods"] | entries, "studies": studies}
    fit = make_plan(config.load(pasted)).experiments["digits"].methods["tip_sgld"]
    assert fit["tuned_by"]["name"] == "sghmc" and fit["tuned_by"]["settings"].items() >= judge["settings"].items()


def test_a_candidate_that_diverged_in_a_replicate_is_not_averaged_over_the_others() -> None:
    evidence, tables = example()
    tuning = tables["tuning"].assign(val_nll=[0.9, math.nan, 0.5, 0.6])
    tuning = pd.concat([tuning, tuning.assign(**{"lambda": 50.0, "val_nll": 0.8, "chosen": False})])
    (card,) = method_cards([evidence], {"few": tables | {"tuning": tuning}}, {"tip_sgld": "MT-BKD, SGLD"}, [], [], {})
    assert card.places[0].curve is not None
    assert card.places[0].curve.points == [(0.5, pytest.approx(0.7)), (50.0, pytest.approx(0.8))]


@pytest.mark.parametrize(("text", "shown"), [
    ("lambda sum_g w_g log q_k", "\u03bb \u2211<sub>g</sub> w<sub>g</sub> log q<sub>k</sub>"),
    ("log Dir(q; 1 + lambda p_g)^r", "log Dir(q; 1 + \u03bb p<sub>g</sub>)<sup>r</sup>"),
    ("a < b & the sum", "a &lt; b &amp; the sum"),
])  # fmt: skip
def test_mathematics_of_docstrings_is_typeset(text: str, shown: str) -> None:
    assert str(typeset(text)) == shown


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in ("signal", "weights", "inference") for n in registry.KINDS[k]])
def test_every_part_says_what_it_is_in_a_sentence(kind: str, name: str) -> None:
    assert 20 < len(says(kind, name)) < 300


def example() -> tuple[Evidence, dict[str, pd.DataFrame]]:
    """Two replicates of one method, which chose lambda .5 and 5 and whose R-hat failed once."""
    row = {"method": "tip_sgld", "signal": "tip", "weights": "entropy", "inference": "sgld", "kind": "student", "split": "test",
           "domain": "all", "metric": "nll", "se": 0.01, "n": 100}  # fmt: skip
    metrics = pd.DataFrame([row | {"replicate": r, "value": 0.5 + 0.1 * r} for r in (0, 1)])
    tuning = pd.DataFrame([
        {"method": "tip_sgld", "replicate": r, "lambda": lam, "prior_scale": 1.0, "val_nll": nll, "chosen": chosen}
        for r, lam, nll, chosen in ((0, 0.5, 0.4, True), (0, 5.0, 0.6, False), (1, 0.5, 0.8, False), (1, 5.0, 0.7, True))
    ])  # fmt: skip
    gates = pd.DataFrame([
        {"method": "tip_sgld", "replicate": r, "gate": "rhat", "stage": "fit", "value": value, "threshold": 1.01,
         "verdict": verdict, "note": ""}
        for r, value, verdict in ((0, 1.002, "passed"), (1, 1.2, "failed"))
    ])  # fmt: skip
    evidence = Evidence("few", metrics, pd.DataFrame(), {"tip_sgld": Judgement("failed", {"rhat": 1}, 2)}, {"tip_sgld": True},
                        tuning=tuning, methods={"tip_sgld": SPEC})  # fmt: skip
    return evidence, {"tuning": tuning, "gates": gates}


def test_a_card_holds_what_the_tables_hold() -> None:
    evidence, tables = example()
    curve = Training("10,50 230,10", "ELBO, last tenth: +0.4 %")
    drawn: Any = [SimpleNamespace(of="few", title="Training curves", stem="few-training")]
    costs = [Cost("student", "few: tip_sgld", 1, 65.0, 60.0, 812.3), Cost("student", "many: tip_sgld", 1, 1.0, 1.0, 1.0)]
    (card,) = method_cards(
        [evidence], {"few": tables}, {"tip_sgld": "MT-BKD, SGLD"}, costs, drawn, {("few", "tip_sgld"): curve}
    )
    (place,) = card.places
    assert (card.id, card.title, [part.name for part in card.parts]) == ("tip_sgld", "MT-BKD, SGLD", ["tip", "entropy", "sgld"])
    assert "T(q<sub>i</sub>)" in card.formula
    assert place.chosen == [("\u03bb", "0.5 (1\N{MULTIPLICATION SIGN}), 5 (1\N{MULTIPLICATION SIGN})")]
    assert place.training == curve
    assert place.curve is not None and place.curve.points == [(0.5, pytest.approx(0.6)), (5.0, pytest.approx(0.65))]
    assert place.curve.dots[0][1] > place.curve.dots[1][1]  # lower values lie lower
    assert [(name, cell.mark, advice) for name, cell, advice in place.gates] == [("rhat", "bad", GATES["rhat"].advice)]
    assert place.cost == "1 min 05 s, 1 min 00 s of CPU time, up to 812 MB"
    assert place.figures == [("Training curves", "few-training")]


def test_a_method_of_two_experiments_has_one_card_with_two_places() -> None:
    evidence, tables = example()
    both = [evidence, replace(evidence, name="many")]
    (card,) = method_cards(both, {"few": tables, "many": tables}, {"tip_sgld": "MT-BKD, SGLD"}, [], [], {})
    assert [(place.experiment, place.cost, place.figures) for place in card.places] == [("few", "", []), ("many", "", [])]
