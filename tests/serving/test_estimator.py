"""The estimator is the workflow's fit, takes teachers in every form, and keeps what it learnt."""

import csv
import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path

import arviz
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from torch.utils.data import DataLoader, TensorDataset

import mtbkd
from mtbkd import MultiTeacherClassifier
from mtbkd.base import progress
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.data.datasets import table
from mtbkd.evaluation.conformal import prediction_sets, sets_at
from mtbkd.inference.fitting import fit_files
from mtbkd.serving.given import HELD_OUT
from mtbkd.study.config import load
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration
from mtbkd.teachers import released

QUICK = {"steps": 150, "restarts": 1}
SGLD = {"steps": 300, "burn_in": 100, "thin": 2, "chains": 2, "step_size": 1e-4}


def quick(**settings) -> MultiTeacherClassifier:
    return MultiTeacherClassifier(
        **{"inference": "sgld", "settings": SGLD, "hidden": (6,), "training": QUICK, "device": "cpu", **settings}
    )


def plain(**settings) -> MultiTeacherClassifier:
    return quick(**{"inference": "map", "settings": None, **settings})


def opinions(y: np.ndarray, seed: int, classes: int = 3) -> np.ndarray:
    """A teacher that mostly knows the class."""
    rng = np.random.default_rng(seed)
    prob = 0.3 * rng.dirichlet(np.ones(classes), len(y)) + 0.7 * np.eye(classes)[y]
    return prob / prob.sum(1, keepdims=True)


@cache
def iris() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    x, y = load_iris(return_X_y=True)
    return x, y, {"first": opinions(y, 1), "second": opinions(y, 2)}


def write(path: Path, header: list[str], rows) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


def test_the_same_data_and_seed_give_the_draws_of_the_workflow(tmp_path: Path):
    """Files read, planned and fitted as the jobs of a study do it, against arrays handed to the estimator."""
    x, y, teachers = iris()
    student = quick(method="tip_entropy_sgld", inference=None, random_state=5)
    student.fit(pd.DataFrame(x, columns=list("abcd")), y, teachers=teachers)

    rows = zip(range(len(y)), y, student.split_, *(map(repr, map(float, v)) for v in x.T), strict=True)
    path = write(tmp_path / "iris.csv", ["id", "y", "part", *"abcd"], rows)
    for name, prob in teachers.items():
        write(tmp_path / f"{name}.csv", ["id", "0", "1", "2"], [[i, *map(repr, map(float, p))] for i, p in enumerate(prob)])
    content = read_configuration()
    released_by = {"family": "released"}
    content |= {
        "study": "mine", "seed": 5, "device": "cpu", "training": {**content["training"], **QUICK},
        "datasets": content["datasets"] | {"iris": {"kind": "table", "settings": {
            "path": str(path), "label": "y", "id": "id", "split": "part"}}},
        "teachers": content["teachers"] | {name: released_by | {"settings": {
            "path": str(tmp_path / f"{name}.csv"), "values": "probabilities"}} for name in teachers},
        "students": content["students"] | {"small": {"architecture": "mlp", "settings": {"hidden": [6]}}},
        "methods": content["methods"] | {"tip_entropy_sgld": {**content["methods"]["tip_entropy_sgld"], "settings": SGLD}},
    }  # fmt: skip
    experiment = {"dataset": "iris", "teachers": [*teachers], "student": "small", "methods": ["tip_entropy_sgld"]}
    content["studies"]["mine"] = {"experiments": {"iris": experiment}}
    plan = make_plan(load(content)).experiments["iris"]

    data = table.prepare("iris", table.Settings.model_validate(plan.data.settings), 5, range(1), tmp_path)
    data.write(tmp_path / "data")
    for teacher in plan.teachers:
        settings = released.Settings.model_validate(teacher.settings)
        made = released.train(teacher.name, None, settings, Dataset.read(tmp_path / "data"), 5, 0, "cpu", tmp_path)
        made.write(tmp_path / teacher.name)
    fit_files(plan.methods["tip_entropy_sgld"], "r0-0", tmp_path / "data", [tmp_path / t for t in teachers], tmp_path / "d.nc")

    theirs, ours = Draws.read(tmp_path / "d.nc"), student._draws
    assert ours.log_posterior.std() > 0
    for name in ("log_posterior", "probe_prob", "prob", "log_likelihood"):
        assert np.array_equal(getattr(theirs, name), getattr(ours, name)), name
    assert theirs.tuning == ours.tuning and theirs.gates == ours.gates


@pytest.mark.parametrize("load_data", [load_breast_cancer, load_wine, load_digits])
def test_a_saved_student_predicts_as_the_one_in_memory(load_data, tmp_path: Path):
    x, y = load_data(return_X_y=True)
    student = quick().fit(x, y, teachers=[opinions(y, 1, y.max() + 1)])
    student.save(tmp_path / "student")
    again = mtbkd.load(tmp_path / "student")
    np.testing.assert_allclose(again.predict_proba(x), student.predict_proba(x), rtol=0, atol=1e-6)
    np.testing.assert_allclose(again.predict_interval(x[:50], 0.9), student.predict_interval(x[:50], 0.9), atol=1e-6)
    assert (again.predict_set(x, 0.8) == student.predict_set(x, 0.8)).all()
    assert again.get_params() == student.get_params() and again.classes_.tolist() == student.classes_.tolist()
    assert student.score(x, y) > 0.8
    assert (pickle.loads(pickle.dumps(student)).predict(x) == student.predict(x)).all()


def test_a_loaded_student_shows_that_a_file_was_changed(tmp_path: Path):
    x, y, teachers = iris()
    folder = plain().fit(x, y, teachers=teachers).save(tmp_path / "student")
    text = (folder / "estimator.json").read_text()
    (folder / "estimator.json").write_text(text.replace('"version": 2', '"version": 7'))
    with pytest.raises(ValueError, match="version: found 7; expected 1 or 2"):
        mtbkd.load(folder)
    (folder / "estimator.json").write_text(text.replace('"hidden": [', '"hidden": [9, '))
    with pytest.raises(ValueError, match="changed since it was written"):
        mtbkd.load(folder)
    (folder / "estimator.json").write_text(text)
    (folder / "draws.nc").unlink()
    with pytest.raises(ValueError, match=r"draws\.nc: file: found nothing; expected the file that estimator\.json"):
        mtbkd.load(folder)
    with pytest.raises(ValueError, match="student: found nothing; expected a folder with"):
        mtbkd.load(tmp_path / "elsewhere")


def test_settings_may_be_numbers_and_arrays_of_numpy():
    x, y, teachers = iris()
    ours = plain(grid={"lambda": [0.5, 5], "prior_scale": 1}, student_scaling=True, training={**QUICK, "steps": 90})
    theirs = plain(grid={"lambda": np.array([0.5, 5]), "prior_scale": np.float32(1)}, student_scaling=np.True_,
                   training={**QUICK, "steps": np.int64(90)}, hidden=np.array([6]))  # fmt: skip
    found = [student.fit(x, y, teachers=teachers).predict_proba(x) for student in (ours, theirs)]
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"grid": [1]}, "grid: found list; allowed: a dictionary"),
        ({"training": "steps"}, "training: found str; allowed: a dictionary"),
        ({"classes": 3}, "classes: found 3; expected a list"),
        ({"student": 3}, "allowed: cnn, linear, mlp,"),
        ({"classes": "012"}, "classes: found '012'; expected a list"),
        ({"floor": "0.001"}, "floor: found '0.001'; expected a probability"),
    ],
)
def test_a_setting_of_another_type_is_named(settings: dict, told: str):
    x, y, teachers = iris()
    with pytest.raises(ValueError, match=told):
        plain(**settings).fit(x, y, teachers=teachers)


def test_what_is_asked_of_a_student_has_the_type_that_it_needs():
    x, y, _ = iris()
    student = quick().fit(x, y)
    with pytest.raises(ValueError, match=r"folds: found 2\.5; expected 0, for held-out rows, or at least 2"):
        student.predict_set(x, folds=2.5)
    with pytest.raises(ValueError, match=r"coverage: found '0\.9'; expected a share"):
        student.predict_set(x, coverage="0.9")
    with pytest.raises(ValueError, match=r"level: found '0\.9'; expected a share"):
        student.predict_interval(x, level="0.9")


def test_labels_whose_index_is_in_another_order_are_doubted():
    x, y, _ = iris()
    frame, labels = pd.DataFrame(x), pd.Series(y)
    doubts = plain().fit(frame, labels.sample(frac=1, random_state=0)).doubts_
    assert any("labels have the index of X in another order" in doubt for doubt in doubts)
    for same in (labels, y, labels.set_axis(labels.index + 1)):
        assert not any("another order" in doubt for doubt in plain().fit(frame, same).doubts_)


def test_tensors_are_read_whatever_their_gradient_and_precision():
    x, y, teachers = iris()
    student = plain().fit(np.round(x), y, teachers=teachers)
    tensor = torch.tensor(np.round(x), dtype=torch.bfloat16, requires_grad=True)
    heard = {name: torch.tensor(prob, requires_grad=True) for name, prob in teachers.items()}
    again = plain().fit(tensor, torch.tensor(y), teachers=heard)
    assert (again.predict_proba(tensor) == student.predict_proba(np.round(x))).all()


def test_tables_of_arrow_are_read_as_frames_are():
    """As frames of Polars, which have columns and no index either."""
    import pyarrow

    x, y, teachers = iris()
    frame = pd.DataFrame(x, columns=list("abcd"))
    heard = pd.DataFrame(teachers["first"], columns=["0", "1", "2"])[["2", "0", "1"]]
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    student = plain().fit(frame, y, teachers={"first": heard})
    again = plain().fit(table, y, teachers={"first": pyarrow.Table.from_pandas(heard, preserve_index=False)})
    assert (again.predict_proba(table) == student.predict_proba(frame)).all() and len(again.uncertainty(table)) == len(x)


def test_a_column_whose_variance_overflows_is_named():
    x, y, _ = iris()
    with pytest.raises(ValueError, match=r"X: column 'feature 2': found numbers up to 4\.4e\+300"):
        plain().fit(x * [1, 1e300, 1, 1], y)


def test_a_part_replaces_that_of_the_method_with_its_settings():
    x, y, teachers = iris()
    student = plain(method="power_50_map", signal="tip").fit(x, y, teachers=teachers)
    own = plain(signal="tip", weights="entropy").fit(x, y, teachers=teachers)
    assert (student.predict_proba(x) == own.predict_proba(x)).all()


@pytest.mark.parametrize("hidden", [(6.7,), "6", [[6, 3], [2, 2]]])
def test_units_are_whole_numbers_or_refused(hidden):
    x, y, _ = iris()
    with pytest.raises(ValueError, match=r"student\.hidden.*allowed: an integer"):
        plain(hidden=hidden).fit(x, y)


def test_a_student_with_a_flat_prior_is_saved_and_read(tmp_path: Path):
    x, y, _ = iris()
    student = plain(grid={"prior_scale": np.inf}).fit(x, y)
    again = mtbkd.load(student.save(tmp_path / "student"))
    assert again.get_params() == student.get_params() and (again.predict_proba(x) == student.predict_proba(x)).all()


def test_an_interrupted_save_is_not_taken_for_a_bundle_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whose classes are text: 0 would become "0"."""
    x, y, _ = iris()
    student = plain().fit(x, y)
    folder = student.save(tmp_path / "student")
    for stopped in ("mtbkd.serving.keeping.write_json", "mtbkd.serving.bundle.Bundle.write"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(stopped, raise_interrupt)
            student.save(folder)
        with pytest.raises(ValueError, match=r"estimator\.json: file: found nothing; expected settings"):
            mtbkd.load(folder)
    assert mtbkd.load(student.save(folder)).predict(x).tolist() == student.predict(x).tolist()


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_teachers_are_heard_in_every_form(tmp_path: Path):
    """Frames with columns and rows in any order, files, logits, functions and half precision say what arrays say."""
    x, y = load_iris(return_X_y=True, as_frame=True)
    y = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    x.index = [f"plant {i}" for i in range(len(x))]
    names, codes = ["setosa", "versicolor", "virginica"], load_iris().target
    prob = opinions(codes, 1)
    frame = pd.DataFrame(prob, columns=names, index=x.index)
    expected = plain().fit(x, y, teachers={"one": prob}).predict_proba(x)
    mixed = frame.sample(frac=1, random_state=0)[names[::-1]]
    np.savez(tmp_path / "one.npz", values=prob, ids=np.array(x.index.to_list()), class_names=np.array(names))
    mixed.rename_axis("id").reset_index().to_csv(tmp_path / "one.csv", index=False)
    mixed.rename_axis("id").reset_index().to_parquet(tmp_path / "one.parquet", index=False)
    forms = [frame, mixed, frame.reset_index(drop=True), np.log(prob) + 3, lambda rows: prob, tmp_path / "one.npz",
             tmp_path / "one.csv", str(tmp_path / "one.parquet"), prob.tolist()]  # fmt: skip
    for form in forms:
        found = plain().fit(x, y, teachers={"one": form}).predict_proba(x)
        np.testing.assert_allclose(found, expected, atol=1e-3)
    plain().fit(x, y, teachers=prob.astype(np.float16))
    model = LogisticRegression(max_iter=2000).fit(x, y)
    model.classes_ = model.classes_[::-1]  # another order of classes, with the columns to it
    model.coef_, model.intercept_ = model.coef_[::-1], model.intercept_[::-1]
    student = plain().fit(x, y, teachers=[model, RandomForestClassifier(20, random_state=0).fit(x, y)])
    assert [t.teacher for t in student._fitted.teachers] == ["LogisticRegression", "RandomForestClassifier"]
    assert student._fitted.teachers[0].card["accuracy"]["train"] > 0.9


def test_torch_modules_are_asked_as_they_will_be_used():
    """In evaluation mode, in the order of the rows, on their own numbers; afterwards every part is in the mode it was in."""
    x, y, _ = iris()
    torch.manual_seed(0)
    first, dropout = torch.nn.Linear(4, 3), torch.nn.Dropout(0.5)
    network = torch.nn.Sequential(first, torch.nn.BatchNorm1d(3, momentum=0.0), dropout)
    network[1].eval()
    with torch.no_grad():
        first.weight.copy_(torch.as_tensor(LogisticRegression(max_iter=2000).fit(x, y).coef_))
    inputs = torch.as_tensor(x, dtype=torch.float32)
    expected = first(inputs).detach().numpy() / np.sqrt(1 + 1e-5)
    rows = DataLoader(TensorDataset(inputs, torch.as_tensor(y)), batch_size=32)
    forms = [{"net": (network, rows)}, [(network, rows)], (network, rows), network, (network, inputs.double().split(7))]
    for form in forms:
        network.train()
        network[1].eval()
        student = plain().fit(x, y, teachers=form)
        found = student._fitted.teachers[0]
        np.testing.assert_allclose(found.logits[0], expected, rtol=1e-4)
        assert network.training and dropout.training and not network[1].training
    asked = plain().fit(x, y, teachers=lambda given: network.eval()(torch.as_tensor(given, dtype=torch.float32)))
    np.testing.assert_allclose(asked._fitted.teachers[0].logits[0], expected, rtol=1e-4)
    assert plain().fit(x, y, teachers=network)._fitted.teachers[0].teacher == "Sequential"
    assert plain().fit(x, y, teachers=network.double())._fitted.teachers[0].logits.shape == (1, 150, 3)


def test_a_teacher_that_does_not_know_a_class_gives_it_the_floor():
    x, y, _ = iris()
    model = RandomForestClassifier(10, random_state=0).fit(x[y < 2], y[y < 2])
    with pytest.raises(ValueError, match="teacher RandomForestClassifier: columns: found no '2' among 0, 1"):
        plain().fit(x, y, teachers=model)
    student = plain(missing_class="floor", floor=0.02).fit(x, y, teachers=model)
    said = softmax(student._fitted.teachers[0].logits[0], -1)
    assert said.min() == pytest.approx(0.02 / 1.04, rel=1e-2) and (said[:, 2] == said.min(1)).all()
    assert student.score(x, y) > 0.6


def test_rows_without_label_are_taught_by_teachers_alone():
    x, y, teachers = iris()
    few = np.where(np.arange(len(y)) % 10 < 3, y, -1)
    taught = plain().fit(x, few, teachers=teachers)
    assert (taught.split_[few == -1] == "train").all() and taught.classes_.tolist() == [0, 1, 2]
    assert taught.score(x, y) > 0.85
    none = [None if label < 0 else label for label in few.tolist()]
    assert (plain().fit(x, none, teachers=teachers).predict_proba(x) == taught.predict_proba(x)).all()
    texts = np.array([None if label < 0 else f"class {label}" for label in few.tolist()], dtype=object)
    assert set(plain().fit(x, texts, teachers=teachers).predict(x)) <= {"class 0", "class 1", "class 2"}
    missing = np.where(few == 2, -1, few)
    trusting = plain(classes=[0, 1, 2], grid={"lambda": 5})  # validation labels, which lack the class, would trust nobody
    assert trusting.fit(x, missing, teachers=teachers).score(x, y) > 0.8


def test_half_of_the_validation_part_chooses_nothing():
    x, y, teachers = iris()
    given = np.arange(0, 150, 3)
    student = plain(validation=given).fit(x, y, teachers=teachers)
    assert set(np.flatnonzero(student.split_ != "train")) == set(given)
    assert abs((student.split_ == "val").sum() - (student.split_ == HELD_OUT).sum()) <= 3
    held = np.flatnonzero(student.split_ == HELD_OUT)
    other = y.copy()
    other[held] = (other[held] + 1) % 3  # stratification reads labels, so the same rows are named again by a mask
    split = student.split_

    assert (student.tuning_["chosen"].sum(), len(student.tuning_)) == (1, 6)
    data = student._fitted.dataset
    changed = replace(data, y=other[None])
    again = plain(validation=given).fit_dataset(changed, student._fitted.teachers)
    assert np.array_equal(again.bundle_.params, student.bundle_.params) and (again.split_ == split).all()
    assert again.bundle_.card.scores["test"]["accuracy"] < student.bundle_.card.scores["test"]["accuracy"]
    several = replace(data, x=np.repeat(data.x, 2, 0), y=np.repeat(data.y, 2, 0))
    with pytest.raises(ValueError, match="replicates: found 2; expected one"):
        plain().fit_dataset(several, student._fitted.teachers)


def test_prediction_sets_hold_the_class_as_often_as_promised():
    x, y = load_digits(return_X_y=True)
    half = np.arange(len(y)) % 2 == 0
    student = plain(validation=0.5).fit(x[half], y[half], teachers=[opinions(y[half], 3, 10)])
    sets = student.predict_set(x[~half], 0.9)
    covered = sets[np.arange((~half).sum()), y[~half]].mean()
    n = (student.split_ == HELD_OUT).sum()
    assert 0.9 - 4 * np.sqrt(0.09 / n) < covered < 1 and sets.any(1).all()
    wider = student.predict_set(x[~half], 0.97)
    assert (wider | ~sets).all() and wider.sum() > sets.sum()
    with pytest.raises(ValueError, match=rf"as {n} held-out rows can promise"):
        student.predict_set(x, 0.9999)
    aps = student.predict_set(x[~half], 0.97, kind="aps")
    assert aps[np.arange((~half).sum()), y[~half]].mean() > 0.97 - 4 * np.sqrt(0.03 / n) and (aps != wider).any()
    point = next(each for each in student.bundle_.card.sets if (each.kind, each.coverage) == ("aps", 0.95))
    by_card = sets_at(student.predict_proba(x[~half]), point.threshold, "aps")
    assert point.n == n and (by_card == student.predict_set(x[~half], 0.95, kind="aps")).all()


def test_students_of_folds_calibrate_sets_where_no_row_is_spared(tmp_path: Path):
    """Folds promise more than two held-out rows could; the same sets as by the folds' own fits, and none after loading."""
    x, y, teachers = iris()
    student = plain(validation=0.04, student_scaling=True, hidden=(3,)).fit(x, y, teachers=teachers)
    with pytest.raises(ValueError, match=r"held-out rows can promise.*or folds"):
        student.predict_set(x, 0.9)
    sets = student.predict_set(x, 0.9, kind="aps", folds=3)
    crossed = student._crossed[3]
    prob = np.stack([each.draw_probs(each.standardised(x)).mean(0, dtype=np.float64) for each in crossed.bundles])
    assert (sets == prediction_sets(prob, crossed.scores["aps"], 0.9, "aps", crossed.held.fold)).all()
    train = np.flatnonzero(student.split_ == "train")
    assert (crossed.held.row == train).all() and sets[np.arange(len(y)), y].mean() > 0.8
    at = crossed.held.fold == 1
    np.testing.assert_allclose(prob[1][train[at]], crossed.held.prob[0, at], atol=1e-6)
    assert student.bundle_.card.tuned["scaled_by"] > 0
    again = mtbkd.load(student.save(tmp_path / "student"))
    assert again.student_scaling
    with pytest.raises(ValueError, match="3 of a student that was loaded; expected 0"):
        again.predict_set(x, 0.9, folds=3)


def test_intervals_and_uncertainty_are_those_of_the_draws():
    x, y, teachers = iris()
    student = quick().fit(x, y, teachers=teachers)
    prob = student.bundle_.draw_probs(student.bundle_.standardised(x))
    low, high = student.predict_interval(x, 0.8)
    np.testing.assert_allclose(low, np.quantile(prob, 0.1, axis=0), atol=1e-6)
    np.testing.assert_allclose(high, np.quantile(prob, 0.9, axis=0), atol=1e-6)
    told = student.uncertainty(pd.DataFrame(x, index=np.arange(150) + 7))
    assert told.index[0] == 7 and np.allclose(told["total"], told["expected"] + told["epistemic"])
    np.testing.assert_allclose(told["mean_deviance"], 2 * told["expected"])
    assert (told["epistemic"] >= 0).all() and told["epistemic"].max() > 0
    assert student.gates_.set_index("gate").loc["rhat", "value"] > 0
    assert set(arviz.ess(student.draws_["posterior"].to_dataset()).data_vars) >= {"log_posterior"}
    point = plain().fit(x, y, teachers=teachers)
    with pytest.raises(ValueError, match="a point estimate"):
        point.predict_interval(x)
    assert point.uncertainty(x)["epistemic"].isna().all()


def test_the_method_follows_from_the_size_and_says_so():
    x, y, teachers = iris()
    asked = plain(training=QUICK)
    told = {}
    for hidden in ((8,), (80,)):
        settings = {"draws": 100, "warmup": 20} if hidden == (8,) else {"steps": 50}
        asked.set_params(hidden=hidden, inference=None, settings=settings)
        told[hidden] = asked.fit(x, y, teachers=teachers).choice_
    assert told[8,] == "method own_tip_entropy_hmc_laplace: hmc_laplace of the last layer (27 of 67 weights), at most 150"
    assert told[80,].startswith("method own_tip_entropy_vi: vi of low rank of all 643 weights")
    alone = plain().fit(x, y)
    assert alone.choice_ == "method own_labels_map: inference map; without teachers it learns from labels alone"
    assert alone.bundle_.card.config["signal"]["name"] == "none"


def test_a_method_of_labels_says_that_nobody_listens_to_teachers():
    x, y, teachers = iris()
    heard = plain(method="labels_map", inference=None).fit(x, y, teachers=teachers)
    assert heard.choice_.endswith("it learns from labels alone, whatever its teachers say")
    assert (heard.predict_proba(x) == plain(method="labels_map", inference=None).fit(x, y).predict_proba(x)).all()


def test_teachers_are_calibrated_and_weighted_as_asked():
    x, y, teachers = iris()
    sure = {name: prob**4 / (prob**4).sum(1, keepdims=True) for name, prob in teachers.items()}
    one, two = (plain(signal="kd", teacher_scaling=how).fit(x, y, teachers=sure) for how in ("none", "temperature"))
    assert two.bundle_.card.config["teacher_scaling"] == "temperature" and (one.predict_proba(x) != two.predict_proba(x)).any()
    marginal = {"unknown": "marginal", "alpha": 1e9}
    found = plain(signal="kd", weights="domain", weights_settings=marginal).fit(x, y, teachers=teachers)
    equal = plain(signal="kd", weights="equal").fit(x, y, teachers=teachers)
    np.testing.assert_allclose(found.predict_proba(x), equal.predict_proba(x), atol=1e-4)
    with pytest.raises(ValueError, match="hears no teachers"):
        plain(signal="none", teacher_scaling="vector").fit(x, y, teachers=teachers)


def test_folds_of_a_cross_validation_find_their_rows_of_a_frame():
    x, y, teachers = iris()
    frame, folds = pd.DataFrame(teachers["first"], columns=[0, 1, 2]), StratifiedKFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(plain(), pd.DataFrame(x), y, params={"teachers": {"one": frame}}, cv=folds)
    assert len(scores) == 3 and scores.mean() > 0.8
    part = pd.DataFrame(x).sample(60, random_state=0)
    by_index = plain().fit(part, y[part.index], teachers={"one": frame}).predict_proba(x)
    by_row = plain().fit(part, y[part.index], teachers={"one": teachers["first"][part.index]}).predict_proba(x)
    assert (by_index == by_row).all()


def test_a_seed_of_its_own_is_one_seed_for_all_of_a_fit(tmp_path: Path):
    x, y, teachers = iris()
    student = plain(random_state=None).fit(x, y, teachers=teachers)
    again = plain(random_state=student.seed_).fit(x, y, teachers=teachers)
    assert (again.predict_proba(x) == student.predict_proba(x)).all() and (again.split_ == student.split_).all()
    assert mtbkd.load(student.save(tmp_path / "s")).random_state == student.seed_
    assert (plain(random_state=1).fit(x, y, teachers=teachers).predict_proba(x) != student.predict_proba(x)).any()


def test_a_bundle_without_settings_predicts_and_says_what_it_lacks(tmp_path: Path):
    """As studies write them."""
    x, y, teachers = iris()
    frame = pd.DataFrame(x, columns=list("abcd"))
    student = quick().fit(frame, y, teachers=teachers)
    folder = student.save(tmp_path / "student")
    (folder / "estimator.json").unlink()
    (folder / "draws.nc").unlink()
    bundle = mtbkd.load(folder)
    assert (bundle.predict_proba(frame) == student.predict_proba(frame)).all() and bundle.classes_.tolist() == ["0", "1", "2"]
    assert bundle.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="none of kind threshold in this student"):
        bundle.predict_set(frame)
    assert not hasattr(bundle, "draws_")
    again = mtbkd.load(bundle.save(tmp_path / "again"))
    assert (again.predict_proba(frame) == bundle.predict_proba(frame)).all()
    with pytest.raises(ValueError, match="fitted in this session"):
        bundle.report(tmp_path / "report.html")


@pytest.mark.parametrize("heard", [True, False])
def test_the_page_of_one_fit_is_the_page_of_the_suite(tmp_path: Path, heard: bool):
    x, y, teachers = iris()
    student = quick().fit(x, y, teachers=teachers) if heard else plain().fit(x, y)
    page = student.report(tmp_path / "report.html").read_text()
    accuracy = student.bundle_.card.scores["test"]["accuracy"]
    method = "own_tip_entropy_sgld" if heard else "own_labels_map"
    assert method in page and f"{accuracy:.3f}" in page and ("teachers:mean" in page) == heard and "R-hat" in page
    assert page.count("<img") >= (6 if heard else 2) and 'id="sets"' in page and "APS, split" in page
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_pipelines_fill_holes_and_encode_categories():
    x, y = load_iris(return_X_y=True, as_frame=True)
    x.iloc[::7, 0] = np.nan
    holes = make_pipeline(SimpleImputer(), plain()).fit(x, y)
    assert holes.score(x, y) > 0.8
    colour = pd.DataFrame({"colour": np.array(["red", "green", "blue"])[y]})
    assert make_pipeline(OneHotEncoder(sparse_output=False), plain()).fit(colour, y).score(colour, y) == 1


def test_a_notebook_shows_what_the_fit_says_of_itself():
    x, y, teachers = iris()
    student = quick().fit(x, y, teachers=teachers)
    assert "held-out accuracy" not in quick()._repr_html_()
    shown = student._repr_html_()
    assert "method own_tip_entropy_sgld: inference sgld" in shown and "failed check: rhat" in shown


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, mtbkd; print([m for m in ('numpy', 'torch', 'sklearn', 'pandas', 'pydantic') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    assert {"MultiTeacherClassifier", "load"} <= set(dir(mtbkd))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mtbkd.nothing  # noqa: B018


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_fit_shows_its_stages_unless_it_is_told_to_be_quiet(
    verbose: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_seen", lambda: True)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    x, y, teachers = iris()
    student = plain(verbose=verbose).fit(x, y, teachers=teachers)
    shown = capsys.readouterr().err
    for stage in (f"tuning, {len(student.tuning_)} candidates", "fit", "predictions", "convergence checks"):
        assert (stage in shown) == bool(verbose)
