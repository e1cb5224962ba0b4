"""Predictions as a CSV or JSON file, written as they come, or as a Parquet file. K classes."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import cell
from mtbkd.base.writing import atomic
from mtbkd.serving.predicting import Prediction

ABOUT = ("id", "length", "predicted", "probability", "abstain", "set", "mean_deviance", "epistemic_share")
OF_ONE_LABEL = ("probability", "abstain")  # columns that several labels do not have
DIGITS = 6
OF_A_CLASS = ("prob", "low", "high")


def write_csv(
    handle: IO[str], predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any], what: str = "proteins"
) -> int:
    """One row an example; the columns of a class are ``prob_<class>``, ``low_<class>``, ``high_<class>``."""
    writer = csv.writer(handle)
    writer.writerow(_header(classes, what, head))
    count = 0
    for each in predictions:
        count += 1
        writer.writerow([_text(value) for value in _cells(each, classes)])
    return count


def write_json(
    handle: IO[str], predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any], what: str = "proteins"
) -> int:
    """One object: the entries of ``head``, then ``proteins`` or ``rows``, one object an example and line."""
    count = 0
    handle.write(json.dumps({**head, what: []}, indent=1, allow_nan=False).removesuffix("]\n}"))
    for count, each in enumerate(predictions, start=1):
        handle.write(("\n" if count == 1 else ",\n") + json.dumps(_rounded(_row(each, classes)), allow_nan=False))
    handle.write("\n]\n}\n")
    return count


def write_parquet(
    handle: IO[str], predictions: Iterable[Prediction], classes: Sequence[str], head: Mapping[str, Any], what: str = "proteins"
) -> int:
    """The table of the CSV with the numbers as they are, and ``head`` as JSON in the metadata of its schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_cells(each, classes) for each in predictions]
    columns = zip(*rows, strict=True) if rows else [()] * len(_header(classes, what, head))
    table = pa.table([pa.array(column) for column in columns], names=_header(classes, what, head))
    table = table.replace_schema_metadata({"mtbkd": json.dumps(dict(head), allow_nan=False)})
    content = pa.BufferOutputStream()
    pq.write_table(table, content)
    handle.buffer.write(content.getvalue())  # pyright: ignore[reportAttributeAccessIssue]
    return len(rows)


Writer = Callable[[IO[str], Iterable[Prediction], Sequence[str], Mapping[str, Any], str], int]
WRITERS: dict[str, Writer] = {".csv": write_csv, ".json": write_json, ".parquet": write_parquet}


def _header(classes: Sequence[str], what: str, head: Mapping[str, Any]) -> list[str]:
    left_out = [name for name, lacks in (("length", what != "proteins"), ("set", "set" not in head)) if lacks]
    left_out += OF_ONE_LABEL if "thresholds" in head else ()
    about = [name for name in ABOUT if name not in left_out]
    return [*about, *(f"{column}_{name}" for name in classes for column in OF_A_CLASS)]


def _cells(each: Prediction, classes: Sequence[str]) -> list[Any]:
    about = _about(each, classes)
    about = {name: "; ".join(map(_whole, value)) if isinstance(value, list) else value for name, value in about.items()}
    return [*about.values(), *chain.from_iterable(_of_classes(each))]


def _whole(name: str) -> str:
    """A class in a list of classes, in quotes where the list would divide its name."""
    return json.dumps(name, ensure_ascii=False) if ";" in name or name.startswith('"') else name


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


def _of_classes(each: Prediction) -> Iterator[tuple[float, float | None, float | None]]:
    """OF_A_CLASS of every class."""
    ends = ([None] * len(each.prob),) * 2 if each.low is None or each.high is None else (each.low.tolist(), each.high.tolist())
    return zip(each.prob.tolist(), *ends, strict=True)


def _row(each: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    told = {name: dict(zip(OF_A_CLASS, values, strict=True)) for name, values in zip(classes, _of_classes(each), strict=True)}
    return {**_about(each, classes), "classes": told}


def _about(each: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    several = each.abstain is None
    named = [classes[k] for k in each.predicted]
    probability = None if several else float(each.prob[each.predicted[0]])
    inside = None if each.inside is None else [classes[k] for k in each.inside]
    values = (each.id, each.length, named if several else named[0], probability, each.abstain, inside, each.mean_deviance,
              each.epistemic_share)  # fmt: skip
    left_out = [name for name, value in (("length", each.length), ("set", inside)) if value is None]
    left_out += OF_ONE_LABEL if several else ()
    return {name: value for name, value in zip(ABOUT, values, strict=True) if name not in left_out}


def _text(value: Any) -> str:
    if isinstance(value, float):  # most are
        return f"{round(value, DIGITS):g}"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell(value) if isinstance(value, str) else str(value)


def _rounded(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    return round(content, DIGITS) if isinstance(content, float) else content
