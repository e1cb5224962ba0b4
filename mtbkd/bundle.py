"""A student to take along: one safetensors file with its draws, one JSON card that says what it is and may be used for.

    student.safetensors   params float32 (S, P), the draws of the weights; mean and scale float64 (F,), which the inputs are
                          standardised by: x = (f - mean) / scale, 0 where the scale is 0 (constant in the training data)
    card.json             ``Card``

Both are checked where they are written and where they are read; nothing is unpickled. Shapes: S draws, P parameters, F
inputs, N examples, K classes.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd import explain, registry
from mtbkd.artefacts import write_json
from mtbkd.errors import ContractError
from mtbkd.lazy import lazy_import
from mtbkd.students import Student
from mtbkd.writing import atomic

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

FILES = ("student.safetensors", "card.json")
ARRAYS = {"params": np.float32, "mean": np.float64, "scale": np.float64}
MOST_VALUES = 30_000_000  # activations that a call of the student may hold at once


class RiskPoint(BaseModel):
    """One share of the validation examples, the surest ones, and how often the student is wrong on them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverage: float = Field(gt=0, le=1, description="share of the validation examples that are answered")
    threshold: float = Field(ge=0, le=1, description="smallest probability of the predicted class that is answered")
    n: int = Field(ge=1, description="validation examples answered")
    errors: int = Field(ge=0, description="wrong ones among them")
    bound: float = Field(ge=0, le=1, description="upper bound of the error rate, see mtbkd.serving.risk")
    test_coverage: float = Field(ge=0, le=1, description="share of the test examples that this threshold answers")
    test_risk: float | None = Field(description="error rate among them; null where none is answered")


class Inputs(BaseModel):
    """How an example becomes the numbers that the student reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[int, ...] = Field(min_length=1, description="shape of one example")
    encoders: dict[str, dict[str, Any]] = Field(description="encoder -> settings, for protein chains; {}: numbers as they are")


class Card(BaseModel):
    """What a student is, where it comes from, what it may be used for and how far it can be trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["mtbkd student"] = Field(default="mtbkd student", description="what this file is")
    version: Literal[1] = Field(default=1, description="version of the format")
    study: str = Field(description="as in config.yaml")
    experiment: str = Field(description="as in config.yaml")
    method: str = Field(description="as in config.yaml")
    intended_use: str = Field(description="what it was made for")
    limits: tuple[str, ...] = Field(description="what it should not be used for, and what is not known")
    licences: dict[str, str] = Field(description="of the data and of what reads them")
    data: dict[str, Any] = Field(description="the dataset it learnt from: name, source, counts, split")
    class_names: tuple[str, ...] = Field(min_length=2, description="in the order of the probabilities")
    inputs: Inputs = Field(description="how an example becomes the numbers that it reads")
    architecture: str = Field(description="a module of mtbkd/students")
    settings: dict[str, Any] = Field(description="the Settings of that module")
    draws: int = Field(ge=1, description="draws of the weights; 1: a point estimate without credible intervals")
    risk: tuple[RiskPoint, ...] = Field(description="shares of the validation examples and their error, in rising coverage")
    scores: dict[str, dict[str, float]] = Field(description="split -> score -> value, of these draws")
    gates: dict[str, bool | None] = Field(description="may the posterior be trusted? true passed, null does not apply")
    config: dict[str, Any] = Field(description="all settings of the fit")
    tuned: dict[str, float] = Field(description="shared setting -> the value that validation chose")
    seeds: dict[str, Any] = Field(description="base of the seeds and their axes")
    versions: dict[str, str] = Field(description="of mtbkd and the libraries")
    sha256: str = Field(default="", description="hash of student.safetensors")


@dataclass(frozen=True)
class Bundle:
    """A student with its draws ``params`` (S, P), constants ``mean`` and ``scale`` (F,), and its card."""

    card: Card
    params: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @property
    def student(self) -> Student:
        """The architecture, as the card states it."""
        module = registry.part("student", self.card.architecture)
        settings = module.Settings.model_validate(self.card.settings)
        return module.build(settings, self.card.inputs.features, len(self.card.class_names))

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
        return self

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Inputs (N, F) as the student reads them: float32 (N, *features)."""
        constant = self.scale == 0
        x = (features.reshape(len(features), -1) - self.mean) / np.where(constant, 1, self.scale)
        x[:, constant] = 0
        return x.astype(np.float32).reshape(-1, *self.card.inputs.features)

    def draw_probs(self, x: np.ndarray, device: str = "cpu") -> np.ndarray:
        """Class probabilities float32 (S, N, K) under every draw at standardised inputs ``x`` (N, *features)."""
        student = self.student
        width = max((*student.hidden, 4 * len(self.card.class_names)))
        chunk = max(1, MOST_VALUES // (max(1, len(x)) * width))
        with torch.inference_mode():
            read = student.inputs(torch.as_tensor(x[None], device=device))
            parts = torch.as_tensor(self.params, device=device).split(chunk)
            return np.concatenate([torch.softmax(student.apply(part, read), -1).cpu().numpy() for part in parts])

    def write(self, folder: str | Path) -> None:
        """Validate, then write both files into ``folder``, the card last."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        self.validate(folder)
        with atomic(folder / FILES[0]) as temporary:
            save_file({name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}, temporary)
        sealed = self.card.model_copy(update={"sha256": _sha256(folder / FILES[0])})
        write_json(folder / FILES[1], sealed.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: str | Path) -> "Bundle":
        """Read and validate what ``write`` wrote; ContractError names file and field."""
        folder = Path(folder)
        card, path = read_card(folder / FILES[1]), folder / FILES[0]
        arrays = _arrays(path)
        if card.sha256 != (found := _sha256(path)):
            raise ContractError(path, "sha256", found, f"{card.sha256}, by the card",
                                "the two files do not belong together, or one was changed")  # fmt: skip
        if set(arrays) != set(ARRAYS):
            raise ContractError(path, "arrays", ", ".join(sorted(arrays)) or "none", ", ".join(sorted(ARRAYS)))
        return cls(card, **arrays).validate(path)


def read_card(path: str | Path) -> Card:
    """Read and validate a card; ContractError says every mistake in it."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "the card of a student") from None
    except ValueError as error:
        raise ContractError(path, "content", str(error), "JSON, as a student's card", "was the file cut?") from None
    if not isinstance(content, dict) or content.get("format") != "mtbkd student":
        raise ContractError(path, "format", "another file", "the card of a student, with format 'mtbkd student'")
    card, mistakes = explain.validate(Card, content)
    if card is None:
        raise ContractError(path, "entries", "; ".join(map(str, mistakes)), "the card of a student, version 1")
    return card


def found_in(folder: str | Path) -> Iterator[tuple[str, str, Path]]:
    """(experiment, method, folder) of every student under results/<study>/bundles, in alphabetical order."""
    for card in sorted(Path(folder).glob(f"*/*/{FILES[1]}")):
        yield card.parent.parent.name, card.parent.name, card.parent


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "the draws of a student, beside its card") from None
    except SafetensorError as error:
        raise ContractError(path, "content", str(error), "a safetensors file", "was the file cut?") from None


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
