"""Released teachers: logits or probabilities from files, the authors' or your own.

The MT-BKD authors' files carry logits although they are named probs, no ids, and a header in some files only: rows are those of
their data files in order, which the known test accuracy checks. Your own file is a CSV with a column ``id`` and one column
a class, named by it, in any order of both; ``released_files`` lists the other formats: .npz with the arrays ``values``
(N, K), ``ids`` and ``class_names``, .parquet with the columns of the CSV, .safetensors with a tensor ``values`` and ids and
class names in its metadata, and .npy, which has neither: its rows are joined by number.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base import delimited
from mtbkd.base.delimited import NUMBER, listed, short
from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.explain import distinct
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.data import released_logits
from mtbkd.data.released_logits import Released
from mtbkd.teachers import accuracy_card, oddities, optimism, released_files, released_values
from mtbkd.teachers.released_files import Given

# Raw files of releases, by the splits that their rows are, in the order of the data files.
SOURCES: dict[str, dict[tuple[str, ...], str]] = {
    "mtbkd/esm2_650m": {("train", "val"): "mtbkd/ESM_650M_probs_sample.csv", ("test",): "mtbkd/ESM_650M_probs_test.csv"},
    "mtbkd/prott5": {("train", "val"): "mtbkd/T5_probs_sample.csv", ("test",): "mtbkd/T5_probs_test.csv"},
    **released_logits.sources(),
}
BY_NUMBER = "joined by row number"
log = logging.getLogger(__name__)


class Settings(BaseModel):
    """Where the values lie; exactly one of ``source`` and ``path``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal[tuple(SOURCES)] | None = Field(None, description="a release known to mtbkd")  # type: ignore[valid-type]
    path: str | None = Field(None, min_length=1, description="your own file: .csv, .npz, .npy, .parquet or .safetensors")
    values: Literal["logits", "probabilities"] | None = Field(
        None, description="type of the values; default: logits, and values that look like probabilities are an error"
    )
    id: str = Field("id", min_length=1, description="column of the ids in a .csv or .parquet file")
    floor: float | None = Field(
        None, ge=0, le=0.1, description="minimum probability: smaller ones are raised to it; with 0, zeros are an error; "
        "default: 0.001, or a tenth of 1 / classes if that is less"
    )  # fmt: skip
    missing_class: Literal["refuse", "floor"] = Field(
        "refuse", description="a class that the file has no column for: an error, or the probability `floor` in every row"
    )
    extra_ids: Literal["refuse", "ignore"] = Field("refuse", description="handling of ids that are not in the data")
    seen: tuple[str, ...] | None = Field(
        None, description="splits that the teacher was trained on, [] for none; default: not stated"
    )
    expected_accuracy: float | None = Field(
        None, ge=0, le=1, description="known accuracy on the test split, to three decimals: detects a wrong row order"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.source is None) == (self.path is None):
            raise ValueError("allowed: exactly one of source and path")
        if self.floor is not None and self.values != "probabilities" and self.missing_class == "refuse":
            raise ValueError("allowed: floor with values: probabilities or missing_class: floor only")
        distinct(self.seen or ())
        return self


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Raw files that the source needs; your own file is no raw file."""
    return tuple(SOURCES[settings.source].values()) if settings.source else ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Read the logits, in the order of ``dataset``; ContractError names the file and the row of what is wrong."""
    if dataset.num_replicates > 1 or first_replicate > 0:
        hint = "a file covers the examples of one replicate: set replicates: 1, or train the teacher with mtbkd"
        raise ContractError(f"teacher {name}", "replicates of the data", "more than one", "1, as a file of logits has", hint)
    for split in settings.seen or ():
        if split not in dataset.splits():
            known = dataset.splits()
            raise ContractError(f"teacher {name}", "seen", f"'{split}'", ", ".join(known), nearest(split, known))
    values, covered, told = _by_position(settings, dataset, raw) if settings.source else _own(settings, dataset)
    where = settings.source or settings.path
    told |= {"settings": settings.model_dump(mode="json"), "source": where}
    found = as_logits(name, where, values, covered, told, dataset, settings.seen)
    accuracy, expected = found.card["accuracy"], settings.expected_accuracy
    if expected is not None and abs(accuracy.get("test", -1) - expected) > 1e-3:
        raise ContractError(where, "accuracy on the test split", accuracy.get("test", "no test rows"), f"{expected}",
                            "are the rows in a different order from the data?")  # fmt: skip
    return found


def as_logits(
    name: str, where: object, values: np.ndarray, covered: np.ndarray, told: dict[str, Any], dataset: Dataset,
    seen: Sequence[str] | None = None,
) -> Logits:  # fmt: skip
    """Logits of a teacher whose numbers came from elsewhere, with accuracy and warnings on the card.

    Args:
        name: of the teacher.
        where: what it was read from, for messages.
        values, covered, told: what ``aligned`` returns; more entries for the card may stand in ``told``.
        dataset: whose rows and classes they follow.
        seen: splits that the teacher was trained on; None where that is not stated.
    """
    logits = values[None].astype(np.float32)
    told["covered"] = {s: f"{int(covered[dataset.split == s].sum())} of {len(dataset.rows(s))}" for s in dataset.splits()}
    log.info("%s: rows covered: %s", name, ", ".join(f"{split} {n}" for split, n in told["covered"].items()))
    for key in ("joined", "values", "lacking"):
        if key in told:
            log.info("%s: %s", name, told[key])
    card = {"accuracy": accuracy_card(logits, dataset, covered), **told}
    if seen is not None:
        card["seen"] = list(seen)
    found = Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset, where)
    if seen is None:
        card["suspected"] = optimism.suspected(found, dataset)
    card["warnings"] = oddities.oddities(found, dataset) + optimism.doubts(found, dataset, seen)
    return found


def _by_position(settings: Settings, dataset: Dataset, raw: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    values = np.zeros((dataset.num_examples, dataset.num_classes))
    covered = np.zeros(dataset.num_examples, bool)
    for splits, file in SOURCES[str(settings.source)].items():
        table, labels = _table(raw / file, dataset.num_classes)
        rows = np.flatnonzero(np.isin(dataset.split, splits))
        if len(table) != len(rows):
            raise ContractError(raw / file, "rows", len(table), f"{len(rows)}, the examples of {' + '.join(splits)}")
        other = 0 if labels is None else int(((labels != dataset.y[0, rows]) & (dataset.y[0, rows] >= 0)).sum())
        if other:
            raise ContractError(
                raw / file, "labels", f"{other} other ones", f"those of {dataset.name}", "another order of rows?"
            )
        values[rows], covered[rows] = table, True
    told: dict[str, Any] = {"joined": f"{BY_NUMBER}, the files have no ids"}
    if settings.values == "probabilities":
        places = [f"row {i}" for i in np.flatnonzero(covered)]
        found = released_values.logs(Given(values[covered], None, None, places), settings.source, settings.floor)
        values[covered] = found.logits
        told |= {"values": found.told} if found.told else {}
    return values, covered, told


def _table(path: Path, num_classes: int) -> Released:
    """Values of a release, and its labels where its format holds some."""
    if path.suffix == ".pt":
        return released_logits.read(path, num_classes)
    return Released(delimited.read_matrix(path, num_classes), None)


def _own(settings: Settings, dataset: Dataset) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Values (N, K) of the user's file in the order of the data, which rows it covers, and what the card says of it."""
    path = Path(str(settings.path))
    given, fill = released_files.read(path, settings.id), settings.missing_class == "floor"
    return aligned(path, given, dataset, settings.values, settings.floor, settings.extra_ids == "ignore", fill)


def aligned(
    where: object, given: Given, dataset: Dataset, values: Literal["logits", "probabilities"] | None,
    floor: float | None = None, ignore: bool = False, fill: bool = False,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:  # fmt: skip
    """Logits (N, K) of what a teacher says, rows and columns in the order of the data, and the rows (N,) that it covers.

    Args:
        where: what it was read from, for messages.
        given: numbers with ids and class names, where they have any.
        dataset: whose ids and classes they are joined to.
        values: what the numbers are; None: logits, and what looks like probabilities is refused.
        floor: see ``released_values.logs``.
        ignore: leave out ids that the data lack, instead of refusing them.
        fill: give classes without a column the least probability, instead of refusing them.

    Returns:
        logits, the mask of covered rows, and what the card says of both.
    """
    given, lacking = in_class_order(where, given, dataset, fill)
    told: dict[str, Any] = {}
    if lacking:
        told["lacking"] = f"no column for {listed(lacking)}: probability {released_values.least(floor, dataset.num_classes):g}"
    if values == "probabilities":
        found = released_values.logs(given, where, floor)
        given = Given(found.logits, given.ids, given.class_names, given.places)
        told |= {"values": found.told} if found.told else {}
    else:
        known = [name not in lacking for name in dataset.class_names]
        if values is None:
            released_values.refuse_disguised(replace(given, values=given.values[:, known]), where)
        given = replace(given, values=released_values.filled(given.values, np.array(known), floor, where))
    at, joined = positions(where, given, dataset, ignore)
    covered = at >= 0
    logits = np.zeros((dataset.num_examples, dataset.num_classes))
    logits[covered] = given.values[at[covered]]
    return logits, covered, told | {"joined": joined}


def in_class_order(path: object, given: Given, dataset: Dataset, fill: bool) -> tuple[Given, list[str]]:
    """Columns as the data's classes, 0 for those that are missing, and these; ContractError for one missing or unknown."""
    names, wanted = given.class_names, dataset.class_names
    names = None if names is None else [_spelt(name, names, wanted) for name in names]
    if names is None:
        if given.values.shape[1] != len(wanted):
            raise ContractError(path, "columns", given.values.shape[1], f"{len(wanted)}: {listed(wanted)}")
        return given, []
    lacking = [name for name in wanted if name not in names]
    for name in lacking:
        if not fill or len(lacking) == len(wanted):
            raise ContractError(
                path, "columns", f"no '{name}' among {listed(names)}", f"id, {listed(wanted)}", nearest(name, names)
            )
    if odd := [name for name in names if name not in wanted]:
        raise ContractError(path, "columns", f"'{odd[0]}', which is no class of {dataset.name}", f"id, {listed(wanted)}",
                            "delete the column")  # fmt: skip
    values = np.zeros((len(given.values), len(wanted)))
    values[:, [wanted.index(name) for name in names]] = given.values
    return Given(values, given.ids, wanted, given.places), lacking


def _spelt(name: str, names: Sequence[str], wanted: Sequence[str]) -> str:
    """The class that ``name`` writes as another spelling of the same number, as pandas writes 1 as 1.0; else ``name``."""
    if name in wanted or not NUMBER.fullmatch(name):
        return name
    same = [other for other in wanted if NUMBER.fullmatch(other) and float(other) == float(name) and other not in names]
    return same[0] if len(same) == 1 else name


def positions(path: object, given: Given, dataset: Dataset, ignore: bool) -> tuple[np.ndarray, str]:
    """For every example the row of the file, or -1; and how they were joined. A split is covered wholly or not at all."""
    n, ids = dataset.num_examples, dataset.ids.tolist()
    if given.ids is None:
        if len(given.values) != n:
            raise ContractError(path, "rows", len(given.values), f"{n}, the examples of {dataset.name} in their order",
                                "a file without ids must cover every row; write one with ids")  # fmt: skip
        return np.arange(n), f"{BY_NUMBER}, and columns in the order {listed(dataset.class_names)}: no ids are given"
    row_of = {name: i for i, name in enumerate(given.ids)}
    at = np.array([row_of.get(name, -1) for name in ids])
    if not (at >= 0).any():
        raise ContractError(path, "id", f"no id that the data have; the file's begin {', '.join(map(short, given.ids[:2]))}",
                            f"ids of {dataset.name}, which begin {', '.join(map(short, ids[:2]))}",
                            "ids are text: 1, 1.0 and 01 are different")  # fmt: skip
    for split in dataset.splits():
        inside = dataset.split == split
        if (at[inside] >= 0).any() and (at[inside] < 0).any():
            missing = dataset.ids[inside & (at < 0)]
            raise ContractError(path, "id", f"{len(missing)} ids of '{split}' missing, the first is {missing[0]}",
                                "all examples of a split, or none", _extra(given, ids))  # fmt: skip
    if (extra := _extra(given, ids)) and not ignore:
        raise ContractError(
            path, "id", extra, f"ids of {dataset.name} only", "delete these rows, or set `extra_ids: ignore` in config.yaml"
        )
    counted = dataset.card["ids"].startswith("row") if "ids" in dataset.card else ids == [str(i) for i in range(n)]
    joined = f"{BY_NUMBER}: the data have no ids; 0 is the first row" if counted else "joined by id"
    return at, joined + (f"; {extra} (ignored)" if extra else "")


def _extra(given: Given, ids: list[str]) -> str:
    known = set(ids)
    odd = [i for i, name in enumerate(given.ids or ()) if name not in known]
    return f"{len(odd)} ids not in the data, the first is '{(given.ids or ())[odd[0]]}' ({given.places[odd[0]]})" if odd else ""
