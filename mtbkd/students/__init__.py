"""Students: one module per architecture, pure functions of flat parameters, so that an ensemble is a leading axis.

``SYMBOLIC`` of a module: it has a PyTensor form (``apply_symbolic``), which PyMC's algorithms need. A student with only
dense layers and ReLU may declare ``dense_layers``: small ones then run compiled. One that is too large to copy whole for each
draw of its last layer says what that reads (``features``) and is fixed before it (``headed``), as ``wrapped`` does.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from mtbkd.base.lazy import torch

# Logits (E, N, K) to what multiplies their derivative, of the same shape.
Pull = Callable[["torch.Tensor"], "torch.Tensor"]
# Weights of a map from which on writing their derivatives in place is faster than a batched product and a copy.
LARGE = 10_000
EPSILON = 1e-5  # added to a variance before its root: torch's default


class DenseLayers(NamedTuple):
    """``sizes`` of inputs and layers, each layer's weights (inputs, outputs) lying before its biases in the flat parameters;
    ``first_is_zero``: the first logit is 0, and the last layer has one output less than there are classes."""

    sizes: tuple[int, ...]
    first_is_zero: bool = False


class Student(Protocol):
    """A network as functions of its flat parameters. Shapes: E members of an ensemble, P parameters, H hidden units."""

    @property
    def num_params(self) -> int: ...

    @property
    def hidden(self) -> tuple[int, ...]:
        """Sizes of the hidden layers that dropout acts on; () when there are none."""
        ...

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        """Turn data (R or 1, N, *features) into what ``apply`` takes; done once, outside every loop."""
        ...

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        """Draw a starting point (P,); ``scale`` > 1 overdisperses it."""
        ...

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        """Logits (E, N, K) of members ``params`` (E, P) at ``x`` (E or 1, N, *inputs).

        ``keep`` multiplies the activations of each hidden layer: one (E, N or 1, H) tensor a layer (dropout masks).
        """
        ...

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        """Vector-Jacobian product (E, P): the gradient of sum(logits * pull(logits)), the pull taken as a constant.

        What samplers spend their time on; written out where that saves the bookkeeping of automatic differentiation.
        """
        ...

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        """Parameters (E, P) whose plain ``apply`` equals ``apply`` with masks ``keep``, one (E, H) tensor a layer."""
        ...

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        """Logits (N, K) as a PyTensor expression of the vector ``theta`` (P,) at ``x`` (N, *inputs); for SYMBOLIC ones."""
        ...


def init_ensemble(student: Student, seeds: list[int], scale: float = 1.0) -> "torch.Tensor":
    """Starting points (E, P), one per seed, drawn on the CPU so that they are the same on every device."""
    drawn = {seed: student.init(torch.Generator().manual_seed(seed), scale) for seed in dict.fromkeys(seeds)}
    return torch.stack([drawn[seed] for seed in seeds])


def uniform_init(generator: "torch.Generator", shape: tuple[int, ...], fan_in: int, scale: float) -> "torch.Tensor":
    """U(-b, b) with b = scale / sqrt(fan_in), torch's default for dense and convolutional layers."""
    return (torch.rand(shape, generator=generator) * 2 - 1) * scale / max(fan_in, 1) ** 0.5


def dense(params: "torch.Tensor", x: "torch.Tensor", offset: int, size_in: int, size_out: int) -> "torch.Tensor":
    """Affine map (E, N, size_out) of ``x`` (E or 1, N, size_in); its weights start at ``offset`` of ``params`` (E, P)."""
    members, end = params.shape[0], offset + size_in * size_out
    weight = params[:, offset:end].view(members, size_in, size_out)
    bias = params[:, end : end + size_out].unsqueeze(1)
    if x.shape[0] == members:
        return torch.baddbmm(bias, x, weight)
    # One shared input: a single wide product instead of E copies of x.
    wide = x[0] @ weight.permute(1, 0, 2).reshape(size_in, members * size_out)
    return wide.view(-1, members, size_out).transpose(0, 1) + bias


def bake_dense(params: "torch.Tensor", keep: "torch.Tensor", offset: int, size_out: int) -> None:
    """Multiply, in place, the weights that leave a hidden layer by its mask ``keep`` (E, H)."""
    members, size_in = keep.shape
    params[:, offset : offset + size_in * size_out].view(members, size_in, size_out).mul_(keep.unsqueeze(-1))


def dense_vjp(
    grad: "torch.Tensor", params: "torch.Tensor", x: "torch.Tensor", pull: "torch.Tensor", offset: int, first: bool
) -> "torch.Tensor":
    """Write the derivatives of one affine map into ``grad`` (E, P); return that of its input (E, N, size_in).

    Args:
        grad: of all parameters; the map's are written in place.
        params: (E, P).
        x: the map's input (E or 1, N, size_in).
        pull: (E, N, size_out).
        offset: where the map's weights start.
        first: the derivative of the input is not needed; an empty tensor is returned.
    """
    members, size_in, size_out = params.shape[0], x.shape[-1], pull.shape[-1]
    end = offset + size_in * size_out
    weight_grad = grad[:, offset:end].view(members, size_in, size_out)
    if x.shape[0] != members:
        wide = x[0].T @ pull.transpose(0, 1).reshape(-1, members * size_out)
        weight_grad.copy_(wide.view(size_in, members, size_out).transpose(0, 1))
    elif size_in * size_out < LARGE:
        weight_grad.copy_(torch.bmm(x.transpose(1, 2), pull))
    else:
        weight_grad.baddbmm_(x.transpose(1, 2), pull, beta=0)
    torch.sum(pull, 1, out=grad[:, end : end + size_out])
    if first:
        return pull.new_empty(0)
    return torch.bmm(pull, params[:, offset:end].view(members, size_in, size_out).transpose(1, 2))


def automatic_vjp(
    student: Student, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
) -> "torch.Tensor":
    """``Student.vjp`` by automatic differentiation."""
    with torch.enable_grad():
        leaf = params.detach().requires_grad_()
        logits = student.apply(leaf, x, keep)
        # A scalar whose gradient is the pull: passing the pull as grad_outputs makes torch import SymPy, seconds in every job.
        (grad,) = torch.autograd.grad((logits * pull(logits.detach())).sum(), leaf)
    return grad


def vjp_in_parts(
    student: Student, vjp: "Callable[..., torch.Tensor]", params: "torch.Tensor", x: "torch.Tensor", pull: Pull,
    keep: "list[torch.Tensor] | None", parts: Iterable[tuple[slice, slice]],
) -> "torch.Tensor":  # fmt: skip
    """``Student.vjp`` of many members or examples: forward twice, so that no more than a part's way forward is kept.

    Args:
        student: whose logits ``pull`` is asked about, all together.
        vjp: that of one part; takes what ``Student.vjp`` takes.
        params: (E, P).
        x: (E or 1, N, *inputs).
        pull: as for ``Student.vjp``.
        keep: as for ``Student.vjp``.
        parts: members and examples of each, which together are all, none twice.
    """
    with torch.no_grad():
        back = pull(student.apply(params, x, keep))
    grad = torch.zeros_like(params)
    for members, examples in parts:
        inputs = x[:, examples] if len(x) == 1 else x[members, examples]
        masks = keep and [m[members] if m.shape[1] == 1 else m[members, examples] for m in keep]
        grad[members] += vjp(params[members], inputs, lambda _, of=(members, examples): back[of], masks)
    return grad
