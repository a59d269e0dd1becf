"""The loops that numba compiles, and the only folder that imports numba.

What calls them lives beside their numpy forms, in `ubcf.scoring.similarity`, `ranking`, `pairs` and
`ways`. A kernel gives the same numbers as the numpy form, to the bit.
"""

from __future__ import annotations

import importlib.util


def has_numba() -> bool:
    """Whether numba, of the extra `ubcf[fast]`, is installed."""
    return importlib.util.find_spec("numba") is not None
