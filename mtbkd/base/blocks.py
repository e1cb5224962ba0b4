"""Blocks of replicates: the unit that one job computes. ``r8-15`` is replicates 8 to 15."""

import re

from mtbkd.base.errors import ContractError

SINGLE = "r0-0"  # the one block of data that all replicates share


def block_names(replicates: int, block_size: int) -> tuple[str, ...]:
    """Names ``r<first>-<last>`` of the blocks that hold replicates 0 .. ``replicates`` - 1; the last may be short."""
    firsts = range(0, replicates, block_size)
    return tuple(f"r{first}-{min(first + block_size, replicates) - 1}" for first in firsts)


def block_range(block: str) -> range:
    """The replicates of a block: ``r8-15`` is ``range(8, 16)``; ContractError if it has none, or more than a study may."""
    named = re.fullmatch(r"r(\d{1,4})-(\d{1,4})", block)
    if not named or int(named[1]) > int(named[2]):
        raise ContractError(
            "replicates", "block", block, "r<first>-<last>, such as r0-7, up to 9999 and the first not above the last"
        )
    return range(int(named[1]), int(named[2]) + 1)
