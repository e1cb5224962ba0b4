"""What teachers say, in any of the forms in which people have it, as logits on the data.

| form | classes | rows |
|---|---|---|
| array (N, K) | in the order of the student's ``classes_`` | as in X |
| frame | columns, by name | by index where that has X's in another order, or more; else as in X |
| path: .csv, .npz, .npy, .parquet, .safetensors | columns, by name | by ``id`` (``mtbkd.teachers.released_files``) |
| fitted classifier with ``predict_proba`` | its ``classes_`` | it is asked about X |
| torch module | in the order of ``classes_`` | it is asked about X, as float32 |
| ``(torch module, loader)`` | in the order of ``classes_`` | those of the loader, which must not shuffle |
| callable | as of what it returns | it is asked about X |

Shapes: N rows, K classes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np

from mtbkd.base.delimited import LARGEST, listed, short
from mtbkd.base.errors import ContractError, MtbkdError, machine_fault
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.serving.given import index_of, name_of, unmasked
from mtbkd.serving.refusals import is_number
from mtbkd.serving.torch_teachers import answers, is_module, is_pair
from mtbkd.teachers import released, released_files
from mtbkd.teachers.released_files import Given
from mtbkd.teachers.released_values import SUM_TOLERANCE

Kind = Literal["logits", "probabilities"]
Missing = Literal["refuse", "floor"]
Values = Kind | None
MOST_FLOOR = 0.1
LOGITS = 'values="logits", or --values logits'
HALF = 0.01  # how far the sum of probabilities in half precision may be from 1


class Reading(NamedTuple):
    """How teachers are read.

    ``values`` says what the numbers are; None: probabilities where no row has a negative number and all sum to 1, else logits.
    ``floor`` is the least probability (None: 0.001, or a tenth of 1 / K if that is less), ``missing_class`` what is done where
    a teacher does not know a class, ``id`` the column of the ids in files.
    """

    values: Values = None
    floor: float | None = None
    missing_class: Missing = "refuse"
    id: str = "id"

    def checked(self) -> Self:
        """Itself, or ContractError for a word or a number that it does not take."""
        for name, found, allowed in (
            ("values", self.values, (None, *get_args(Kind))),
            ("missing_class", self.missing_class, get_args(Missing)),
        ):
            if found not in allowed:
                more = ", or nothing: the numbers tell" if None in allowed else ""
                raise ContractError("teachers", name, f"'{found}'", ", ".join(filter(None, allowed)) + more)
        if self.floor is not None and not (is_number(self.floor) and 0 <= self.floor <= MOST_FLOOR):
            raise ContractError("teachers", "floor", short(repr(self.floor)), f"a probability from 0 to {MOST_FLOOR:g}")
        return self


def named(teachers: Any) -> dict[str, Any]:
    """Teachers by name: those of a mapping, a list or tuple of several, or a single one."""
    if teachers is None:
        return {}
    if isinstance(teachers, Mapping):
        return {str(name): source for name, source in teachers.items()}
    several = [*teachers] if isinstance(teachers, list | tuple) and not is_pair(teachers) else [teachers]
    if several and isinstance(teachers, list | tuple) and all(_is_row(each) for each in several):
        several = [np.asarray(teachers)]  # rows of numbers: one teacher, written as a list
    names: dict[str, Any] = {}
    for i, source in enumerate(several, start=1):
        name = _name(source) or f"teacher_{i}"
        names[name if name not in names else f"{name}_{i}"] = source
    return names


def _is_row(source: Any) -> bool:
    return isinstance(source, list | tuple) and all(isinstance(each, int | float) for each in source)


def _name(source: Any) -> str:
    """A name for a teacher that was given none."""
    if isinstance(source, str | Path):
        return re.sub(r"[^A-Za-z0-9_-]", "_", Path(source).name.partition(".")[0]).lstrip("_-0123456789")
    model = source[0] if is_pair(source) else source
    return type(model).__name__ if hasattr(model, "predict_proba") or is_module(model) else ""


def logits_of(name: str, source: Any, x: Any, dataset: Dataset, how: Reading) -> Logits:
    """Logits of one teacher.

    Args:
        name: of the teacher.
        source: see above.
        x: the rows of the data as the user has them.
        dataset: the same rows, with classes and ids.
        how: they are read.

    Raises:
        ContractError: numbers of another shape, of other classes or rows, or that are neither.
    """
    where = str(source) if isinstance(source, str | Path) else f"teacher {name}"
    given = _given(where, source, x, dataset, how.id)
    kind, fill = how.values or _kind(where, given), how.missing_class == "floor"
    found, covered, told = released.aligned(where, given, dataset, kind, how.floor, fill=fill)
    train = dataset.split == "train"
    if not covered[train].all():
        raise ContractError(where, "rows", f"{int(covered[train].sum())} of {int(train.sum())} training rows", "all of them")
    model = source[0] if is_pair(source) else source
    told["family"] = "file" if isinstance(model, str | Path) else type(model).__name__
    return released.as_logits(name, where, found, covered, told, dataset)


def _given(where: str, source: Any, x: Any, dataset: Dataset, id_column: str) -> Given:
    if isinstance(source, str | Path):
        return released_files.read(Path(source), id_column)
    if hasattr(source, "predict_proba"):
        prob = _asked(where, source.predict_proba, x)
        return _numbers(where, prob, getattr(source, "classes_", None), dataset)
    if hasattr(source, "fit") and not callable(source):
        raise ContractError(where, "classifier", f"{type(source).__name__} without predict_proba", "one that has it",
                            "wrap it: CalibratedClassifierCV")  # fmt: skip
    if is_pair(source) or is_module(source):
        module, loader = source if is_pair(source) else (source, None)
        return _numbers(where, _asked(where, lambda rows: answers(where, module, loader, rows), x), None, dataset)
    if callable(source):
        source = _asked(where, source, x)
    if hasattr(source, "columns") and hasattr(source, "to_pandas"):  # of Polars or Arrow: columns have names there, too
        source = source.to_pandas()
    if index_of(source) is not None:
        return _frame(where, source, x, dataset)
    return _numbers(where, source, None, dataset)


def _asked(where: str, ask: Any, x: Any) -> Any:
    """What a model says of ``x``; ContractError with the first line of its complaint."""
    try:
        return ask(x)
    except MtbkdError:
        raise
    except Exception as error:
        hint = "fit it first, on other rows or by cross_val_predict" if type(error).__name__ == "NotFittedError" else ""
        told = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
        raise machine_fault(error) or ContractError(where, "answer", told, "probabilities or logits of X", hint) from error


def _numbers(where: str, values: Any, classes: Any, dataset: Dataset) -> Given:
    """An array (N, K) with its class names."""
    try:
        dense = values.toarray() if hasattr(values, "toarray") else unmasked(values)
        numbers = np.asarray(dense, dtype=np.float64)
    except (TypeError, ValueError):
        raise ContractError(where, "values", type(values).__name__, "numbers of shape (rows, classes)") from None
    n, k = dataset.num_examples, dataset.num_classes
    names = None if classes is None else [name_of(c) for c in np.asarray(classes).tolist()]
    if numbers.ndim != 2 or len(numbers) != n or numbers.shape[1] != (k if names is None else len(names)):
        hint = "of two classes both columns: np.column_stack([1 - p, p])" if numbers.squeeze().ndim == 1 and k == 2 else ""
        raise ContractError(where, "values", f"shape {numbers.shape}", f"({n}, {k}): a row for each of X, a column for each "
                            f"of {listed(dataset.class_names)}", hint)  # fmt: skip
    return _finite(where, _half(numbers, values), None, names)


def _half(numbers: np.ndarray, values: Any) -> np.ndarray:
    """Probabilities of half precision, whose three digits do not sum to 1, divided by their sums."""
    sums = numbers.sum(1, keepdims=True)
    coarse = str(getattr(values, "dtype", "")).removeprefix("torch.") in ("float16", "bfloat16")
    rounded = coarse and (numbers >= 0).all() and (np.abs(sums - 1) < HALF).all()
    return numbers / sums if rounded else numbers


def _frame(where: str, frame: Any, x: Any, dataset: Dataset) -> Given:
    """A frame: its columns are classes, its index may be that of X in another order."""
    names = [name_of(column) for column in frame.columns]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ContractError(where, "columns", f"two columns '{repeated[0]}'", "each class once")
    odd = [name for name, kind in zip(names, frame.dtypes, strict=True) if getattr(kind, "kind", "O") not in "fiu"]
    if odd:
        raise ContractError(where, f"column '{odd[0]}'", "no numbers", "numbers, one column a class",
                            "ids belong into the index")  # fmt: skip
    own = index_of(x)
    if own is not None and len(frame) > len(own) and frame.index.is_unique and own.isin(frame.index).all():
        frame = frame.loc[own]  # of more rows, as in a fold of a cross-validation
    elif own is not None and not frame.index.equals(own) and len(frame) == len(own):
        counted = np.array_equal(np.asarray(frame.index), np.arange(len(frame)))
        same = frame.index.is_unique and own.is_unique and set(frame.index) == set(own)
        if same and counted:
            raise ContractError(where, "index", "0, 1, 2, ..., in another order than that of X", "the index of X",
                                ".loc[X.index] if it names rows, .set_axis(X.index) if it counts them")  # fmt: skip
        if not same and not counted:
            raise ContractError(where, "index", f"{listed(map(str, frame.index), 2)}, not that of X", "the index of X",
                                ".set_axis(X.index) where the rows are in the order of X")  # fmt: skip
        frame = frame.loc[own] if same else frame
    if len(frame) != dataset.num_examples:
        raise ContractError(where, "rows", len(frame), f"{dataset.num_examples}, one for each of X")
    return _finite(where, frame.to_numpy(dtype=np.float64), None, names)


def _finite(where: str, numbers: np.ndarray, ids: Sequence[str] | None, names: Sequence[str] | None) -> Given:
    places = [f"row {i} (from 0)" for i in range(len(numbers))]
    bad = np.argwhere(~(np.abs(numbers) < LARGEST))
    if len(bad):
        i, k = bad[0]
        column = f"'{names[k]}'" if names else str(k)
        raise ContractError(where, f"{places[i]}, column {column}", f"{numbers[i, k]:g}", "a finite number")
    return Given(numbers, ids, names, places)


def _kind(where: str, given: Given) -> Kind:
    """Probabilities or logits, by the numbers; ContractError where they may be either, or neither."""
    values, sums = given.values, given.values.sum(1)
    if values.size and (values >= 0).all():
        off = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
        if not len(off):
            return "probabilities"
        if values.max() <= 1:
            raise ContractError(where, given.places[int(off[0])], f"numbers from 0 to 1 that sum to {sums[off[0]]:.4g}",
                                "probabilities, which sum to 1, or logits", "divide each row by its sum, or say that they are "
                                f"logits: {LOGITS}")  # fmt: skip
        if np.ptp(sums) <= SUM_TOLERANCE * sums[0]:
            raise ContractError(where, "values", f"rows of numbers >= 0 that all sum to {sums[0]:g}", "probabilities or logits",
                                f"percentages or votes: divide by {sums[0]:g}; or say logits: {LOGITS}")  # fmt: skip
    return "logits"
