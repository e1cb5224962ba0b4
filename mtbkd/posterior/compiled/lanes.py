"""Sixteen numbers side by side as one value of compiled functions, which becomes vector instructions on any processor.

The compiler vectorises plain loops over arrays only where it can show that none overlaps another, and then keeps no number in
a register from one loop to the next. Written with lanes, a sum over inputs stays in registers.
A lane value ``v`` knows +, -, *, / with another; conditions leave numbers that are not finite as they are.
Arrays are one-dimensional float32; ``at`` counts numbers.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WIDTH = 16
FLOAT, INT = ir.FloatType(), ir.IntType(32)
FLOATS, INTS = ir.VectorType(FLOAT, WIDTH), ir.VectorType(INT, WIDTH)
SUM_IN_ANY_ORDER = ("reassoc", "contract")


def instruction(declare: Callable[..., Any]) -> Any:
    """A compiled function, given what returns its signature and how to write its instructions."""
    return intrinsic(declare)


class LanesType(types.Type):
    """numba's type of a lane value."""

    def __init__(self) -> None:
        super().__init__(name="lanes")


LANES = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, FLOATS)


def _operator(python: Callable[..., Any], instruction: str) -> None:
    def typer(context: Any) -> Callable[[Any, Any], Any]:
        del context
        return lambda a, b: LANES if a is LANES and b is LANES else None

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del context, signature
        return getattr(builder, instruction)(*values, flags=SUM_IN_ANY_ORDER)

    type_callable(python)(typer)
    lower_builtin(python, LanesType, LanesType)(generate)


for _python, _instruction in ("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv"):
    _operator(getattr(operator, _python), _instruction)
    _operator(getattr(operator, "i" + _python), _instruction)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Of ``WIDTH`` numbers from ``array[at]`` on."""
    return builder.bitcast(builder.gep(context.make_array(kind)(context, builder, array).data, [at]), FLOATS.as_pointer())


def _called(builder: Any, name: str, result: Any, *values: Any) -> Any:
    function = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), values, fastmath=SUM_IN_ANY_ORDER)


def _constant(value: float) -> Any:
    kind = INTS if isinstance(value, int) else FLOATS
    return ir.Constant(kind, [value] * WIDTH)


@instruction
def load(typing: Any, array: Any, at: Any) -> Any:
    """The numbers from ``array[at]`` on."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *values), align=4)

    return LANES(array, types.intp), generate


@instruction
def store(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write ``value`` to ``array[at]`` and what follows."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _pointer(context, builder, signature.args[0], *values[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@instruction
def fetch(typing: Any, array: Any, at: Any) -> Any:
    """Ask for ``array[at]`` and its neighbours, so that they are near when they are read."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = builder.gep(context.make_array(signature.args[0])(context, builder, values[0]).data, [values[1]])
        place = builder.bitcast(number, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, INT, INT, INT])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(prefetch, [place, INT(0), INT(3), INT(1)])  # to read, often, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@instruction
def splat(typing: Any, number: Any) -> Any:
    """``number`` in every lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return spread(builder, values[0], FLOATS)

    return LANES(types.float32), generate


def spread(builder: Any, number: Any, kind: Any) -> Any:
    """``number`` in every lane of a vector of ``kind``."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, INT(0))
    return builder.shuffle_vector(one, one, ir.Constant(INTS, [0] * WIDTH))


@instruction
def larger(typing: Any, a: Any, b: Any) -> Any:
    """b where b > a, else a."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", values[1], values[0]), values[1], values[0])

    return LANES(a, b), generate


@instruction
def gate(typing: Any, value: Any, by: Any) -> Any:
    """0 where ``by`` <= 0, else ``value``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<=", values[1], _constant(0.0)), _constant(0.0), values[0])

    return LANES(value, by), generate


@instruction
def equal(typing: Any, a: Any, b: Any) -> Any:
    """1 where a = b, else 0."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered("==", *values), _constant(1.0), _constant(0.0))

    return LANES(a, b), generate


@instruction
def total(typing: Any, value: Any) -> Any:
    """The sum of the lanes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _called(builder, f"llvm.vector.reduce.fadd.v{WIDTH}f32", FLOAT, ir.Constant(FLOAT, 0.0), values[0])

    return types.float32(value), generate


@instruction
def rounded(typing: Any, value: Any) -> Any:
    """The largest whole number that is not larger."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _called(builder, f"llvm.floor.v{WIDTH}f32", FLOATS, values[0])

    return LANES(value), generate


@instruction
def root(typing: Any, value: Any) -> Any:
    """The square root."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _called(builder, f"llvm.sqrt.v{WIDTH}f32", FLOATS, values[0])

    return LANES(value), generate


@instruction
def two_to(typing: Any, power: Any) -> Any:
    """2^power of whole numbers from -126 to 127."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = builder.fptosi(values[0], INTS)
        return builder.bitcast(builder.shl(builder.add(whole, _constant(127)), _constant(23)), FLOATS)

    return LANES(power), generate


@instruction
def fraction(typing: Any, value: Any) -> Any:
    """f of value = f 2^e with f in [.5, 1), of normal numbers > 0."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.and_(builder.bitcast(values[0], INTS), _constant(0x007FFFFF))
        return builder.bitcast(builder.or_(bits, _constant(0x3F000000)), FLOATS)

    return LANES(value), generate


@instruction
def exponent(typing: Any, value: Any) -> Any:
    """e of ``fraction``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = builder.ashr(builder.bitcast(values[0], INTS), _constant(23))
        return builder.sitofp(builder.sub(whole, _constant(126)), FLOATS)

    return LANES(value), generate


@instruction
def transpose(typing: Any, table: Any, start: Any, first: Any, out: Any, at: Any, stride: Any) -> Any:
    """Write ``WIDTH`` numbers from each of table[start[first]], table[start[first + 1]], ... to the columns of out[at], whose
    rows are ``stride`` apart: ``WIDTH`` of each, in as many rows."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        table, start, first, out, at, stride = values
        kinds, rows = signature.args, []
        starts = context.make_array(kinds[1])(context, builder, start).data
        for lane in range(WIDTH):
            begin = builder.load(builder.gep(starts, [builder.add(first, first.type(lane))]))
            rows.append(builder.load(_pointer(context, builder, kinds[0], table, begin), align=4))
        for column in _columns(builder, rows):
            builder.store(column, _pointer(context, builder, kinds[3], out, at), align=4)
            at = builder.add(at, stride)
        return context.get_dummy_value()

    return types.void(table, start, types.intp, out, types.intp, types.intp), generate


@instruction
def turn(typing: Any, array: Any, at: Any, stride: Any, to: Any) -> Any:
    """Write the columns of array[at], ``WIDTH`` rows of ``WIDTH`` numbers ``stride`` apart, one after another to array[to]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, at, stride, to = values
        kind, rows = signature.args[0], []
        for _ in range(WIDTH):
            rows.append(builder.load(_pointer(context, builder, kind, array, at), align=4))
            at = builder.add(at, stride)
        for column in _columns(builder, rows):
            builder.store(column, _pointer(context, builder, kind, array, to), align=4)
            to = builder.add(to, to.type(WIDTH))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), generate


def _columns(builder: Any, rows: list[Any]) -> list[Any]:
    """Four perfect shuffles of the rows' halves, each of which interleaves two rows, are a transposition."""
    low = ir.Constant(INTS, [i // 2 + WIDTH * (i % 2) for i in range(WIDTH)])
    high = ir.Constant(INTS, [WIDTH // 2 + i // 2 + WIDTH * (i % 2) for i in range(WIDTH)])
    for _ in range(4):
        pairs = list(zip(rows[: WIDTH // 2], rows[WIDTH // 2 :], strict=True))
        rows = [builder.shuffle_vector(a, b, order) for a, b in pairs for order in (low, high)]
    return rows
