"""Does uncertainty rise as images are moved away from the data (BKD, table 7), and does it tell foreign images?

Perturbed images are the splits ood:gamma_<size> of the dataset: test images plus Gaussian noise of that size, rescaled. What
is printed there is the posterior mean deviance, -(2/S) sum_j sum_k q_k log q_k, of one paper's students; it should rise with
the size. The tables say, too, how well each measure of uncertainty tells every ood split from the untouched test images.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.published import tables as published
from mtbkd.evaluation.deviance import Uncertainty, decompose
from mtbkd.evaluation.metrics import ood_auroc
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "draws"})
TABLES = ("curve", "detection", "published")
PRINTED = "bkd_table7"
GAMMA = re.compile(r"ood:gamma_([0-9.]+)")


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """``curve``: method, signal, inference, replicate, gamma, mean_deviance, se, uniform (what a student that finds all classes
    equally likely has), accuracy, n. ``detection``: method, replicate, split, measure, auroc, se. ``published``: gamma, column,
    mean_deviance."""
    dataset = inputs.dataset()
    if not gammas(dataset):
        raise ContractError(f"question {inputs.name}", "splits", ", ".join(dataset.splits()), "some ood:gamma_<size>",
                            f"set gammas of the dataset {dataset.name}")  # fmt: skip
    curve, detection = [], []
    for method in inputs.methods:
        for block in inputs.blocks:
            draws = inputs.draws(method, block)
            named = {"method": method, **{part: draws.attrs.get(part) or "" for part in ("signal", "inference")}}
            for number, prob, lost in zip(draws.replicates.tolist(), draws.prob, draws.diverged, strict=True):
                if lost.all():
                    continue
                kept = prob[~lost].reshape(-1, *prob.shape[2:])
                unsure, split = decompose(kept), dataset.split[draws.example_index]
                right = kept.mean(0).argmax(-1) == dataset.y[0, draws.example_index]
                common = {**named, "replicate": number}
                curve += [{**common, **row} for row in _curve(dataset, unsure, right, split)]
                detection += [{**common, **row} for row in _detection(unsure, split, len(kept))]
    return {"curve": pd.DataFrame(curve), "detection": pd.DataFrame(detection), "published": pd.DataFrame(printed())}


def gammas(dataset: Dataset) -> dict[str, float]:
    """Split -> size of its noise, in rising order."""
    found = {split: float(match[1]) for split in dataset.splits() if (match := GAMMA.fullmatch(split))}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def printed() -> list[dict[str, Any]]:
    """The published curves."""
    return [
        {"gamma": float(row["gamma"]), "column": column, "mean_deviance": float(value)}
        for row in published.read(PRINTED)
        for column, value in row.items()
        if column != "gamma"
    ]


def _curve(dataset: Dataset, unsure: Uncertainty, right: np.ndarray, split: np.ndarray) -> Iterator[dict[str, Any]]:
    for name, gamma in gammas(dataset).items():
        rows = split == name
        values, n = unsure.mean_deviance[rows], int(rows.sum())
        se = float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
        uniform = 2 * math.log(dataset.num_classes)
        yield {"gamma": gamma, "mean_deviance": float(values.mean()), "se": se, "uniform": uniform,
               "accuracy": float(right[rows].mean()), "n": n}  # fmt: skip


def _detection(unsure: Uncertainty, split: np.ndarray, draws: int) -> Iterator[dict[str, Any]]:
    """Each ood split against the test images; a point prediction has one measure, of which the others are multiples or 0."""
    measures = {"total entropy": unsure.entropy_total}
    if draws > 1:
        measures |= {"mean deviance": unsure.mean_deviance, "epistemic entropy": unsure.entropy_epistemic}
    for name in sorted({str(each) for each in split if str(each).startswith("ood:")}):
        for measure, values in measures.items():
            found = ood_auroc(values[split == "test"], values[split == name])
            yield {"split": name.removeprefix("ood:"), "measure": measure, "auroc": found.value, "se": found.se}
