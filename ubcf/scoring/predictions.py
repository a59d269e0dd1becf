"""Predicted times: what neighbors say of the track, and what the user's own tracks say of it.

With h the centered times (time - baseline), w(u, v) the weights of users and z(t, j) those of
tracks, which are computed from the columns of R as w is from its rows, the deviation of a predicted
time from the center is

    sum over v of w(u, v) h(v, t) / (sum of |w(u, v)| + damping)

over the listeners v of t. With the user's own tracks it is OWN_TRACKS_FACTOR times the sum of this
and of

    sum over j of z(t, j) h(u, j) / (sum of |z(t, j)| + damping)

over the tracks j other than t that u has heard, the k nearest of them where the neighborhood takes
the k nearest. A sum without a term is 0. The second formula is the first one with tracks in the
place of users, and so is its computation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, Indexes, IntArray, ModelMatrices
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.pairs import Deviations, predict_deviations
from ubcf.scoring.ranking import top_positive
from ubcf.scoring.similarity import weights
from ubcf.scoring.tolerances import SMALLEST_DIVISOR

# Both deviations are estimates of the same difference, so their plain sum counts it twice in part.
OWN_TRACKS_FACTOR = 0.8


def predicted_deviations(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    damping: float,
    own_tracks: bool,
    threads: int = 1,
    compiled: bool = False,
) -> Deviations:
    """The deviations that neighbors and, with own_tracks, the user's own tracks predict for pairs.

    users, tracks, matrices, compiled: as for `predict_deviations`, which also says what is raised.
    """
    of_neighbors = predict_deviations(
        matrices,
        neighborhood,
        users,
        tracks,
        damping=damping,
        threads=threads,
        compiled=compiled,
    )
    if not own_tracks:
        return of_neighbors
    return with_own_tracks(
        of_neighbors,
        matrices,
        neighborhood,
        users,
        tracks,
        damping=damping,
        threads=threads,
        compiled=compiled,
    )


def with_own_tracks(
    of_neighbors: Deviations,
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    damping: float,
    threads: int = 1,
    compiled: bool = False,
) -> Deviations:
    """The deviations of neighbors combined with those that the user's own tracks predict.

    users, tracks: of each pair, in any order; the similar tracks of a track are computed once a
    call. The rest as for `predict_deviations`.
    """
    by_track = np.argsort(tracks, kind="stable")
    found = predict_deviations(
        matrices.transposed,
        neighborhood,
        tracks[by_track],
        users[by_track],
        damping=damping,
        threads=threads,
        compiled=compiled,
    )
    of_own_tracks = np.empty_like(found.deviation)
    own_support = np.empty_like(found.support)
    of_own_tracks[by_track], own_support[by_track] = found.deviation, found.support
    deviation = OWN_TRACKS_FACTOR * (of_neighbors.deviation + of_own_tracks)
    return Deviations(deviation, of_neighbors.support, own_support)


@dataclass(frozen=True)
class Terms:
    """The terms of one deviation: shape (terms,).

    indexes: of the neighbors, or of the user's own tracks, ascending. similarity: w(u, v) or
    z(t, j). centered_time: h(v, t) or h(u, j). contribution: what the term adds to the predicted
    time.
    """

    indexes: Indexes
    similarity: FloatArray
    centered_time: FloatArray
    contribution: FloatArray

    @classmethod
    def none(cls) -> Terms:
        """No terms."""
        nothing = np.empty(0)
        return cls(np.empty(0, dtype=np.int64), nothing, nothing, nothing)


def prediction_terms(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    user: int,
    track: int,
    *,
    damping: float,
    own_tracks: bool,
) -> tuple[Terms, Terms]:
    """The terms of the neighbors, and of the user's own tracks, in the deviation of one pair.

    Their contributions sum to that of `predicted_deviations`; without own_tracks, the second are
    none. Raises ValueError for matrices without centered_by_track.
    """
    factor = OWN_TRACKS_FACTOR if own_tracks else 1.0
    of_neighbors = _terms(matrices, neighborhood, user, track, damping, factor)
    if not own_tracks:
        return of_neighbors, Terms.none()
    return of_neighbors, _terms(matrices.transposed, neighborhood, track, user, damping, factor)


def _terms(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    user: int,
    track: int,
    damping: float,
    factor: float,
) -> Terms:
    """The terms of the neighbors of a user for a track."""
    if matrices.centered_by_track is None:
        raise ValueError("predictions need matrices with centered_by_track")
    everyone = replace(neighborhood, neighbors=None)
    of_all = weights(matrices, everyone, np.array([user], dtype=np.int64)).toarray().ravel()
    times = matrices.centered_by_track[[track]]
    similarity = of_all.take(times.indices)
    kept = np.flatnonzero(similarity)
    if neighborhood.neighbors is not None:
        row = sparse.csr_array(similarity[np.newaxis])
        kept = np.sort(top_positive(row, neighborhood.neighbors).columns)
    similarity, centered_time = similarity.take(kept), times.data.take(kept)
    divisor = max(float(np.abs(similarity).sum()) + damping, SMALLEST_DIVISOR)
    return Terms(
        times.indices.take(kept).astype(np.int64),
        similarity,
        centered_time,
        factor * similarity * centered_time / divisor,
    )
