"""Inner loops that numba compiles for the CPU, where torch would call an operator a line on tensors of a few kilobytes.

A compiled function takes and writes numpy arrays, holds no lock of Python and runs on as many threads as torch has. numba keeps
what it compiled beside the source (or where NUMBA_CACHE_DIR says), so that a machine compiles once. Numbers that are not finite
stay so: they are how a lost chain is found.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mtbkd.lazy import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

# All of "fast" but what assumes that no number is infinite or not a number.
REORDER = {"contract", "reassoc", "nsz", "arcp", "afn"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, compiled when it is first called; sums may be reordered."""
    import numba

    return numba.njit(nogil=True, cache=True, fastmath=REORDER, error_model="numpy")(function)


def share_out(run: Callable[[int, int], Any], count: int, least: int) -> None:
    """Call ``run(first, last)`` on slices of ``range(count)``, one a thread, each of ``least`` or more."""
    parts = min(torch.get_num_threads(), count // least) if count >= 2 * least else 1
    if parts < 2:
        run(0, count)
        return
    cuts = [count * part // parts for part in range(parts + 1)]
    others = [_pool(parts - 1).submit(run, *cut) for cut in pairwise(cuts[1:])]
    run(cuts[0], cuts[1])
    for other in others:
        other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
