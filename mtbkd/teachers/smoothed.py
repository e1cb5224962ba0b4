"""A classifier without probabilities of 0, so that it can be calibrated. M rows, F columns, K classes."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from mtbkd.teachers import estimators


class SmoothedClassifier(ClassifierMixin, BaseEstimator):
    """``model`` for labels 0..K-1, mixed with the uniform distribution so that the least probability is ``floor``.

    A forest says 0 where no tree votes for a class, and a fold may lack a class of one row. scikit-learn takes the logarithm of
    such zeros as -36, and these alone would set a temperature.
    """

    def __init__(self, model: Any, num_classes: int, floor: float, where: str):
        self.model = model
        self.num_classes = num_classes
        self.floor = floor
        self.where = where

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Learn from rows (M, F) with labels (M,)."""
        self.classes_ = np.arange(self.num_classes)
        self.seen_, codes = np.unique(y, return_inverse=True)
        self.model_ = estimators.fitted(clone(self.model), X, codes, self.where) if len(self.seen_) > 1 else None
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (M, K)."""
        prob = np.zeros((len(X), self.num_classes))
        prob[:, self.seen_] = (
            1 if self.model_ is None else estimators.probabilities(self.model_, X, len(self.seen_), self.where)
        )
        return self.floor + (1 - self.num_classes * self.floor) * prob

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable label (M,)."""
        return self.predict_proba(X).argmax(1)
