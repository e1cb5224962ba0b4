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
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.students.networks import complaint
from mtbkd.students.watching import hooked, kept, outputs

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")

EXAMPLES = 2
MOST_BATCHED = 2_000_000  # parameters of a module whose members are computed at once
NEAR = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Facts:
    """What is known of a network.

    Attributes:
        head: name of the last dense layer, whose outputs are the logits; None where there is none.
        masked: names of the dense layers whose inputs dropout masks: those right behind a dropout layer, and the head.
        fixed: names of dropout layers that no mask stands for.
        width: numbers that its layers put out for one example or, if more, that a derivative keeps of the way forward.
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
            with plain_attention():
                return network(x)
    except Exception as error:
        hint = "shape: gives examples another one, e.g. [1, 8, 8]"
        expected = f"logits for examples of shape {tuple(x.shape[1:])}"
        raise machine_fault(error) or complaint(where, "forward", error, expected, hint) from error


@contextmanager
def plain_attention() -> Iterator[None]:
    """Without the fused forms of attention layers, which ``torch.vmap`` and derivatives do not know."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


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
    with outputs(network) as widths, kept(network) as memory:
        logits = answered(network, x, where)
    _check_logits(logits, len(x), num_classes, where)
    if not _same(logits, answered(network, x, where, seed=1)):
        raise ContractError(where, "forward", "random numbers", "the same answer to the same question",
                            "dropout as a layer (torch.nn.Dropout) is switched off")  # fmt: skip
    if any(not _same(value, before[name]) for name, value in network.named_buffers()):
        raise ContractError(where, "forward", "buffers that change when it is asked", "buffers that stay as they are")
    if not _same(logits[:1], answered(network, x[:1], where)):
        raise ContractError(where, "forward", "an answer that depends on the other examples of the batch",
                            "one that depends on its own example")  # fmt: skip
    with torch.no_grad(), plain_attention():
        if not _functional(network, x):
            raise ContractError(where, "forward", "an answer that parameters from outside do not change", "one that they do",
                                "no compiled or scripted module, and no second name for a parameter")  # fmt: skip
        found = _head(network, x, head, where)
        masked, fixed = _masks(network, x, found)
        return Facts(found, masked, fixed, max(1, sum(widths) // len(x), sum(memory.values()) // len(x)), _vmaps(network, x))


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
    if (logits >= 0).all() and torch.allclose(logits.sum(-1), torch.ones_like(logits[:, 0])):
        raise ContractError(where, "forward", "probabilities", "logits", "leave out the softmax at the end")
    if not logits.requires_grad:
        raise ContractError(where, "forward", "an answer without gradient", "one that can be differentiated",
                            "no torch.no_grad, detach or argmax inside; a parameter that requires_grad")  # fmt: skip


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, equal_nan=True, **NEAR)


def _functional(network: "nn.Module", x: "torch.Tensor") -> bool:
    """Whether the network, given the opposites of its parameters, says what it says when these are its own."""
    own = list(network.parameters())
    try:
        found = torch.func.functional_call(network, {name: -p for name, p in network.named_parameters()}, (x,))
    except Exception:  # whatever wrappers of modules raise
        return False
    for p in own:
        p.neg_()
    wanted = network(x)
    for p in own:
        p.neg_()
    return _same(found, wanted)


def _head(network: "nn.Module", x: "torch.Tensor", asked: str | None, where: str) -> str | None:
    """The dense layer that says the logits, called once; ContractError where the one that is asked for does not.

    Looked for with the module's numbers and with their opposites, as code may choose by its numbers what it does.
    """
    linear = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    if asked is not None and asked not in linear:
        raise ContractError(where, "head", f"'{asked}'", ", ".join(linear) or "no dense layer to name", nearest(asked, linear))
    fits = [name for name in ([asked] if asked is not None else linear) if _learns_alone(network, linear[name])]
    for _ in range(2):
        fits = _saying(network, {name: linear[name] for name in fits}, x)
        for p in network.parameters():
            p.neg_()
    if asked is not None and not fits:
        raise ContractError(where, "head", f"'{asked}'", "a dense layer with a bias whose outputs are the logits, with weights "
                            "of its own that learn")  # fmt: skip
    return fits[-1] if fits else None


def _learns_alone(network: "nn.Module", layer: Any) -> bool:
    """Whether ``layer`` has a weight and a bias that learn and that no other layer has."""
    all_ids = [id(p) for module in network.modules() for p in module._parameters.values()]
    own = [layer._parameters.get(each) for each in ("weight", "bias")]
    return all(p is not None and p.requires_grad and all_ids.count(id(p)) == 1 for p in own)


def _saying(network: "nn.Module", layers: dict[str, Any], x: "torch.Tensor") -> list[str]:
    """Those of the ``layers`` that are called once, on one row an example, and say the logits."""
    seen: dict[int, list[Any]] = {id(layer): [] for layer in layers.values()}

    def note(layer: Any, inputs: Any, out: "torch.Tensor") -> None:
        seen[id(layer)].append(out if inputs[0].ndim == 2 else None)

    with hooked([layer.register_forward_hook(note) for layer in layers.values()]):
        logits = network(x)
    said = {name: seen[id(layer)] for name, layer in layers.items()}
    found = [name for name, outs in said.items() if len(outs) == 1 and outs[0] is not None and _same(outs[0], logits)]
    return [name for name in found if _only_through(network, layers[name], x)]


def _only_through(network: "nn.Module", layer: Any, x: "torch.Tensor") -> bool:
    """Whether the network says whatever the layer is made to say: nothing is added, and nothing done to it, behind it."""
    made_up: list[Any] = []

    def replace(module: Any, inputs: Any, out: "torch.Tensor") -> "torch.Tensor":
        made_up.append(torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype))
        return made_up[-1]

    with hooked([layer.register_forward_hook(replace)]):
        said = network(x)
    return _same(said, made_up[-1])


def _masks(network: "nn.Module", x: "torch.Tensor", head: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Dense layers whose inputs masks multiply, the head the last, and dropout layers for which none stands."""
    dropouts = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.modules.dropout._DropoutNd)}
    if head is None:
        return (), tuple(dropouts)
    behind = _readers(network, {name: layer for name, layer in dropouts.items() if type(layer) is nn.Dropout}, x)
    if not _equal_masks(network, dropouts, behind, x):
        behind = {name: readers for name, readers in behind.items() if _equal_masks(network, dropouts, {name: readers}, x)}
    read = {reader for readers in behind.values() for reader in readers}
    masked = [name for name, _ in network.named_modules() if name in read and name != head]
    return (*masked, head), tuple(name for name in dropouts if name not in behind)


def _readers(network: "nn.Module", dropouts: dict[str, Any], x: "torch.Tensor") -> dict[str, list[str]]:
    """The dense layers, with weights that learn, each of which reads one output of a layer of dropout; others are left out."""
    linear = {name: layer for name, layer in network.named_modules() if type(layer) is nn.Linear}
    names = {id(layer): name for name, layer in (*dropouts.items(), *linear.items())}
    passed: list[tuple[str, Any]] = []
    readers: dict[int, list[str]] = {}

    def mark(layer: Any, inputs: Any, out: "torch.Tensor") -> "torch.Tensor":
        passed.append((names[id(layer)], out.clone()))
        return passed[-1][1]

    def note(layer: Any, inputs: Any) -> None:
        for at, (_, out) in enumerate(passed):
            if inputs[0] is out:
                readers.setdefault(at, []).append(names[id(layer)])

    hooks = [layer.register_forward_hook(mark) for layer in dropouts.values()]
    with hooked([*hooks, *(layer.register_forward_pre_hook(note) for layer in linear.values())]):
        network(x)
    found: dict[str, list[str]] = {}
    for name in dropouts:
        places = [at for at, (own, _) in enumerate(passed) if own == name]
        own = [reader for at in places for reader in readers.get(at, [])]
        plain = all(passed[at][1].ndim == 2 and len(readers.get(at, [])) == 1 for at in places)
        if places and plain and len(set(own)) == len(own) and all(linear[reader].weight.requires_grad for reader in own):
            found[name] = own
    return found


def _equal_masks(network: "nn.Module", dropouts: dict[str, Any], behind: dict[str, list[str]], x: "torch.Tensor") -> bool:
    """Whether masks behind layers of dropout and those in their readers' weights are the same."""
    generator = torch.Generator().manual_seed(2)
    readers: dict[str, Any] = {reader: network.get_submodule(reader) for names in behind.values() for reader in names}
    masks = {name: torch.rand(layer.weight.shape[1], generator=generator) + 0.5 for name, layer in readers.items()}
    left = {id(dropouts[name]): iter([masks[reader] for reader in names]) for name, names in behind.items()}

    def times(layer: Any, inputs: Any, out: "torch.Tensor") -> "torch.Tensor":
        return out * next(left[id(layer)])

    with hooked([dropouts[name].register_forward_hook(times) for name in behind]):
        wanted = network(x)
    whole = {name: layer.weight.data for name, layer in readers.items()}
    for name, layer in readers.items():
        layer.weight.data = layer.weight.data * masks[name]
    found = network(x)
    for name, layer in readers.items():
        layer.weight.data = whole[name]
    return _same(found, wanted)


def _vmaps(network: "nn.Module", x: "torch.Tensor") -> bool:
    """Whether ``torch.vmap`` over two members gives what the members give, with a gradient; large ones gain nothing by it."""
    params = {name: p.detach() for name, p in network.named_parameters()}
    if sum(p.numel() for p in params.values()) > MOST_BATCHED:
        return False
    try:
        with torch.enable_grad():
            pairs = {name: torch.stack([p, p * 1.01]).requires_grad_() for name, p in params.items()}
            both = torch.vmap(lambda own: torch.func.functional_call(network, own, (x,)))(pairs)
            torch.autograd.grad(both.sum(), list(pairs.values()), allow_unused=True)
        second = torch.func.functional_call(network, {name: p * 1.01 for name, p in params.items()}, (x,))
        return _same(both[1], second)
    except Exception:  # whatever a batching rule or a module's own code raises: members are then computed one by one
        return False
