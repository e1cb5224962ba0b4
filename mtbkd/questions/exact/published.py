"""The conjugate student beside what BKD's appendix C.5 prints of it, from exact posterior draws: no sampler is involved.

The paper prints neither the size of its data nor lambda, so that verdicts are on a setting of ours. Its coverage is read as
that of the deviance's credible intervals (method.md, section 4), its mean absolute error of the probability as the sum over
the two classes: the linear student's is .071 for one class however many the data, half of what is printed.
Shapes: N test examples, K classes, S draws.
"""

from typing import Any

import numpy as np

from mtbkd.base.seeds import derive
from mtbkd.evaluation.coverage import coverage
from mtbkd.questions.exact.lda import TRUTH, Discriminant, make_data, posterior, sample
from mtbkd.questions.exact.spec import Conjugate

REPLICATES, TEST, CEILING_TEST, DRAWS, LEVEL = 20, 1000, 10_000, 100, 0.95


def predictions(settings: Conjugate, x: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Class probabilities at ``x`` (N, d): (S, N, K) of the ``bkd`` student's draws, (1, N, K) of the ``qda_teacher`` and of
    the plug-in ``lda`` on labels only."""
    data = make_data(settings.examples, rng)
    plain, known = posterior(data, 0.0), posterior(data, settings.lam)
    cov = np.broadcast_to(plain.scatter / plain.nu, TRUTH.cov.shape)
    found = {"qda_teacher": data.teacher, "lda": Discriminant(plain.weight / plain.weight.sum(), plain.mean, cov)}
    share = known.weight / known.weight.sum()
    drawn = [Discriminant(share, m, np.broadcast_to(c, TRUTH.cov.shape)) for m, c in zip(*known.draws(DRAWS, rng), strict=True)]
    return {name: each.prob(x)[None] for name, each in found.items()} | {"bkd": np.stack([d.prob(x) for d in drawn])}


def compare(settings: Conjugate, seed: int) -> list[dict[str, Any]]:
    """Rows {quantity, column, replicate, value} over REPLICATES training sets, and the ceiling of the accuracy."""
    rows: list[dict[str, Any]] = []
    rng = np.random.default_rng(derive(seed, "conjugate published"))
    for replicate in range(REPLICATES):
        x, y = sample(TEST, rng)
        truth = TRUTH.prob(x)
        for column, prob in predictions(settings, x, rng).items():
            mean = prob.mean(0)
            values = {"accuracy": float((mean.argmax(1) == y).mean()), "mae_p": float(np.abs(mean - truth).sum(1).mean())}
            if len(prob) > 1:
                found = coverage(prob.astype(np.float32), y, (LEVEL,), (LEVEL,))
                values[f"coverage@{LEVEL}"] = float(found.nearest.mean())
            rows += [{"quantity": q, "column": column, "replicate": replicate, "value": v} for q, v in values.items()]
        best = float(TRUTH.prob(sample(CEILING_TEST, rng)[0]).max(1).mean())
        rows.append({"quantity": "accuracy", "column": "bayes", "replicate": replicate, "value": best})
    return rows
