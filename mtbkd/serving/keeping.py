"""A fitted estimator as a folder: the bundle that every student is, its draws in function space and the estimator's settings.

    student.safetensors, card.json   ``mtbkd.serving.bundle.Bundle``
    estimator.json                   classes as the user writes them, settings, scores of held-out rows
    draws.nc                         ``mtbkd.contracts.draws.Draws``

The data are not kept. A bundle that a study made has the first two only, and can be loaded as well.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import read_json
from mtbkd.base.seals import opened_card, sealed_card
from mtbkd.contracts.artefacts import write_json
from mtbkd.contracts.draws import Draws
from mtbkd.serving.bundle import FILES, Bundle

if TYPE_CHECKING:
    from mtbkd.serving.estimator import MultiTeacherClassifier

ESTIMATOR, DRAWS = "estimator.json", "draws.nc"
FORMAT = "mtbkd estimator"
VERSION = 1


def save(student: "MultiTeacherClassifier", folder: Path) -> Path:
    """Write all files, the estimator's last; see ``MultiTeacherClassifier.save``."""
    from mtbkd.serving.estimator import as_json

    if folder.exists() and not folder.is_dir():
        raise ContractError(folder, "folder", "a file", "a folder to write into")
    (folder / ESTIMATOR).unlink(missing_ok=True)  # or an interrupted save would leave settings of another student
    student.bundle_.write(folder)
    if student._draws is not None:
        student._draws.write(folder / DRAWS)
    settings = {**student.get_params(deep=False), "random_state": student._seed()}
    scores = None if student._scores is None else student._scores.tolist()
    content = {
        "format": FORMAT, "version": VERSION, "classes": as_json(student.classes_), "dtype": student.classes_.dtype.str,
        "columns": as_json(getattr(student, "feature_names_in_", None)), "settings": as_json(settings), "scores": scores,
        "choice": student.choice_, "doubts": student.doubts_, "split": student.split_.tolist(),
    }  # fmt: skip
    beside = [folder / name for name in (*FILES, *([DRAWS] if student._draws is not None else []))]
    write_json(folder / ESTIMATOR, sealed_card(content, beside))
    return folder


def load(folder: str | Path) -> "MultiTeacherClassifier":
    """The student that ``save`` wrote, or that a study bundled, ready to predict.

    Raises:
        InputError: no student, a file that changed since, or one of another version.
    """
    from mtbkd.serving.estimator import MultiTeacherClassifier, refusals

    folder = Path(folder)
    with refusals():
        if not (folder / FILES[1]).exists():
            raise ContractError(folder, "student", "none", f"a folder with {' and '.join(FILES)}",
                                "student.save, `mtbkd fit` and the rule bundle of a study write one")  # fmt: skip
        bundle = Bundle.read(folder)
        if bundle.card.inputs.encoders:
            raise ContractError(folder, "inputs", "protein chains", "a student of numbers", "mtbkd predict --fasta")
        content = _content(folder) if (folder / ESTIMATOR).exists() else None
        draws = Draws.read(folder / DRAWS) if content is not None else None
    student = MultiTeacherClassifier()
    student._fitted, student._draws, student._scores = None, draws, None
    student.bundle_, student.n_features_in_ = bundle, bundle.mean.size
    student.classes_ = np.array(bundle.card.class_names)
    student.choice_, student.doubts_ = f"{bundle.card.study}, {bundle.card.experiment}, {bundle.card.method}", []
    names = bundle.card.inputs.names
    if content is not None:
        student.set_params(**_settings(content["settings"]))
        student.classes_ = np.array(content["classes"], dtype=np.dtype(content["dtype"]))
        student._scores = np.array(content["scores"], np.float64)
        student.choice_, student.doubts_ = content["choice"], content["doubts"]
        student.split_, names = np.array(content["split"]), content["columns"]
    if names:
        student.feature_names_in_ = np.array(names, dtype=object)
    return student


def _settings(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "hidden": tuple(np.atleast_1d(found["hidden"]).tolist())}


def _content(folder: Path) -> dict[str, Any]:
    path = folder / ESTIMATOR
    content = read_json(path, "the settings of an estimator", "save it again", finite=True)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ContractError(path, "format", "another file", f"one of format '{FORMAT}'", "save it again")
    if content.get("version") != VERSION:
        raise ContractError(path, "version", str(content.get("version")), VERSION, "save it again with this release")
    return opened_card(content, path, [folder / name for name in (*FILES, DRAWS)])
