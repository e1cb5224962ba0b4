"""What the papers print of data and draws that is no score: counts of proteins, and medians that were read off a plot."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.data.published import layouts
from mtbkd.data.published import tables as published
from mtbkd.evaluation.intervals import interval
from mtbkd.report.numbers import UNKNOWN, Estimate
from mtbkd.report.versus import NOT_RUN, NOT_STATED, Versus

COUNTS, MEDIANS = "mtbkd_table3_protein_counts", "mtbkd_fig6_notebook"
SPLITS = {"single-label": "test", "multi-label": "ood:multilabel"}  # of the medians; their other rows are classes
SAMPLE = "the release is a sample of the paper's proteins"
BY_EYE = "read off a plot by eye, of a student with other features: compare the order"


def beside(
    experiments: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]], examples: Callable[[str], Frame]
) -> dict[str, dict[str, list[Versus]]]:
    """Experiment -> published table -> its numbers beside ours.

    Args:
        experiments: ``dataclasses.asdict`` of the experiments' plans, by name.
        cards: experiment -> card of its data.
        examples: reads the evaluation's table ``examples`` of an experiment.
    """
    found: dict[str, dict[str, list[Versus]]] = {}
    for layout in layouts.read().values():
        for table in layout.tables if layout.experiment in experiments else ():
            name, planned = layout.experiment, experiments[layout.experiment]
            if published.source(table).dataset_kind == planned["data"]["kind"]:
                made = counts(cards[name]) if table == COUNTS else medians(examples(name), planned, cards[name])
                found.setdefault(name, {})[table] = made
    return found


def counts(card: Mapping[str, Any]) -> list[Versus]:
    """Proteins by location: printed, and those of the release with one location, in all splits."""
    ours = {name: sum(split.get(name, 0) for split in card["class_counts"].values()) for name in card["class_names"]}
    return [
        Versus("", "count", "all", _number(row["location"], "count", row["count"]),
               Estimate(ours[row["location"]], np.nan, np.nan, 1, ""), NOT_STATED, SAMPLE)
        for row in published.read(COUNTS)
    ]  # fmt: skip


def medians(examples: Frame, planned: Mapping[str, Any], card: Mapping[str, Any]) -> list[Versus]:
    """Medians over examples of the log mean deviance, by group: as read off the plot, and of the methods that stand for MT-BKD
    with entropy weights, with intervals over replicates."""
    named = [method for method, columns in planned["columns"].items() if "tip_entropy" in columns] or [""]
    classes, found = list(card["class_names"]), []
    for row in published.read(MEDIANS):
        split = SPLITS.get(row["group"])
        here = examples["split"] == (split or "test")
        here = here if split else here & (examples["y"] == classes.index(row["group"]))
        number = _number(row["group"], "median_log_mean_deviance", row["median_log_mean_deviance"])
        for method in named:
            found.append(Versus(method, "log_mean_deviance", "all", number, *_median(examples[here], method)))
    return found


def _median(rows: Frame, method: str) -> tuple[Estimate, Any, str]:
    own = rows[rows["method"] == method]
    if not len(own):
        return UNKNOWN, NOT_RUN, "not computed by us"
    logs = own.assign(log=np.log(own["mean_deviance"].clip(lower=1e-12)))
    values: Iterable[float] = logs.groupby("replicate")["log"].median()
    return Estimate(*interval(values), "replicates"), NOT_STATED, BY_EYE


def _number(quantity: str, column: str, text: str) -> published.Number:
    return published.Number(quantity, column, float(text), published.half_unit(text))
