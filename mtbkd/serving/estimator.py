"""The Python face: a student of several teachers as an estimator of scikit-learn."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_random_state

from mtbkd.base.progress import shown
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.serving import given
from mtbkd.serving.advice import Missing, Reading, Values, logits_of, named
from mtbkd.serving.answering import Answering
from mtbkd.serving.answers import in_html
from mtbkd.serving.core import Crossed, Fitted, Scores, fit_student, held_out_scores
from mtbkd.serving.methods import Asked
from mtbkd.serving.refusals import refusals

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)


class MultiTeacherClassifier(Answering, ClassifierMixin, BaseEstimator):
    """A small student with a posterior, taught by labels and by the probabilities of several teachers.

    Half of the validation part chooses the shared settings (how far to trust the teachers, the prior's scale); the other half
    chooses nothing: it measures accuracy and risk, and calibrates prediction sets. Inputs are standardised by the training
    rows; fill missing numbers and encode categories before, by scikit-learn's transformers in a Pipeline.

    Parameters
    ----------
    method : str, default=None
        A method of config.yaml, such as ``"tip_entropy_sgld"``. When left out, it is chosen by the size of the student:
        Hamiltonian Monte Carlo of a small last layer, a variational approximation of a larger network (``choice_`` says it).
    signal, weights, inference : str, default=None
        Parts of the method, in place of those of ``method``: how teachers enter, how they are weighed, what draws.
    signal_settings, weights_settings, settings : dict, default=None
        Settings of the signal, the weights and the inference.
    teacher_scaling : {"none", "temperature", "vector"}, default=None
        Calibration of every teacher before it is heard, by the labels of those validation rows that choose settings.
    layers : {"all", "last"}, default=None
        Which layers the inference draws; the others stay at a MAP fit.
    student_scaling : bool, default=False
        Divide the student's logits by one temperature, chosen by the rows that choose settings (Guo et al. 2017).
    tuned_on : {"validation", "cross_validation", "evidence", "evidence_average"}, default=None
        What chooses the shared settings: validation labels, or the training labels by cross-validation or by their evidence;
        ``evidence_average`` keeps all candidates, weighted by it. When left out, that of ``method``, or validation labels.
    student : str, dict, torch.nn.Module, or a class or function that makes one, default="mlp"
        An architecture, an entry of ``students`` of config.yaml, ``{"architecture": ..., "settings": {...}}``, or a torch
        module, handed over or by its name (docs/modules.md).
    hidden : tuple of int, default=(32,)
        Units of the hidden layers of an ``mlp``.
    grid : dict, default=None
        Candidates of the shared settings in place of config.yaml's, such as ``{"lambda": [0.5, 5], "prior_scale": 1}``.
    training : dict, default=None
        Settings of the optimiser in place of config.yaml's, such as ``{"steps": 500}``.
    values : {"probabilities", "logits"}, default=None
        What the teachers' numbers are; told by the numbers when left out.
    floor : float, default=None
        Least probability of a class for teachers that give probabilities: smaller ones are raised to it. When left out, 0.001,
        or a tenth of 1 / K if that is less.
    missing_class : {"refuse", "floor"}, default="refuse"
        What to do with a teacher that does not know one of the classes: refuse it, or give the class probability ``floor``.
    classes : sequence, default=None
        All classes, where the labels lack some, or where -1 is one of them.
    validation : float or array of int or bool, default=0.3
        Share of the labelled rows that is kept from training, or which rows. Half of them choose settings.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute.
    random_state : int, RandomState or None, default=0
        Base of every seed.
    verbose : int, default=1
        0: no progress bar. There is none either where nobody would see it: outside terminals and notebooks.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (F,), where X has names of text
    split_ : ndarray of shape (N,), ``"train"``, ``"val"`` (chooses settings) or ``"test"`` (held out, chooses nothing)
    bundle_ : the student as it is saved, with its card (``mtbkd.serving.bundle.Bundle``)
    seed_ : int, base of every seed
    choice_ : str, which method was fitted and why
    doubts_ : list of str, what makes data and teachers doubtful

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import cross_val_predict
    >>> from mtbkd import MultiTeacherClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> forest = cross_val_predict(RandomForestClassifier(random_state=0), X, y, method="predict_proba")
    >>> student = MultiTeacherClassifier(hidden=(8,), inference="map").fit(X, y, teachers={"forest": forest})
    >>> student.predict_proba(X[:2]).shape
    (2, 3)
    >>> student.score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        method: str | None = None,
        *,
        signal: str | None = None,
        signal_settings: Mapping[str, Any] | None = None,
        weights: str | None = None,
        weights_settings: Mapping[str, Any] | None = None,
        teacher_scaling: str | None = None,
        inference: str | None = None,
        settings: Mapping[str, Any] | None = None,
        layers: str | None = None,
        student_scaling: bool = False,
        tuned_on: str | None = None,
        student: Any = "mlp",
        hidden: Sequence[int] = (32,),
        grid: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        values: Values = None,
        floor: float | None = None,
        missing_class: Missing = "refuse",
        classes: Sequence[Any] | None = None,
        validation: Any = 0.3,
        device: str = "auto",
        random_state: Any = 0,
        verbose: int = 1,
    ):
        self.method = method
        self.signal = signal
        self.signal_settings = signal_settings
        self.weights = weights
        self.weights_settings = weights_settings
        self.teacher_scaling = teacher_scaling
        self.inference = inference
        self.settings = settings
        self.layers = layers
        self.student_scaling = student_scaling
        self.tuned_on = tuned_on
        self.student = student
        self.hidden = hidden
        self.grid = grid
        self.training = training
        self.values: Values = values
        self.floor = floor
        self.missing_class: Missing = missing_class
        self.classes = classes
        self.validation = validation
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, teachers: Any = None) -> Self:
        """Learn from labels and teachers.

        Parameters
        ----------
        X : array or frame of shape (N, F), or images of shape (N, C, H, W)
            Finite numbers.
        y : array of shape (N,)
            Classes; -1, None and NaN mean that a row has no label, and only its teachers are heard.
        teachers : mapping of name to source, list of sources, or one source, default=None
            Each an array or frame (N, K) of probabilities or logits, a path (.csv, .npz, .npy, .parquet, .safetensors), a
            fitted classifier, a torch module or ``(module, loader)``, or a callable that is asked about X; see
            ``mtbkd.serving.advice``. Teachers that learnt from these rows should say what they say
            out of fold (``cross_val_predict``). None: labels alone.

        Returns
        -------
        self

        Examples
        --------
        A row without a label hears its teachers alone; here one teacher is sure of every class.

        >>> import numpy as np
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> sure = np.full((len(y), 3), 0.05) + 0.85 * np.eye(3)[y]
        >>> few = np.where(np.arange(len(y)) % 2, y, -1)
        >>> student = MultiTeacherClassifier(inference="map", signal="tip").fit(X, few, teachers={"sure": sure})
        >>> student.score(X, y) > 0.9
        True
        """
        with refusals():
            x = given.numbers(self, X, reset=True)
            known = given.labels(y, len(x), self.classes)
            seed = self._seed()
            split = given.splits(known.codes, self.validation, seed)
            index = given.index_of(X)
            ids = [str(i) for i in (range(len(x)) if index is None or not index.is_unique else index)]
            columns = [str(name) for name in getattr(self, "feature_names_in_", ())]
            dataset = given.make_dataset(x, known, split, columns, ids, given.shape_of(X))
            dataset.card["warnings"] += given.in_another_order(X, y)
            how = Reading(self.values, self.floor, self.missing_class).checked()
            found = [logits_of(name, source, X, dataset, how) for name, source in named(teachers).items()]
            return self._fit(dataset, found, seed, known.classes)

    def fit_dataset(self, dataset: Dataset, teachers: Sequence[Logits]) -> Self:
        """Fit to what the workflow's files hold: a dataset of one replicate and logits, as ``Dataset.read`` gives them.

        >>> from pathlib import Path
        >>> from mtbkd.data.datasets import scikit
        >>> dataset = scikit.prepare("wine", scikit.Settings(table="wine"), seed=0, replicates=range(1), raw=Path())
        >>> student = MultiTeacherClassifier(inference="map").fit_dataset(dataset, teachers=[])
        >>> student.classes_.tolist() == list(dataset.class_names)
        True
        """
        with refusals():
            return self._fit(dataset, teachers, self._seed(), np.array(dataset.class_names))

    def _fit(self, dataset: Dataset, teachers: Sequence[Logits], seed: int, classes: np.ndarray) -> Self:
        with shown(quiet=not self.verbose):
            fitted = fit_student(self._asked(seed), dataset, teachers)
        self._fitted: Fitted | None = fitted
        self._draws: Draws | None = fitted.draws
        self._scores: Scores | None = held_out_scores(fitted.bundle, dataset)
        self._crossed: dict[int, Crossed] = {}
        self.bundle_, self.choice_, self.doubts_ = fitted.bundle, fitted.told, fitted.doubts
        self.split_, self.classes_, self.seed_ = dataset.split, classes, seed
        self.n_features_in_ = self.bundle_.mean.size
        if dataset.card.get("features"):
            self.feature_names_in_ = np.array(dataset.card["features"], dtype=object)
        log.info(fitted.told)
        for doubt in fitted.doubts:
            log.warning("warning: %s", doubt)
        return self

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, "_fitted": None} if "_fitted" in state else state

    def _asked(self, seed: int) -> Asked:
        return Asked(
            self.method, self.signal, self.signal_settings or {}, self.weights, self.inference, self.settings or {},
            self.layers, self.tuned_on, self.student_scaling, self.student, tuple(np.atleast_1d(self.hidden).tolist()),
            self.grid or {}, self.training or {}, self.device, seed, self.weights_settings or {}, self.teacher_scaling,
        )  # fmt: skip

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer) and not isinstance(self.random_state, bool):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _html_repr(self) -> str:
        """scikit-learn's diagram, and below it what the fit has to say for itself."""
        told = in_html(self.bundle_.card, self.choice_, self.doubts_) if hasattr(self, "bundle_") else ""
        return super()._html_repr() + told

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "bundle_")
