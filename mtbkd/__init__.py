"""Multi-teacher Bayesian knowledge distillation: a reproducible benchmark suite.

Importing the package imports nothing heavy; every room is imported by name, e.g. ``mtbkd.inference.sgld``.
"""

__version__ = "0.1.0"
