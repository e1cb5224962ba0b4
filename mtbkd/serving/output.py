"""Predictions as a CSV or JSON file, written as they come. K classes."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from mtbkd.errors import ContractError
from mtbkd.serving.predicting import Prediction
from mtbkd.writing import atomic

ABOUT = ("id", "length", "predicted", "probability", "abstain", "mean_deviance", "epistemic_share")
DIGITS = 6
OF_A_CLASS = ("prob", "low", "high")


def write_csv(handle: IO[str], predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any]) -> int:
    """One row a protein; the columns of a class are ``prob_<class>``, ``low_<class>``, ``high_<class>``."""
    writer = csv.writer(handle)
    writer.writerow([*ABOUT, *(f"{column}_{name}" for name in classes for column in OF_A_CLASS)])
    count = 0
    for each in predictions:
        count += 1
        row = _row(each, classes)
        numbers = (value for of_class in row.pop("classes").values() for value in of_class.values())
        writer.writerow(["" if value is None else _text(value) for value in (*row.values(), *numbers)])
    return count


def write_json(handle: IO[str], predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any]) -> int:
    """One object: the entries of ``head``, then ``proteins``, one object a protein and line."""
    count = 0
    handle.write(json.dumps({**head, "proteins": []}, indent=1).removesuffix("]\n}"))
    for count, each in enumerate(predictions, start=1):
        handle.write(("\n" if count == 1 else ",\n") + json.dumps(_rounded(_row(each, classes))))
    handle.write("\n]\n}\n")
    return count


Writer = Callable[[IO[str], Iterable[Prediction], Sequence[str], Mapping[str, Any]], int]
WRITERS: dict[str, Writer] = {".csv": write_csv, ".json": write_json}


def writer_of(path: Path) -> Writer:
    """The writer that a file's name asks for; ContractError before anything is computed."""
    if path.suffix not in WRITERS:
        raise ContractError("--out", "name", f"'{path}'", f"a name that ends in {' or '.join(WRITERS)}")
    if path.is_dir():
        raise ContractError("--out", "name", f"the folder '{path}'", "a file")
    return WRITERS[path.suffix]


def write(path: Path, predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any]) -> int:
    """Write ``path`` whole or not at all; returns the number of proteins."""
    writer = writer_of(path)
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as handle:
        return writer(handle, predictions, classes, head)


def _row(each: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    of_class = {}
    for k, name in enumerate(classes):
        ends = (None, None) if each.low is None or each.high is None else (float(each.low[k]), float(each.high[k]))
        of_class[name] = dict(zip(OF_A_CLASS, (float(each.prob[k]), *ends), strict=True))
    values = (each.id, each.length, classes[each.predicted], float(each.prob[each.predicted]), each.abstain,
              each.mean_deviance, each.epistemic_share)  # fmt: skip
    return {**dict(zip(ABOUT, values, strict=True)), "classes": of_class}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{round(value, DIGITS):g}" if isinstance(value, float) else str(value)


def _rounded(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    return round(content, DIGITS) if isinstance(content, float) else content
