"""The heap of the process: giving back what is free in it."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def release_freed_memory() -> None:
    """Gives the free memory of the heap back to the system, where the C library can (glibc).

    Arrays of up to 32 MB are in the heap, and leave holes in it that other libraries, which have
    their own memory, do not use.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)
