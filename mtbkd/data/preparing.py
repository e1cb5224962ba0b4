"""Prepare one block of a dataset: what the rules ``prepare_<kind>`` call."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.data.datasets.doubts import suspect_classes

log = logging.getLogger(__name__)


def prepare(spec: dict[str, Any], block: str, raw: Path, folder: Path) -> None:
    """Write the dataset ``spec`` (name, kind, settings, seed) for the replicates of ``block`` into ``folder``.

    Args:
        spec: as ``mtbkd.study.plan`` resolved it.
        block: e.g. r0-7.
        raw: folder of downloaded raw files.
        folder: results/shared/data/<dataset>/<block>.
    """
    module = registry.part("dataset", spec["kind"])
    settings = module.Settings.model_validate(spec["settings"])
    dataset = module.prepare(spec["name"], settings, spec["seed"], block_range(block), raw)
    doubts = [*dataset.card.get("warnings", ()), *suspect_classes(dataset)]
    for doubt in doubts:
        log.warning("warning: %s: %s", dataset.name, doubt)
    replace(dataset, card={**dataset.card, "warnings": doubts}).write(folder)
