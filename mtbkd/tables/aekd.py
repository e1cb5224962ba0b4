"""AEKD on the same labels, folds and unlabelled examples as the compiled methods (``mtbkd.baselines.aekd``).

Its objective is (1 - l) CE + l T^2 KL with T on both sides, each term a mean; so that candidates of kappa mean for it what they
mean for the others, l is taken from kappa N T^-2 = n l / (1 - l): N examples with teachers, n of them labelled.
Shapes: R replicates, F folds, P positions of the label order, U units.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.baselines import aekd
from mtbkd.baselines.bench import Bench as Material
from mtbkd.curves.budget import fold_size, held_out
from mtbkd.curves.fitting import Bench, Rows, predict_test
from mtbkd.density import label_term
from mtbkd.lazy import lazy_import
from mtbkd.tables.fitting import Fitted, Study, counts, left_over, winners
from mtbkd.tuning import best

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

READS = frozenset({"kappa", "teacher_temperature"})


def fit_aekd(study: Study) -> "list[Fitted]":
    """AEKD at the slow numbers of labels."""
    bench = study.bench("kd_equal")
    found = counts(study, bench)
    return [_fit(study, bench, n)._replace(all_labels=found[n]) for n in study.settings.slow_labels if n in found]


def _fit(study: Study, bench: Bench, n: int) -> Fitted:
    listed = study.first_round(READS)
    number, folds = len(bench.replicates), study.settings.folds
    rows = [{**each, "row": r, "replicate": bench.replicates[r]} for each in listed for r in range(number)]
    units = [{**row, "fold": fold} for row in rows for fold in range(folds)]
    params = _train(study, bench, units, n)
    losses, rights = _held_out(bench, units, params, n)
    nll, accuracy = (np.reshape(values, (len(rows), folds)).mean(-1) for values in (losses, rights))
    won = np.arange(len(listed))[:, None] == best(nll.reshape(len(listed), number))
    told = zip(nll.tolist(), accuracy.tolist(), won.ravel().tolist(), strict=True)
    tuning = [
        {**row, "steps": study.inputs.training.steps, "val_nll": loss, "val_accuracy": share, "chosen": chosen}
        for row, (loss, share, chosen) in zip(rows, told, strict=True)
    ]
    final = _train(study, bench, [{**row, "fold": -1} for row in winners(tuning)], n)
    by_row = {row["row"]: own[None] for row, own in zip(winners(tuning), final, strict=True)}
    return Fitted("aekd", n, False, predict_test(bench, by_row), tuning)


def _train(study: Study, bench: Bench, units: Rows, n: int) -> "torch.Tensor":
    """Parameters (U, P) of ``units``, which are all of folds or all of the whole."""
    assert bench.logits is not None
    transfer, size = left_over(study, bench, n), bench.x.shape[1]
    places = _places(units, n, study.settings.folds, size, transfer)
    keys = list(dict.fromkeys((unit["row"], unit["fold"]) for unit in units))
    at = torch.tensor([row for row, _ in keys]).unsqueeze(-1)
    index = torch.tensor(np.stack([places[fold] for _, fold in keys]))
    labelled = index.shape[1] - transfer
    y = bench.y[at, index].clone()
    y[:, labelled:] = -1
    logits = bench.logits[at, index]
    kappa, temperature, scale = (
        torch.tensor([unit[name] for unit in units]) for name in ("kappa", "teacher_temperature", "prior_scale")
    )
    ratio = kappa * index.shape[1] / (labelled * temperature**2)
    material = Material(
        student=bench.student, x=bench.x[at, index], y=y, logits=logits, val_x=bench.x[:, :0], val_logits=logits[:, :0],
        data_row=torch.tensor([keys.index((unit["row"], unit["fold"])) for unit in units]),
        replicates=tuple(bench.replicates[unit["row"]] for unit in units), share=ratio / (1 + ratio), temperature=temperature,
        prior_scale=scale, training=bench.spec.fit.training, seed=bench.spec.fit.seed,
    )  # fmt: skip
    return aekd.train(material, aekd.Settings.model_validate({})).params


def _places(units: Rows, n: int, folds: int, size: int, transfer: int) -> Mapping[int, np.ndarray]:
    """Fold -> positions in the label order that its fits see, labelled ones first."""
    kept_out, found = held_out(n, folds) if fold_size(n, folds) else np.empty((folds, 0)), {}
    for fold in dict.fromkeys(unit["fold"] for unit in units):
        own = np.arange(n) if fold < 0 else np.setdiff1d(np.arange(n), kept_out[fold])
        found[fold] = np.concatenate([own, np.arange(size - transfer, size)])
    return found


def _held_out(bench: Bench, units: Rows, params: "torch.Tensor", n: int) -> tuple[Sequence[float], Sequence[float]]:
    """Mean loss and accuracy of every unit on what its fold keeps out."""
    kept, losses, rights = held_out(n, bench.spec.folds), [], []
    for unit, own in zip(units, params, strict=True):
        row, at = unit["row"], torch.as_tensor(kept[unit["fold"]])
        with torch.no_grad():
            log_q = torch.log_softmax(bench.student.apply(own[None], bench.x[row : row + 1, at]), -1)
        y = bench.y[row : row + 1, at]
        losses.append(float(-label_term(log_q, y).mean()))
        rights.append(float((log_q.argmax(-1) == y).double().mean()))
    return losses, rights
