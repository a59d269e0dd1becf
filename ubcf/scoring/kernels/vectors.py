"""Sums of rows of a matrix, which stay in the vector registers of the processor.

Numba makes vector instructions of loops over arrays, but reads and writes the sums anew for each
row, and first checks whether they overlap it: for short rows that takes most of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# The columns of the matrix.
LANES = 32

# Bytes of the number of a row, of a factor and of a sum.
BYTES = 4

_INTEGER, _INDEX, _SINGLE = ir.IntType(64), ir.IntType(32), ir.FloatType()
_VECTOR, _ROW = ir.VectorType(_SINGLE, LANES), ir.VectorType(ir.IntType(16), LANES)


_LANE_NUMBERS = ir.VectorType(_INDEX, LANES)


@intrinsic
def _add_rows(
    _typing: Any, _matrix: Any, _rows: Any, _factors: Any, _count: Any, _sums: Any
) -> tuple[Any, Any]:  # Any: not typed
    """See add_rows."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        matrix, rows, factors, count, sums = arguments

        def loaded(kind: ir.Type, array: Any, index: Any) -> Any:
            """The entry of an array of this kind, of which single numbers are aligned."""
            found = builder.load(builder.gep(builder.inttoptr(array, kind.as_pointer()), [index]))
            found.align = 2 if kind is _ROW else BYTES
            return found

        before = builder.block
        loop, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
        zero, one = ir.Constant(_INTEGER, 0), ir.Constant(_INTEGER, 1)
        initial = loaded(_VECTOR, sums, zero)
        builder.cbranch(builder.icmp_signed(">", count, zero), loop, after)

        builder.position_at_end(loop)
        number, sum_so_far = builder.phi(_INTEGER), builder.phi(_VECTOR)
        row = builder.zext(loaded(_INDEX, rows, number), _INTEGER)
        factor = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), loaded(_SINGLE, factors, number), zero
        )
        factor = builder.shuffle_vector(factor, factor, ir.Constant(_LANE_NUMBERS, [0] * LANES))
        entries = builder.sitofp(loaded(_ROW, matrix, row), _VECTOR)
        term = builder.fmul(entries, factor, flags=("contract",))
        added = builder.fadd(sum_so_far, term, flags=("contract",))
        following = builder.add(number, one)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)

        builder.position_at_end(after)
        total = builder.phi(_VECTOR)
        for phi, from_before, from_loop in (
            (number, zero, following),
            (sum_so_far, initial, added),
            (total, initial, added),
        ):
            phi.add_incoming(from_before, before)
            phi.add_incoming(from_loop, loop)
        builder.store(total, builder.inttoptr(sums, _VECTOR.as_pointer())).align = BYTES
        greatest = builder.module.declare_intrinsic(
            f"llvm.vector.reduce.fmax.v{LANES}f32", (), ir.FunctionType(_SINGLE, [_VECTOR])
        )
        return builder.call(greatest, [total], fastmath=("nnan",))

    return types.float32(*[types.intp] * 5), generate


add_rows = cast(Callable[[int, int, int, int, int], float], _add_rows)
"""Adds rows of a matrix, each times its factor, to sums of its columns; returns the greatest sum.

Takes the addresses of the matrix (16-bit integers, LANES columns), of the numbers of the rows
(32-bit integers) and of the factors (32-bit floats), how many they are, and the address of the sums
(32-bit floats): numba counts the references to each slice of an array. It frees an array after its
last use, and an address is none: arrays have to be arguments of the caller, or used later on.
"""
