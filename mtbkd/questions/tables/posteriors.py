"""The same question to posteriors: a linear student at one number of labels, whose draws are judged by the gates.

A student of 16 units has hundreds of parameters and many modes; a linear one has a posterior that can be had in seconds and
trusted where its gates say so. Settings are tuned as everywhere, by MAP inside the labels, on grids of its own. The MAP of the
same posterior stands beside it.
Shapes: R replicates, C chains, S kept draws, M test examples, K classes.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.inference.convergence import Claim
from mtbkd.inference.fitting import judge_draws
from mtbkd.inference.function_space import Output, function_space
from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.fitting import context_of
from mtbkd.questions.tables.choosing import winners
from mtbkd.questions.tables.fitting import Study, fit_all, heard, left_over

MAP = "map"
STUDENT = {"architecture": "linear", "settings": {"features": "raw"}}


class Sampled(NamedTuple):
    """A method's posterior predictive and MAP: test probabilities (M, K) of every replicate, and the verdicts of the gates."""

    method: str
    labels: int
    mode: list[np.ndarray]
    prob: list[np.ndarray]
    gates: Rows


def fit_posteriors(study: Study) -> Iterator[Sampled]:
    """Posteriors of the methods that the settings name; none where the table has too few labels."""
    asked = study.settings.posteriors
    settings = study.settings.model_copy(update={"labels": (asked.labels,), "methods": asked.methods, "grids": asked.grids})
    linear = replace(study, settings=settings, inputs=replace(study.inputs, student=STUDENT))
    chosen: dict[str, Rows] = {}
    for fitted in fit_all(linear):
        chosen[fitted.method] = winners(fitted.tuning)
        if fitted.method in asked.methods and fitted.labels == asked.labels:
            bench = heard(linear, fitted.method, linear.bench(fitted.method), fitted.labels, chosen)
            drawn = _sample(linear, bench, chosen[fitted.method], fitted.labels)
            yield Sampled(fitted.method, fitted.labels, fitted.prob, *drawn)


def _sample(study: Study, bench: Bench, chosen: Rows, n: int) -> tuple[list[np.ndarray], Rows]:
    """Mean test probabilities of the draws of every replicate, and the gates."""
    asked, training = study.settings.posteriors, study.inputs.training
    module = registry.part("inference", asked.inference)
    settings = module.Settings.model_validate(asked.settings)
    transfer = left_over(study, bench, n) if bench.logits is not None else 0
    target = bench.target([{**row, "fold": -1} for row in chosen], n, transfer).joint()
    context = context_of(bench, [row["row"] for row in chosen], training.steps, training.restarts)
    result = module.run(target, settings, module.init(target, settings, context), context)
    draws = function_space(Output.model_validate({}), target, result, study.dataset, context)
    judge_draws(draws, Claim.of(module), target, result, None, bench.device)
    test = np.isin(draws.example_index, study.dataset.rows("test"))
    return [_mean(prob, kept)[test] for prob, kept in zip(draws.prob, ~draws.diverged, strict=True)], draws.gates


def _mean(prob: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Mean (M, K) over the draws of the chains that are ``kept`` (C,), of ``prob`` (C, S, M, K); NaN without any."""
    if not kept.any():
        return np.full(prob.shape[2:], np.nan)
    return prob[kept].mean((0, 1), dtype=np.float64)
