"""The same teachers on a device and on the CPU, of every family that computes there."""

from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import torch
from mtbkd.bench.gpu.agreement import SAME, dataset, small
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.bench.problems import seconds

# The student on whose examples a family is trained.
EXAMPLES = {"mlp": "mlp", "cnn": "cnn", "resnet": "cnn"}
ELSEWHERE = {
    "released": "read from a file",
    "uniform": "nothing to compute",
    "cifar_resnet": "weights to download; its network computes as resnet's",
    "sklearn": "scikit-learn computes it, on the CPU",
}


def families(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {family, difference, by_seed, seconds, cpu_seconds, agrees} of every family; a ``note`` instead of the numbers of
    one that does not compute on a device."""
    return [_compared(name, device, sizes) if name in EXAMPLES else {"family": name, "note": ELSEWHERE[name]}
            for name in registry.KINDS["teacher"]]  # fmt: skip


def _compared(name: str, device: str, sizes: Sizes) -> dict[str, Any]:
    data, module, found = dataset(EXAMPLES[name]), registry.part("teacher", name), []
    settings, test = small(module, steps=sizes.training), data.rows("test")

    def train(seed: int, where: str) -> None:
        logits = module.train("t", None, settings, data, seed, 0, where, Path()).logits[:, test]
        found.append(torch.softmax(torch.as_tensor(logits, dtype=torch.float64), -1).numpy())

    took = [seconds(lambda seed=seed, where=where: train(seed, where)) for seed, where in ((1, "cpu"), (2, "cpu"), (1, device))]
    difference, by_seed = (float(np.abs(found[0] - other).mean()) for other in (found[2], found[1]))
    return {
        "family": name, "difference": difference, "by_seed": by_seed, "seconds": round(took[2], 3),
        "cpu_seconds": round(took[0], 3), "agrees": bool(difference <= max(SAME, 2 * by_seed)),
    }  # fmt: skip
