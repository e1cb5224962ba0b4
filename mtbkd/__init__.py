"""Multi-teacher Bayesian knowledge distillation: a reproducible benchmark suite, and an estimator for data of your own.

Importing the package imports nothing heavy; every room is imported by name, e.g. ``mtbkd.inference.sgld``, and the
estimator and ``load`` on first use.
"""

from importlib import import_module
from typing import Any

_PLACES = {"MultiTeacherClassifier": "mtbkd.serving.estimator", "load": "mtbkd.serving.loading"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("mtbkd.base.suite").version()
    if name not in _PLACES:
        raise AttributeError(f"module 'mtbkd' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES, "__version__"])
