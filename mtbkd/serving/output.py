"""Predictions as a CSV or JSON file, written as they come. K classes."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import cell
from mtbkd.base.writing import atomic
from mtbkd.serving.predicting import Prediction

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
    handle.write(json.dumps({**head, "proteins": []}, indent=1, allow_nan=False).removesuffix("]\n}"))
    for count, each in enumerate(predictions, start=1):
        handle.write(("\n" if count == 1 else ",\n") + json.dumps(_rounded(_row(each, classes)), allow_nan=False))
    handle.write("\n]\n}\n")
    return count


Writer = Callable[[IO[str], Iterable[Prediction], Sequence[str], Mapping[str, Any]], int]
WRITERS: dict[str, Writer] = {".csv": write_csv, ".json": write_json}


def check_place(path: Path, read: Iterable[Path]) -> None:
    """Raise ContractError unless ``path`` can be written without a loss: its name, its kind, and none of the files ``read``."""
    if path.suffix not in WRITERS:
        raise ContractError("--out", "name", f"'{path}'", f"a name that ends in {' or '.join(WRITERS)}")
    if path.is_symlink():
        raise ContractError("--out", "name", f"the link '{path}'", "a file", f"name what it points to: {path.readlink()}")
    if path.is_dir():
        raise ContractError("--out", "name", f"the folder '{path}'", "a file")
    if path.exists() and not path.is_file():
        raise ContractError("--out", "name", f"the pipe or device '{path}'", "a file")
    for source in read:
        if path.exists() and source.exists() and path.samefile(source):
            raise ContractError("--out", "name", f"'{path}', the same file as '{source}', which is read", "another file")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise ContractError("--out", "folder", f"the file '{parent}'", "a folder to write into")


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Yield a handle to write ``path`` by: whole, or not at all where an exception is raised."""
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as handle:
        yield handle


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
    if isinstance(value, str):
        return cell(value)
    return f"{round(value, DIGITS):g}" if isinstance(value, float) else str(value)


def _rounded(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    return round(content, DIGITS) if isinstance(content, float) else content
