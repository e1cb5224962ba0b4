"""Blocks of replicates: the unit that one job computes. ``r8-15`` is replicates 8 to 15."""

SINGLE = "r0-0"  # the one block of data that all replicates share


def block_names(replicates: int, block_size: int) -> tuple[str, ...]:
    """Names ``r<first>-<last>`` of the blocks that hold replicates 0 .. ``replicates`` - 1; the last may be short."""
    firsts = range(0, replicates, block_size)
    return tuple(f"r{first}-{min(first + block_size, replicates) - 1}" for first in firsts)


def block_range(block: str) -> range:
    """The replicates of a block: ``r8-15`` is ``range(8, 16)``."""
    first, last = block.removeprefix("r").split("-")
    return range(int(first), int(last) + 1)
