"""Files of a teacher's values: text, arrays and tables, all read into ``Given`` and never by executing what they hold.

| name ends in | what it holds |
|---|---|
| .csv, .tsv, .txt, each also .gz | a header, a column ``id`` (or another) and one column per class, named as the class is |
| .parquet | the same columns |
| .npz | arrays ``values`` (N, K), ``ids`` (N,), ``class_names`` (K,) |
| .safetensors | tensor ``values`` (N, K); metadata ``ids`` and ``class_names``, JSON lists (or a tensor ``ids``) |
| .npy | an array (N, K) alone: rows as in the data, columns as its classes |

Shapes: N rows of the file, K classes.
"""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.delimited import LARGEST, Sheet, listed, short
from mtbkd.base.errors import ContractError, MtbkdError, nearest
from mtbkd.base.userfiles import LIMIT, own_file, too_big

KEYS = ("values", "ids", "class_names")
EXPECTED = "a file of ids and one value per class"


@dataclass(frozen=True)
class Given:
    """What a file holds.

    Attributes:
        values: float64 (N, K), finite.
        ids: N unique ids; None where the file has none and rows are joined by number.
        class_names: K of the file; None where it has none.
        places: where each row stands, in words.
    """

    values: np.ndarray
    ids: Sequence[str] | None
    class_names: Sequence[str] | None
    places: Sequence[str]


def read(path: Path, id_column: str = "id") -> Given:
    """Read a file by the ending of its name, a table with ids in ``id_column``; ContractError names what is wrong with it."""
    endings = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    reader = READERS.get(endings[-1] if endings else "")
    if reader is None:
        hint = (
            "no pickles: they may run code" if endings and endings[-1] in (".pkl", ".pickle", ".pt", ".pth", ".joblib") else ""
        )
        raise ContractError(path, "name", f"'{path.suffix}'", f"one of {', '.join(READERS)}", hint)
    own_file(path, EXPECTED)
    if reader in (_text, _parquet):
        return reader(path, id_column)
    if id_column != "id":
        raise ContractError(path, "id", f"the column '{short(id_column)}'", f"no such setting, as {endings[-1]} has no columns")
    return reader(path)


def sheet_of(path: Path) -> Sheet:
    """A text file as a sheet, separated by tabs where its name says so."""
    return delimited.read(path, "\t" if ".tsv" in path.suffixes else ",", expected=EXPECTED)


def _text(path: Path, id_column: str) -> Given:
    sheet = sheet_of(path)
    if id_column not in sheet.header:
        raise ContractError(path, "columns", f"no '{short(id_column)}' among {listed(sheet.header)}",
                            f"{short(id_column)} and one column per class", nearest(id_column, sheet.header))  # fmt: skip
    names = [column for column in sheet.header if column != id_column]
    ids = sheet.refuse_repeats(id_column)
    values = np.stack([sheet.numbers(name) for name in names], axis=1) if names else np.empty((len(ids), 0))
    return Given(values, ids, names, [sheet.place(i) for i in range(len(ids))])


def _foreign[T](path: Path, load: Callable[[], T], expected: str) -> T:
    """What a library makes of the file; ContractError for one that is cut, lies about its size or holds objects."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load()
    except MtbkdError:
        raise
    except Exception as error:  # of damaged bytes the libraries' parsers raise whatever comes: TokenError, zlib.error, KeyError
        hint = "no pickles: save text as str, not as object" if re.search("pickle|object", str(error)) else "write it again"
        raise ContractError(path, "content", short(error, 120) or type(error).__name__, expected, hint) from None


def _parquet(path: Path, id_column: str) -> Given:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    def load() -> pyarrow.Table:
        file = ParquetFile(path)
        about = file.metadata
        size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if max(size, about.num_rows * about.num_columns * 8) > LIMIT:
            raise too_big(path)
        return file.read()

    table = _foreign(path, load, "a complete parquet file")
    names = [name for name in table.column_names if name != id_column]
    if (times := table.column_names.count(id_column)) != 1:
        raise ContractError(path, "columns", f"{times} times {short(id_column)} among {listed(table.column_names)}",
                            f"{short(id_column)} and one column per class",
                            "of pandas: reset_index before to_parquet")  # fmt: skip
    columns = []
    for name in names:
        kind = table.column(name).type if names.count(name) == 1 else "a duplicate name"
        if isinstance(kind, str) or not (pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)):
            raise ContractError(path, f"column '{short(name)}'", kind, "numbers, one column per class")
        columns.append(table.column(name).to_numpy())
    values = np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((table.num_rows, 0))
    return _arrays(path, values, _foreign(path, table.column(id_column).to_pylist, "ids of text"), names)


def _npy(path: Path) -> Given:
    array = _foreign(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False), "a complete array of numbers")
    if not isinstance(array, np.ndarray):
        raise ContractError(path, "content", "an archive of several arrays", "one array", "name the file .npz")
    return _arrays(path, array, None, None)


def _npz(path: Path) -> Given:
    def load() -> dict[str, Any]:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LIMIT:
                raise too_big(path)
            members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
        _refuse_keys(path, members)
        return {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in members.items()}

    arrays = _foreign(path, load, "a complete .npz file of numbers and text")
    return _arrays(path, arrays["values"], _texts(path, arrays, "ids"), _texts(path, arrays, "class_names"))


def _safetensors(path: Path) -> Given:
    from safetensors import safe_open

    def load() -> dict[str, Any]:
        with safe_open(path, "np") as file:
            metadata = {key: text for key, text in (file.metadata() or {}).items() if key in KEYS}
            _refuse_keys(path, dict.fromkeys([*file.keys(), *metadata]))
            return {key: json.loads(metadata[key]) if key in metadata else file.get_tensor(key) for key in KEYS}

    arrays = _foreign(path, load, "a complete safetensors file of numbers, with JSON lists in its metadata")
    return _arrays(path, arrays["values"], _texts(path, arrays, "ids"), _texts(path, arrays, "class_names"))


def _refuse_keys(path: Path, found: Mapping[str, Any]) -> None:
    for key in KEYS:
        if key not in found:
            raise ContractError(
                path, "arrays", f"no '{key}' among {listed(found) or 'none'}", ", ".join(KEYS), nearest(key, found)
            )
    if odd := [name for name in found if name not in KEYS]:
        raise ContractError(path, "arrays", f"'{short(odd[0])}'", ", ".join(KEYS), "leave it out of the file")


def _texts(path: Path, arrays: Mapping[str, Any], key: str) -> list[Any]:
    """A one-dimensional array or list, as a list."""
    found = arrays[key]
    if isinstance(found, np.ndarray) and found.ndim == 1:
        return found.tolist()
    if isinstance(found, list):
        return found
    raise ContractError(path, key, f"shape {getattr(found, 'shape', type(found).__name__)}", "one dimension")


def _arrays(path: Path, values: np.ndarray, ids: Sequence[Any] | None, class_names: Sequence[Any] | None) -> Given:
    """Check arrays against each other: shapes, kinds, ids unique, numbers finite."""
    if values.ndim != 2 or values.dtype.kind not in "fiu" or values.nbytes > LIMIT:
        raise ContractError(path, "values", f"{values.dtype} of shape {values.shape}", "real numbers of shape (rows, classes)")
    rows = [f"row {i} (from 0)" for i in range(len(values))]
    for name, known, n in (("ids", ids, len(values)), ("class_names", class_names, values.shape[1])):
        if known is not None and len(known) != n:
            raise ContractError(path, name, len(known), f"{n}, as values has shape {values.shape}")
    numbers = np.asarray(values, dtype=np.float64)
    bad = np.argwhere(~(np.abs(numbers) < LARGEST))
    if len(bad):
        i, k = bad[0]
        column = f"'{short(class_names[k])}'" if class_names is not None else str(k)
        raise ContractError(path, f"{rows[i]}, column {column}", numbers[i, k], "a finite number")
    texts = None if ids is None else _names(path, "ids", ids)
    return Given(numbers, texts, None if class_names is None else _names(path, "class_names", class_names), rows)


def _names(path: Path, key: str, found: Sequence[Any]) -> list[str]:
    """Text of unique names; whole numbers are written as such."""
    texts, first = [], dict[str, int]()
    for i, name in enumerate(found):
        if isinstance(name, bytes):
            name = name.decode("utf-8", "replace")
        if not isinstance(name, str | int | float) or isinstance(name, bool) or name in ("", "\ufffd") or name != name:
            raise ContractError(path, f"{key}[{i}]", short(repr(name)), "text or an integer")
        text = str(name).strip()
        if text in first:
            raise ContractError(path, key, f"'{short(text)}' at {first[text]} and {i}", "unique values")
        delimited.refuse_invisible(text, path, f"{key}[{i}]")
        first[text] = i
        texts.append(text)
    return texts


READERS: dict[str, Callable[..., Given]] = {
    ".csv": _text, ".tsv": _text, ".txt": _text, ".npz": _npz, ".npy": _npy, ".parquet": _parquet, ".safetensors": _safetensors,
}  # fmt: skip
