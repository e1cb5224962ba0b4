"""What can be asked of a fitted student; ``estimator.MultiTeacherClassifier`` says how it comes to be fitted."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtbkd.base.delimited import short
from mtbkd.base.errors import ContractError
from mtbkd.base.progress import shown, stage
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.conformal import Kind, prediction_sets
from mtbkd.evaluation.credible import credible_ends
from mtbkd.evaluation.predict import posterior_mean
from mtbkd.serving import given, keeping
from mtbkd.serving.answers import UNCERTAINTY, Interval, of_draws
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.core import Crossed, Fitted, Scores, check_promise, check_sets, cross_students
from mtbkd.serving.refusals import is_number, refusals

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Answering:
    """The methods of a student that was fitted or loaded.

    Attributes:
        bundle_, classes_, verbose: see the estimator.
        _fitted: the fit with its data; None once they are gone.
        _draws: in function space; None in a bundle of a study.
        _scores: of held-out rows, for prediction sets; None in a bundle of a study.
        _crossed: number of folds -> their students, as far as they were asked for.
    """

    bundle_: Bundle
    classes_: np.ndarray
    verbose: int
    _fitted: Fitted | None
    _draws: Draws | None
    _scores: Scores | None
    _crossed: dict[int, Crossed]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Posterior mean probabilities (N, K), columns as in ``classes_``.

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> bool(abs(student.predict_proba(X[:5]).sum(axis=1) - 1).max() < 1e-6)
        True
        """
        return self._of_draws(X, posterior_mean)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class (N,) of each row.

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> MultiTeacherClassifier(inference="map").fit(X, y).predict(X[:3]).tolist()
        [0, 0, 0]
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(1)]

    def predict_interval(self, X: Any, level: float = 0.95) -> Interval:
        """Equal-tailed credible intervals of each class probability: ``low`` and ``high``, each (N, K).

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(student="linear", inference="laplace").fit(X, y)
        >>> low, high = student.predict_interval(X, level=0.5)
        >>> wider = student.predict_interval(X, level=0.95)
        >>> bool((wider.low <= low).all() and (high <= wider.high).all())
        True
        """
        check_is_fitted(self)
        with refusals():
            if not (is_number(level) and 0 < level < 1):
                raise ContractError("predict_interval", "level", short(repr(level)), "a share between 0 and 1")
            if self.bundle_.card.draws == 1:
                raise ContractError("predict_interval", "draws", "a point estimate", "a method that draws, such as sgld")
        ends = self._of_draws(X, lambda prob: credible_ends(prob, level).swapaxes(0, 1))
        return Interval(ends[:, 0], ends[:, 1])

    def uncertainty(self, X: Any) -> "pd.DataFrame":
        """How uncertain each prediction is, in nats, and why.

        Returns
        -------
        frame of N rows with the index of X
            ``total``: entropy of the mean prediction; ``expected``: mean entropy of the draws (aleatoric); ``epistemic``:
            their difference, the mutual information of label and weights; ``mean_deviance``: twice the expected entropy.
            Point estimates have no epistemic part: NaN there.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(student="linear", inference="laplace").fit(X, y)
        >>> found = student.uncertainty(X)
        >>> found.columns.tolist()
        ['total', 'expected', 'epistemic', 'mean_deviance']
        >>> bool((found["total"] - found["expected"] - found["epistemic"]).abs().max() < 1e-6)
        True
        """
        import pandas as pd

        from mtbkd.evaluation.deviance import decompose

        found = self._of_draws(X, lambda prob: np.stack(decompose(prob), axis=1))
        if self.bundle_.card.draws == 1:
            found[:, 3] = np.nan
        return pd.DataFrame({name: found[:, at] for name, at in UNCERTAINTY.items()}, index=given.index_of(X))

    def predict_set(self, X: Any, coverage: float = 0.9, kind: Kind = "threshold", folds: int = 0) -> np.ndarray:
        """Prediction sets that hold the class of a new row with probability ``coverage`` or more (conformal prediction).

        The promise is about rows drawn as the calibrating ones were, on average over rows and over such fits; it is made of no
        single class or domain.

        Parameters
        ----------
        X : as for ``predict``
        coverage : float, default=0.9
        kind : {"threshold", "aps", "raps"}, default="threshold"
            Which classes enter first. ``"threshold"``: those above one probability, the same for all rows; the smallest sets.
            ``"aps"``: the most probable ones up to one total mass, so that sets grow where the student is unsure. ``"raps"``:
            the same, with fewer improbable ones; for many classes (``mtbkd.evaluation.conformal``).
        folds : int, default=0
            0: the held-out rows calibrate. 2 or more: so many more students are fitted, each without a fold of the labelled
            training rows, and these rows calibrate (cross-conformal, CV+); for where few rows are held out. The coverage that
            is proved is about 2 ``coverage`` - 1, the usual one near ``coverage``. Teachers must not have learnt from the
            labels of these rows.

        Returns
        -------
        bool ndarray of shape (N, K): which of ``classes_`` the set of each row holds; the most probable one always.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> sets = student.predict_set(X, coverage=0.9, kind="aps")
        >>> bool(sets.any(axis=1).all()), bool(sets[range(len(y)), y].mean() > 0.9)
        (True, True)
        """
        check_is_fitted(self)
        with refusals():
            check_sets(kind, coverage, folds)
            if folds:
                crossed = self._crossed_in(folds)
                bundles, fold, scores = crossed.bundles, crossed.held.fold, crossed.scores[kind]
                check_promise(coverage, len(scores), "labelled training", "more labels")
            elif self._scores is None or kind not in self._scores:
                raise ContractError("predict_set", "scores", f"none of kind {kind} in this student", "one saved by `save`",
                                    "students that a study bundled, or an earlier release saved, lack them")  # fmt: skip
            else:
                bundles, fold, scores = (self.bundle_,), None, self._scores[kind]
                check_promise(coverage, len(scores), "held-out", "a larger validation part, or folds")
        prob = np.stack([self._of_draws(X, posterior_mean, bundle) for bundle in bundles])
        return prediction_sets(prob, scores, coverage, kind, fold)

    @property
    def draws_(self) -> "xr.DataTree":
        """The posterior draws in function space, as ArviZ reads them.

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(student="linear", inference="laplace").fit(X, y)
        >>> dict(student.draws_["posterior"]["log_posterior"].sizes)
        {'chain': 1, 'draw': 400, 'replicate': 1}
        """
        return self._kept_draws().to_datatree()

    @property
    def gates_(self) -> "pd.DataFrame":
        """One row a convergence check: gate, value, threshold, verdict, note.

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> student.gates_.set_index("gate").loc["diverged", "verdict"]
        True
        """
        import pandas as pd

        return pd.DataFrame(self._kept_draws().gates).drop(columns="replicate")

    @property
    def tuning_(self) -> "pd.DataFrame":
        """One row a candidate of the shared settings, with its validation loss; one is ``chosen``.

        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map", grid={"prior_scale": [0.5, 2.0]}).fit(X, y)
        >>> student.tuning_["prior_scale"].tolist(), int(student.tuning_["chosen"].sum())
        ([0.5, 2.0], 1)
        """
        import pandas as pd

        return pd.DataFrame(self._kept_draws().tuning).drop(columns="replicate")

    def report(self, path: str | Path) -> Path:
        """Write the suite's page for this one fit: one HTML file that asks for nothing outside itself.

        >>> from tempfile import TemporaryDirectory
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> with TemporaryDirectory() as folder:
        ...     page = student.report(f"{folder}/report.html").read_text(encoding="utf-8")
        >>> "Training curves" in page
        True
        """
        check_is_fitted(self)
        with refusals():
            if self._fitted is None:
                raise ContractError("report", "data", "a student that was loaded", "one that was fitted in this session",
                                    "students are saved without their data: call report before save")  # fmt: skip
            from mtbkd.serving.fit_report import write_report

            with shown(quiet=not self.verbose), stage("report"):
                return write_report(self._fitted, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write the student into ``folder``: card, weights, draws and settings, without the data; ``mtbkd.load`` reads it.

        >>> from tempfile import TemporaryDirectory
        >>> from sklearn.datasets import load_wine
        >>> from mtbkd import MultiTeacherClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> student = MultiTeacherClassifier(inference="map").fit(X, y)
        >>> with TemporaryDirectory() as folder:
        ...     sorted(path.name for path in student.save(folder).iterdir())
        ['card.json', 'draws.nc', 'estimator.json', 'student.safetensors']
        """
        check_is_fitted(self)
        with refusals():
            return keeping.save(self, Path(folder))

    def _of_draws(
        self, X: Any, summarise: Callable[[np.ndarray], np.ndarray], bundle: Bundle | None = None
    ) -> np.ndarray:  # fmt: skip
        check_is_fitted(self)
        bundle = self.bundle_ if bundle is None else bundle
        with refusals():
            return of_draws(bundle, bundle.standardised(given.numbers(self, X, reset=False)), summarise)

    def _crossed_in(self, folds: int) -> Crossed:
        """The students of the folds, fitted when they are first asked for."""
        if self._fitted is None:
            raise ContractError("predict_set", "folds", f"{folds} of a student that was loaded", "0",
                                "students are saved without their data: folds need those of this session")  # fmt: skip
        if folds not in self._crossed:
            with shown(quiet=not self.verbose), stage(f"{folds} folds"):
                self._crossed[folds] = cross_students(self._fitted, folds)
        return self._crossed[folds]

    def _kept_draws(self) -> Draws:
        check_is_fitted(self)
        if self._draws is None:
            raise AttributeError("a bundle of a study has no draws in function space; the study's folder students has them")
        return self._draws
