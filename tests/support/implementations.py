"""The two implementations of the scoring: numpy, and kernels that numba compiles."""

from __future__ import annotations

import pytest

from ubcf.scoring.kernels import has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def implementations(*marks_of_numba: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Runs a test with compiled=False and, where numba is installed, with compiled=True."""
    by_numba = pytest.param(True, id="numba", marks=[needs_numba, *marks_of_numba])
    return pytest.mark.parametrize("compiled", [pytest.param(False, id="numpy"), by_numba])


each_implementation = implementations()

# A new environment compiles each kernel once. Those of similarities and pairs take half a minute.
each_implementation_slowly = implementations(pytest.mark.slow)
