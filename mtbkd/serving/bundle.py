"""A student to take along: one safetensors file with its draws, one JSON card that says what it is and may be used for.

    student.safetensors   params float32 (S, P), the draws of the weights; mean and scale float64 (F,), which the inputs are
                          standardised by: x = (f - mean) / scale, 0 where the scale is 0 (constant in the training data);
                          of a torch module also constant.<name>, what its draws share, and probe (2, K), what the first draw
                          says of made-up inputs, by which code that changed is found out
    card.json             ``Card``

Both are checked where they are written and where they are read; nothing is unpickled. The card holds the hash of the first
file and a seal, the hash of all its other entries, so that neither can change unseen. Shapes: S draws, P parameters, F inputs,
N examples, K classes.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mtbkd.base import explain, registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.reading import read_json
from mtbkd.base.writing import write_json
from mtbkd.serving import modules, student_arrays
from mtbkd.serving.promised_sets import SetPoint
from mtbkd.serving.student_arrays import ARRAYS
from mtbkd.students import Student

FILES = ("student.safetensors", "card.json")
MOST_VALUES = 30_000_000  # activations that a call of the student may hold at once
CACHED_VALUES = 250_000  # those that stay in a CPU's cache, which takes half the time
VERSION = 3
OWN = "your_student"  # study of a student that `mtbkd fit` or an estimator made
WRITERS = "student.save, `mtbkd fit` and the rule bundle of a study write one"
Verdict = Literal["passed", "failed", "not judged", "not applicable"]


class RiskPoint(BaseModel):
    """One share of the validation examples, the surest ones, and how often the student is wrong on them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    coverage: float = Field(gt=0, le=1, description="share of the validation examples that are answered")
    threshold: float = Field(ge=0, le=1, description="smallest probability of the predicted class that is answered")
    n: int = Field(ge=1, description="validation examples answered")
    errors: int = Field(ge=0, description="wrong ones among them")
    bound: float = Field(ge=0, le=1, description="upper bound of the error rate, see mtbkd.serving.risk")
    test_coverage: float | None = Field(
        ge=0, le=1, description="share of the test examples that this threshold answers; null where there are no others"
    )
    test_risk: float | None = Field(description="error rate among them; null where none is answered")


class Inputs(BaseModel):
    """How an example becomes the numbers that the student reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: tuple[PositiveInt, ...] = Field(min_length=1, description="shape of one example")
    names: tuple[str, ...] = Field((), description="of the features, in their order; empty where they have none")
    encoders: dict[str, dict[str, Any]] = Field(description="encoder -> settings, for protein chains; {}: numbers as they are")
    standardised: bool = Field(description="by mean and scale of the training examples; false: read as they are")
    cut: float | None = Field(None, gt=0, description="standardised inputs are cut off at this many deviations")


class Card(BaseModel):
    """What a student is, where it comes from, what it may be used for and how far it can be trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal["mtbkd student"] = Field(default="mtbkd student", description="what this file is")
    version: Literal[3] = Field(default=VERSION, description="version of the format")
    study: str = Field(description="as in config.yaml")
    experiment: str = Field(description="as in config.yaml")
    method: str = Field(description="as in config.yaml")
    intended_use: str = Field(description="what it was made for")
    limits: tuple[str, ...] = Field(description="what it should not be used for, and what is not known")
    licences: dict[str, str] = Field(description="of the data and of what reads them")
    data: dict[str, Any] = Field(description="the dataset it learnt from: name, source, counts, split")
    class_names: tuple[str, ...] = Field(min_length=2, description="in the order of the probabilities")
    labels: Literal["one", "several"] = Field(default="one", description="classes of an example: one, or any number of them")
    thresholds: tuple[float, ...] = Field(
        default=(),
        description="of several labels: probability of each class from which it is predicted, chosen on validation examples",
    )
    inputs: Inputs = Field(description="how an example becomes the numbers that it reads")
    architecture: str = Field(description="a module of mtbkd/students")
    settings: dict[str, Any] = Field(description="the Settings of that module")
    draws: int = Field(ge=1, description="draws of the weights; 1: a point estimate without credible intervals")
    risk: tuple[RiskPoint, ...] = Field(
        description="shares of validation examples that chose no setting, and their error, in rising coverage"
    )
    sets: tuple[SetPoint, ...] = Field(
        default=(), description="thresholds of prediction sets, by the same examples; empty for several labels"
    )
    scores: dict[str, dict[str, float]] = Field(description="split -> score -> value, of these draws")
    gates: dict[str, Verdict] = Field(
        description="may the posterior be trusted? not judged: the gate applies, but its statistic is missing"
    )
    chains: str = Field(description="what became of them: pooled, or stacked with which weights")
    config: dict[str, Any] = Field(description="all settings of the fit")
    tuned: dict[str, float] = Field(description="shared setting -> the value that validation chose, if finite")
    seeds: dict[str, Any] = Field(description="base of the seeds and their axes")
    versions: dict[str, str] = Field(description="of mtbkd and the libraries")
    sha256: str = Field(default="", description="hash of student.safetensors")
    seal: str = Field(default="", description="hash of all other entries, see mtbkd.serving.bundle.seal")


@dataclass(frozen=True)
class Bundle:
    """A student with its draws ``params`` (S, P), constants ``mean`` and ``scale`` (F,), and its card.

    ``built``: a torch module that the card alone does not make.
    """

    card: Card
    params: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    built: Any = field(default=None, compare=False, repr=False)

    @property
    def student(self) -> Student:
        """The architecture, as the card states it."""
        if self.built is not None:
            return self.built
        module = registry.part("student", self.card.architecture)
        return module.build(_settings(self.card), self.card.inputs.features, len(self.card.class_names))

    def validate(self, where: object = "student") -> "Bundle":
        """Return self, or raise ContractError that names the first array that does not fit the card."""
        if self.card.architecture not in registry.STUDENTS:
            raise ContractError(where, "architecture", self.card.architecture, ", ".join(registry.STUDENTS))
        features, student = (prod(self.card.inputs.features),), self.student
        expected = {"params": (self.card.draws, student.num_params), "mean": features, "scale": features}
        for name, shape in expected.items():
            value = getattr(self, name)
            if value.shape != shape or value.dtype != ARRAYS[name]:
                found = f"{value.dtype} {value.shape}"
                raise ContractError(where, name, found, f"{np.dtype(ARRAYS[name])} {shape}, by the card")
            if not np.isfinite(value).all():
                raise ContractError(where, name, "values that are not finite", "finite numbers")
        if (self.scale < 0).any():
            raise ContractError(where, "scale", "values below 0", "deviations; 0 where an input is constant")
        return self

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Inputs (N, F) or (N, *features), as a user has them, as the student reads them: float32 (N, *features)."""
        where, flat = f"student {self.card.method}", np.asarray(features, np.float64).reshape(len(features), -1)
        if flat.shape[1] != self.mean.size:
            raise ContractError(where, "inputs", f"{flat.shape[1]} features", f"{self.mean.size}, as the student learnt from")
        constant = self.scale == 0
        with np.errstate(over="ignore", invalid="ignore"):
            x = ((flat - self.mean) / np.where(constant, 1, self.scale)).astype(np.float32)
        if not (finite := np.isfinite(x)).all():
            row, column = np.argwhere(~finite)[0]
            name = f" ('{self.card.inputs.names[column]}')" if self.card.inputs.names else ""
            raise ContractError(where, "inputs", f"{flat[row, column]:g} in row {row + 1}, feature {column + 1}{name}",
                                "numbers that are finite when they are standardised")  # fmt: skip
        x[:, constant] = 0
        if self.card.inputs.cut is not None:
            x = x.clip(-self.card.inputs.cut, self.card.inputs.cut)
        return x.reshape(-1, *self.card.inputs.features)

    def draw_probs(self, x: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Class probabilities float32 (S, N, K) under every draw at standardised inputs ``x`` (N, *features).

        They sum to 1 for one label an example; for several, each is that of its class alone.
        """
        student = self.student
        width = max((*student.hidden, 4 * len(self.card.class_names)))
        chunk = max(1, (CACHED_VALUES if device == "cpu" else MOST_VALUES) // (max(1, len(x)) * width))
        with torch.inference_mode():
            read = student.inputs(torch.as_tensor(x[None], device=device))
            parts = torch.as_tensor(self.params, device=device).split(chunk)
            # A softmax over few numbers side by side in memory takes four times as long.
            logits = (student.apply(part, read).movedim(-1, 0).contiguous() for part in parts)
            squash = torch.sigmoid if self.card.labels == "several" else partial(torch.softmax, dim=0)
            prob = np.concatenate([squash(front).movedim(0, -1).cpu().numpy() for front in logits])
        if bad := int((~np.isfinite(prob)).any((0, 2)).sum()):
            raise ContractError(f"student {self.card.method}", "probabilities", f"not finite for {bad} of {len(x)} examples",
                                "finite numbers", "are these inputs like those that it learnt from?")  # fmt: skip
        return prob

    def write(self, folder: str | Path) -> None:
        """Validate, then write both files into ``folder``, the card last."""
        folder = Path(folder)
        self.validate(folder)
        _complete(self.card, folder)
        arrays = {name: getattr(self, name) for name in ARRAYS}
        if self.built is not None:
            arrays |= modules.arrays_of(self.built, self.params, self.card.inputs.features)
        written = student_arrays.write(folder / FILES[0], arrays)
        content = self.card.model_copy(update={"sha256": written}).model_dump(mode="json")
        write_json(folder / FILES[1], {**content, "seal": seal(content)})

    @classmethod
    def read(cls, folder: str | Path, module: Any = None) -> "Bundle":
        """Read and validate what ``write`` wrote; ContractError names file and field.

        ``module``: the code of a torch module, where the card's word does not lead to it (``mtbkd.serving.modules``).
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise ContractError(folder, "student", "a file", f"the folder that holds {' and '.join(FILES)}")
        if not (folder / FILES[1]).exists():
            found = f"no {FILES[1]}" if folder.exists() else "nothing"
            raise ContractError(folder, "student", found, f"a folder with {' and '.join(FILES)}", WRITERS)
        card, path = read_card(folder / FILES[1]), folder / FILES[0]
        of_module, built = card.architecture == modules.ARCHITECTURE, None
        arrays = student_arrays.read(path, card.sha256, of_module)
        if of_module:
            built = modules.rebuilt(path, _settings(card), arrays, card.inputs.features, len(card.class_names), module)
        elif module is not None:
            raise ContractError(path, "module", "one", f"none, as the student is of architecture {card.architecture}")
        return cls(card, **{name: arrays[name] for name in ARRAYS}, built=built).validate(path)


def seal(content: dict[str, Any]) -> str:
    """sha256 of a card's entries but the seal itself, as compact JSON with sorted keys."""
    plain = json.loads(json.dumps({key: value for key, value in content.items() if key != "seal"}))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def read_card(path: str | Path) -> Card:
    """Read and validate a card; ContractError says every mistake in it, or that it was changed since it was written."""
    path = Path(path)
    content = read_json(path, "the card of a student", "was the file cut?", finite=True)
    if not isinstance(content, dict) or content.get("format") != "mtbkd student":
        raise ContractError(path, "format", "another file", "the card of a student, with format 'mtbkd student'")
    study = content.get("study", "<study>")
    again = (
        "fit and save it again" if study == OWN else f"make it again: snakemake --cores all --config study={study} -- {path}"
    )
    if (version := content.get("version")) in (None, *range(1, VERSION)):
        raise ContractError(path, "version", "that of an earlier release", VERSION, again)
    if isinstance(version, int) and version > VERSION:
        raise ContractError(path, "version", f"{version}, that of a later release", VERSION, "install that release of mtbkd")
    card, mistakes = explain.validate(Card, content)
    if card is None:
        raise ContractError(path, "entries", "; ".join(map(str, mistakes)), f"the card of a student, version {VERSION}")
    if card.seal != (found := seal(content)):
        raise ContractError(path, "seal", card.seal[:12] or "none", f"{found[:12]}, the hash of its entries",
                            f"the card was changed after it was made; {again}")  # fmt: skip
    return _complete(card, path)


def _complete(card: Card, where: Path) -> Card:
    """The card, with all that its use needs."""
    if len(set(card.class_names)) < len(card.class_names):
        raise ContractError(where, "class_names", "a name twice", "each class once")
    if card.inputs.names and len(card.inputs.names) != prod(card.inputs.features):
        raise ContractError(where, "inputs", f"{len(card.inputs.names)} names", f"{prod(card.inputs.features)}, one a feature")
    several = card.labels == "several"
    if len(card.thresholds) != several * len(card.class_names):
        raise ContractError(where, "thresholds", len(card.thresholds), "one a class where there are several labels, else none")
    if not card.risk and not several:
        raise ContractError(where, "risk", "no point", "at least one, measured on validation examples")
    if "nll" not in card.scores.get("val", {}):
        raise ContractError(where, "scores", "no nll on val", "the scores on validation and test examples")
    return card


def found_in(folder: str | Path) -> Iterator[tuple[str, str, Path]]:
    """(experiment, method, folder) of every student under results/<study>/bundles, in alphabetical order."""
    for card in sorted(Path(folder).glob(f"*/*/{FILES[1]}")):
        yield card.parent.parent.name, card.parent.name, card.parent


def _settings(card: Card) -> Any:
    """The Settings of the card's architecture."""
    module = registry.part("student", card.architecture)
    settings, mistakes = explain.validate(module.Settings, card.settings, ("settings",))
    if settings is None:
        raise ContractError(f"student {card.architecture}", "card", "; ".join(map(str, mistakes)), "its settings")
    return settings
