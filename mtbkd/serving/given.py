"""Arrays and frames that a user hands over in Python, as the data that students learn from.

Rows with a label are dealt to three parts: ``train``; ``val``, which chooses the shared settings; and ``test``, validation rows
that choose nothing, on which probabilities, risk and prediction sets are measured. Rows without label are training rows.
Shapes: N rows, F features, K classes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbkd.base.delimited import listed, short
from mtbkd.base.errors import ContractError
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets.doubts import suspect_classes, suspect_features
from mtbkd.data.preprocess import scaling, stratified_split

NAME = "your_data"
HELD_OUT = "test"  # the split of validation rows that choose nothing
TEXT = ("category", "str", "string")  # kinds of columns that hold no numbers
FEWEST = 4  # labelled rows: two to learn from, one to choose the settings by, one held out


@dataclass(frozen=True)
class Labels:
    """``classes`` (K,) sorted, as the user writes them; their ``names``; ``codes`` int64 (N,), -1 where there is no label."""

    classes: np.ndarray
    names: tuple[str, ...]
    codes: np.ndarray


def name_of(value: Any) -> str:
    """A class as text: whole numbers without a decimal point, so that 1.0, 1 and "1" are one class.

    >>> name_of(1.0), name_of(True), name_of("plum")
    ('1', 'True', 'plum')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def index_of(frame: Any) -> Any:
    """The index of a pandas frame; None for anything else, frames of Polars and tables of Arrow, too, which have none."""
    return frame.index if hasattr(frame, "columns") and hasattr(frame, "iloc") else None


def in_another_order(X: Any, y: Any) -> list[str]:
    """A doubt where labels have the index of ``X`` in another order, as they are taken row by row, by scikit-learn, too."""
    own, other = index_of(X), y.index if hasattr(y, "iloc") else None
    if own is None or other is None or own.equals(other) or not (own.is_unique and other.is_unique) or {*own} != {*other}:
        return []
    return ["The labels have the index of X in another order, and are taken row by row: y.loc[X.index] if it names rows."]


def shape_of(X: Any) -> tuple[int, ...]:
    """The shape of one example: that of an image, or (F,); () where X does not say it."""
    return tuple(X.shape[1:]) if isinstance(getattr(X, "shape", None), tuple) else ()


def numbers(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    """X as float64 (N, F), finite, with the features that ``estimator`` learnt, or learns where ``reset``; images as rows.

    Raises:
        ContractError: a column of text or categories, or a number that is not finite, by row and column.
        ValueError, TypeError: other shapes, names and kinds, by scikit-learn.
    """
    from sklearn.utils.validation import validate_data

    X = unmasked(X)
    if len(shape_of(X)) > 1:
        X = np.asarray(X).reshape(len(X), -1)
    names = [*X.columns] if index_of(X) is not None else []
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ContractError("X", "columns", f"two columns '{short(repeated[0])}'", "each name once")
    for name, kind in zip(names, X.dtypes, strict=True) if names else ():
        if str(kind).startswith("Sparse"):
            raise ContractError("X", f"column '{short(name)}'", "sparse values", "dense numbers", "X.sparse.to_dense()")
        if getattr(kind, "kind", "O") not in "fiubO" or str(kind) in TEXT:
            raise ContractError("X", f"column '{short(name)}'", f"values of type {kind}", "numbers",
                                "OneHotEncoder or OrdinalEncoder before it, in a Pipeline")  # fmt: skip
    try:
        x: Any = validate_data(estimator, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
    except ValueError as error:  # of one line: scikit-learn prints the array
        told = " ".join(re.sub(r"(:\s*array=|\n)\[.*\]", "", str(error), flags=re.DOTALL).split())
        raise type(error)(told) if type(error) is ValueError else error from None
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        row, column = bad[0]
        name = getattr(estimator, "feature_names_in_", range(x.shape[1]))[column]
        missing = np.isnan(x[row, column])
        raise ContractError("X", f"row {row} (from 0), column '{short(name)}'", "NaN" if missing else "inf, infinity",
                            "a finite number", "SimpleImputer before it, in a Pipeline" if missing else "")  # fmt: skip
    return x


def unmasked(values: Any) -> Any:
    """``values`` with None where a masked array hides them, as NumPy would show what it hides; tensors, which may lie on a GPU
    or have a gradient, as arrays; others as they are."""
    if hasattr(values, "detach"):
        tensor = values.detach().cpu()
        return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    if not isinstance(values, np.ma.MaskedArray):
        return values
    shown = np.array(values.data, dtype=object)
    shown[np.ma.getmaskarray(values)] = None
    return shown


def labels(y: Any, rows: int, classes: Sequence[Any] | None = None) -> Labels:
    """Labels of ``rows`` rows.

    Args:
        y: (N,) numbers, text or truth values; None, NaN and, unless it is one of ``classes``, -1 mean no label.
        rows: N, of X.
        classes: all classes, where labels may lack some; those of ``y`` where None.

    Raises:
        ContractError: another length, fewer than two classes, classes of several kinds, or a label that is none of ``classes``.
        ValueError: continuous numbers, by scikit-learn.

    >>> labels(["plum", None, "pear"], 3).codes.tolist()
    [1, -1, 0]
    """
    from sklearn.utils.multiclass import check_classification_targets

    if isinstance(classes, str) or not (classes is None or isinstance(classes, Iterable)):
        raise ContractError("fit", "classes", repr(classes), "a list of all classes")
    asked = None if classes is None else np.array([*classes], dtype=object)
    values, known = _values(y, rows, asked is None or -1 not in asked.tolist())
    if not known.any():
        raise ContractError("fit", "y", f"no label in {rows} rows (-1, None and NaN mean no label)", "rows with labels of "
                            "two or more classes")  # fmt: skip
    check_classification_targets(_plain(values[known]))
    found = _classes(values[known] if asked is None else asked)
    code = {name_of(value): i for i, value in enumerate(found.tolist())}
    if odd := [value for value in values[known].tolist() if name_of(value) not in code]:
        raise ContractError("fit", "y", f"the label '{short(odd[0])}'", f"classes: {listed(code)}")
    if len(code) < 2:
        hint = "-1 means no label, unless it is one of classes=[-1, ...]" if -1 in values.tolist() else ""
        raise ContractError("fit", "y", f"one class only, '{next(iter(code))}'", "labels of two or more classes", hint)
    codes = [code[name_of(value)] if there else -1 for value, there in zip(values.tolist(), known, strict=True)]
    return Labels(found, tuple(code), np.array(codes, np.int64))


def _values(y: Any, rows: int, minus_one_is_none: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels as objects (N,), None where there is none, and where there is one (N,)."""
    import pandas as pd
    from sklearn.utils import column_or_1d

    if y is None:
        raise ContractError("fit", "y", "requires y to be passed, but the target y is None", "a label a row; -1 for none")
    y = unmasked(y)
    # objects, because NumPy makes text of a None beside text, and numbers of truth values beside a missing one
    mixed = pd.Series(list(y), dtype=object).infer_objects() if _flat(y) else y
    if isinstance(getattr(mixed, "dtype", None), pd.api.extensions.ExtensionDtype):
        mixed = np.asarray(mixed, dtype=object)
    values = column_or_1d(mixed, warn=True)
    if len(values) != rows:
        raise ContractError("fit", "y", f"{len(values)} labels", f"{rows}, one for each row of X")
    known = ~pd.isna(values)
    values = np.array([value if there else None for value, there in zip(values.tolist(), known, strict=True)], dtype=object)
    for i, value in enumerate(values):
        if isinstance(value, float) and np.isinf(value):
            raise ContractError("fit", f"y, row {i} (from 0)", "Input y contains infinity", "a class; -1 or NaN for no label")
        known[i] &= not (minus_one_is_none and isinstance(value, int | float) and value == -1)
    return values, known


def _flat(y: Any) -> bool:
    return isinstance(y, list | tuple) and not any(isinstance(each, list | tuple | np.ndarray) for each in y)


def _plain(values: np.ndarray) -> np.ndarray:
    """Objects as an array of their kind."""
    return np.array(values.tolist())


def _classes(values: np.ndarray) -> np.ndarray:
    """The different values, sorted; ContractError where kinds are mixed or two are written alike."""
    kinds = {"text" if isinstance(v, str) else "truth values" if isinstance(v, bool) else "numbers" for v in values.tolist()}
    if len(kinds) > 1:
        raise ContractError("fit", "y", f"{' and '.join(sorted(kinds))} in one column", "one kind of label", "y.astype(str)")
    found = np.unique(_plain(values))
    names = list(map(name_of, found.tolist()))
    if len(set(names)) < len(names) or "" in names:
        raise ContractError("fit", "y", f"classes written alike: {listed(names)}", "each class once, and not empty")
    return found


def splits(codes: np.ndarray, validation: Any, seed: int) -> np.ndarray:
    """The split (N,) of every row: train, val or ``HELD_OUT``, both halves of the validation part.

    Args:
        codes: labels int (N,), -1 where there is none.
        validation: share of the labelled rows, drawn within the classes; or their positions, or a mask.
        seed: base of the random choice.
    """
    labelled, rng = np.flatnonzero(codes >= 0), np.random.default_rng(derive(seed, "data", replicate=0))
    split = np.full(len(codes), "train", dtype="<U5")
    if isinstance(validation, float | np.floating):
        if not 0 < validation < 1:
            raise ContractError("validation", "share", f"{validation:g}", "a share between 0 and 1, or positions of rows")
        if len(labelled) < FEWEST:
            raise ContractError("fit", "y", f"{len(labelled)} labelled rows (n_samples={len(labelled)})", f"{FEWEST} or more",
                                "two to learn from, one to choose settings by, one held out")  # fmt: skip
        share = float(validation)
        shares = {"train": 1 - share, "val": share / 2, HELD_OUT: share / 2}
        split[labelled] = stratified_split(codes[labelled], shares, rng)
        if not all((split == part).any() for part in shares) or (split[labelled] == "train").sum() < 2:
            order = rng.permutation(labelled)  # classes of few rows would leave a part empty
            split[order] = "train"
            split[order[:2]] = "val", HELD_OUT
        return split
    rows = _positions(validation, len(codes))
    if (codes[rows] < 0).any() or len(rows) < 2 or len(np.setdiff1d(labelled, rows)) < 2:
        found = f"{len(rows)} rows, {int((codes[rows] < 0).sum())} of them without label"
        raise ContractError("validation", "positions", found, "two or more rows with labels, and two labelled ones left to "
                            "learn from")  # fmt: skip
    halves = stratified_split(codes[rows], {"val": 0.5, HELD_OUT: 0.5}, rng)
    if len(set(halves.tolist())) < 2:
        halves = rng.permutation(np.where(np.arange(len(rows)) % 2, HELD_OUT, "val"))
    split[rows] = halves
    return split


def _positions(validation: Any, rows: int) -> np.ndarray:
    given = np.asarray(validation)
    if given.dtype == bool and given.shape == (rows,):
        return np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or not len(given):
        raise ContractError("validation", "value", short(validation), "a share between 0 and 1, positions of rows, or a mask")
    if given.min() < 0 or given.max() >= rows or len(np.unique(given)) < len(given):
        raise ContractError("validation", "positions", f"{given.min()}..{given.max()}", f"each of 0..{rows - 1} at most once")
    return given


def make_dataset(
    x: np.ndarray, known: Labels, split: np.ndarray, columns: Sequence[str], ids: Sequence[str], shape: tuple[int, ...] = ()
) -> Dataset:  # fmt: skip
    """The data as the workflow's tables are: standardised by the training rows.

    Args:
        x: float64 (N, F), finite.
        known: of its rows.
        split: (N,), see ``splits``.
        columns: F names, or none.
        ids: N.
        shape: of one example, of F numbers; () for (F,).
    """
    names = [*columns] or [f"feature {i + 1}" for i in range(x.shape[1])]
    with np.errstate(over="ignore", invalid="ignore"):
        scale = scaling(x, split == "train")
        inputs = scale.apply(x)
    if len(large := np.flatnonzero(~(np.isfinite(scale.mean) & np.isfinite(scale.scale)))):
        raise ContractError("X", f"column '{short(names[large[0]])}'", f"numbers up to {np.abs(x[:, large[0]]).max():.3g}",
                            "numbers whose variance is finite", "take another unit")  # fmt: skip
    card = {
        "kind": "table", "settings": {}, "source": "handed over in Python", "licence": "yours: not stated",
        "scaling": scale.card(), "simulated": False, "features": list(columns),
    }  # fmt: skip
    inputs = inputs.reshape(len(x), *(shape or x.shape[1:]))
    made = Dataset(NAME, inputs[None], known.codes[None], split, known.names, np.array(ids), card=card).validate("fit")
    card["warnings"] = suspect_features(x, names, known.codes, split, scale) + suspect_classes(made)
    return made
