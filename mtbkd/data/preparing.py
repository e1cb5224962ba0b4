"""Prepare one block of a dataset: what the rules ``prepare_<kind>`` call."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.places import relocated
from mtbkd.data.datasets.doubts import suspect_classes

log = logging.getLogger(__name__)


def prepare(spec: dict[str, Any], block: str, raw: Path, folder: Path, own: Mapping[str, str] | None = None) -> None:
    """Write the dataset ``spec`` (name, kind, settings, seed) for the replicates of ``block`` into ``folder``.

    Args:
        spec: as ``mtbkd.study.plan`` resolved it.
        block: e.g. r0-7.
        raw: folder of downloaded raw files.
        folder: results/shared/data/<dataset>/<block>.
        own: path of a user's file in the settings -> the copy to read; the card keeps the path.
    """
    module = registry.part("dataset", spec["kind"])
    copies = own or {}
    settings = module.Settings.model_validate(relocated(spec["settings"], copies))
    dataset = module.prepare(spec["name"], settings, spec["seed"], block_range(block), raw)
    doubts = [*dataset.card.get("warnings", ()), *suspect_classes(dataset)]
    for doubt in doubts:
        log.warning("warning: %s: %s", dataset.name, doubt)
    card = relocated({**dataset.card, "warnings": doubts}, {copy: path for path, copy in copies.items()})
    replace(dataset, card=card).write(folder)
