"""Multi-teacher Bayesian knowledge distillation: a reproducible benchmark suite, and an estimator for data of your own.

Importing the package imports nothing heavy; every room is imported by name, e.g. ``mtbkd.inference.sgld``, and what stands
below on first use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtbkd.serving.estimator import MultiTeacherClassifier
    from mtbkd.serving.keeping import load

__version__ = "0.1.0"
__all__ = ["MultiTeacherClassifier", "load"]


def __getattr__(name: str) -> Any:
    if name == "MultiTeacherClassifier":
        from mtbkd.serving.estimator import MultiTeacherClassifier

        return MultiTeacherClassifier
    if name == "load":
        from mtbkd.serving.keeping import load

        return load
    raise AttributeError(f"module 'mtbkd' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
