"""Numeric comparison of two results folders: tables, draws, data and logits; run times, provenance and training curves are
ignored."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import pd
from mtbkd.base.reading import AGAIN, damage
from mtbkd.contracts.draws import OPTIMISER, open_draws

RUN_TIMES = frozenset({"seconds", "cpu_s", "posteriors_cpu_s", "ess_per_s"})
STORED = ("json_gates", "json_tuning", "json_stacking")  # of draws, besides their arrays
SKIPPED = ("benchmarks", "downloads", "figures", "logs")  # folders

Columns = Mapping[str, np.ndarray]


def differences(first: Path, second: Path, tolerance: float = 0.0) -> tuple[int, list[str]]:
    """Number of compared files, and one line per difference.

    Args:
        first, second: folders of results, of a study or of several.
        tolerance: relative, of floating-point numbers; 0 compares them bit for bit.

    Raises:
        ContractError: a folder without results, or a file that cannot be read.
    """
    found = [_files(folder) for folder in (first, second)]
    both = [name for name in found[0] if name in found[1]]
    lines = [f"only in {folder}: {name}" for folder, own, other in ((first, *found), (second, *found[::-1]))
             for name in own if name not in other]  # fmt: skip
    for name in both:
        lines += [f"{name}: {said}" for said in _unlike(first / name, second / name, tolerance)]
    return len(both), lines


def _files(folder: Path) -> dict[str, None]:
    """Paths of what is compared, relative to ``folder``."""
    if not folder.is_dir():
        raise ContractError(folder, "results", "no folder", "a folder of results", "results/<study>, for example")
    places = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix in READERS)
    names = {str(place): None for place in places if not set(place.parts) & set(SKIPPED)}
    if not names:
        raise ContractError(folder, "results", f"no file that ends in {', '.join(READERS)}", "a folder of results")
    return names


def _table(path: Path) -> Columns:
    return _columns(read_table(path, "a table of a study", "that makes it"))


def _csv(path: Path) -> Columns:
    with damage(path, "a table of a study", AGAIN) as file:
        return _columns(pd.read_csv(file, keep_default_na=False, na_values=[""]))


def _columns(frame: Frame) -> Columns:
    return {str(name): column.to_numpy() for name, column in frame.items() if name not in RUN_TIMES}


def _draws(path: Path) -> Columns:
    with open_draws(path) as tree:
        kept = (group for group in tree.subtree if group.name != OPTIMISER)
        groups = {group.path: group.to_dataset().variables for group in kept}
        arrays = {f"{group}/{name}": found.values for group, own in groups.items() for name, found in own.items()}
        return arrays | {name: np.array(tree.attrs.get(name, "")) for name in STORED}


def _tensors(path: Path) -> Columns:
    from safetensors.numpy import load_file

    with damage(path, "data, logits or a student", AGAIN):
        return load_file(path)


READERS: dict[str, Callable[[Path], Columns]] = {
    ".parquet": _table, ".csv": _csv, ".nc": _draws, ".safetensors": _tensors,
}  # fmt: skip


def _unlike(first: Path, second: Path, tolerance: float) -> Iterator[str]:
    """What differs between two files of the same name."""
    read = READERS[first.suffix]
    one, two = read(first), read(second)
    for own, other, place in ((one, two, "first"), (two, one, "second")):
        if more := [name for name in own if name not in other]:
            yield f"only the {place} has {', '.join(more)}"
    for name in (name for name in one if name in two):
        if said := _gap(one[name], two[name], tolerance):
            yield f"{name}: {said}"


def _gap(one: np.ndarray, two: np.ndarray, tolerance: float) -> str:
    """How two arrays differ, "" where they do not; missing values are equal to each other."""
    if one.shape != two.shape:
        return f"shapes {one.shape} and {two.shape}"
    numbers = all(np.issubdtype(each.dtype, np.number) for each in (one, two))
    one, two = np.atleast_1d(one), np.atleast_1d(two)
    missing = pd.isna(one), pd.isna(two)
    unequal, known = missing[0] != missing[1], ~(missing[0] | missing[1])
    unequal[known] = one[known] != two[known]  # the missing value of pandas' own types is neither equal nor unequal to anything
    if numbers and tolerance:
        unequal &= ~np.isclose(one, two, rtol=tolerance, atol=0, equal_nan=True)
    if not unequal.any():
        return ""
    at = tuple(np.argwhere(unequal)[0])
    values = " and ".join(_short(each[at]) for each in (one, two))
    said = f"{np.count_nonzero(unequal):,} of {one.size:,} values differ, first at {', '.join(map(str, at))}: {values}"
    if not numbers:
        return said
    gaps = np.abs(np.subtract(one, two, dtype=np.float64))[unequal]
    return f"{said}; largest difference {np.nanmax(gaps):.3g}" if np.isfinite(gaps).any() else said


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
