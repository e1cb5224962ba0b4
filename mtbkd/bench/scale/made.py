"""A study of many replicates and methods whose fits are made, not fitted, and written as the real ones are.

Data and teachers' logits are computed by the code that the rules call. The draws of a fit are class probabilities around the
true ones, with an error of the method, one of the fit and the spread of a posterior. Shapes: R replicates, C chains, D draws, S
draws kept for predictions, Q probe inputs, M evaluated examples, L observed examples, K classes.
"""

from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.blocks import block_range
from mtbkd.base.writing import write_json
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws
from mtbkd.data.preparing import prepare
from mtbkd.inference.convergence import Claim, judge
from mtbkd.study import config
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.study_files import read_configuration
from mtbkd.teachers.teaching import teach

STUDY = "scale"
# One of these after another, until there are enough methods: (signal, weights, inference).
KINDS = (
    ("none", None, "map"), ("tip", "entropy", "sgld"), ("tip", "entropy", "hmc"), ("kd", "equal", "map"),
    ("tip", "equal", "vi"),
)  # fmt: skip
SIZES = {"n_train": 60, "n_val": 30, "n_test": 100}
SHAPES = {"point": (1, 1), "independent": (1, 60), "chains": (2, 30)}  # (C, S)
EXACT, EXACT_SHAPE, PROBES, OBSERVED = "hmc", (4, 300), 12, 30


def configuration(replicates: int, methods: int, block_size: int) -> dict[str, Any]:
    """What config.yaml of the study's folder says."""
    kinds = enumerate(islice(cycle(KINDS), methods))
    named = {f"m{i:03}_{signal}_{inference}": (signal, weights, inference) for i, (signal, weights, inference) in kinds}
    parts = {
        name: {"signal": signal, "inference": inference} | ({"weights": weights} if weights else {})
        for name, (signal, weights, inference) in named.items()
    }
    teacher = {"family": "mlp", "settings": {"hidden": [2], "steps": 10}}
    return {
        "study": STUDY,
        "datasets": {"made": {"kind": "sim1", "settings": SIZES}},
        "teachers": {name: teacher | {"domain": name.removeprefix("t_")} for name in ("t_b1", "t_b3")},
        "methods": parts,
        "studies": {
            STUDY: {
                "description": f"{replicates:,} replicates of {methods} methods whose fits are made.",
                "replicates": replicates,
                "block_size": block_size,
                "levels": [0.9],
                "posterior": {"lambda": 1, "prior_scale": 1},
                "output": {"prediction_draws": 60, "observed_examples": OBSERVED},
                "experiments": {
                    "made": {"dataset": "made", "teachers": ["t_b1", "t_b3"], "student": "quadratic", "methods": list(parts)}
                },
            }
        },
    }  # fmt: skip


def configure(folder: Path, replicates: int, methods: int, block_size: int) -> None:
    """Write the study's config.yaml into ``folder``."""
    write_json(folder / "config.yaml", configuration(replicates, methods, block_size))


def make(folder: Path, whole: bool = True) -> Plan:
    """Write data, logits and draws of the study that ``folder`` is configured for; draws of one block unless ``whole``."""
    plan = make_plan(config.load(read_configuration([folder / "config.yaml"])))
    experiment, results = plan.experiments["made"], folder / "results"
    data = {block: results / "shared" / "data" / experiment.data.key / block for block in experiment.blocks}
    for block, place in data.items():
        prepare(experiment.data.job, block, folder, place)
    for teacher in experiment.teachers:
        for block, place in data.items():
            out = results / "shared" / "logits" / teacher.key / block
            teach({**teacher.job, "device": "cpu"}, block, place, folder, out)
    for number, (method, spec) in enumerate(experiment.methods.items()):
        fit = Made(spec, number)
        for block in experiment.blocks if whole else experiment.blocks[:1]:
            place = results / STUDY / "students" / "made" / method / f"{block}.nc"
            fit.draws(Dataset.read(data[block]), block).write(place)
    return plan


@cache
def _gates(inference: str) -> list[dict[str, Any]]:
    """Verdicts of some draws of an algorithm: they take longer than all else, and nobody looks at those of made draws."""
    claim, rng = Claim.of(registry.part("inference", inference)), np.random.default_rng(0)
    shape = 1, *(EXACT_SHAPE if inference == EXACT else SHAPES[claim.draws])
    stats = {name: rng.normal(0, 0.1, shape) for name in ("log_ratio",) if name in claim.supplies}
    prob = rng.dirichlet([4, 4], (*shape, PROBES)).astype(np.float32)
    return judge(claim, rng.normal(size=shape), prob, stats, np.zeros(shape[:2], bool))


class Made:
    """A method's fits."""

    def __init__(self, spec: dict[str, Any], number: int):
        """``spec``: the method as the study's plan has it; ``number``: its place among the methods."""
        self.spec, self.number = spec, number
        self.claim = Claim.of(registry.part("inference", spec["inference"]["name"]))
        self.chains, self.kept = EXACT_SHAPE if spec["inference"]["name"] == EXACT else SHAPES[self.claim.draws]

    def draws(self, dataset: Dataset, block: str) -> Draws:
        """The draws of a block of replicates."""
        rng, replicates = np.random.default_rng((self.number, block_range(block)[0])), np.array(block_range(block))
        test, train = dataset.rows("test"), dataset.rows("train")[:OBSERVED]
        shape = len(replicates), self.chains, self.kept
        wrong = 0.02 * self.number + rng.normal(0, 0.2, (len(replicates), 1, 1, 1))
        moved = wrong + rng.normal(0, 0.0 if self.claim.draws == "point" else 0.3, (*shape, 1))
        prob = self._prob(dataset, test, moved)
        at_probes, kept = prob[..., :PROBES, :], slice(0, min(self.kept, 60 // self.chains))
        observed_y = dataset.y[:, train]
        observed = np.take_along_axis(self._prob(dataset, train, moved), observed_y[:, None, None, :, None], -1)[..., 0]
        log_posterior = np.log(observed).sum(-1, dtype=np.float64)
        diverged = np.zeros(shape[:2], bool)
        stats = {"log_ratio": rng.normal(0, 0.1, shape)} if "log_ratio" in self.claim.supplies else {}
        gates = _gates(self.spec["inference"]["name"])
        tuning = {name: values[0] for name, values in self.spec["posterior"].items()}
        tuning |= {"val_nll": 0.5, "val_accuracy": 0.8, "chosen": True}
        return Draws(
            replicates, log_posterior, at_probes, test[:PROBES], np.log(observed)[:, :, kept].astype(np.float32), observed_y,
            prob[:, :, kept], test, diverged, stats,
            gates=[row | {"replicate": r} for r in replicates.tolist() for row in gates],
            tuning=[tuning | {"replicate": r} for r in replicates.tolist()], attrs=self._attributes(),
        )  # fmt: skip

    @staticmethod
    def _prob(dataset: Dataset, rows: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Probabilities (R, C, S, n, 2) at ``rows`` (n,), their logits ``moved`` (R, C, S, 1) from the true ones."""
        assert dataset.true_prob is not None
        true = dataset.true_prob[:, rows].astype(np.float64).clip(1e-6, 1 - 1e-6)
        first = 1 / (1 + np.exp(-(np.log(true[..., 1] / true[..., 0])[:, None, None] + moved)))
        return np.stack([1 - first, first], -1).astype(np.float32)

    def _attributes(self) -> dict[str, Any]:
        """What a fit says of itself."""
        parts = {"signal": self.spec["signal"]["name"], "signal_settings": {}, "inference": self.spec["inference"]["name"]}
        told = {
            "settings": {},
            "num_params": 6,
            "teachers": ["t_b1", "t_b3"],
            "device_used": "cpu",
            "versions": {},
            "seeds": {},
        }
        return {**self.spec, **parts, **told, "inference_s": 0.1, "wall_s": 0.1}
