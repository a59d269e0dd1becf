"""Baseline: what is to be expected of a user and a track before any neighbor is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ubcf.scoring.matrices import FloatArray, IntArray

# The regularization of users and of tracks, and the rounds of alternating least squares, as in
# Koren (2010), Factor in the Neighbors, section 2.1, and in what is commonly built on it.
USER_REGULARIZATION = 15.0

TRACK_REGULARIZATION = 10.0

ROUNDS = 10


@dataclass(frozen=True)
class Baseline:
    """time(u, t) is expected to be mean + users[u] + tracks[t].

    mean: of all plays. users, tracks: the biases, shapes (users,) and (tracks,).
    """

    mean: float
    users: FloatArray
    tracks: FloatArray


def fit_baseline(
    user_index: IntArray,
    track_index: IntArray,
    plays: IntArray,
    total_time: FloatArray,
    shape: tuple[int, int],
) -> Baseline:
    """Biases by alternating least squares: each is a regularized mean of what the others leave.

    The four arrays have one entry per user and track heard: how often, and the sum of the times.
    Sums go from left to right, so the same arrays give the same bytes.
    """
    users, tracks = shape
    weights = plays.astype(np.float64)
    mean = float(total_time.sum() / weights.sum())
    left = total_time - weights * mean
    plays_of_user = np.bincount(user_index, weights, users)
    plays_of_track = np.bincount(track_index, weights, tracks)
    user_bias, track_bias = np.zeros(users), np.zeros(tracks)
    for _ in range(ROUNDS):
        rest = left - weights * user_bias.take(user_index)
        track_bias = np.bincount(track_index, rest, tracks) / (
            TRACK_REGULARIZATION + plays_of_track
        )
        rest = left - weights * track_bias.take(track_index)
        user_bias = np.bincount(user_index, rest, users) / (USER_REGULARIZATION + plays_of_user)
    return Baseline(mean, user_bias, track_bias)
