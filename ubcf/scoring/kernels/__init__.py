"""The kernels: loops compiled by numba. No other package of `ubcf` imports numba.

Importing a module of this package needs numba (the extra `ubcf[fast]`), so callers import it inside
the functions that use it. Each kernel has a numpy form in `ubcf.scoring.similarity`, `ranking`,
`pairs` or `ways`, and gives the same lists; weights and predicted times are the same to the bit.
"""

from __future__ import annotations

import importlib.util


def has_numba() -> bool:
    """Whether numba, of the extra `ubcf[fast]`, is installed."""
    return importlib.util.find_spec("numba") is not None
