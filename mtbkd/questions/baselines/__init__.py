"""Multi-teacher distillation as the literature does it, from logits alone: one module a method, all under one protocol.

A module holds ``TITLE`` (the paper's name of it), ``Settings`` and ``train`` (bench, settings) -> ``Trained``. Its docstring
gives source, formula and what is left out. All minimise, over the student's parameters theta,

    (1 - l) CE(y, q) + l T^2 sum_g w_g KL(p_g^T || q^T) + |theta|^2 / (2 s^2 n)

and differ in the weights w. CE is the mean over labelled, the rest that over all examples of a minibatch, n is the number of
labels; l = 1/2 and T = 4 are the official codes' CE + KD. Weights may depend on the example, on the student and on the step.
Data, teachers, starting points, minibatches, optimiser and the candidates of (l, T, s) are the same for all methods.
Shapes: U units (a replicate under one candidate), D = R replicates of data or 1, N training, V validation examples, m
examples of a minibatch, G teachers, K classes, P parameters. Teachers and classes come first in memory: sums over a few
numbers side by side take longer than all else in a step of a small student.
"""

import importlib
from types import ModuleType

# The methods in the order of tables and figures: one line each, name -> module.
BASELINES = {
    "labels": "mtbkd.questions.baselines.labels",
    "aver": "mtbkd.questions.baselines.aver",
    "ebkd": "mtbkd.questions.baselines.ebkd",
    "camkd": "mtbkd.questions.baselines.camkd",
    "aekd": "mtbkd.questions.baselines.aekd",
    "mmkd": "mtbkd.questions.baselines.mmkd",
    "amtss": "mtbkd.questions.baselines.amtss",
    "takd": "mtbkd.questions.baselines.takd",
    "samerging": "mtbkd.questions.baselines.samerging",
    "tip": "mtbkd.questions.baselines.tip",
}


def module_of(name: str) -> ModuleType:
    """The module of the method ``name``."""
    return importlib.import_module(BASELINES[name])
