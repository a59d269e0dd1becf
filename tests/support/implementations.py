"""The two implementations of what is computed often: numpy alone, and loops that numba compiles."""

from __future__ import annotations

import pytest

from ubcf.scoring.kernels import has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

# Runs a test once with compiled=False and once, where numba is installed, with compiled=True.
each_implementation = pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, id="numpy"), pytest.param(True, id="numba", marks=needs_numba)],
)
