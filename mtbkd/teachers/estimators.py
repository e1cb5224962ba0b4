"""Classifiers by import path: scikit-learn's, and any that keep its contract. Importing a module runs its code."""

import importlib
import inspect
import re
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError, MtbkdError, machine_fault, nearest

PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
SET_HERE = {"random_state": "every replicate has a seed of its own", "n_jobs": "jobs run side by side"}


def make(path: str, arguments: Mapping[str, Any]) -> Any:
    """An unfitted classifier.

    Args:
        path: import path of a class, or of a function that makes a classifier.
        arguments: its arguments by name.

    Raises:
        ContractError: it cannot be imported, is no classifier, or does not take the arguments.
    """
    where = f"estimator {path}"
    factory = _imported(path)
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError) as error:
        raise ContractError(where, "import path", f"{type(factory).__name__} '{path}'", "a classifier") from error
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for name in arguments:
        if name in SET_HERE:
            raise ContractError(where, "arguments", f"'{name}'", "no such key", f"{SET_HERE[name]}: leave it out")
        if name not in known and not any(p.kind == p.VAR_KEYWORD for p in parameters):
            allowed = ", ".join(n for n in known if n not in SET_HERE) or "none"
            raise ContractError(where, "arguments", f"'{name}'", allowed, nearest(name, known))
    try:
        model = factory(**arguments)
        if hasattr(model, "_parameter_constraints"):  # scikit-learn's own check, which it makes in fit
            model._validate_params()
    except Exception as error:
        hint = "" if arguments else "an estimator that holds another one needs a function of yours that makes it"
        raise _complaint(where, "arguments", error, "arguments that it takes", hint) from error
    if not _classifies(model):
        raise ContractError(where, "import path", f"'{path}', which is no classifier",
                            "a classifier with predict_proba or decision_function", _hint(path))  # fmt: skip
    if getattr(model, "decision_function_shape", "") == "ovo" and not hasattr(model, "predict_proba"):
        raise ContractError(where, "arguments", "decision_function_shape 'ovo'", "'ovr', one value per class")
    return model


def seeded(model: Any, seed: int) -> Any:
    """``model`` with its random state, and that of the estimators inside it, set to ``seed``, where it has one."""
    states = [key for key in model.get_params(deep=True) if key.rpartition("__")[2] == "random_state"]
    return model.set_params(**dict.fromkeys(states, seed % 2**32)) if states else model


def probabilities(model: Any, x: np.ndarray, num_classes: int, where: str) -> np.ndarray:
    """Class probabilities (N, K) of a classifier fitted to labels 0..K-1; decision values, if it has no others, are logits.

    Raises:
        ContractError: they are no probabilities, or those of other classes.
    """
    from scipy.special import softmax

    if not len(x):
        return np.zeros((0, num_classes))
    try:
        if hasattr(model, "predict_proba"):
            prob = np.asarray(model.predict_proba(x), float)
        else:
            score = np.asarray(model.decision_function(x), float)
            prob = softmax(np.stack([np.zeros_like(score), score], -1) if score.ndim == 1 else score, axis=-1)
    except MtbkdError:
        raise
    except Exception as error:
        raise machine_fault(error) or _complaint(where, f"predictions for {len(x)} examples", error, "predictions") from error
    ok = prob.shape == (len(x), num_classes) and np.isfinite(prob).all()
    if not (ok and (prob >= 0).all() and np.allclose(prob.sum(1), 1, atol=1e-3)):
        found = f"shape {prob.shape}" if prob.shape != (len(x), num_classes) else "rows that are no probabilities"
        raise ContractError(where, f"predictions of {type(model).__name__}", found,
                            f"probabilities of shape {(len(x), num_classes)}")  # fmt: skip
    order = np.asarray(getattr(model, "classes_", np.arange(num_classes)))
    if not np.array_equal(np.sort(order), np.arange(num_classes)):
        raise ContractError(
            where, f"classes_ of {type(model).__name__}", order.tolist(), f"0..{num_classes - 1}, as in training"
        )
    return (prob / prob.sum(1, keepdims=True))[:, np.argsort(order)]


def fitted(model: Any, x: np.ndarray, y: np.ndarray, where: str) -> Any:
    """``model`` after fit; ContractError with the first line of what it complains of."""
    try:
        return model.fit(x, y)
    except MtbkdError:
        raise
    except Exception as error:
        raise machine_fault(error) or _complaint(where, f"fit on {len(x)} examples", error, "a fit") from error


def _complaint(where: str, field: str, error: BaseException, expected: str, hint: str = "") -> ContractError:
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return ContractError(where, field, told if len(told) <= 300 else f"{told[:297]}...", expected, hint)


def _imported(path: str) -> Any:
    where = f"estimator {path}"
    if not re.match(PATH, path):
        raise ContractError(where, "import path", f"'{path}'", "module.Class", _hint(path))
    module, _, name = path.rpartition(".")
    try:
        found: ModuleType = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a script that ends itself
        raise _complaint(where, "import path", error, "a module that can be imported") from error
    if not hasattr(found, name):
        hint = _hint(path) or nearest(name, dir(found))
        raise ContractError(where, "import path", f"no '{name}' in {module}", "a classifier in that module", hint)
    return getattr(found, name)


def _classifies(model: Any) -> bool:
    from sklearn.base import is_classifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return is_classifier(model) and (hasattr(model, "predict_proba") or hasattr(model, "decision_function"))
        except (AttributeError, TypeError):  # no estimator at all
            return False


def _hint(path: str) -> str:
    """scikit-learn's classifier with the nearest name, for paths that look like one of them."""
    from sklearn.utils import all_estimators

    if "." in path and not path.startswith(("sklearn.", "scikit")):
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        public = {name: f"{kind.__module__.partition('._')[0]}.{name}" for name, kind in all_estimators("classifier")}
    name = path.rpartition(".")[2]
    close = nearest(name, public)
    return close.replace(close.split("'")[1], public[close.split("'")[1]]) if close else ""
