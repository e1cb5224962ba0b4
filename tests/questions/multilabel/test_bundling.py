"""A student of several labels to take along: it says of new rows what the question's fit says of its own."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mtbkd
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.preprocess import scaling
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.multilabel.bundling import make_bundle
from mtbkd.questions.multilabel.fitting import fit, tune
from mtbkd.questions.multilabel.question import make_bench
from mtbkd.questions.multilabel.scores import best_thresholds
from mtbkd.questions.multilabel.spec import Settings
from mtbkd.serving import cli
from mtbkd.serving.bundle import Bundle
from tests.questions.multilabel.examples import NAMES, dataset, inputs
from tests.serving import examples as one_label

SGLD = {"steps": 60, "burn_in": 20, "thin": 2, "chains": 2, "step_size": 1e-4}
METHODS = {
    "labels_map": {"signal": "none"},
    "tip_sgld": {"signal": "tip", "weights": "entropy", "inference": "sgld", "settings": SGLD},
}
SETTINGS = Settings.model_validate({"methods": METHODS, "teachers": {"training": {"steps": 100}}})
COLUMNS = [f"f{i}" for i in range(6)]


@cache
def data() -> Dataset:
    """As a table is prepared: standardised, with the names of its columns and its scaling on the card."""
    found = dataset()
    raw = 3 * found.x[0].astype(np.float64) + 1
    known = scaling(raw, found.split == "train")
    card = {"features": COLUMNS, "scaling": known.card(), "licence": "made up", "source": "a random generator"}
    return replace(found, x=known.apply(raw)[None], card=card).validate()


def given() -> Inputs:
    return inputs(dataset=data())


@cache
def bundle(method: str = "tip_sgld") -> Bundle:
    return make_bundle(given(), SETTINGS, "mine", method)


def test_it_predicts_what_its_fit_predicts_and_says_how_well() -> None:
    bench = make_bench(replace(given(), replicates=1), SETTINGS)
    method = SETTINGS.methods["tip_sgld"]
    fitted, _, _ = fit(bench, "tip_sgld", method, tune(bench, method))
    card, val = bundle().card, data().rows("val")
    assert (card.labels, card.class_names, card.experiment, card.method) == ("several", NAMES, "several", "tip_sgld")
    raw = data().x[0].astype(np.float64) * bundle().scale + bundle().mean
    found = bundle().draw_probs(bundle().standardised(raw)).mean(0)
    scored = np.isfinite(fitted.prob[0]).all(1)
    np.testing.assert_allclose(found[scored], fitted.prob[0][scored], atol=1e-5)
    assert card.thresholds == pytest.approx(best_thresholds(fitted.prob[0, val], data().targets[0, val].astype(bool)))
    truth = data().targets[0, data().rows("test")]
    right = ((found[data().rows("test")] >= card.thresholds) == truth).all(1).mean()
    assert card.scores["test"]["subset_accuracy"] == pytest.approx(right) and card.scores["test"]["micro_auroc"] > 0.7
    assert not card.risk and any("no rate of wrong answers is promised" in limit for limit in card.limits)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_predict_names_all_labels_that_reach_their_thresholds(tmp_path: Path, ending: str) -> None:
    bundle().write(tmp_path / "student")
    x = np.random.default_rng(1).normal(size=(30, 6))
    pd.DataFrame(x, columns=COLUMNS)[COLUMNS[::-1]].to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / f"out.{ending}"
    assert predict(tmp_path, out, "--quiet", "--batch", "7") == 0
    draws = bundle().draw_probs(bundle().standardised(x)).astype(np.float64)
    prob = draws.mean(0)
    named = [[n for n, p, t in zip(NAMES, row, bundle().card.thresholds, strict=True) if p >= t] for row in prob]
    if ending == "json":
        content = json.loads(out.read_text())
        found, said = content["rows"], [row["predicted"] for row in content["rows"]]
        low = np.array([[row["classes"][n]["low"] for n in NAMES] for row in found])
        assert content["thresholds"] == pytest.approx(dict(zip(NAMES, bundle().card.thresholds, strict=True)))
        assert "risk" not in content
        deviance, columns = [row["mean_deviance"] for row in found], set(found[0])
    else:
        frame = pd.read_csv(out, keep_default_na=False) if ending == "csv" else pd.read_parquet(out)
        said = [cell.split("; ") if cell else [] for cell in frame["predicted"]]
        np.testing.assert_allclose(frame[[f"prob_{n}" for n in NAMES]], prob, atol=2e-6)
        low, deviance, columns = frame[[f"low_{n}" for n in NAMES]].to_numpy(), frame["mean_deviance"], set(frame)
    assert said == named and {len(row) for row in named} > {1}
    np.testing.assert_allclose(low, np.quantile(draws, 0.025, axis=0), atol=2e-6)
    entropy = -(draws * np.log(draws) + (1 - draws) * np.log(1 - draws)).sum(-1).mean(0)
    np.testing.assert_allclose(deviance, 2 * entropy, rtol=1e-4)
    assert not columns & {"probability", "abstain", "length"}


def predict(folder: Path, out: Path, *more: str) -> int:
    words: list[Any] = ["predict", "--student", folder / "student", "--table", folder / "new.csv", "--out", out, *more]
    return cli.main([str(word) for word in words])


def test_what_a_student_of_several_labels_cannot_do_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bundle().write(tmp_path / "student")
    pd.DataFrame(np.zeros((2, 6)), columns=COLUMNS).to_csv(tmp_path / "new.csv", index=False)
    assert predict(tmp_path, tmp_path / "o.csv", "--risk", "0.2") == 1
    assert "--risk: student: found one of several labels; expected one label an example" in capsys.readouterr().err
    assert predict(tmp_path, tmp_path / "o.csv") == 0
    assert "no risk is promised" in capsys.readouterr().err
    with pytest.raises(ValueError, match="labels: found several an example"):
        mtbkd.load(tmp_path / "student")
    short = replace(bundle(), card=bundle().card.model_copy(update={"thresholds": (0.5,)}))
    with pytest.raises(ContractError, match="thresholds: found 1; expected one a class"):
        short.write(tmp_path / "short")


def test_the_usual_student_of_a_study_has_one_label(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Whatever its likelihood, which is not that of several labels; these are asked for by name."""
    place, proteins = tmp_path / "results" / "protein" / "bundles", one_label.bundle()
    proteins.write(place / "made_up" / proteins.card.method)
    scores = {"val": {"nll": -100.0}, "test": {"nll": -100.0}}
    better = bundle().card.model_copy(update={"study": "protein", "scores": scores})
    replace(bundle(), card=better).write(place / "several" / "tip_sgld")
    fasta = one_label.fasta(tmp_path, one_label.chains(3, 1)[0])
    for more, told in (((), "experiment made_up"), (("--experiment", "several"), "numbers of shape (6,)")):
        words = ["predict", "--results", tmp_path / "results", "--fasta", fasta, "--out", tmp_path / "o.csv", *more]
        assert cli.main([str(word) for word in words]) == bool(more)
        assert told in capsys.readouterr().err


def test_a_point_estimate_has_no_intervals(tmp_path: Path) -> None:
    card = bundle("labels_map").card
    assert card.draws == 1 and any("no credible intervals" in limit for limit in card.limits)
    bundle("labels_map").write(tmp_path / "student")
    pd.DataFrame(np.zeros((2, 6)), columns=COLUMNS).to_csv(tmp_path / "new.csv", index=False)
    assert predict(tmp_path, tmp_path / "o.csv", "--quiet") == 0
    assert pd.read_csv(tmp_path / "o.csv")["low_in"].isna().all()


def test_data_that_do_not_say_how_they_were_scaled_are_refused() -> None:
    card = {key: value for key, value in data().card.items() if key != "scaling"}
    with pytest.raises(ContractError, match="scaling: found nothing on the card of standardised inputs"):
        make_bundle(inputs(dataset=replace(data(), card=card)), SETTINGS, "mine", "tip_sgld")
