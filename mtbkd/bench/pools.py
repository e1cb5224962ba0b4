"""Speed of the operators: a million examples, five teachers and ten classes through each pool, on all cores."""

from typing import Any

from mtbkd.base import registry
from mtbkd.base.lazy import torch
from mtbkd.bench.problems import seconds
from mtbkd.pooling.operators import load

EXAMPLES, TEACHERS, CLASSES = 1_000_000, 5, 10
CHUNK = 1 << 14  # examples at a time: what stays in a core's cache
FEWER = 20_000  # examples of an operator that is solved by iteration, from which the million is extrapolated


def rates(examples: int = EXAMPLES) -> list[dict[str, Any]]:
    """Rows {operator, seconds, examples, bounded}: the best of three, in single precision, with weights that differ by example.

    An iterative operator (minimax) is no mean: it runs on fewer examples and has no bound.
    """
    generator = torch.Generator().manual_seed(0)
    log_prob = torch.log_softmax(torch.randn((examples, TEACHERS, CLASSES), generator=generator), -1)
    weights = torch.softmax(torch.randn((examples, TEACHERS), generator=generator), -1)
    rows = []
    for name in registry.OPERATORS:
        module = load(name)
        iterative = getattr(module, "ITERATIVE", False)
        count, own = min(FEWER, examples) if iterative else examples, module.Settings()

        def run(module: Any = module, own: Any = own, count: int = count) -> None:
            with torch.no_grad():
                for some, weight in zip(log_prob[:count].split(CHUNK), weights[:count].split(CHUNK), strict=True):
                    module.log_pool(some, weight, own)

        took = min(seconds(run) for _ in range(3))
        rows.append({"operator": name, "seconds": took, "examples": count, "bounded": not iterative})
    return rows
