"""What a ``torch.nn.Module`` does, found by asking it about a few made-up examples, before anything is fitted.

Whatever a student cannot be is refused here in one line: a module whose answer depends on chance, on other examples or on what
it was asked before, or that answers with something else than one logit a class.
Shapes: N examples, K classes, H inputs of the head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.base.errors import ContractError, machine_fault, nearest
from mtbkd.base.lazy import lazy_import
from mtbkd.students.networks import complaint

if TYPE_CHECKING:
    import torch
    from torch import nn
else:
    torch = lazy_import("torch")
    nn = lazy_import("torch.nn")

EXAMPLES = 3
NEAR = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Facts:
    """What is known of a network.

    Attributes:
        head: name of the last dense layer, whose outputs are the logits; None where there is none.
        masked: names of the dense layers whose inputs dropout masks: those right behind a dropout layer, and the head.
        fixed: names of dropout layers that no mask stands for.
        width: numbers that its layers put out for one example.
        batched: whether many members are computed at once, by ``torch.vmap``.
    """

    head: str | None
    masked: tuple[str, ...]
    fixed: tuple[str, ...]
    width: int
    batched: bool


def examples(shape: tuple[int, ...]) -> "torch.Tensor":
    """Made-up examples (N, *shape), always the same."""
    return torch.randn((EXAMPLES, *shape), generator=torch.Generator().manual_seed(0))


def answered(network: "nn.Module", x: "torch.Tensor", where: str, seed: int = 0) -> "torch.Tensor":
    """What the network says of ``x``; lazy layers get their sizes, and weights by ``seed``."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return network(x)
    except Exception as error:
        hint = "shape: gives examples another one, e.g. [1, 8, 8]"
        expected = f"logits for examples of shape {tuple(x.shape[1:])}"
        raise machine_fault(error) or complaint(where, "forward", error, expected, hint) from error


def looked_at(network: "nn.Module", x: "torch.Tensor", num_classes: int, head: str | None, where: str) -> Facts:
    """What a network without lazy layers does with ``x`` (N, *shape); ContractError where it cannot be a student.

    Args:
        network: in evaluation mode.
        x: made-up examples.
        num_classes: K.
        head: name of the head; found where None.
        where: the student, for messages.
    """
    before = {name: value.clone() for name, value in network.named_buffers()}
    state = torch.get_rng_state()
    with _outputs(network) as widths:
        logits = answered(network, x, where)
    _check_logits(logits, len(x), num_classes, where)
    if not _same(logits, answered(network, x, where)) or _draws(network, x, where):
        raise ContractError(where, "forward", "random numbers", "the same answer to the same question",
                            "dropout as a layer (torch.nn.Dropout) is switched off")  # fmt: skip
    torch.set_rng_state(state)
    if any(not _same(value, before[name]) for name, value in network.named_buffers()):
        raise ContractError(where, "forward", "buffers that change when it is asked", "buffers that stay as they are")
    if not _same(logits[:1], answered(network, x[:1], where)):
        raise ContractError(where, "forward", "an answer that depends on the other examples of the batch",
                            "one that depends on its own example")  # fmt: skip
    with torch.no_grad():
        batched = _vmaps(network, x)
        # A module that cannot be batched may choose by its numbers what it does: then no head is guessed.
        found = _head(network, x, logits, head, where) if batched or head is not None else None
        masked, fixed = _masks(network, x, found)
    return Facts(found, masked, fixed, max(1, sum(widths) // len(x)), batched)


def _check_logits(logits: Any, count: int, num_classes: int, where: str) -> None:
    expected = f"logits of shape (examples, {num_classes}), one a class"
    if not isinstance(logits, torch.Tensor):
        raise ContractError(
            where, "forward", f"a {type(logits).__name__}", expected, "wrap the module in one that returns them"
        )
    if logits.shape != (count, num_classes):
        raise ContractError(where, "forward", f"shape {tuple(logits.shape)} for {count} examples", expected)
    if not logits.is_floating_point():
        raise ContractError(where, "forward", f"numbers of type {logits.dtype}", "real numbers")
    if not logits.requires_grad:
        raise ContractError(where, "forward", "an answer without gradient", "one that can be differentiated",
                            "no torch.no_grad, detach or argmax inside; a parameter that requires_grad")  # fmt: skip


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, equal_nan=True, **NEAR)


def _draws(network: "nn.Module", x: "torch.Tensor", where: str) -> bool:
    """Whether an answer moves torch's random numbers on, though two answers under one seed are the same."""
    before = torch.get_rng_state()
    try:
        network(x)
        return not torch.equal(before, torch.get_rng_state())
    finally:
        torch.set_rng_state(before)


@contextmanager
def _outputs(network: "nn.Module") -> "Iterator[list[int]]":
    """Numbers that each layer without layers inside puts out while the context lasts."""
    found: list[int] = []

    def note(layer: Any, inputs: Any, out: Any) -> None:
        found.append(out.numel() if isinstance(out, torch.Tensor) else 0)

    leaves = [layer for layer in network.modules() if not any(True for _ in layer.children())]
    with _hooked([layer.register_forward_hook(note) for layer in leaves]):
        yield found


def _head(network: "nn.Module", x: "torch.Tensor", logits: "torch.Tensor", asked: str | None, where: str) -> str | None:
    """The dense layer that says the logits, called once; ContractError where the one that is asked for does not."""
    linear = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    if asked is not None and asked not in linear:
        raise ContractError(where, "head", f"'{asked}'", ", ".join(linear) or "no dense layer to name", nearest(asked, linear))
    fits = [name for name in ([asked] if asked is not None else linear) if _says(network, name, linear[name], x, logits)]
    if asked is not None and not fits:
        raise ContractError(where, "head", f"'{asked}'", "a dense layer with a bias whose outputs are the logits, with weights "
                            "of its own that learn")  # fmt: skip
    return fits[-1] if fits else None


def _says(network: "nn.Module", name: str, layer: Any, x: "torch.Tensor", logits: "torch.Tensor") -> bool:
    """Whether ``layer`` has a weight and a bias of its own that learn, and its only output is the logits."""
    counts = list(map(id, (p for module in network.modules() for p in module._parameters.values() if p is not None)))
    own = [layer._parameters.get(each) for each in ("weight", "bias")]
    if any(p is None or not p.requires_grad or counts.count(id(p)) != 1 for p in own):
        return False
    seen: list[tuple[Any, Any]] = []
    with _hooked([layer.register_forward_hook(lambda module, inputs, out: seen.append((inputs[0], out)))]):
        network(x)
    return len(seen) == 1 and seen[0][0].ndim == 2 and _same(seen[0][1], logits) and _only_through(network, layer, x)


def _only_through(network: "nn.Module", layer: Any, x: "torch.Tensor") -> bool:
    """Whether the network says whatever the layer is made to say: nothing is added, and nothing done to it, behind it."""
    made_up: list[Any] = []

    def replace(module: Any, inputs: Any, out: "torch.Tensor") -> "torch.Tensor":
        made_up.append(torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype))
        return made_up[-1]

    with _hooked([layer.register_forward_hook(replace)]):
        said = network(x)
    return _same(said, made_up[-1])


def _masks(network: "nn.Module", x: "torch.Tensor", head: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Dense layers whose inputs masks multiply, the head the last, and dropout layers for which none stands."""
    dropouts = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.modules.dropout._DropoutNd)}
    if head is None:
        return (), tuple(dropouts)
    behind = {name: _readers(network, layer, x) for name, layer in dropouts.items()}
    read = {reader for readers in behind.values() for reader in readers}
    masked = [name for name, _ in network.named_modules() if name in read and name != head]
    return (*masked, head), tuple(name for name, readers in behind.items() if not readers)


def _readers(network: "nn.Module", dropout: "nn.Module", x: "torch.Tensor") -> list[str]:
    """The dense layers that alone read what a layer of plain dropout puts out, with weights that learn; [] where others do."""
    if type(dropout) is not nn.Dropout:
        return []
    passed: list[Any] = []
    readers: dict[int, str] = {}
    linear = {name: layer for name, layer in network.named_modules() if type(layer) is nn.Linear}

    def mark(module: Any, inputs: Any, out: "torch.Tensor") -> "torch.Tensor":
        passed.append(out.clone())
        return passed[-1]

    def note(module: Any, inputs: Any) -> None:
        at = [i for i, each in enumerate(passed) if inputs[0] is each]
        readers.update({i: name for i in at for name, layer in linear.items() if layer is module})

    with _hooked([dropout.register_forward_hook(mark), *(own.register_forward_pre_hook(note) for own in linear.values())]):
        network(x)
    names = [readers[i] for i in sorted(readers)]
    alone = len(names) == len(set(names)) == len(passed) and all(out.ndim == 2 for out in passed)
    learn = all(linear[name].weight.requires_grad for name in names)
    return names if alone and learn and _equal_masks(network, dropout, [linear[name] for name in names], x) else []


def _equal_masks(network: "nn.Module", dropout: "nn.Module", readers: "list[nn.Linear]", x: "torch.Tensor") -> bool:
    """Whether masks behind the dropout layer and those in the readers' weights are the same."""
    generator = torch.Generator().manual_seed(2)
    masks = [torch.rand(reader.in_features, generator=generator) + 0.5 for reader in readers]
    left = iter(masks)
    with _hooked([dropout.register_forward_hook(lambda module, inputs, out: out * next(left))]):
        wanted = network(x)
    whole = [reader.weight.data for reader in readers]
    for reader, mask in zip(readers, masks, strict=True):
        reader.weight.data = reader.weight.data * mask
    found = network(x)
    for reader, weight in zip(readers, whole, strict=True):
        reader.weight.data = weight
    return _same(found, wanted)


@contextmanager
def _hooked(handles: list[Any]) -> Iterator[None]:
    """Take hooks off again."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _vmaps(network: "nn.Module", x: "torch.Tensor") -> bool:
    """Whether ``torch.vmap`` over two members gives what the members give, with a gradient."""
    params = {name: p.detach() for name, p in network.named_parameters()}
    try:
        with torch.enable_grad():
            pairs = {name: torch.stack([p, p * 1.01]).requires_grad_() for name, p in params.items()}
            both = torch.vmap(lambda own: torch.func.functional_call(network, own, (x,)))(pairs)
            torch.autograd.grad(both.sum(), list(pairs.values()), allow_unused=True)
        second = torch.func.functional_call(network, {name: p * 1.01 for name, p in params.items()}, (x,))
        return _same(both[1], second)
    except Exception:  # whatever a batching rule or a module's own code raises: members are then computed one by one
        return False
