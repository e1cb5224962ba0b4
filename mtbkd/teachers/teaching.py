"""Make one teacher's logits on one block of a dataset: what the rule ``teacher`` calls."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.places import relocated
from mtbkd.contracts.artefacts import Dataset
from mtbkd.teachers import optimism

log = logging.getLogger(__name__)


def teach(
    spec: dict[str, Any], block: str, data: Path, raw: Path, folder: Path, own: Mapping[str, str] | None = None
) -> None:  # fmt: skip
    """Write the logits of teacher ``spec`` (name, family, domain, settings, seed, device) into ``folder``.

    Args:
        spec: as ``mtbkd.study.plan`` resolved it.
        block: e.g. r0-7.
        data: folder of the dataset's block.
        raw: folder of downloaded raw files.
        folder: results/shared/logits/<teacher>/<block>.
        own: path of a user's file in the settings -> the copy to read; the card keeps the path.
    """
    module = registry.part("teacher", spec["family"])
    copies = own or {}
    settings = module.Settings.model_validate(relocated(spec["settings"], copies))
    first, dataset = block_range(block)[0], Dataset.read(data)
    logits = module.train(spec["name"], spec["domain"], settings, dataset, spec["seed"], first, spec["device"], raw)
    logits.validate(dataset)
    # A family that trains its teachers gives them training examples only; what it says of overfitting is in its scores.
    logits.card.setdefault("warnings", optimism.doubts(logits, dataset, logits.card.get("seen", ())))
    for doubt in logits.card["warnings"]:
        log.warning("warning: teacher %s: %s", spec["name"], doubt)
    replace(logits, card=relocated(logits.card, {copy: path for path, copy in copies.items()})).write(folder)
