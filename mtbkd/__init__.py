"""Multi-teacher Bayesian knowledge distillation: a reproducible benchmark suite.

Importing the package is cheap; import each subpackage by name, e.g. ``mtbkd.inference.sgld``.
"""

__version__ = "0.1.0"
