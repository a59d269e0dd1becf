"""Biases of users and tracks."""

from __future__ import annotations

import numpy as np
import pytest

from ubcf.scoring.baseline import fit_baseline


def test_the_baseline_is_that_of_alternating_least_squares_by_hand() -> None:
    # User 0 plays track 0 twice, 1.0 in all, and track 1 once, 1.0; user 1 plays track 0 once, 0.2.
    baseline = fit_baseline(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([2, 1, 1]), np.array([1.0, 1.0, 0.2]),
        (2, 2),
    )  # fmt: skip
    mean = 2.2 / 4
    users, tracks = [0.0, 0.0], [0.0, 0.0]
    for _ in range(10):
        tracks = [
            (1.0 - 2 * (mean + users[0]) + 0.2 - (mean + users[1])) / (10 + 3),
            (1.0 - (mean + users[0])) / (10 + 1),
        ]
        users = [
            (1.0 - 2 * (mean + tracks[0]) + 1.0 - (mean + tracks[1])) / (15 + 3),
            (0.2 - (mean + tracks[0])) / (15 + 1),
        ]
    assert baseline.mean == pytest.approx(mean, abs=1e-15)
    assert baseline.users.tolist() == pytest.approx(users, abs=1e-15)
    assert baseline.tracks.tolist() == pytest.approx(tracks, abs=1e-15)
