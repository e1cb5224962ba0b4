"""The time below which no step of SGLD can fall on this machine: its normals, FLOPs and bytes over measured rates.

The rates are the best that this machine reached in this run: the normals of mtbkd/inference/noise.py, a product of two square
matrices, a copy of an array that no cache holds. The three add up: each keeps all cores busy by itself. What calling torch's
operators costs is no part of it, and is most of a step where an ensemble is small.
Shapes: E members, m examples of a minibatch, P parameters, G teachers, K classes.
"""

from itertools import pairwise

from mtbkd.base.lazy import torch
from mtbkd.bench.problems import BATCH_SIZE, TEACHERS, Case, best
from mtbkd.inference.noise import Normals

SIDE, BIG = 1_024, 1 << 24


def machine_rates() -> dict[str, float]:
    """Normals, FLOPs and bytes per second of this machine; ``torch_normals_per_s`` for comparison, ``call_s`` an operator."""
    square, source, one = torch.randn(SIDE, SIDE), torch.randn(BIG), torch.zeros(1)
    out, normals = torch.empty_like(source), Normals((1 << 21,), 0, "cpu")
    return {
        "normals_per_s": (1 << 21) / best(normals.draw),
        "torch_normals_per_s": (1 << 20) / best(lambda: torch.randn(1 << 20)),
        "flops_per_s": 2 * SIDE**3 / best(lambda: square @ square),
        "bytes_per_s": 8 * BIG / best(lambda: out.copy_(source)),
        "call_s": best(lambda: one.add_(1.0)),
    }


def work(case: Case, chains: int, batch_size: int = BATCH_SIZE) -> dict[str, float]:
    """What a step of ``chains`` chains cannot do without.

    ``normals``: E P. ``flops``: of the products, 2 m a b forward and as many for the derivative of the weights of each layer
    of a inputs and b outputs, and of its inputs but in the first. ``bytes``: parameters, gradient and normals written and
    read once; the minibatch gathered (read, written, read); each layer's outputs written, read forward and read backward.
    """
    layers, params = list(pairwise(case.sizes)), case.student.num_params
    products = sum(2 * a * b * (2 if layer == 0 else 3) for layer, (a, b) in enumerate(layers))
    example = case.sizes[0] + TEACHERS * (case.sizes[-1] + 1) + 1
    return {
        "normals": chains * params,
        "flops": chains * batch_size * products,
        "bytes": 4 * chains * (6 * params + 3 * batch_size * (example + sum(case.sizes[1:]))),
    }


def floor_seconds(case: Case, chains: int, rates: dict[str, float]) -> dict[str, float]:
    """Seconds of a step: each part and their sum."""
    parts = {name: amount / rates[f"{name}_per_s"] for name, amount in work(case, chains).items()}
    return {**parts, "total": sum(parts.values())}
