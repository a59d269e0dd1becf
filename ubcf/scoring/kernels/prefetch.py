"""Asks the processor for rows that a kernel reads next, while it works on others.

A kernel that reads short rows all over a large matrix waits for memory most of the time: the
processor guesses what is read next only within a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ubcf.scoring.kernels.selection import compiled
from ubcf.scoring.matrices import Rows

# Rows between the one in work and the one that is asked for.
ROWS_AHEAD = 4

# Bytes that the processor reads at once.
CACHE_LINE = 64

# Arguments of the LLVM intrinsic: for reading, soon again, data.
FOR_READING, SOON_AGAIN, DATA = 0, 2, 1


@intrinsic
def _ask_for_line(_typing: Any, _address: Any) -> tuple[Any, Any]:  # Any: not typed
    """Asks for the cache line at an address; does nothing where there is no memory."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> ir.Constant:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        takes = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], takes)
        options = [ir.Constant(number, each) for each in (FOR_READING, SOON_AGAIN, DATA)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *options])
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(types.intp), generate


_prefetch = cast(Callable[[int], int], _ask_for_line)


@compiled
def prefetch_entries(array: NDArray[Any], first: int, stop: int) -> None:  # Any: of any type
    """Asks for the entries first..stop-1 of an array, shape (n,)."""
    start = array.ctypes.data
    for address in range(start + first * array.itemsize, start + stop * array.itemsize, CACHE_LINE):
        _prefetch(address)


@compiled
def prefetch_row(rows: Rows, row: int) -> None:
    """Asks for the columns and values of a row."""
    first, stop = rows.starts[row], rows.starts[row + 1]
    prefetch_entries(rows.columns, first, stop)
    prefetch_entries(rows.values, first, stop)
