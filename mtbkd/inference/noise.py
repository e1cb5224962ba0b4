"""Standard normals for samplers, which spend as long on them as on gradients when torch draws them on one thread.

On the CPU z = sqrt(2) erfinv(u), u uniform on (-1, 1), several times as fast as torch.randn, whose Mersenne Twister is
serial. Each word of numpy's SFC64 starts a run of 8 numbers of the linear congruential generator x <- a x mod 2^64, computed
for thousands of words at once, of which u has the 24 leading bits; a is Steele & Vigna's (2022), chosen for its spectral
test in up to 8 dimensions. 24 bits mean |z| <= 5.4, beyond which a normal lies with probability 6e-8.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mtbkd.base.lazy import torch

STREAMS = 8  # a block is cut into as many slices whatever the threads: the same seed gives the same numbers on any machine
RUN, MULTIPLIER = 8, np.uint64(0xD1342543DE82EF95)
CHUNK = RUN << 14  # normals at a time: their words stay in a core's cache, and torch starts no threads of its own
BLOCK = STREAMS * CHUNK  # normals drawn together at least, so that a small ensemble pays the calls once in many steps
UNIT = (1 - 2**-24) / 2**63  # 64 signed bits to (-1, 1), both ends left out


class Normals:
    """Tensors of independent standard normals, float32, all of one shape; a new one overwrites those before it.

    Args:
        shape: of each tensor.
        seed: what they are a function of, with the device's kind.
        device: where they live.
    """

    def __init__(self, shape: tuple[int, ...], seed: int, device: str):
        size = math.prod(shape)
        steps = max(1, BLOCK // max(size, 1)) if device == "cpu" else 1
        self.block, self.next = torch.empty((steps, *shape), device=device), steps
        if device != "cpu":
            self.generator = torch.Generator(device).manual_seed(seed)
            return
        bits = [np.random.SFC64(child) for child in np.random.SeedSequence(seed).spawn(STREAMS)]
        slices = self.block.view(-1).tensor_split(STREAMS)
        self.slices = list(zip((np.random.Generator(b) for b in bits), slices, strict=True))
        threads = min(STREAMS, torch.get_num_threads())
        self.map = ThreadPoolExecutor(threads).map if threads > 1 else map

    def draw(self, most: int = 1) -> "torch.Tensor":
        """The next tensors (n, *shape), 1 <= n <= ``most``."""
        if self.next == len(self.block):
            self.next = 0
            if self.block.device.type == "cpu":
                list(self.map(_fill, self.slices))
            else:
                torch.randn(self.block.shape, generator=self.generator, device=self.block.device, out=self.block)
        drawn = self.block[self.next : self.next + most]
        self.next += len(drawn)
        return drawn


def _fill(job: "tuple[np.random.Generator, torch.Tensor]") -> None:
    rng, out = job
    for chunk in out.split(CHUNK):
        words = rng.integers(0, 2**64 - 1, -(-len(chunk) // RUN), endpoint=True, dtype=np.uint64)
        for part in chunk.split(len(words)):
            np.copyto(part.numpy(), words.view(np.int64)[: len(part)], casting="unsafe")
            part.mul_(UNIT).erfinv_().mul_(math.sqrt(2))
            np.multiply(words, MULTIPLIER, out=words)
