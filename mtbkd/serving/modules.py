"""Torch modules as students in Python: handed over as an object, or named, and what a bundle says of their code."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.explain import clean
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference.fitting import Spec, StudentSpec, student_of
from mtbkd.students import facts, networks
from mtbkd.students.module import Settings, rebuild
from mtbkd.students.wrapped import Headed

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")

ARCHITECTURE = "module"
CONSTANT, PROBE = "constant.", "probe"  # names of arrays of a file
TORCHVISION = "torchvision.models."


class Wanted(NamedTuple):
    """An entry of ``students``, and the code that was handed over where its name does not lead to it."""

    entry: dict[str, Any]
    given: Any


def wanted(student: Any) -> Wanted | None:
    """The student that is asked for by a module, what makes one, or the name of that; None where it is no module.

    Raises:
        ContractError: settings that no file could hold.
    """
    if isinstance(student, Mapping):
        settings = student.get("settings", {})
        if student.get("architecture") != ARCHITECTURE or not isinstance(settings, Mapping):
            return None
        path = settings.get("path")
        return None if isinstance(path, str | None) else _of_code(path, dict(settings))
    if isinstance(student, str):
        if student.startswith(TORCHVISION):
            return Wanted(_entry({"torchvision": student.removeprefix(TORCHVISION)}), None)
        named = networks.IN_FILE.fullmatch(student) or networks.DOTTED.fullmatch(student)
        return Wanted(_entry({"path": student}), None) if named else None
    return _of_code(student, {}) if isinstance(student, nn.Module) or callable(student) else None


def _entry(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"architecture": ARCHITECTURE, "settings": clean(dict(settings))}


def _of_code(code: Any, settings: dict[str, Any]) -> Wanted:
    if not (isinstance(code, nn.Module) or callable(code)):
        raise ContractError("student", "path", f"{type(code).__name__}", "a torch.nn.Module, what makes one, or its name")
    try:
        json.dumps(settings.get("arguments", {}))
    except TypeError:
        raise ContractError("student", "arguments", "values that no file can hold", "numbers, text and lists of them",
                            "hand over a function that makes the module") from None  # fmt: skip
    path = networks.label_of(code)
    if networks.importable(code):
        return Wanted(_entry({**settings, "path": path}), None)
    return Wanted(_entry({**settings, "path": path, "handed_over": True}), code)


def as_kept(student: Any) -> Any:
    """The estimator's setting ``student`` as a file holds it: what is no text becomes the entry that says what it was."""
    found = None if isinstance(student, str) else wanted(student)
    return student if found is None else found.entry


def fitted(spec: Spec, dataset: Dataset, trunk: np.ndarray | None) -> Any:
    """The module that a fit was of, with ``trunk`` (P - B,) before its head where that alone was drawn; None for others."""
    if spec.student.architecture != ARCHITECTURE:
        return None
    student: Any = student_of(spec, dataset)
    return student if trunk is None else student.headed(torch.from_numpy(trunk))


def stated(spec: Spec, built: Any) -> StudentSpec:
    """The student as the card states it: where its head alone was drawn, one whose head alone learns."""
    own = spec.student.settings
    return spec.student.model_copy(update={"settings": {**own, "train": "head"} if isinstance(built, Headed) else own})


def limit(settings: Mapping[str, Any]) -> str:
    """What the card says of the code that a module needs."""
    code = f"torchvision.models.{settings['torchvision']}" if settings.get("torchvision") else settings["path"]
    return f"A torch module: the file holds its numbers, not its code, which is {code}."


def arrays_of(built: Any, params: np.ndarray, features: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What a file of a module holds besides its draws ``params`` (S, P): constants, and what the first draw says."""
    constants = {f"{CONSTANT}{name}": value.cpu().numpy() for name, value in built.constants.items()}
    return {**constants, PROBE: said(built, params, features)}


def said(built: Any, params: np.ndarray, features: tuple[int, ...]) -> np.ndarray:
    """Logits float32 (2, K) of the first draw at made-up inputs."""
    with torch.inference_mode():
        x = built.inputs(facts.examples(features).unsqueeze(0))
        return built.apply(torch.from_numpy(params[:1]), x)[0].numpy()


def rebuilt(where: object, settings: Settings, arrays: Mapping[str, np.ndarray], features: tuple[int, ...], num_classes: int,
            module: Any) -> Any:  # fmt: skip
    """The module of a file, made by its code and given what the file holds.

    Args:
        where: the file.
        settings: as the card states them.
        arrays: all of the file.
        features, num_classes: of the card.
        module: the code in the user's hand; None: what the card names is imported, if it is a class of modules and no more.

    Raises:
        ContractError: no code, code of another module, or code that changed.
    """
    code = _imported(where, settings) if module is None else networks.named(module) if isinstance(module, str) else module
    built = rebuild(code, settings, features, num_classes)
    constants = {name.removeprefix(CONSTANT): value for name, value in arrays.items() if name.startswith(CONSTANT)}
    wrong = set(constants) ^ set(built.constants)
    if wrong or arrays["params"].shape[1:] != (built.num_params,):
        found = f"'{min(wrong)}'" if wrong else f"{built.num_params:,} weights"
        raise ContractError(where, "module", f"{found} of {networks.label_of(code)}", f"the module that was fitted, "
                            f"{settings.path or settings.torchvision}, as it was")  # fmt: skip
    built = built.holding({name: torch.from_numpy(value) for name, value in constants.items()})
    now, then = said(built, arrays["params"], features), arrays[PROBE]
    if now.shape != then.shape or not np.allclose(now, then, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(then).max()))):
        raise ContractError(where, "module", "other answers than when it was saved", "the code that was fitted",
                            f"{networks.label_of(code)} changed since")  # fmt: skip
    return built


def _imported(where: object, settings: Settings) -> Any:
    """Code that may be imported at a card's word: an installed class of modules. Other code could be anybody's."""
    if settings.torchvision:
        return networks.of_torchvision(settings.torchvision)
    path = str(settings.path)
    if not settings.handed_over and networks.DOTTED.fullmatch(path):
        code = networks.named(path)
        if isinstance(code, type) and issubclass(code, nn.Module):
            return code
    name = path.rpartition(".")[2]
    hint = f"mtbkd.load(folder, module={name})" if settings.handed_over else f"mtbkd.load(folder, module='{path}'), or mtbkd "
    raise ContractError(where, "module", f"the code {path}, which the file does not hold", "that code, in your hand",
                        hint + ("" if settings.handed_over else f"predict --module {path}"))  # fmt: skip
