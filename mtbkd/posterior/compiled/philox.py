"""Random words that are a function of where they are used: Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011).

A counter of four words and a key of two give four words; no state is carried, so any member, step and thread may draw its own.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from mtbkd.posterior.compiled.lanes import INT, INTS, WIDTH, instruction, spread

MULTIPLY, WEYL, ROUNDS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85), 10
WORDS = 4 * WIDTH  # drawn at a time: four of each lane


def _product(builder: Any, words: Any, by: int) -> tuple[Any, Any]:
    """Leading and trailing 32 bits of ``words`` times ``by``."""
    long = ir.VectorType(ir.IntType(64), WIDTH)
    whole = builder.mul(builder.zext(words, long), ir.Constant(long, [by] * WIDTH))
    leading = builder.trunc(builder.lshr(whole, ir.Constant(long, [32] * WIDTH)), INTS)
    return leading, builder.trunc(whole, INTS)


@instruction
def philox(typing: Any, key: Any, block: Any, member: Any, step: Any, out: Any, at: Any) -> Any:
    """Write WORDS words to ``out`` (uint32) from ``at`` on, word k of lane l at k WIDTH + l.

    The counter of a lane is (WIDTH block + lane, member, step's trailing and leading word), the key that of 64 bits.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        key, block, member, step, out, at = values
        keys = [builder.trunc(key, INT), builder.trunc(builder.lshr(key, key.type(32)), INT)]
        lanes = ir.Constant(INTS, list(range(WIDTH)))
        low, high = (builder.trunc(each, INT) for each in (step, builder.lshr(step, step.type(32))))
        first = builder.add(spread(builder, builder.mul(builder.trunc(block, INT), INT(WIDTH)), INTS), lanes)
        words = [first, *(spread(builder, each, INTS) for each in (builder.trunc(member, INT), low, high))]
        for _ in range(ROUNDS):
            (high0, low0), (high1, low1) = (_product(builder, words[2 * i], MULTIPLY[i]) for i in range(2))
            first, second = (spread(builder, each, INTS) for each in keys)
            words = [
                builder.xor(builder.xor(high1, words[1]), first), low1,
                builder.xor(builder.xor(high0, words[3]), second), low0,
            ]  # fmt: skip
            keys = [builder.add(each, INT(weyl)) for each, weyl in zip(keys, WEYL, strict=True)]
        data = context.make_array(signature.args[4])(context, builder, out).data
        for i, word in enumerate(words):
            place = builder.gep(data, [builder.add(at, at.type(i * WIDTH))])
            builder.store(word, builder.bitcast(place, INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64, types.int64, types.int64, out, types.intp), generate
