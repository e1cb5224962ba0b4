"""AEKD on the same labels, folds and unlabelled examples as the compiled methods (``mtbkd.questions.baselines.aekd``).

Its objective is (1 - l) CE + l T^2 KL with T on both sides, each term a mean. So that candidates mean for it what they mean for
``kd_hinton``, l / (1 - l) = kappa N / n with N examples, n of them labelled, and the prior's scale is s (1 - l)^-1/2.
Shapes: R replicates, F folds, P positions of the label order, U units.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.posterior.density import label_term
from mtbkd.questions.baselines import aekd
from mtbkd.questions.baselines.bench import Bench as Material
from mtbkd.questions.curves.bench import Bench, Rows
from mtbkd.questions.curves.budget import fold_size, held_out
from mtbkd.questions.curves.fitting import judged, predict_test
from mtbkd.questions.tables.choosing import winners
from mtbkd.questions.tables.fitting import Fitted, Study, counts, left_over, rounds

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

MOST_NUMBERS = 8_000_000  # teachers' probabilities of all units at a time


def fit_aekd(study: Study) -> "list[Fitted]":
    """AEKD at its numbers of labels."""
    bench, found = study.bench("kd_equal"), []
    for n, every in counts(study, bench).items():
        if n in study.settings.aekd_labels:
            transfer = left_over(study, bench, n)
            rows = rounds(study, "aekd", partial(judged, bench, n, transfer, judge=_held_out), {})
            final = _train(bench, [{**row, "fold": -1} for row in winners(rows)], n, transfer)
            by_row = {row["row"]: own[None] for row, own in zip(winners(rows), final, strict=True)}
            found.append(Fitted("aekd", n, every, predict_test(bench, by_row), rows))
    return found


def _train(bench: Bench, units: Rows, n: int, transfer: int) -> "torch.Tensor":
    """Parameters (U, P) of ``units``, which are all of folds or all of the whole; few at a time, to bound the memory."""
    assert bench.logits is not None
    chunk = max(1, MOST_NUMBERS // ((n + transfer) * bench.logits[0, 0].numel()))
    return torch.cat([_trained(bench, units[at : at + chunk], n, transfer) for at in range(0, len(units), chunk)])


def _trained(bench: Bench, units: Rows, n: int, transfer: int) -> "torch.Tensor":
    assert bench.logits is not None
    seen = places(units, n, bench.spec.folds, bench.x.shape[1], transfer)
    keys = list(dict.fromkeys((unit["row"], unit["fold"]) for unit in units))
    at = torch.tensor([row for row, _ in keys]).unsqueeze(-1)
    index = torch.tensor(np.stack([seen[fold] for _, fold in keys]))
    labelled = index.shape[1] - transfer
    y = bench.y[at, index].clone()
    y[:, labelled:] = -1
    logits = bench.logits[at, index]
    kappa, temperature, scale = (
        torch.tensor([unit[name] for unit in units]) for name in ("kappa", "teacher_temperature", "prior_scale")
    )
    teachers = share(kappa, index.shape[1], labelled)
    material = Material(
        student=bench.student, x=bench.x[at, index], y=y, logits=logits, val_x=bench.x[:, :0], val_logits=logits[:, :0],
        data_row=torch.tensor([keys.index((unit["row"], unit["fold"])) for unit in units]),
        replicates=tuple(bench.replicates[unit["row"]] for unit in units), share=teachers, temperature=temperature,
        prior_scale=scale / (1 - teachers).sqrt(), training=bench.spec.fit.training, seed=bench.spec.fit.seed,
    )  # fmt: skip
    return aekd.train(material, aekd.Settings.model_validate({})).params


def share(kappa: "torch.Tensor", examples: int, labelled: int) -> "torch.Tensor":
    """l (U,) of kappa (U,): l / (1 - l) = kappa N / n, with N ``examples`` of which n are ``labelled``."""
    ratio = kappa * examples / labelled
    return ratio / (1 + ratio)


def places(units: Rows, n: int, folds: int, size: int, transfer: int) -> Mapping[int, np.ndarray]:
    """Fold -> positions in the label order that its fits see, labelled ones first."""
    kept_out, found = held_out(n, folds) if fold_size(n, folds) else np.empty((folds, 0)), {}
    for fold in dict.fromkeys(unit["fold"] for unit in units):
        own = np.arange(n) if fold < 0 else np.setdiff1d(np.arange(n), kept_out[fold])
        found[fold] = np.concatenate([own, np.arange(size - transfer, size)])
    return found


def _held_out(bench: Bench, n: int, transfer: int, rows: Rows, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and accuracy of every candidate on what the folds keep out."""
    folds, losses, rights = bench.judging_folds(n), [], []
    units = [{**row, "fold": fold} for row in rows for fold in range(folds)]
    for unit, own in zip(units, _train(bench, units, n, transfer), strict=True):
        row, at = unit["row"], torch.as_tensor(held_out(n, bench.spec.folds)[unit["fold"]])
        with torch.no_grad():
            log_q = torch.log_softmax(bench.student.apply(own[None], bench.x[row : row + 1, at]), -1)
        y = bench.y[row : row + 1, at]
        losses.append(float(-label_term(log_q, y).mean()))
        rights.append(float((log_q.argmax(-1) == y).double().mean()))
    nll, accuracy = (np.reshape(values, (-1, folds)).mean(-1) for values in (losses, rights))
    return nll, accuracy
