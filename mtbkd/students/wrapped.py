"""A ``torch.nn.Module`` as a student: a function of its flat parameters by ``torch.func`` (``mtbkd.students.module`` makes it).

What does not learn (buffers, frozen parameters) stays as it is. The parameters lie flat in the order of the module, those of
the head at the end: weights (inputs, outputs), then biases, as last layers lie in all students.
Shapes: E members, N examples, K classes, P parameters, B of them in the head, H inputs of the head.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.students import Pull, automatic_vjp, vjp_in_parts
from mtbkd.students.facts import Facts, plain_attention
from mtbkd.students.mlp import Mlp

if TYPE_CHECKING:
    from torch import nn

# Numbers of the way through the layers that are held at once: beyond, members and examples follow one another.
CPU_VALUES, GPU_VALUES = 1 << 24, 1 << 28
NOISE = 0.1  # of overdispersed starts around weights that were given, in root mean squares of each tensor


class Part(NamedTuple):
    """A learning parameter in the flat ones: its ``name``, ``shape`` and place; a ``turned`` one lies transposed."""

    name: str
    shape: "torch.Size"
    place: slice
    turned: bool


@dataclass(frozen=True, eq=False)
class Module:
    """See ``mtbkd.students.Student``.

    Attributes:
        where: the student, for messages.
        network: never changed; what does not learn is read from it.
        shape: of one example, as the module takes it.
        coloured: images of one channel are given to it as three alike.
        num_classes: K.
        facts: what is known of it.
        remake: makes it anew from a seed; None: fits start from its own parameters.
    """

    where: str
    network: "nn.Module"
    shape: tuple[int, ...]
    coloured: bool
    num_classes: int
    facts: Facts
    remake: "Callable[[int], nn.Module] | None"

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Where each learning parameter lies, the head's at the end."""
        head = list(_of_layer(self.facts.head)) if self.facts.head is not None else []
        learning = {name: p.shape for name, p in self.network.named_parameters() if p.requires_grad}
        found, offset = [], 0
        for name in [*(name for name in learning if name not in head), *head]:
            end = offset + learning[name].numel()
            found.append(Part(name, learning[name], slice(offset, end), name in head[:1]))
            offset = end
        return tuple(found)

    @property
    def num_params(self) -> int:
        return self.parts[-1].place.stop

    @property
    def unmasked(self) -> tuple[str, ...]:
        """Names of dropout layers that no mask stands for."""
        return self.facts.fixed

    @property
    def width(self) -> int:
        """Numbers of one example's way through it that are held at once, see ``facts.Facts``."""
        return self.facts.width

    @property
    def hidden(self) -> tuple[int, ...]:
        return tuple(self.network.get_submodule(name).in_features for name in self.facts.masked)  # pyright: ignore

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        x = x.reshape(*x.shape[:2], *self.shape)
        return x.expand(*x.shape[:2], 3, *x.shape[3:]) if self.coloured else x

    def flat(self, network: "nn.Module") -> "torch.Tensor":
        """The learning parameters (P,) of a network like this one."""
        own = dict(network.named_parameters())
        values = [own[part.name].detach() for part in self.parts]
        return torch.cat([(v.T if part.turned else v).reshape(-1) for part, v in zip(self.parts, values, strict=True)])

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        seed = int(torch.randint(1 << 62, (1,), generator=generator))
        flat = self.flat(self.network if self.remake is None else self.remake(seed))
        for part in self.parts:
            value = flat[part.place]
            if self.remake is None:
                value += NOISE * (scale - 1) * value.square().mean().sqrt() * torch.randn(value.shape, generator=generator)
            elif (value != value[0]).any():  # gains of 1 and biases of 0 are no draws
                value *= scale
        return flat

    def _values(self, flat: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """The state of the module whose learning parameters are ``flat`` (P,), in its precision and on its device."""
        found = {name: value.to(flat.device, flat.dtype if value.is_floating_point() else None)
                 for name, value in self.fixed.items()}  # fmt: skip
        # The derivative of one split is one copy; that of a slice has the size of all parameters, for each of them.
        values = flat.split([part.shape.numel() for part in self.parts])
        for (name, shape, _, turned), value in zip(self.parts, values, strict=True):
            found[name] = value.view(shape[::-1]).T if turned else value.view(shape)
        return found

    @cached_property
    def fixed(self) -> "dict[str, torch.Tensor]":
        """Buffers and parameters that do not learn, by name."""
        learning = {part.name for part in self.parts}
        named = (*self.network.named_parameters(), *self.network.named_buffers())
        return {name: value.detach() for name, value in named if name not in learning}

    def _called(
        self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor]", features: bool = False
    ) -> "torch.Tensor":  # fmt: skip
        """Logits, or what the head reads, of ``params`` (M, P) at ``x`` (M or 1, n, *shape) under masks (M, n or 1, H)."""

        def one(flat: "torch.Tensor", own: "torch.Tensor", *masks: "torch.Tensor") -> "torch.Tensor":
            read: list[torch.Tensor] = []
            hooks = [
                self.network.get_submodule(name).register_forward_pre_hook(partial(_times, mask))
                for name, mask in zip(self.facts.masked, masks, strict=False)
            ]
            if features:
                head = self.network.get_submodule(str(self.facts.head))
                hooks.append(head.register_forward_pre_hook(lambda layer, inputs: read.append(inputs[0])))
            try:
                out = torch.func.functional_call(self.network, self._values(flat), (own,))
            finally:
                for hook in hooks:
                    hook.remove()
            return (read[0] if features else out).to(flat.dtype)

        with plain_attention():
            if self.facts.batched and len(params) > 1:
                own = (None, x[0]) if len(x) == 1 else (0, x)
                return torch.vmap(one, in_dims=(0, own[0], *(0 for _ in keep)))(params, own[1], *keep)
            return torch.stack([one(p, x[min(m, len(x) - 1)], *(mask[m] for mask in keep)) for m, p in enumerate(params)])

    def _at_once(self, params: "torch.Tensor", x: "torch.Tensor") -> Iterator[tuple[slice, list[slice]]]:
        """Members that are computed together, and the examples of each call."""
        values = CPU_VALUES if params.device.type == "cpu" else GPU_VALUES
        members, examples = max(1, values // max(1, x.shape[1] * self.facts.width)), max(1, values // self.facts.width)
        parts = [slice(first, first + examples) for first in range(0, x.shape[1], examples)]
        for first in range(0, len(params), members):
            yield slice(first, min(first + members, len(params))), parts

    def _some(
        self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor]", members: slice, examples: slice,
        features: bool = False,
    ) -> "torch.Tensor":  # fmt: skip
        own = x[:, examples] if len(x) == 1 else x[members, examples]
        masks = [mask[members] if mask.shape[1] == 1 else mask[members, examples] for mask in keep]
        return self._called(params, own, masks, features)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        return self._all(params, x, self._masks(keep), False)

    def _all(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor]", features: bool) -> "torch.Tensor":
        if not len(params) or not x.shape[1]:
            return params.new_zeros((len(params), x.shape[1], self.hidden[-1] if features else self.num_classes))
        return torch.cat([
            torch.cat([self._some(params[members], x, keep, members, part, features) for part in parts], 1)
            for members, parts in self._at_once(params, x)
        ])  # fmt: skip

    def _masks(self, keep: "list[torch.Tensor] | None") -> "list[torch.Tensor]":
        if keep is not None and self.facts.fixed:
            raise ContractError(self.where, "dropout", f"layer '{self.facts.fixed[0]}', which no mask stands for",
                                "plain Dropout layers, each right before a dense layer")  # fmt: skip
        return keep or []

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        together = list(self._at_once(params, x))
        if len(together) == 1 and len(together[0][1]) == 1:
            return automatic_vjp(self, params, x, pull, keep)
        return vjp_in_parts(
            self, partial(automatic_vjp, self), params, x, pull, keep,
            ((members, part) for members, parts in together for part in parts),
        )  # fmt: skip

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        params, masks = params.clone(), dict(zip(self.facts.masked, self._masks(keep), strict=True))
        for name, shape, place, turned in self.parts:
            layer, _, last = name.rpartition(".")
            if last == "weight" and layer in masks:
                weight = params[:, place].view(len(params), *(shape[::-1] if turned else shape))
                weight.mul_(masks[layer].unsqueeze(-1 if turned else 1))
        return params

    def features(self, params: "torch.Tensor", x: "torch.Tensor") -> "torch.Tensor":
        """What the head of members ``params`` (E, P) reads, (E, N, H), at ``x`` (E or 1, N, *inputs)."""
        with torch.no_grad():
            return self._all(params, x, [], True)

    def headed(self, before: "torch.Tensor | None") -> "Headed":
        """The student whose head alone learns, its other parameters being ``before`` (P - B,), by default the module's own."""
        network = copy.deepcopy(self.network)
        flat = self.flat(self.network)
        if before is not None:
            flat[: len(before)] = before
        with torch.no_grad():
            own = dict(network.named_parameters())
            for name, value in self._values(flat).items():
                if name in own:
                    own[name].copy_(value)
        return Headed((self.hidden[-1], self.num_classes), replace(self, network=network))

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        raise NotImplementedError("SYMBOLIC is False: the configuration check keeps PyMC's algorithms away")

    @property
    def constants(self) -> "dict[str, torch.Tensor]":
        """What its flat parameters leave open, by name: buffers and parameters that do not learn."""
        return self.fixed

    def holding(self, constants: "dict[str, torch.Tensor]") -> "Module":
        """The same with other ``constants``."""
        return replace(self, network=_with(self.network, constants, self.where))


@dataclass(frozen=True, eq=False)
class Headed(Mlp):
    """A student whose head alone learns: a linear one of the features that the ``trunk`` computes, once for all members.

    ``own``: fits start from the head's own parameters.
    """

    trunk: Module
    own: bool = False
    unmasked: tuple[str, ...] = ()

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        flat = self.trunk.flat(self.trunk.network).to(x.device).unsqueeze(0)
        found = [self.trunk.features(flat, self.trunk.inputs(row.unsqueeze(0))) for row in x.to(flat.dtype)]
        return torch.cat(found)

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        if self.own:
            return replace(self.trunk, remake=None).init(generator, scale)[-self.num_params :]
        return super().init(generator, scale)

    @property
    def constants(self) -> "dict[str, torch.Tensor]":
        """All parameters and buffers but the head's."""
        head = _of_layer(str(self.trunk.facts.head))
        named = (*self.trunk.network.named_parameters(), *self.trunk.network.named_buffers())
        return {name: value.detach() for name, value in named if name not in head}

    def holding(self, constants: "dict[str, torch.Tensor]") -> "Headed":
        """The same with other ``constants``."""
        return replace(self, trunk=replace(self.trunk, network=_with(self.trunk.network, constants, self.trunk.where)))


def _of_layer(name: str) -> tuple[str, str]:
    """Names of a dense layer's parameters; a network that is one itself has the name ""."""
    return tuple(f"{name}.{each}".lstrip(".") for each in ("weight", "bias"))  # pyright: ignore[reportReturnType]


def _times(mask: "torch.Tensor", layer: Any, inputs: Any) -> Any:
    return (inputs[0] * mask, *inputs[1:])


def _with(network: "nn.Module", constants: "dict[str, torch.Tensor]", where: str) -> "nn.Module":
    """A copy of ``network`` that holds ``constants``; ContractError where names or shapes are those of another."""
    network = copy.deepcopy(network)
    own = dict((*network.named_parameters(), *network.named_buffers()))
    for name, value in constants.items():
        if name not in own or own[name].shape != value.shape:
            raise ContractError(where, "constants", f"'{name}' of shape {tuple(value.shape)}", "those of the module that was "
                                "fitted", "is this the module, as it was?")  # fmt: skip
        with torch.no_grad():
            own[name].copy_(value)
    return network
