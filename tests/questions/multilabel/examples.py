"""A small dataset of several labels: three domains that need different features."""

from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference.optimise import Training
from mtbkd.questions.inputs import Inputs

NAMES = ("in", "out", "rim", "none here")
DOMAINS = ("a", "b", "c")
SIZES = {"train": 240, "val": 90, "test": 120, "ood:far": 40}
QUICK = Training.model_validate({"steps": 150, "restarts": 1, "learning_rate": 0.02})
POSTERIOR = {"lambda": (0.1, 2.0), "prior_scale": (0.3, 1.0)}


def dataset(seed: int = 0) -> Dataset:
    """Labels from a logistic model whose coefficients differ a little by domain; the last label is absent outside train."""
    rng, n = np.random.default_rng(seed), sum(SIZES.values())
    split = np.repeat(list(SIZES), list(SIZES.values()))
    domain, x = rng.integers(0, len(DOMAINS), n), rng.normal(size=(n, 6)).astype(np.float32)
    common, own = rng.normal(size=(6, 4)), rng.normal(size=(3, 6, 4))
    logits = np.einsum("nf,nfk->nk", x, 1.5 * common + 0.7 * own[domain])
    targets = (rng.random((n, 4)) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
    targets[split != "train", 3] = 0
    targets[targets.sum(1) == 0, 0] = 1
    return Dataset(
        name="toy", x=x[None], y=targets.argmax(1)[None].astype(np.int64), split=split, class_names=NAMES,
        ids=np.array([f"e{i}" for i in range(n)]), domain=domain[None], domain_names=DOMAINS, targets=targets[None],
    ).validate()  # fmt: skip


def inputs(**other: Any) -> Inputs:
    """Inputs of the question on ``dataset`` with a small student."""
    given: dict[str, Any] = {
        "name": "several", "seed": 3, "device": "cpu", "replicates": 2, "dataset": dataset(),
        "student": {"architecture": "mlp", "settings": {"hidden": [8]}}, "posterior": POSTERIOR, "training": QUICK,
    }  # fmt: skip
    return Inputs.in_memory(**{**given, **other})
