"""Seeds derived from named axes, so that methods share data, teachers and initialisations.

``derive(seed, "student", replicate=3, chain=0)`` depends on the base seed, the purpose and the named axes and on nothing
else: not on the method, the block a replicate is computed in, or the order of the calls.
"""

import hashlib


def derive(base: int, purpose: str, **axes: int | str) -> int:
    """Return a seed in [0, 2**63) for ``purpose`` and the named ``axes`` (their order does not matter)."""
    text = "/".join([str(base), purpose, *(f"{name}={axes[name]}" for name in sorted(axes))])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
