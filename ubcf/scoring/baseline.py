"""Baseline estimates: the time to expect of a user on a track, from the biases of both alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ubcf.scoring.matrices import FloatArray, IntArray

# Regularization and rounds of alternating least squares: the defaults of the Surprise library for
# the baseline estimates of Koren (2010), Factor in the Neighbors, section 2.1.
USER_REGULARIZATION = 15.0

TRACK_REGULARIZATION = 10.0

ROUNDS = 10


@dataclass(frozen=True)
class Baseline:
    """The expected time of user u on track t is mean + users[u] + tracks[t].

    mean: the mean time of all plays. users, tracks: the biases, shapes (users,) and (tracks,).
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
    """The biases by alternating least squares (Koren 2010, section 2.1).

    A track's bias is the sum of its residuals, after mean and user biases, divided by its plays
    plus the regularization; a user's likewise. The four arrays have one entry per user and track
    heard: plays counts the plays, total_time sums their times. shape: users x tracks. Sums go from
    left to right, so the same arrays give the same bytes.
    """
    users, tracks = shape
    weights = plays.astype(np.float64)
    mean = float(total_time.sum() / weights.sum())
    residual = total_time - weights * mean
    plays_of_user = np.bincount(user_index, weights, users)
    plays_of_track = np.bincount(track_index, weights, tracks)
    user_bias, track_bias = np.zeros(users), np.zeros(tracks)
    for _ in range(ROUNDS):
        rest = residual - weights * user_bias.take(user_index)
        track_bias = np.bincount(track_index, rest, tracks) / (
            TRACK_REGULARIZATION + plays_of_track
        )
        rest = residual - weights * track_bias.take(track_index)
        user_bias = np.bincount(user_index, rest, users) / (USER_REGULARIZATION + plays_of_user)
    return Baseline(mean, user_bias, track_bias)
