"""Students that do not learn from a fold of the labelled training examples: out-of-fold predictions for prediction sets.

Each fold is taken out of the training split as a whole, inputs, labels and teachers, and the method is fitted to the rest as
it would be to all, with settings tuned anew on the validation labels. So every held-out example is to its student what a new
example is.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.contracts.held_out import HeldOut
from mtbkd.inference.function_space import mean_probabilities

SPLIT = "ood:fold"  # the split, in a fit's eyes, of the examples that it does not learn from


def cross_fit(fit: Callable[[Dataset], Draws], dataset: Dataset, folds: int, seed: int) -> HeldOut:
    """Predictions of labelled training examples, and of the evaluated ones, by ``folds`` students.

    Args:
        fit: the draws of the method on a dataset.
        dataset: the whole one.
        folds: F, at least 2.
        seed: of the folds.

    Raises:
        ContractError: fewer labelled training examples than folds.
    """
    rows = np.flatnonzero((dataset.split == "train") & (dataset.y >= 0).any(0))
    if len(rows) < folds:
        raise ContractError(f"dataset {dataset.name}", "labelled training examples", len(rows), f"at least {folds}, one a fold")
    fold = np.random.default_rng(derive(seed, "conformal folds")).permutation(len(rows)) % folds
    prob, test = None, []
    for f in range(folds):
        out = rows[fold == f]
        draws = fit(without(dataset, out))
        mean = mean_probabilities(draws.prob, draws.diverged)
        held = np.isin(draws.example_index, out)
        prob = np.empty((len(mean), len(rows), mean.shape[-1]), np.float32) if prob is None else prob
        prob[:, fold == f] = mean[:, held]
        test.append(mean[:, ~held])
    assert prob is not None
    return HeldOut(rows, prob, fold, np.stack(test, 1))


def without(dataset: Dataset, rows: np.ndarray) -> Dataset:
    """The data with ``rows`` out of the training split; a fit predicts them beside the evaluated examples."""
    split = np.array(dataset.split, dtype=np.result_type(dataset.split, np.array([SPLIT])))
    split[rows] = SPLIT
    return replace(dataset, split=split)
