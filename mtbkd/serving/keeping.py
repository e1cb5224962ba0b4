"""A fitted estimator as a folder: the bundle that every student is, its draws in function space and the estimator's settings.

    student.safetensors, card.json   ``mtbkd.serving.bundle.Bundle``
    estimator.json                   classes as the user writes them, settings, scores of held-out rows
    draws.nc                         ``mtbkd.contracts.draws.Draws``

The data are not kept. A bundle that a study made has the first two only, and can be loaded as well.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import read_json
from mtbkd.base.seals import opened_card, sealed_card
from mtbkd.base.writing import write_json
from mtbkd.contracts.draws import Draws
from mtbkd.serving import modules
from mtbkd.serving.bundle import FILES, Bundle

ESTIMATOR, DRAWS = "estimator.json", "draws.nc"
FORMAT = "mtbkd estimator"
VERSION = 2
READ = (1, VERSION)  # of 1, sets by threshold alone


class Kept(NamedTuple):
    """What a folder holds; a bundle of a study has neither draws nor settings."""

    bundle: Bundle
    draws: Draws | None
    content: dict[str, Any] | None


def save(student: Any, folder: Path) -> Path:
    """Write all files of a fitted ``MultiTeacherClassifier``, its settings last; of a bundle of a study, the bundle."""
    if folder.exists() and not folder.is_dir():
        raise ContractError(folder, "folder", "a file", "a folder to write into")
    for name in (ESTIMATOR, DRAWS):  # or an interrupted save would leave those of another student
        (folder / name).unlink(missing_ok=True)
    if student._draws is not None:  # before the card, so that an interrupted save is no bundle of a study
        student._draws.write(folder / DRAWS)
    student.bundle_.write(folder)
    if student._draws is None:
        return folder
    settings = {**student.get_params(deep=False), "random_state": student.seed_, "student": modules.as_kept(student.student)}
    scores = None if student._scores is None else {kind: found.tolist() for kind, found in student._scores.items()}
    content = {
        "format": FORMAT, "version": VERSION, "classes": as_json(student.classes_), "dtype": student.classes_.dtype.str,
        "columns": as_json(getattr(student, "feature_names_in_", None)), "settings": as_json(settings), "scores": scores,
        "choice": student.choice_, "doubts": student.doubts_, "split": student.split_.tolist(),
    }  # fmt: skip
    write_json(folder / ESTIMATOR, sealed_card(content, [folder / name for name in (*FILES, DRAWS)]))
    return folder


def read_folder(folder: Path, module: Any = None) -> Kept:
    """What ``save`` wrote, or a bundle alone; ContractError names the file that is missing, changed or of another version.

    ``module``: see ``Bundle.read``.
    """
    bundle = Bundle.read(folder, module)
    if bundle.card.inputs.encoders:
        raise ContractError(folder, "inputs", "protein chains", "a student of numbers", "mtbkd predict --fasta")
    if bundle.card.labels == "several":
        raise ContractError(folder, "labels", "several an example", "a student of one label", "mtbkd predict")
    if not (folder / ESTIMATOR).exists():
        if (folder / DRAWS).exists():
            raise ContractError(folder / ESTIMATOR, "file", "nothing", f"settings beside {DRAWS}",
                                "was the save interrupted? Save it again")  # fmt: skip
        return Kept(bundle, None, None)
    content = _content(folder)
    return Kept(bundle, Draws.read(folder / DRAWS), content)


def _content(folder: Path) -> dict[str, Any]:
    path = folder / ESTIMATOR
    content = read_json(path, "the settings of an estimator", "save it again")  # a prior_scale may be infinite
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ContractError(path, "format", "another file", f"one of format '{FORMAT}'", "save it again")
    if content.get("version") not in READ:
        raise ContractError(
            path, "version", str(content.get("version")), " or ".join(map(str, READ)), "save it again with this release"
        )
    return opened_card(content, path, [folder / name for name in (*FILES, DRAWS)])


def as_json(content: Any) -> Any:
    """Settings as JSON: arrays as lists."""
    return json.loads(json.dumps(content, default=lambda value: np.asarray(value).tolist()))
