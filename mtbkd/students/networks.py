"""The ``torch.nn.Module`` of a student: made by code of yours that is named, by torchvision, or handed over in Python.

Naming code runs it: a file, or a module that is imported.
"""

import copy
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mtbkd.base.errors import ContractError, machine_fault, nearest
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.reading import regular_file

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")

DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
IN_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
FORMS = "an import path such as mypackage.nets.Net, or a file and a name in it such as nets.py:Net"
FEWEST_CHANNELS = 16  # of a group, as good as 32 groups (Wu & He 2018, table 3)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def complaint(where: str, field: str, error: BaseException, expected: str, hint: str = "") -> ContractError:
    """What somebody else's code raised, in one line."""
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return ContractError(where, field, told if len(told) <= 300 else f"{told[:297]}...", expected, hint)


def content_hash(path: str | Path) -> str:
    """The sha256 of a file; ContractError where there is none."""
    path = Path(path)
    regular_file(path, "a file", "" if path.is_absolute() else "the path is relative to the working folder")
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def named(path: str) -> Any:
    """The class or function at ``path``; ContractError where there is none."""
    where = f"student {path}"
    if found := IN_FILE.fullmatch(path):
        module, name = _of_file(Path(found["file"]), where), found["name"]
    elif DOTTED.fullmatch(path):
        parent, _, name = path.rpartition(".")
        module = _guarded(where, lambda: importlib.import_module(parent))
    else:
        raise ContractError(where, "path", f"'{path}'", FORMS)
    if not hasattr(module, name):
        raise ContractError(where, "path", f"no '{name}' there", "a class or function of it", nearest(name, dir(module)))
    return getattr(module, name)


def _of_file(path: Path, where: str) -> ModuleType:
    """The module that running the file makes, anew where the file changed."""
    regular_file(path, "a file of Python code", "" if path.is_absolute() else "the path is relative to the working folder")
    full = path.resolve()
    name = f"{full.stem}_of_{abs(hash((str(full), full.stat().st_mtime_ns)))}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, full)
    assert spec is not None and spec.loader is not None
    run = spec.loader.exec_module
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(full.parent))  # what it imports may lie beside it
    try:
        _guarded(where, lambda: run(module))
    except ContractError:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(full.parent))
    return module


def _guarded[T](where: str, imported: Callable[[], T]) -> T:
    try:
        return imported()
    except (Exception, SystemExit) as error:  # a script that ends itself
        raise complaint(where, "path", error, "code that can be imported", FORMS) from error


def of_torchvision(name: str) -> Callable[..., Any]:
    """The builder of a classifier of torchvision, without weights."""
    models = _guarded("student torchvision", lambda: importlib.import_module("torchvision.models"))
    known = models.list_models(module=models)
    if name not in known:
        raise ContractError("student torchvision", "model", f"'{name}'", "a classifier of torchvision.models, such as resnet18",
                            nearest(name, known))  # fmt: skip
    return models.get_model_builder(name)


def label_of(code: Any) -> str:
    """What a class, function or module of the user's is called: ``package.module.Name``."""
    kind = type(code) if isinstance(code, nn.Module) else code
    kind = getattr(kind, "func", kind)  # functools.partial
    return f"{getattr(kind, '__module__', type(kind).__module__)}.{getattr(kind, '__qualname__', type(kind).__qualname__)}"


def importable(code: Any) -> bool:
    """Whether importing its name gives this class or function again."""
    path = label_of(code)
    parent, _, name = path.rpartition(".")
    return bool(DOTTED.fullmatch(path)) and parent != "__main__" and getattr(sys.modules.get(parent), name, None) is code


def make(code: Any, arguments: Mapping[str, Any], num_classes: int, seed: int, where: str) -> "nn.Module":
    """A module of its own, on the CPU, in single precision, in the state for predicting.

    Args:
        code: a module, which is copied; or a class or function that makes one, under ``seed``.
        arguments: by name; ``num_classes`` is added where the code takes it.
        num_classes: K.
        seed: of torch's random numbers while it is made.
        where: the student, for messages.

    Raises:
        ContractError: it makes no module, or does not take the arguments.
    """
    if isinstance(code, nn.Module):
        try:
            made: Any = copy.deepcopy(code)
        except Exception as error:
            raise complaint(where, "module", error, "a module that can be copied", "hand over its class") from error
    elif not callable(code):
        raise ContractError(where, "module", f"{type(code).__name__}", "a torch.nn.Module, or what makes one")
    else:
        arguments = _complete(code, arguments, num_classes, where)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                made = code(**arguments)
            except Exception as error:
                raise machine_fault(error) or complaint(where, "arguments", error, "arguments that it takes") from error
    fixed = isinstance(made, torch.jit.ScriptModule) or type(made).__name__ == "OptimizedModule"
    if fixed or not isinstance(made, nn.Module):
        raise ContractError(where, "module", f"{type(made).__name__}", "a torch.nn.Module" + (
                            ", as it was before torch.compile or torch.jit" if fixed else ""))  # fmt: skip
    return made.cpu().eval()


def _complete(code: Callable[..., Any], arguments: Mapping[str, Any], num_classes: int, where: str) -> dict[str, Any]:
    """``arguments`` with ``num_classes``; ContractError for one that the code does not take, or another number of classes."""
    try:
        parameters = inspect.signature(code).parameters.values()
    except (TypeError, ValueError):  # code in C
        return dict(arguments)
    open_ended = any(p.kind == p.VAR_KEYWORD for p in parameters)
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for name in arguments:
        if name not in known and not open_ended:
            raise ContractError(where, "arguments", f"'{name}'", ", ".join(known) or "none", nearest(name, known))
    takes = "num_classes" in known or (open_ended and getattr(code, "__module__", "").startswith("torchvision."))
    if takes and arguments.get("num_classes", num_classes) != num_classes:
        raise ContractError(where, "arguments", f"num_classes {arguments['num_classes']}", f"{num_classes}, as the data have",
                            "leave it out")  # fmt: skip
    return {**arguments, "num_classes": num_classes} if takes else dict(arguments)


def load_weights(network: "nn.Module", path: str, head: str | None, where: str) -> None:
    """Put what a file holds into ``network``; only the ``head`` may be missing, or have other classes, and stays as it is.

    Raises:
        ContractError: not a state_dict in safetensors or torch's format, or one of another network.
    """
    found = _state(Path(path))
    own = network.state_dict()
    heads = [name for name in own if head is not None and name.startswith(f"{head}.".lstrip("."))]
    other = [name for name in heads if name not in found or found[name].shape != own[name].shape]
    found = {name: value for name, value in found.items() if name not in other}
    odd = [f"'{name}' missing" for name in own if name not in found and name not in other]
    odd += [f"'{name}' too much" for name in found if name not in own]
    odd += [
        f"'{name}' of shape {tuple(value.shape)} for {tuple(own[name].shape)}"
        for name, value in found.items() if name in own and value.shape != own[name].shape
    ]  # fmt: skip
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        raise ContractError(where, f"weights {path}", odd[0] + more, "the names and shapes of its state_dict (the head may "
                            "have other classes)")  # fmt: skip
    network.load_state_dict(found, strict=False)


def _state(path: Path) -> "dict[str, torch.Tensor]":
    """Tensors by name; nothing else is read from the file."""
    expected = "a state_dict, .safetensors or of torch.save"
    regular_file(path, expected, "" if path.is_absolute() else "the path is relative to the working folder")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise machine_fault(error, path) or complaint(str(path), "content", error, expected) from error
    if not (isinstance(found, dict) and found and all(isinstance(value, torch.Tensor) for value in found.values())):
        raise ContractError(path, "content", type(found).__name__, expected, "torch.save(module.state_dict(), path)")
    return found


def reset(network: "nn.Module", seed: int, where: str) -> None:
    """Draw all parameters that learn anew, as their layers do it; ContractError for a layer that does not say how."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, layer in network.named_modules():
            again: Any = getattr(layer, "reset_parameters", None)
            if again is not None:
                again()
            elif any(p is not None and p.requires_grad for p in layer._parameters.values()):
                raise ContractError(where, "start", f"fresh, with {type(layer).__name__} '{name}', which has no "
                                    "reset_parameters", "layers that can be drawn anew", "hand over its class")  # fmt: skip


def normalised(network: "nn.Module", choice: str, weights: bool, handed: bool, where: str) -> None:
    """Refuse, replace or keep, in place, the layers that normalise by statistics of a batch or of the past.

    Args:
        network: of materialised layers.
        choice: ``refuse``; ``group``: GroupNorm in their place; ``constant``: the statistics that the module came with.
        weights: whether they came from a file.
        handed: whether they came with a module that was handed over.
        where: the student, for messages.
    """
    layers = {name: layer for name, layer in network.named_modules() if _of_statistics(layer)}
    if not layers:
        return
    (first, layer), *others = layers.items()
    told = f"{type(layer).__name__} '{first}'" + (f" and {len(others)} more" if others else "")
    if choice == "refuse":
        raise ContractError(where, "normalization", told, "layers without statistics of other examples, as draws of a "
                            "posterior have no batch", "normalization: group replaces them by GroupNorm" + (
                            "; constant keeps their statistics" if weights or handed else ""))  # fmt: skip
    if choice == "group" and weights:
        raise ContractError(where, "normalization", f"group for {told}, with weights that were learnt behind its statistics",
                            "constant, or no weights")  # fmt: skip
    if choice == "constant":
        if not (weights or handed) or any(layer.running_mean is None for layer in layers.values()):
            raise ContractError(where, "normalization", f"constant for {told}", "statistics that were learnt, which come "
                                "with weights or a trained module", "normalization: group")  # fmt: skip
        return
    for name, layer in layers.items():
        parent, _, last = name.rpartition(".")
        if not name:
            raise ContractError(where, "normalization", told, "layers inside a module, not alone")
        setattr(network.get_submodule(parent), last, _group_norm(layer))


def _of_statistics(layer: Any) -> bool:
    """BatchNorm always: without running statistics it reads those of the batch."""
    of_batch = isinstance(layer, nn.modules.batchnorm._BatchNorm)
    return of_batch or (isinstance(layer, nn.modules.instancenorm._InstanceNorm) and layer.track_running_stats)


def _group_norm(layer: Any) -> "nn.Module":
    """With the layer's gain and shift; for an InstanceNorm each channel is a group of its own."""
    channels = layer.num_features
    of_batch = isinstance(layer, nn.modules.batchnorm._BatchNorm)
    wanted = max(1, channels // FEWEST_CHANNELS) if of_batch else channels
    groups = max(count for count in range(1, wanted + 1) if channels % count == 0)
    made = nn.GroupNorm(groups, channels, eps=layer.eps, affine=layer.affine)
    if layer.affine:
        made.load_state_dict({name: getattr(layer, name).detach() for name in ("weight", "bias")})
        made.requires_grad_(layer.weight.requires_grad)
    return made.eval()
