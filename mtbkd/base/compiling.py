"""Inner loops that numba compiles for the CPU, where torch would call an operator a line on tensors of a few kilobytes.

A compiled function takes and writes numpy arrays, holds no lock of Python and runs on as many threads as torch has. numba keeps
what it compiled beside the source, so that a machine compiles once, or where NUMBA_CACHE_DIR says, for all copies of a source.
Numbers that are not finite stay so: they are how a lost chain is found.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from mtbkd.base.lazy import torch

# All of "fast" but what assumes that no number is infinite or not a number.
REORDER = {"contract", "reassoc", "nsz", "arcp", "afn"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, compiled when it is first called and kept for later processes; sums may be reordered."""
    made, sources = _compiled(function, cache=True), _sources(Path(function.__code__.co_filename).parent)
    kept, common = made._cache, os.environ.get("NUMBA_CACHE_DIR")
    if common and Path(kept._cache_path).is_relative_to(common):
        # numba names a folder there by the path of the source, and every copy of the sources would compile anew.
        kept._cache_path = kept._impl.locator._cache_path = str(Path(common) / sources[:16])
    # numba asks for the function's own file only, and would keep what an older version of those beside it was compiled to.
    kept._cache_file = type(kept._cache_file)(kept._cache_path, kept._impl.filename_base, sources)
    return made


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that only compiled ones call and that makes no array.

    Its arrays are not counted as used, which would take as long as the arithmetic of small ones.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    import numba

    return numba.njit(nogil=True, fastmath=REORDER, error_model="numpy", **options)(function)


@cache
def _sources(folder: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()


def share_out(run: Callable[[int, int], Any], count: int, least: int) -> None:
    """Call ``run(first, last)`` on slices of ``range(count)``, one per thread, each of ``least`` or more."""
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
