"""Any classifier of scikit-learn, or of yours that keeps its contract, named by its import path.

Where the dataset has rows of the split ``teachers``, it learns from them and from nothing else. Otherwise it shares the
training rows with the student, and what it says of a row that it learnt from is out-of-fold: said by a model that was fitted to
the other folds (stratified by label), as stacking needs it (Wolpert 1992). Without that a forest would be right on nearly every
training row, and students would copy a certainty that new rows do not deserve.

``calibrate`` makes its probabilities match how often it is right, by scikit-learn's ``CalibratedClassifierCV``: isotonic
regression of each class (Zadrozny and Elkan 2002), or one temperature for all (Guo et al. 2017). The map is learnt from
out-of-fold predictions inside the rows of each fit, so that a row has no part in its own calibration either.

Probabilities are mixed with the uniform distribution so that the least possible one is ``floor``: with K classes

    p <- floor + (1 - K floor) p

A forest of n trees says exactly 0 where no tree votes for a class. For votes this is Lidstone's smoothing
(n p + a) / (n + K a) with a = n floor / (1 - K floor) (Laplace: a = 1; Krichevsky and Trofimov 1981: a = 1/2): the usual floor
of 0.001 gives a of about 0.1 at 100 trees. Classes that a specialist never saw have the floor and no more.
"""

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mtbkd.base.errors import ContractError
from mtbkd.base.folds import stratified_folds
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import TEACHERS, Dataset, Logits, ids_digest
from mtbkd.pooling import unseen
from mtbkd.teachers import accuracy_card, estimators, optimism
from mtbkd.teachers.columns import Features, columns_seen, select
from mtbkd.teachers.examples import labelled_examples, labels_of
from mtbkd.teachers.released_values import FLOOR

MOST_WARNINGS = 3
CALIBRATED = {"isotonic": "calibrated by isotonic regression", "temperature": "calibrated by one temperature"}


class Settings(BaseModel):
    """Which classifier, and what it sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: Annotated[str, StringConstraints(min_length=1, max_length=300)] = Field(
        description="import path of a classifier, e.g. sklearn.ensemble.RandomForestClassifier, or of a function that returns "
        "one; checking a study with this teacher imports its module, which runs its code"
    )
    arguments: dict[str, Any] = Field({}, description="keyword arguments; mtbkd sets random_state and n_jobs")
    features: Features = None
    exposure: float = Field(0.0, ge=0, le=1, description="share of the other domains' examples that the teacher sees")
    floor: float | None = Field(
        None, gt=0, le=0.1, description="minimum probability of a class, by mixing with the uniform distribution; default: "
        "0.001, or a tenth of 1 / classes if that is less"
    )  # fmt: skip
    folds: int = Field(
        5, ge=2, le=100, description="number of folds for out-of-fold predictions: of training rows shared with the student, "
        "and for calibration"
    )  # fmt: skip
    calibrate: Literal["isotonic", "temperature", "none"] = Field(
        "none", description="calibration of the probabilities on out-of-fold predictions of the rows that it learns from"
    )


def raw_files(settings: Settings) -> tuple[str, ...]:
    """A trained teacher needs no raw file of its own."""
    return ()


def check(settings: Settings) -> None:
    """ContractError if the classifier cannot be made as asked; imports its module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits tell them, on the card
        estimators.make(settings.estimator, settings.arguments)


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Fit one classifier per replicate, and one a fold where rows are shared; logits (R, N, K), uncovered on ``teachers``."""
    k = dataset.num_classes
    floor = min(FLOOR, 0.1 / k) if settings.floor is None else settings.floor
    if floor * k >= 1:
        raise ContractError(f"teacher {name} on {dataset.name}", "floor", f"{floor:g} for {k} classes", f"below 1 / {k}")
    seen = labelled_examples(name, dataset, domain, settings.exposure, seed, first_replicate)
    x = select(dataset, settings.features, seed, first_replicate).reshape(*dataset.y.shape, -1)
    y, covered = labels_of(dataset), dataset.split != TEACHERS
    prob = np.zeros((*y.shape, k))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for r in range(len(x)):
            own = derive(seed, "teacher", name=name, replicate=first_replicate + r)
            fitter = _Fitter(settings, f"teacher {name}", own, k, floor)
            prob[r] = fitter.predictions(x[r], y[r], seen[r], covered)
    logits = np.where(covered[:, None], np.log(floor + (1 - k * floor) * prob), 0).astype(np.float32)
    card = {"domain": domain, "settings": settings.model_dump(mode="json"), **_learnt(dataset, y, seen, settings),
            "accuracy": accuracy_card(logits, dataset, covered)}  # fmt: skip
    if settings.features is not None:
        card["columns"] = columns_seen(settings.features, dataset.x.shape[2], seed, first_replicate).tolist()
    found = Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)
    card["warnings"] = optimism.doubts(found, dataset, unseen.in_sample(card)) + _told(settings.estimator, caught)
    return found


@dataclass(frozen=True)
class _Fitter:
    """Fits of one replicate."""

    settings: Settings
    where: str
    seed: int
    num_classes: int
    floor: float

    def predictions(self, x: np.ndarray, y: np.ndarray, seen: np.ndarray, covered: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) of the covered rows; the others are 0.

        Args:
            x: (N, F).
            y: int (N,), -1 where no label is known.
            seen: bool (N,), the rows to learn from.
            covered: bool (N,), the rows to predict; those of them that are seen are predicted out-of-fold.
        """
        prob = np.zeros((len(x), self.num_classes))
        others = np.flatnonzero(covered & ~seen)
        prob[others] = self.predicted(x[seen], y[seen], x[others], self.seed)
        own = np.flatnonzero(covered & seen)
        folds = stratified_folds(y[own], self.settings.folds, self.seed)
        for fold in np.unique(folds):
            inside, outside = own[folds == fold], own[folds != fold]
            prob[inside] = self.predicted(x[outside], y[outside], x[inside], derive(self.seed, "fold", fold=int(fold)))
        return prob

    def predicted(self, x: np.ndarray, y: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
        """Probabilities of ``asked`` (M, F) by a fit to ``x`` and ``y``; classes that do not occur there have 0."""
        classes, codes = np.unique(y, return_inverse=True)
        prob = np.zeros((len(asked), self.num_classes))
        if len(classes) == 1:  # most classifiers refuse to learn from one class
            prob[:, classes] = 1
            return prob
        made = estimators.seeded(estimators.make(self.settings.estimator, self.settings.arguments), seed)
        model = estimators.fitted(self.calibrated(made, codes, seed), x, codes, self.where)
        prob[:, classes] = estimators.probabilities(model, asked, len(classes), self.where)
        return prob

    def calibrated(self, model: Any, y: np.ndarray, seed: int) -> Any:
        """``model``, or a classifier that calibrates it on out-of-fold predictions of its rows with labels ``y`` (M,)."""
        if self.settings.calibrate == "none":
            return model
        from sklearn.calibration import CalibratedClassifierCV

        from mtbkd.teachers.smoothed import SmoothedClassifier

        fold = stratified_folds(y, self.settings.folds, derive(seed, "calibration"))
        inside = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
        smoothed = SmoothedClassifier(model, int(y.max()) + 1, self.floor, self.where)
        how: Any = {"method": self.settings.calibrate, "cv": inside, "ensemble": False}
        return CalibratedClassifierCV(smoothed, **how)


def _learnt(dataset: Dataset, y: np.ndarray, seen: np.ndarray, settings: Settings) -> dict[str, Any]:
    """What the card says of the rows and classes that the teacher knows: ``y`` and ``seen`` (R, N)."""
    split = dataset.teachers_split
    known = [{*y[r, seen[r]].tolist()} for r in range(len(y))]
    names = [name for code, name in enumerate(dataset.class_names) if all(code in each for each in known)]
    told = f"trained on {seen.sum(1).mean():,.0f} rows of the split {split}"
    told += (
        f"; predictions for them are out-of-fold ({settings.folds} folds)" if split == "train" else ", which no student sees"
    )
    if settings.calibrate != "none":
        told += f"; {CALIBRATED[settings.calibrate]} on out-of-fold predictions of its own rows"
    if len(names) < dataset.num_classes:
        told += f"; knows {len(names)} of {dataset.num_classes} classes"
    return {
        "rows": "shared" if split == "train" else "disjoint",
        "seen": [split], "out_of_fold": [split] if split == "train" else [],
        "examples_seen": float(seen.sum(1).mean()), "classes": names, "learnt": told,
    }  # fmt: skip


def _told(estimator: str, caught: Iterable[warnings.WarningMessage]) -> list[str]:
    """A sentence for each of the first different warnings."""
    lines = Counter(f"{w.category.__name__}: {str(w.message).strip().partition('\n')[0]}" for w in caught)
    return [f"{estimator} warned {n} times: {line}" for line, n in lines.most_common(MOST_WARNINGS)]
