"""What people hand to the estimator by mistake: one line that says where and what, or the right answer."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, TensorDataset

from mtbkd import MultiTeacherClassifier
from mtbkd.base.errors import MtbkdError
from mtbkd.serving import given

X, Y = load_iris(return_X_y=True)
PROB = np.random.default_rng(0).dirichlet(np.ones(3), len(Y)) * 0.2 + 0.8 * np.eye(3)[Y]
NAMES = ["setosa", "versicolor", "virginica"]
FRAME = pd.DataFrame(X, columns=list("abcd"), index=[f"p{i}" for i in range(150)])
TEXTS = np.array(NAMES)[Y]


def student(**settings) -> MultiTeacherClassifier:
    usual = {"inference": "map", "hidden": (4,), "training": {"steps": 60, "restarts": 1}, "device": "cpu",
             "grid": {"lambda": 1, "prior_scale": 1}}  # fmt: skip
    return MultiTeacherClassifier(**{**usual, **settings})


@cache
def fitted() -> MultiTeacherClassifier:
    return student().fit(FRAME, TEXTS, teachers={"a": PROB})


def hole(values: np.ndarray, what: float) -> np.ndarray:
    changed = values.astype(float)
    changed[3, 2] = what
    return changed


NET, ROWS = torch.nn.Linear(4, 3), torch.as_tensor(X, dtype=torch.float32)


def loader(rows: torch.Tensor = ROWS, **settings) -> DataLoader:
    return DataLoader(TensorDataset(rows), batch_size=32, **settings)


FITS = {
    "NaN in X": (dict(X=hole(X, np.nan)), "X: row 3 (from 0), column '2': found NaN; expected a finite number."),
    "infinity in X": (dict(X=hole(X, np.inf)), "column '2': found inf"),
    "categories in X": (dict(X=FRAME.assign(b=pd.Categorical(TEXTS))), "X: column 'b': found values of type category"),
    "text in X": (dict(X=FRAME.assign(b=TEXTS)), "column 'b'"),
    "dates in X": (dict(X=FRAME.assign(b=pd.Timestamp("2020-01-01"))), "column 'b': found values of type datetime64"),
    "sparse X": (dict(X=scipy.sparse.csr_matrix(X)), "toarray"),
    "three dimensions": (dict(X=X[None]), f"y: found {len(X)} labels; expected 1"),
    "one dimension": (dict(X=X[:, 0]), "Expected 2D array, got 1D array instead. Reshape your data"),
    "complex numbers": (dict(X=X + 0j), "Complex data not supported"),
    "a column twice": (dict(X=FRAME.set_axis(list("aabc"), axis=1)), "X: columns: found two columns 'a'"),
    "sparse columns": (dict(X=FRAME.astype(pd.SparseDtype("float"))), "column 'a': found sparse values; expected dense"),
    "hidden numbers": (dict(X=np.ma.masked_array(X, X > 7.6)), "row 117 (from 0), column '0': found NaN"),
    "hidden whole numbers": (dict(X=np.ma.masked_array(X.astype(int), X > 7.6)), "row 117 (from 0), column '0': found NaN"),
    "hidden probabilities": (dict(teachers=np.ma.masked_array(PROB, PROB < 1e-3)), "found nan; expected a finite number"),
    "lengths": (dict(y=Y[:-1]), "fit: y: found 149 labels; expected 150"),
    "no label": (dict(y=np.full(150, -1)), "no label in 150 rows"),
    "none at all": (dict(y=[None] * 150), "no label in 150 rows"),
    "one class": (dict(y=np.zeros(150, int)), "one class only, '0'"),
    "one class and -1": (dict(y=np.where(Y == 0, -1, 1)), "unless it is one of classes=[-1, ...]"),
    "one row": (dict(X=X[:1], y=Y[:1], teachers=None), "one class only"),
    "three rows": (dict(X=X[::60], y=Y[::60], teachers=None), "3 labelled rows"),
    "numbers beside text": (dict(y=np.array(["a", 1] * 75, dtype=object)), "numbers and text in one column"),
    "truth values beside numbers": (dict(y=np.array([True, 2, False] * 50, dtype=object)), "numbers and truth values"),
    "continuous": (dict(y=X[:, 0]), "Unknown label type: continuous"),
    "classes lack one": (dict(classes=[0, 1]), "the label '2'; expected classes: 0, 1"),
    "two classes written alike": (dict(y=np.where(Y > 0, "a", ""), teachers=None), "and not empty"),
    "teacher's rows": (dict(teachers=PROB[:-1]), "teacher teacher_1: values: found shape (149, 3)"),
    "teacher's classes": (dict(teachers=PROB[:, :2]), "expected (150, 3): a row for each of X, a column for each of 0, 1, 2"),
    "one column": (dict(y=(Y > 0), teachers=PROB[:, 0]), "np.column_stack([1 - p, p])"),
    "NaN of a teacher": (dict(teachers=hole(PROB, np.nan)), "row 3 (from 0), column 2: found nan"),
    "percentages": (dict(teachers=100 * PROB), "divide by 100"),
    "sums": (dict(teachers=0.9 * PROB), "numbers from 0 to 1 that sum to 0.9"),
    "negative probabilities": (dict(teachers=-PROB, values="probabilities"), "expected values >= 0"),
    "another word for probabilities": (dict(values="probability"), "values: found 'probability'; expected logits, prob"),
    "another word for a missing class": (dict(missing_class="ignore"), "missing_class: found 'ignore'; expected refuse, floor"),
    "a floor of a half": (dict(floor=0.5), "floor: found 0.5; expected a probability from 0 to 0.1"),
    "unknown column": (dict(teachers=pd.DataFrame(PROB, columns=["0", "1", "rose"])), "no '2' among 0, 1, rose"),
    "column of text": (dict(teachers=pd.DataFrame(PROB, columns=[0, 1, 2]).assign(id="a")), "column 'id': found no numbers"),
    "another index": (dict(X=FRAME, teachers=pd.DataFrame(PROB, columns=[0, 1, 2], index=[f"q{i}" for i in range(150)])),
                      ".set_axis(X.index)"),
    "an ambiguous index": (dict(X=pd.DataFrame(X).sample(frac=1, random_state=0), teachers=pd.DataFrame(PROB)),
                           ".loc[X.index] if it names rows"),
    "unfitted": (dict(teachers=LogisticRegression()), "fit it first"),
    "a failing function": (dict(teachers=lambda x: 1 / 0), "ZeroDivisionError"),
    "a loader that shuffles": (dict(teachers=(NET, loader(shuffle=True))), "shuffle=False"),
    "a loader of fewer rows": (dict(teachers=(NET, loader(ROWS[1:]))), "values: found shape (149, 3)"),
    "a loader that drops rows": (dict(teachers=(NET, loader(drop_last=True))), "values: found shape (128, 3)"),
    "an empty loader": (dict(teachers=(NET, [])), "loader: found no batch"),
    "a loader of arrays": (dict(teachers=(NET, [X])), "loader: found a batch of ndarray"),
    "no loader": (dict(teachers=(NET, 3)), "loader: found int"),
    "a module of other inputs": (dict(teachers=torch.nn.Linear(3, 3)), "teacher Linear: answer: found RuntimeError: "),
    "a module of other classes": (dict(teachers=torch.nn.Linear(4, 2)), "values: found shape (150, 2)"),
    "a module without a tensor": (dict(teachers=torch.nn.LSTM(4, 3)), "output: found tuple"),
    "NaN of a module": (dict(teachers=(NET, [ROWS * np.nan])), "row 0 (from 0), column 0: found nan"),
    "no file": (dict(teachers="nowhere.csv"), "nowhere.csv"),
    "a pickle": (dict(teachers="model.pkl"), "no pickles"),
    "a word": (dict(teachers={"a b": PROB}), "found the name 'a b'"),
    "unknown method": (dict(method="tip_entropy_sgdl"), "did you mean 'tip_entropy_sgld'?"),
    "unknown signal": (dict(signal="tipp"), "found 'tipp'; allowed: bkd"),
    "unknown setting": (dict(settings={"step": 3}), "unknown key"),
    "unknown student": (dict(student="mlpp"), "did you mean 'mlp'?"),
    "a grid below 0": (dict(grid={"lambda": -1}), "lambda: found -1"),
    "an unknown grid": (dict(grid={"lamda": 1}), "did you mean 'lambda'?"),
    "no units": (dict(hidden=(0,)), "hidden"),
    "too large": (dict(inference="hmc", hidden=(100,)), "at most 500 for inference hmc"),
    "validation of 2": (dict(validation=2.0), "validation: share: found 2"),
    "validation beyond": (dict(validation=np.array([1, 500])), "expected each of 0..149 at most once"),
    "validation by word": (dict(validation="some"), "a share between 0 and 1, positions of rows, or a mask"),
    "one teacher by entropy": (dict(method="tip_entropy_map"), "use weights: equal"),
    "device": (dict(device="gpu"), "device: found 'gpu'"),
}  # fmt: skip


SCIKIT_LEARN = {"sparse X", "one dimension", "complex numbers", "continuous", "text in X"}  # says it


@pytest.mark.parametrize("name", FITS)
def test_a_mistake_in_a_fit_is_one_line(name: str):
    given, told = FITS[name]
    data = {"X": X, "y": Y, "teachers": {"a": PROB}} | {k: v for k, v in given.items() if k in ("X", "y", "teachers")}
    settings = {k: v for k, v in given.items() if k not in data}
    with pytest.raises((ValueError, TypeError)) as error:
        student(**settings).fit(data["X"], data["y"], teachers=data["teachers"])
    said = str(error.value)
    assert told in said and "\n" not in said.strip(), said
    assert isinstance(error.value, MtbkdError) or name in SCIKIT_LEARN, said


ASKED = {
    "another column": (lambda s: s.predict(FRAME.rename(columns={"a": "e"})), "feature names"),
    "one column less": (lambda s: s.predict(X[:, :3]), "3 features"),
    "NaN": (lambda s: s.predict(hole(X, np.nan)), "column 'c': found NaN"),
    "too large": (lambda s: s.predict(hole(X, 1e300)), "finite when they are standardised"),
    "no row": (lambda s: s.predict(X[:0]), "0 sample"),
    "level": (lambda s: s.predict_interval(X, level=95), "a share between 0 and 1"),
    "coverage": (lambda s: s.predict_set(X, coverage=90), "a share between 0 and 1"),
    "kind of set": (lambda s: s.predict_set(X, kind="lac"), "found 'lac'; expected threshold, aps, raps"),
    "one fold": (lambda s: s.predict_set(X, folds=1), "0, for held-out rows, or at least 2"),
    "a folder as page": (lambda s: s.report("/"), "a file to write"),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_mistake_in_a_question_is_told(name: str):
    ask, told = ASKED[name]
    with pytest.raises(ValueError) as error:
        ask(fitted())
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("y", "classes", "found", "codes"),
    [
        (pd.Series(["a", "b", None]), None, ["a", "b"], [0, 1, -1]),
        (pd.Series([1, 2, None], dtype="Int64"), None, [1, 2], [0, 1, -1]),
        (pd.Series([True, False, None], dtype="boolean"), None, [False, True], [1, 0, -1]),
        (pd.Categorical(["b", "a", None]), None, ["a", "b"], [1, 0, -1]),
        ([True, False, -1], None, [False, True], [1, 0, -1]),
        (np.array([0, 2, 1], np.uint8), None, [0, 1, 2], [0, 2, 1]),
        (np.array([0, np.nan, 1], np.float16), None, [0.0, 1.0], [0, -1, 1]),
        ([-1, 1, None], [-1, 1], [-1, 1], [0, 1, -1]),
        (np.ma.masked_array([3, 4, 5], [False, False, True]), None, [3, 4], [0, 1, -1]),
        (np.ma.masked_array(["b", "a", "c"], [False, False, True]), None, ["a", "b"], [1, 0, -1]),
        ([10**17, 10**17 + 1, -1], None, [10**17, 10**17 + 1], [0, 1, -1]),
        (("1", "-1", None), None, ["-1", "1"], [1, 0, -1]),
    ],
)
def test_labels_of_every_kind_keep_their_kind(y, classes, found: list, codes: list):
    known = given.labels(y, 3, classes)
    assert known.classes.tolist() == found and known.codes.tolist() == codes
    assert known.classes.dtype.kind == np.array(found).dtype.kind


def test_what_is_unusual_but_right_is_learnt():
    """Half precision, truth values, one-hot and constant teachers, logits, whole-number floats, many classes, wide tables."""
    assert student().fit(X.astype(np.float16), Y, teachers=PROB.astype(np.float16)).score(X, Y) > 0.7
    coarse = torch.as_tensor(PROB).bfloat16().requires_grad_()
    assert student().fit(X, Y, teachers={"array": coarse, "module": (torch.nn.Identity(), [coarse])}).score(X, Y) > 0.7
    truth = student().fit(X, Y == 0, teachers=np.stack([Y != 0, Y == 0], 1).astype(float))
    assert truth.classes_.tolist() == [False, True] and truth.predict(X).dtype == bool and truth.score(X, Y == 0) > 0.9
    constant = student().fit(X, Y, teachers={"a": PROB, "same": np.full((150, 3), 1 / 3)})
    assert constant.score(X, Y) > 0.7
    floats = student().fit(X, np.where(np.arange(150) % 5 == 0, np.nan, Y), teachers=pd.DataFrame(PROB, columns=[2, 1, 0]))
    assert floats.classes_.tolist() == [0.0, 1.0, 2.0] and floats._fitted.teachers[0].card["accuracy"]["train"] < 0.7
    categories = student().fit(FRAME, pd.Series(pd.Categorical(TEXTS)), teachers=PROB)
    assert categories.classes_.tolist() == NAMES
    many = np.arange(1000) % 200
    rows = np.random.default_rng(1).normal(size=(1000, 3)) + many[:, None]
    assert student().fit(rows, many, teachers=np.eye(200)[many]).predict_proba(rows).shape == (1000, 200)
    wide = np.random.default_rng(2).normal(size=(60, 3000))
    assert student().fit(wide, np.arange(60) % 2).predict_proba(wide).shape == (60, 2)
