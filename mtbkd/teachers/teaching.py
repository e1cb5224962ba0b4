"""Make one teacher's logits on one block of a dataset: what the rule ``teacher`` calls."""

import logging
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.contracts.artefacts import Dataset
from mtbkd.teachers import optimism

log = logging.getLogger(__name__)


def teach(spec: dict[str, Any], block: str, data: Path, raw: Path, folder: Path) -> None:
    """Write the logits of teacher ``spec`` (name, family, domain, settings, seed, device) into ``folder``.

    Args:
        spec: as ``mtbkd.study.plan`` resolved it.
        block: e.g. r0-7.
        data: folder of the dataset's block.
        raw: folder of downloaded raw files.
        folder: results/shared/logits/<teacher>/<block>.
    """
    module = registry.part("teacher", spec["family"])
    settings = module.Settings.model_validate(spec["settings"])
    first, dataset = block_range(block)[0], Dataset.read(data)
    logits = module.train(spec["name"], spec["domain"], settings, dataset, spec["seed"], first, spec["device"], raw)
    logits.validate(dataset)
    # A family that trains its teachers gives them training examples only; what it says of overfitting is in its scores.
    logits.card.setdefault("warnings", optimism.doubts(logits, dataset, logits.card.get("seen", ())))
    for doubt in logits.card["warnings"]:
        log.warning("warning: teacher %s: %s", spec["name"], doubt)
    logits.write(folder)
