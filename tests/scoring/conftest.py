"""The interactions that tests of several ways share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ubcf.scoring.matrices import interaction_matrix

# Few different values, so that many scores are equal.
LEVELS = (-0.5, -0.25, 0.25, 0.5, 0.75)


@pytest.fixture(scope="session")
def crowd() -> sparse.csr_array:
    """R of 600 users x 400 tracks, a few popular, with times that repeat."""
    random = np.random.default_rng(5)
    rows = np.repeat(np.arange(600), 30)
    columns = np.minimum(random.zipf(1.3, len(rows)) - 1, 399)
    cells = np.unique(np.stack([rows, columns]), axis=1)
    values = random.choice(LEVELS, size=cells.shape[1])
    return interaction_matrix(cells[0], cells[1], values, (600, 400))
