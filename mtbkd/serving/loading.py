"""A student from its folder, ready to predict."""

from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.serving.estimator import MultiTeacherClassifier
from mtbkd.serving.keeping import read_folder
from mtbkd.serving.refusals import refusals


def load(folder: str | Path, module: Any = None) -> MultiTeacherClassifier:
    """The student that ``MultiTeacherClassifier.save`` or `mtbkd fit` wrote, or that a study bundled.

    Args:
        folder: that holds it.
        module: of a torch module, its code: a class, a function, a module like it, or a name such as ``nets.py:Net``. Files
            hold numbers, no code; classes of installed packages are imported by the name that was saved.

    Raises:
        InputError: no student, a file that changed since, one of another version, or code that is not that of the student.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> with TemporaryDirectory() as folder:
        ...     again = load(student.save(folder))
        >>> bool((again.predict_proba(X) == student.predict_proba(X)).all())
        True
    """
    with refusals():
        bundle, draws, content = read_folder(Path(folder), module)
    card, student = bundle.card, MultiTeacherClassifier()
    student.bundle_, student.n_features_in_ = bundle, bundle.mean.size
    student._fitted, student._draws, student._scores, student._crossed = None, draws, None, {}
    student.seed_ = card.seeds["base"]
    student.classes_, names = np.array(card.class_names), card.inputs.names
    student.choice_, student.doubts_ = f"method {card.method} of {card.study}, {card.experiment}", []
    if content is not None:
        settings = content["settings"]
        student.set_params(**{**settings, "hidden": tuple(np.atleast_1d(settings["hidden"]).tolist())})
        student.classes_ = np.array(content["classes"], dtype=np.dtype(content["dtype"]))
        found = content["scores"] if isinstance(content["scores"], dict) else {"threshold": content["scores"]}
        student._scores = {kind: np.array(scores, np.float64) for kind, scores in found.items()}
        student.split_ = np.array(content["split"])
        student.choice_, student.doubts_, names = content["choice"], content["doubts"], content["columns"]
    if names:
        student.feature_names_in_ = np.array(names, dtype=object)
    return student
