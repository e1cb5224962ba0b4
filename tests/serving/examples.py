"""Made-up proteins of three kinds that a student tells apart from their composition, and that student as a bundle."""

from functools import cache
from pathlib import Path

import numpy as np

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.encoders import embed
from mtbkd.data.preprocess import scaling
from mtbkd.inference.fitting import Spec
from mtbkd.serving.bundle import Bundle
from mtbkd.serving.making import make_bundle

CLASSES = ("Nucleus", "Cell membrane", "Lysosome/Vacuole")
FAVOURED = ("KR", "LI", "DE")
ENCODERS = {"descriptors": {}}
FIXED = ("lambda", "beta", "teacher_temperature", "student_temperature", "temperature")


def chains(count: int, seed: int, share: float = 0.3) -> tuple[list[str], np.ndarray]:
    """``count`` chains of 40 residues, of which ``share`` are the favoured ones of the class, and the classes (count,)."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % len(CLASSES)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    made = []
    for k in y:
        own = rng.random(40) < share
        made.append("M" + "".join(np.where(own, rng.choice(list(FAVOURED[k]), 40), rng.choice(letters, 40))))
    return made, y


@cache
def make_dataset() -> Dataset:
    """90 training, 60 validation, 60 test proteins."""
    found, y = chains(210, seed=1)
    split = np.repeat(["train", "val", "test"], [90, 60, 60])
    x = embed(found, ENCODERS, Path())
    known = scaling(x, split == "train")
    card = {"settings": {"encoders": ENCODERS}, "scaling": known.card(), "licence": "made up", "source": "a random generator"}
    ids = np.array([f"P{i}" for i in range(len(y))])
    return Dataset("made_up", known.apply(x)[None], y[None].astype(np.int64), split, CLASSES, ids, card=card).validate()


def make_spec(inference: str = "sgld") -> Spec:
    settings = {"steps": 60, "burn_in": 20, "thin": 2, "chains": 2, "step_size": 1e-4} if inference == "sgld" else {}
    return Spec.model_validate(
        {
            "method": f"labels_{inference}", "dataset": "made_up", "weights": None, "seed": 3, "device": "cpu",
            "student": {"architecture": "mlp", "settings": {"hidden": [4]}},
            "signal": {"name": "none"}, "inference": {"name": inference, "settings": settings},
            "posterior": {**{name: [1.0] for name in FIXED}, "prior_scale": [0.1]},
            "training": {"steps": 60, "restarts": 1}, "output": {"probes": 2},
        }
    )  # fmt: skip


@cache
def bundle(inference: str = "sgld") -> Bundle:
    return make_bundle(make_spec(inference), make_dataset(), [], "protein", "made_up")


def fasta(folder: Path, found: list[str], name: str = "my.fasta") -> Path:
    (folder / name).write_text("".join(f">Q{i} made up\n{chain}\n" for i, chain in enumerate(found)))
    return folder / name
