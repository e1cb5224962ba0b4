"""Any ``torch.nn.Module``: yours by import path or file, one of torchvision by name, or handed over in Python.

``facts`` refuses what cannot be a student, ``wrapped`` is the student. The head is the last dense layer, where its outputs are
the logits; ``layers: last`` and dropout act on it.
"""

from dataclasses import replace
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.students import facts, networks
from mtbkd.students.wrapped import Headed, Module

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")

SYMBOLIC = False

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Settings(BaseModel):
    """Which module, and how it is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Text | None = Field(
        None, description="class, or function that makes the module: an import path such as mypackage.nets.Net, or nets.py:Net "
        "relative to the working folder; checking a configuration with this student runs that code"
    )  # fmt: skip
    torchvision: Text | None = Field(None, description="in place of path: a classifier of torchvision.models, e.g. resnet18")
    arguments: dict[str, Any] = Field({}, description="keyword arguments; num_classes is added where the code takes it")
    weights: Text | None = Field(
        None, description="file of a state_dict to start from, .safetensors or of torch.save; the head may have other classes"
    )
    shape: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] | None = Field(
        None, min_length=1, max_length=6, description="shape of one example as the module takes it, e.g. [1, 8, 8]; default: "
        "that of the data"
    )  # fmt: skip
    normalization: Literal["refuse", "group", "constant"] = Field(
        "refuse", description="of layers with statistics of other examples, such as BatchNorm: group puts GroupNorm in their "
        "place, constant keeps the statistics that came with trained weights"
    )  # fmt: skip
    head: Text | None = Field(None, description="name of the last dense layer, e.g. fc; default: found")
    train: Literal["all", "head"] = Field(
        "all", description="head: the other layers stay as they came, and the student is a linear one of their features"
    )
    start: Literal["fresh", "own"] | None = Field(
        None, description="where fits start: fresh makes the module anew for each, own takes its weights; default: own where "
        "they came from a file or with a module handed over"
    )  # fmt: skip
    hashes: dict[str, str] = Field(
        {}, description="set by the plan of a study: file of code or weights -> sha256 of its content"
    )
    handed_over: bool = Field(False, description="set in Python: path is the name of code that was handed over")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.torchvision is None):
            raise ValueError("allowed: either path or torchvision")
        if self.torchvision and any(name.startswith("weights") for name in self.arguments):
            raise ValueError(
                "allowed: no weights among arguments of torchvision, which would be downloaded; `weights` names a file"
            )
        return self

    @property
    def label(self) -> str:
        """The student in messages."""
        return f"student {self.path or f'torchvision {self.torchvision}'}"


def hidden_sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """Inputs of the dense layers that dropout masks, the head's the last; () where no dense layer says the logits."""
    return build(settings, features, num_classes).hidden


def num_params(settings: Settings, features: tuple[int, ...], num_classes: int) -> int:
    """P, counted by building the module."""
    return build(settings, features, num_classes).num_params


def unmasked(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[str, ...]:
    """Names of dropout layers that the inference ``dropout`` cannot act through."""
    return build(settings, features, num_classes).unmasked


def build(settings: Settings, features: tuple[int, ...], num_classes: int) -> "Module | Headed":
    """The student for examples of shape ``features``.

    Raises:
        ContractError: there is no such module, or it cannot be a student (``mtbkd.students.facts``).
    """
    if settings.handed_over:
        raise ContractError(settings.label, "module", "nothing", f"the module that was handed over, {settings.path}",
                            f"mtbkd.load(folder, module={str(settings.path).rpartition('.')[2]})")  # fmt: skip
    for path, known in settings.hashes.items():
        if networks.content_hash(path) != known:
            raise ContractError(path, "content", "another one than when the run was planned", "the same until it has ended",
                                "start it again")  # fmt: skip
    code = networks.of_torchvision(settings.torchvision) if settings.torchvision else networks.named(str(settings.path))
    return _built(code, settings.model_dump_json(), _changed(settings.weights), features, num_classes)


def stamped(settings: Settings) -> Settings:
    """The settings with hashes of the files that they name."""
    found = networks.IN_FILE.fullmatch(settings.path or "")
    named = [found["file"] if found else None, settings.weights]
    hashes = {path: networks.content_hash(path) for path in named if path and not settings.handed_over}
    return settings.model_copy(update={"hashes": hashes})


@lru_cache(maxsize=4)
def _built(
    code: Any, settings: str, weights: int | None, features: tuple[int, ...], num_classes: int
) -> "Module | Headed":  # fmt: skip
    """A student never changes, so that what a plan looked at is what a fit uses; ``weights``: when their file changed."""
    return build_from(code, Settings.model_validate_json(settings), features, num_classes)


def _changed(path: str | None) -> int | None:
    return Path(path).stat().st_mtime_ns if path and Path(path).exists() else None


def build_from(
    code: Any, settings: Settings, features: tuple[int, ...], num_classes: int, kept: bool = False
) -> "Module | Headed":  # fmt: skip
    """The student of a module, or of a class or function that makes one; errors as for ``build``.

    ``kept``: its numbers were learnt and are to follow.
    """
    shape = settings.shape or features
    if prod(shape) != prod(features):
        raise ContractError(settings.label, "shape", f"{list(shape)}", f"{prod(features)} numbers, as an example has, of shape "
                            f"{list(features)}")  # fmt: skip
    coloured = bool(settings.torchvision) and len(shape) == 3 and shape[0] == 1
    x = facts.examples((3, *shape[1:]) if coloured else shape)
    network = made(code, settings, num_classes, x, kept, 0)
    found = facts.looked_at(network, x, num_classes, settings.head, settings.label)
    own = settings.start == "own" or (settings.start is None and (bool(settings.weights) or isinstance(code, nn.Module)))
    remake = None if own else partial(made, code, settings, num_classes, x, kept)
    student = Module(settings.label, network, shape, coloured, num_classes, found, remake)
    if settings.train == "all":
        return student
    if found.head is None:
        raise ContractError(settings.label, "train", "head", "all, as no last dense layer says the logits")
    return replace(student.headed(None), own=settings.start == "own")


def rebuild(code: Any, settings: Settings, features: tuple[int, ...], num_classes: int) -> "Module | Headed":
    """The student of a saved one, whose numbers are to follow (``holding``): the file of its weights is not asked for."""
    return build_from(code, settings.model_copy(update={"weights": None, "start": None}), features, num_classes, True)


def made(code: Any, settings: Settings, num_classes: int, x: "torch.Tensor", kept: bool, seed: int) -> "nn.Module":
    """The network, with weights, without layers that wait for their sizes or read statistics of other examples."""
    where, handed = settings.label, kept or isinstance(code, nn.Module)
    network = networks.make(code, settings.arguments, num_classes, seed, where)
    if any(value.is_complex() for value in (*network.parameters(), *network.buffers())):
        raise ContractError(where, "parameters", "complex numbers", "real numbers")
    network = network.float()
    facts.answered(network, x, where, seed)
    if isinstance(code, nn.Module) and settings.start == "fresh":
        networks.reset(network, seed, where)
    if settings.weights:
        dense = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
        networks.load_weights(network, settings.weights, settings.head or (dense or [None])[-1], where)
    networks.normalised(network, settings.normalization, bool(settings.weights), handed, where)
    return network
