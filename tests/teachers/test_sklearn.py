"""Teachers from scikit-learn: which rows they learn, what they say of them, and which mistakes are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from mtbkd.base.errors import ContractError
from mtbkd.base.folds import stratified_folds
from mtbkd.contracts.artefacts import TEACHERS, Dataset, Logits
from mtbkd.pooling import unseen
from mtbkd.teachers import estimators, mlp, optimism
from mtbkd.teachers import sklearn as family
from mtbkd.teachers.columns import Part, columns_seen
from mtbkd.teachers.examples import labels_of
from mtbkd.teachers.teaching import teach

FOREST = "sklearn.ensemble.RandomForestClassifier"
NEAREST = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "arguments": {"n_neighbors": 1}}
SPLIT = np.repeat(["train", "val", "test", TEACHERS], (200, 60, 200, 200))
N = len(SPLIT)


def dataset(split: np.ndarray = SPLIT, seed: int = 0, replicates: int = 2, random_labels: bool = False) -> Dataset:
    """Four classes, corners of a square that two clusters hold at different places; six columns, the last four noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, (replicates, len(split)))
    domain = rng.integers(0, 2, y.shape)
    corner = np.stack([y % 2, y // 2], -1) * 2.0 - 1
    x = rng.normal(size=(*y.shape, 6)) * 0.4
    x[..., :2] += np.where(domain[..., None] == 0, corner, 10 - corner)
    if random_labels:
        y = rng.integers(0, 4, y.shape)
    ids = np.array([f"row{i}" for i in range(len(split))])
    names = ("cluster 1", "cluster 2")
    return relabelled(Dataset("square", x.astype("f4"), y, split, ("a", "b", "c", "d"), ids, domain, names), y)


def relabelled(data: Dataset, y: np.ndarray) -> Dataset:
    """With labels ``y`` (R, N), which students do not see on teachers' rows."""
    return replace(data, y=np.where(data.split == TEACHERS, -1, y), teacher_y=y).validate()


SHARED = np.where(SPLIT == TEACHERS, "train", SPLIT)


def taught(data: Dataset, domain: str | None = None, first: int = 0, **settings: Any) -> Logits:
    known = {"estimator": FOREST, "arguments": {"n_estimators": 20}} | settings
    return family.train("t", domain, family.Settings.model_validate(known), data, 1, first, "cpu", Path())


def probabilities(logits: Logits) -> np.ndarray:
    return np.exp(logits.logits.astype(float))


@pytest.mark.parametrize("split", [SPLIT, SHARED], ids=["disjoint", "shared"])
def test_a_specialist_knows_its_own_domain_best(split: np.ndarray) -> None:
    accuracy = taught(dataset(split), "cluster 1").card["accuracy"]
    assert accuracy["test/cluster 1"] > 0.9 > 0.5 > accuracy["test/cluster 2"]


def test_its_word_on_rows_that_it_learnt_is_out_of_fold() -> None:
    """One nearest neighbour knows every label of its own rows by heart; labels here are random, so nothing can be known."""
    data = dataset(SHARED, random_labels=True, replicates=1)
    card = taught(data, **NEAREST).card
    assert abs(card["accuracy"]["train"] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)
    assert card["rows"] == "shared" and "predictions for them are out-of-fold (5 folds)" in card["learnt"]


def test_rows_that_it_could_have_learnt_and_did_not_get_the_whole_model() -> None:
    """With all rows of its domain learnt, the others' words are those of one fit, which sklearn repeats."""
    from sklearn.neighbors import KNeighborsClassifier

    data = dataset(SHARED, replicates=1)
    own = (data.split == "train") & (data.domain == 0)[0]
    other = (data.split == "train") & ~own
    model = KNeighborsClassifier(1).fit(data.x[0, own], data.y[0, own])
    said = taught(data, "cluster 1", **NEAREST).logits[0, other].argmax(-1)
    assert np.array_equal(said, model.predict(data.x[0, other]))


def test_where_the_data_have_rows_for_teachers_it_learns_these_alone() -> None:
    data = dataset()
    found = taught(data)
    assert (found.card["rows"], found.card["seen"], found.card["out_of_fold"]) == ("disjoint", [TEACHERS], [])
    assert found.card["examples_seen"] == 200 and "which no student sees" in found.card["learnt"]
    changed = np.where(data.split == TEACHERS, labels_of(data), 3 - labels_of(data))
    assert np.array_equal(taught(relabelled(data, changed)).logits, found.logits)
    assert not found.covered[data.split == TEACHERS].any() and not found.logits[:, data.split == TEACHERS].any()
    assert found.covered[data.split != TEACHERS].all()


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_validation_and_test_labels_are_never_read(held_out: str) -> None:
    data = dataset(SHARED)
    changed = np.where(data.split == held_out, 3 - data.y, data.y)
    assert np.array_equal(taught(relabelled(data, changed)).logits, taught(data).logits)


def test_exposure_shows_a_share_of_the_other_domains() -> None:
    data = dataset()
    alone, half, all_rows = (taught(data, "cluster 1", exposure=e).card["examples_seen"] for e in (0, 0.5, 1))
    assert alone < half < all_rows == 200 and half == pytest.approx((alone + all_rows) / 2, abs=20)


def test_the_floor_is_the_least_probability_by_mixing_with_the_uniform_distribution() -> None:
    data = dataset()
    low, high = (probabilities(taught(data, floor=floor))[:, data.split == "test"] for floor in (1e-3, 0.1))
    assert low.min() == pytest.approx(1e-3, rel=1e-4) and high.min() == pytest.approx(0.1, rel=1e-4)
    assert low.sum(-1) == pytest.approx(1) and high == pytest.approx(0.1 + 0.6 * (low - 1e-3) / 0.996, rel=1e-4)


def noisy(split: np.ndarray) -> Dataset:
    """A third of the labels drawn at random: whoever is sure is wrong too often."""
    data, rng = dataset(split, replicates=1), np.random.default_rng(5)
    y = labels_of(data)
    return relabelled(data, np.where(rng.random(y.shape) < 1 / 3, rng.integers(0, 4, y.shape), y))


def losses(found: Logits, data: Dataset, part: str) -> float:
    """Mean negative log-likelihood on a split."""
    rows = data.split == part
    return float(-np.take_along_axis(found.logits[0, rows], labels_of(data)[0, rows, None], 1).mean())


@pytest.mark.parametrize("split", [SPLIT, SHARED], ids=["disjoint", "shared"])
@pytest.mark.parametrize(("calibrate", "said"), [("isotonic", "by isotonic regression"), ("temperature", "by one temperature")])
def test_calibration_takes_back_what_trees_are_too_sure_of(split: np.ndarray, calibrate: str, said: str) -> None:
    """A forest says 0 where no tree votes for a class: zeros must not set the temperature."""
    data = noisy(split)
    for path, fall in ((FOREST, 0.0), ("sklearn.tree.DecisionTreeClassifier", 1.0)):
        own = {"estimator": path, "arguments": {"n_estimators": 10} if path == FOREST else {}}
        before, after = taught(data, **own), taught(data, calibrate=calibrate, **own)
        assert losses(after, data, "train") < losses(before, data, "train") - fall
        assert losses(after, data, "test") < losses(before, data, "test") - fall
        assert said in after.card["learnt"] and "calibrated" not in before.card["learnt"]
        assert np.allclose(probabilities(after).sum(-1)[:, after.covered], 1, atol=1e-5)


@pytest.mark.parametrize("calibrate", ["isotonic", "temperature"])
def test_calibration_is_as_honest_as_the_predictions(calibrate: str) -> None:
    """One nearest neighbour on random labels: in sample it would be believed; out-of-fold nobody believes it anywhere."""
    data = dataset(SHARED, random_labels=True, replicates=1)
    found = taught(data, calibrate=calibrate, **NEAREST)
    assert abs(found.card["accuracy"]["train"] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)
    for part in ("train", "test"):
        assert abs(losses(found, data, part) - np.log(4)) < 0.1


@pytest.mark.parametrize("calibrate", ["isotonic", "temperature"])
@pytest.mark.parametrize("path", ["sklearn.svm.LinearSVC", FOREST])
def test_classes_of_one_row_and_decision_values_can_be_calibrated(calibrate: str, path: str) -> None:
    data = dataset(SHARED, replicates=1)
    y = data.y.copy()
    rare = np.flatnonzero((y[0] == 3) & (data.split == "train"))
    y[0, rare[1:]] = 2
    arguments = {"n_estimators": 5} if path == FOREST else {}
    found = taught(relabelled(data, y), calibrate=calibrate, estimator=path, arguments=arguments)
    assert np.isfinite(found.logits).all() and found.card["accuracy"]["train"] > 0.4
    assert losses(found, relabelled(data, y), "train") < 1.6


def test_the_usual_floor_is_less_where_there_are_many_classes() -> None:
    data = replace(dataset(), class_names=tuple(f"c{i}" for i in range(400)))
    assert probabilities(taught(data))[:, data.split == "test"].min() == pytest.approx(0.1 / 400, rel=1e-3)
    with pytest.raises(ContractError, match=r"floor: found 0.1 for 400 classes; expected below 1 / 400"):
        taught(data, floor=0.1)


@pytest.mark.parametrize("split", [SPLIT, SHARED], ids=["disjoint", "shared"])
@pytest.mark.parametrize("known", [[0], [1, 3]])
def test_classes_that_it_never_saw_have_the_floor(split: np.ndarray, known: list[int]) -> None:
    data = dataset(split)
    y = labels_of(data)
    found = taught(relabelled(data, np.where(np.isin(split, ["val", "test"]), y, np.array(known)[y % len(known)])))
    prob = probabilities(found)[:, split == "test"]
    assert prob[..., [k for k in range(4) if k not in known]] == pytest.approx(1e-3, rel=1e-4)
    assert found.card["classes"] == [data.class_names[k] for k in known]
    assert f"knows {len(known)} of 4 classes" in found.card["learnt"]


def test_a_class_with_one_row_is_unknown_to_the_model_that_speaks_of_it() -> None:
    data = dataset(SHARED, replicates=1)
    first = int(np.flatnonzero((data.y[0] == 3) & (data.split == "train"))[0])
    y = np.where((data.y == 3) & (data.split == "train"), -1, data.y)
    y[0, first] = 3
    prob = probabilities(taught(relabelled(data, y)))[0]
    assert prob[first, 3] == pytest.approx(1e-3, rel=1e-4)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(2, 8), st.integers(0, 99))
def test_folds_have_their_share_of_every_class(y: list[int], folds: int, seed: int) -> None:
    found = stratified_folds(np.array(y), folds, seed)
    for rows in (np.ones(len(y), bool), *(np.array(y) == k for k in set(y))):
        assert np.ptp(np.bincount(found[rows], minlength=folds)) <= 1


@pytest.mark.parametrize("by", ["random", "contiguous"])
def test_parts_of_the_columns_are_disjoint_and_together_all(by: Any) -> None:
    parts = [columns_seen(Part(subset=i, of=3, by=by), 20, 5, 0).tolist() for i in (1, 2, 3)]
    assert (
        sorted(column for part in parts for column in part) == list(range(20))
        and max(map(len, parts)) - min(map(len, parts)) <= 1
    )
    again = columns_seen(Part(subset=1, of=3, by=by), 20, 5, 1).tolist()
    assert (again == parts[0]) == (by == "contiguous")


def test_a_teacher_sees_no_other_columns_than_its_own() -> None:
    data = dataset()
    found = taught(data, features={"subset": 1, "of": 3, "by": "contiguous"})
    assert found.card["columns"] == [0, 1] and found.card["accuracy"]["test"] > 0.9
    noise = data.x.copy()
    noise[..., 2:] = 0
    assert np.array_equal(taught(replace(data, x=noise), features=[0, 1]).logits, found.logits)
    assert taught(data, features={"subset": 2, "of": 3, "by": "contiguous"}).card["accuracy"]["test"] < 0.4


def test_every_replicate_has_a_fit_of_its_own_that_its_block_does_not_change() -> None:
    data = dataset()
    both = taught(data).logits
    alone = [replace(data, **{k: getattr(data, k)[r : r + 1] for k in ("x", "y", "teacher_y", "domain")}) for r in (0, 1)]
    assert np.array_equal(both, np.concatenate([taught(d, first=r).logits for r, d in enumerate(alone)]))
    assert np.array_equal(both, taught(data).logits)
    twice = replace(data, **{k: np.repeat(getattr(data, k)[:1], 2, 0) for k in ("x", "y", "teacher_y", "domain")})
    assert not np.array_equal(*taught(twice).logits)


def test_decision_values_are_read_as_logits_where_there_is_nothing_else() -> None:
    from sklearn.svm import LinearSVC

    data = dataset(replicates=1)
    own, test = data.split == TEACHERS, data.split == "test"
    for classes in (4, 2):
        y = labels_of(data) % classes
        found = taught(relabelled(data, y), estimator="sklearn.svm.LinearSVC", arguments={"C": 0.1}, floor=1e-9)
        model = LinearSVC(C=0.1, random_state=0).fit(data.x[0, own], y[0, own])
        score = model.decision_function(data.x[0, test])
        ours = found.logits[0, test]
        wanted = score if classes == 2 else score - score[:, :1]
        assert (ours[:, 1] - ours[:, 0] if classes == 2 else ours - ours[:, :1]) == pytest.approx(wanted, abs=0.02)


def test_warnings_are_told_once_with_their_number() -> None:
    network = {"estimator": "sklearn.neural_network.MLPClassifier", "arguments": {"max_iter": 2, "hidden_layer_sizes": [3]}}
    told = taught(dataset(), **network).card["warnings"]
    assert len(told) == 1 and "warned 2 times: ConvergenceWarning" in told[0]


def test_words_that_are_out_of_fold_raise_no_doubt_and_may_judge(tmp_path: Path) -> None:
    """A teacher that is by chance far better on training rows than on test rows, once as in-sample and once as out-of-fold."""
    rng = np.random.default_rng(0)
    data = replace(dataset(SHARED, replicates=1), domain=None, domain_names=(), teacher_y=None)
    x = np.where((data.split == "train")[None, :, None], data.x, rng.normal(size=data.x.shape).astype("f4"))
    data = replace(data, x=x)
    data.write(tmp_path / "data")
    spec = {"name": "t", "family": "sklearn", "domain": None, "settings": {"estimator": FOREST}, "seed": 0, "device": "cpu"}
    teach(spec, "r0-0", tmp_path / "data", Path(), tmp_path / "logits")
    found = Logits.read(tmp_path / "logits", data)
    assert found.card["seen"] == ["train"] and found.card["warnings"] == []
    assert any("Better on train" in told for told in optimism.doubts(found, data, found.card["seen"]))
    assert unseen.saw({"t": found.card}, "train") == []
    assert unseen.saw({"t": found.card | {"out_of_fold": []}}, "train") == ["t"]


@pytest.mark.parametrize(
    ("path", "arguments", "words"),
    [
        ("RandomForestClassifier", {}, "found 'RandomForestClassifier'; expected module.Class. Hint: did you mean "
         "'sklearn.ensemble.RandomForestClassifier'"),
        ("sklearn.ensemble.RandomForestClasifier", {}, "no 'RandomForestClasifier' in sklearn.ensemble; .*ForestClassifier'"),
        ("sklearn.ensembel.RandomForestClassifier", {}, "No module named 'sklearn.ensembel'; expected a module that can be"),
        ("sklearn.ensemble.RandomForestRegressor", {}, "which is no classifier; .*'sklearn.ensemble.RandomForestClassifier'"),
        ("os.path", {}, "found module 'os.path'; expected a classifier"),
        ("math.pi", {}, "found float 'math.pi'; expected a classifier"),
        ("collections.Counter", {}, "'collections.Counter', which is no classifier"),
        (FOREST, {"n_estimator": 3}, "arguments: found 'n_estimator'; expected n_estimators, .*did you mean 'n_estimators'"),
        (FOREST, {"random_state": 3}, "found 'random_state'; expected no such key. Hint: every replicate has a seed"),
        (FOREST, {"n_jobs": 2}, "found 'n_jobs'; expected no such key. Hint: jobs run side by side"),
        (FOREST, {"max_depth": "deep"}, "arguments: found InvalidParameterError: The 'max_depth' parameter of RandomForest"),
        ("sklearn.svm.SVC", {"decision_function_shape": "ovo"}, "found decision_function_shape 'ovo'; expected 'ovr'"),
        ("sklearn.pipeline.Pipeline", {}, "missing 1 required positional argument: 'steps'; .* needs a function of yours"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_in_one_line(path: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        family.check(family.Settings.model_validate({"estimator": path, "arguments": arguments}))
    assert "\n" not in str(caught.value)


MODULE = """
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import numpy as np

def scaled(k=3):
    return make_pipeline(StandardScaler(), KNeighborsClassifier(k))

class Broken(ClassifierMixin, BaseEstimator):
    def __init__(self, how="fit"):
        self.how = how

    def fit(self, x, y):
        if self.how == "fit":
            raise KeyError("lost")
        return self

    def predict_proba(self, x):
        if self.how == "classes":
            self.classes_ = np.array([1, 2, 3, 4])
            return np.full((len(x), 4), 0.25)
        columns, value = {"shape": (9, 1.0), "nan": (4, np.nan), "logits": (4, -1.0)}[self.how]
        return np.full((len(x), columns), value)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_teachers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("mine")
def test_a_function_of_yours_may_make_the_classifier() -> None:
    found = taught(dataset(), estimator="my_teachers.scaled", arguments={"k": 5}, features=[0, 1])
    assert found.card["accuracy"]["test"] > 0.9


class Backwards(DummyClassifier):
    """Certain of the last class, with its columns from the last class to the first."""

    def fit(self, x, y):
        super().fit(x, y)
        self.classes_ = self.classes_[::-1]
        return self

    def predict_proba(self, x):
        return np.tile(np.eye(len(self.classes_))[0], (len(x), 1))


def test_columns_are_read_as_the_classifier_orders_them() -> None:
    here = {"estimator": f"{__name__}.Backwards", "arguments": {}}
    assert (taught(dataset(), **here).logits[:, SPLIT == "test"].argmax(-1) == 3).all()


def test_a_script_that_ends_itself_ends_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_script.py").write_text("import sys\nsys.exit('usage: my_script FILE')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ContractError, match="SystemExit: usage: my_script FILE; expected a module that can be imported"):
        estimators.make("my_script.Teacher", {})


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fit", "teacher t: fit on 200 examples: found KeyError: 'lost'; expected a fit"),
        ("shape", r"predictions of Broken: found shape \(460, 9\); expected probabilities of shape \(460, 4\)"),
        ("nan", "predictions of Broken: found rows that are no probabilities"),
        ("logits", "predictions of Broken: found rows that are no probabilities"),
        ("classes", r"classes_ of Broken: found \[1, 2, 3, 4\]; expected 0..3, as in training"),
        ("lost", "predictions for 460 examples: found KeyError: 'lost'"),
    ],
)
def test_a_classifier_that_fails_is_named_in_one_line(how: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        taught(dataset(), estimator="my_teachers.Broken", arguments={"how": how})


def test_states_inside_a_state_are_seeded_too() -> None:
    from sklearn.ensemble import BaggingClassifier
    from sklearn.tree import DecisionTreeClassifier

    model = estimators.seeded(BaggingClassifier(DecisionTreeClassifier()), 2**40 + 7)
    assert model.random_state == model.estimator.random_state == 7


def test_networks_see_the_same_parts_of_the_columns() -> None:
    data = dataset(replicates=1)
    part = Part(subset=2, of=3, by="random")
    known = {"hidden": (3,), "steps": 20}
    one, same = (
        mlp.train("t", None, mlp.Settings.model_validate(known | {"features": f}), data, 1, 0, "cpu", Path())
        for f in (part, columns_seen(part, 6, 1, 0).tolist())
    )
    assert np.array_equal(one.logits, same.logits) and one.card["num_params"] == 3 * 3 + 4 * 4
    assert np.array_equal(one.covered, data.split != TEACHERS) and one.card["seen"] == [TEACHERS]
