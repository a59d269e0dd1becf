"""The model as it is defined, computed densely with numpy and plain Python.

All ways of computing in ubcf are compared with it; nothing here comes from ubcf.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key")
Event = tuple[int, int, float]  # user, track, time

CENTERED_TIME_NOISE = 1e-9  # a centered time under this is exactly 0
SIMILARITY_NOISE = 1e-12  # a similarity under this is 0
EQUALITY_GAP = 1e-10  # scores next to each other that differ by less are equal


@dataclass(frozen=True)
class Model:
    """All matrices of the model: a row per user, a column per track, both in ascending order."""

    users: list[int]
    tracks: list[int]
    plays: NDArray[np.int64]  # users x tracks
    mean_times: NDArray[np.float64]  # users
    track_times: NDArray[np.float64]  # users x tracks: mean time of the user on the track
    centered: NDArray[np.float64]  # users x tracks: R
    similarity: NDArray[np.float64]  # users x users
    scores: NDArray[np.float64]  # users x tracks
    total_times: list[Fraction]  # tracks

    def preference(self, column: int) -> tuple[Fraction, int]:
        """The order of tracks with equal scores: the more popular first, then the smaller id."""
        return -self.total_times[column], self.tracks[column]

    def recommendations(
        self, row: int, top: int = 100, exclude_heard: bool = False, only_positive: bool = False
    ) -> list[tuple[int, float]]:
        """Track and score of the recommendations of one user, best first."""
        chosen = recommended(
            dict(enumerate(self.scores[row].tolist())),
            top,
            preference=self.preference,
            excluded=np.flatnonzero(self.plays[row]).tolist() if exclude_heard else [],
            only_positive=only_positive,
        )
        return [(self.tracks[column], float(self.scores[row, column])) for column in chosen]

    def neighbors(self, row: int, count: int = 50) -> list[tuple[int, float, int]]:
        """Neighbor, similarity and common tracks of one user, the most similar first."""
        similar = {
            other: value for other, value in enumerate(self.similarity[row].tolist()) if value > 0
        }
        heard = self.plays > 0
        return [
            (self.users[other], similar[other], int(np.sum(heard[row] & heard[other])))
            for other in ranking(similar, preference=lambda other: other)[:count]
        ]


def model(events: Iterable[Event]) -> Model:
    """The whole model of some events."""
    times: dict[tuple[int, int], list[float]] = {}
    for user, track, time in events:
        times.setdefault((user, track), []).append(time)
    users = sorted({user for user, _ in times})
    tracks = sorted({track for _, track in times})

    shape = len(users), len(tracks)
    plays, total, heard_time = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    total_times = [Fraction(0)] * len(tracks)
    for (user, track), heard in times.items():
        row, column = users.index(user), tracks.index(track)
        plays[row, column] = len(heard)
        total[row, column] = sum(heard)
        heard_time[row, column] = sum(heard) / len(heard)
        # repr of a float is the decimal number of the log
        total_times[column] += sum(Fraction(repr(time)) for time in heard)

    mean_times = total.sum(axis=1) / plays.sum(axis=1)
    centered = centered_times(heard_time, plays, mean_times)
    similarity = cosine_similarity(centered)
    return Model(
        users,
        tracks,
        plays,
        mean_times,
        heard_time,
        centered,
        similarity,
        similarity @ centered,
        total_times,
    )


def centered_times(
    track_times: NDArray[np.float64], plays: NDArray[np.int64], mean_times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """h(u, t): how much longer than usual the user listened to the track; 0 if never."""
    centered = np.where(plays > 0, track_times - mean_times[:, np.newaxis], 0.0)
    return np.where(np.abs(centered) < CENTERED_TIME_NOISE, 0.0, centered)


def cosine_similarity(centered: NDArray[np.float64]) -> NDArray[np.float64]:
    """w(u, v): the cosines of all pairs of rows; 0 with an empty row, and with itself."""
    norms = np.sqrt((centered**2).sum(axis=1))
    unit = centered / np.where(norms > 0, norms, 1.0)[:, np.newaxis]
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, 0.0)
    similarity[np.abs(similarity) < SIMILARITY_NOISE] = 0.0
    return similarity


@dataclass(frozen=True)
class Options:
    """The options of the model, one by one."""

    neighbors: int | None = None
    shrinkage: float = 0.0
    min_similarity: float | None = None
    min_common: int = 0
    offset: float = 0.0
    overlap: bool = False
    own_liking: float = 0.0
    track_exponent: float = 0.0
    walk: int = 0
    reach: int = 300
    ridge: float | None = None


def counted_times(
    centered: NDArray[np.float64], heard: NDArray[np.bool_], offset: float
) -> NDArray[np.float64]:
    """What the interactions count: centered times plus the offset; 0 where nothing was heard."""
    counted = np.where(heard, centered + offset, 0.0)
    return np.where(np.abs(counted) < CENTERED_TIME_NOISE, 0.0, counted)


def overlap_similarity(
    counted: NDArray[np.float64], heard: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Cosines over the tracks that both have heard."""
    users = len(counted)
    similarity = np.zeros((users, users))
    for u in range(users):
        for v in range(users):
            both = heard[u] & heard[v]
            one, other = counted[u, both], counted[v, both]
            lengths = np.sqrt((one**2).sum() * (other**2).sum())
            if u != v and lengths > 0:
                similarity[u, v] = (one * other).sum() / lengths
    similarity[np.abs(similarity) < SIMILARITY_NOISE] = 0.0
    return similarity


def all_weights(
    counted: NDArray[np.float64], heard: NDArray[np.bool_], options: Options
) -> NDArray[np.float64]:
    """How much each user counts for each other, before the nearest are chosen."""
    listeners = np.maximum(heard.sum(axis=0), 1)
    compared = counted * listeners**-options.track_exponent
    weights = (
        overlap_similarity(compared, heard) if options.overlap else cosine_similarity(compared)
    ).copy()
    for u, v in np.argwhere(weights != 0):
        common = int(np.sum(heard[u] & heard[v]))
        weights[u, v] *= common / (common + options.shrinkage)
        if common < options.min_common:
            weights[u, v] = 0.0
        if options.min_similarity is not None and weights[u, v] < options.min_similarity:
            weights[u, v] = 0.0
    return weights


def ridge_weights(counted: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """How much each user counts for each other in a ridge over users."""
    inverse = np.linalg.inv(counted @ counted.T + ridge * np.eye(len(counted)))
    weights: NDArray[np.float64] = -inverse / np.diagonal(inverse)[:, np.newaxis]
    np.fill_diagonal(weights, 0.0)
    return weights


def nearest(weights: Mapping[int, float], neighbors: int | None) -> dict[int, float]:
    """The weights that count: the greatest above 0, among equal ones the smaller index; or all."""
    if neighbors is None:
        return {other: weight for other, weight in weights.items() if weight != 0}
    positive = {other: weight for other, weight in weights.items() if weight > 0}
    chosen = ranking(positive, preference=lambda other: other)[:neighbors]
    return {other: positive[other] for other in chosen}


def nearest_rows(weights: NDArray[np.float64], count: int | None) -> NDArray[np.float64]:
    """The weights of the nearest in each row, and 0 elsewhere."""
    kept = np.zeros_like(weights)
    for u, row in enumerate(weights.tolist()):
        for v, weight in nearest(dict(enumerate(row)), count).items():
            kept[u, v] = weight
    return kept


def counting_weights(weights: NDArray[np.float64], options: Options) -> NDArray[np.float64]:
    """The weights in the scores: those of the nearest, or of a walk that begins with them."""
    similarity = nearest_rows(weights, options.neighbors)
    if options.walk == 0:
        return similarity
    sums = similarity.sum(axis=1, keepdims=True)
    steps = similarity / np.where(sums > 0, sums, 1.0)
    reached = np.eye(len(weights))
    for _ in range(options.walk):
        reached = reached @ steps
        reached[np.abs(reached) < SIMILARITY_NOISE] = 0.0
        reached = nearest_rows(reached, options.reach)
    return reached


def score_weights(
    counted: NDArray[np.float64], weights: NDArray[np.float64], options: Options
) -> NDArray[np.float64]:
    """The weights in the scores, of whatever kind."""
    if options.ridge is not None:
        return ridge_weights(counted, options.ridge)
    return counting_weights(weights, options)


def option_scores(
    centered: NDArray[np.float64],
    counted: NDArray[np.float64],
    weights: NDArray[np.float64],
    options: Options,
) -> NDArray[np.float64]:
    """The scores of all users, from all weights."""
    own = options.own_liking * np.maximum(centered, 0.0)
    return np.array(score_weights(counted, weights, options) @ counted + own)


def deviation(
    weights: NDArray[np.float64],
    centered: NDArray[np.float64],
    heard: NDArray[np.bool_],
    pair: tuple[int, int],
    neighbors: int | None,
    damping: float,
) -> tuple[float, int]:
    """The deviation from the center that is predicted for a pair, and from how many neighbors."""
    user, track = pair
    listeners = {v: float(weights[user, v]) for v in range(len(weights)) if heard[v, track]}
    counted = nearest(listeners, neighbors)
    size = sum(abs(weight) for weight in counted.values()) + damping
    total = sum(weight * centered[v, track] for v, weight in counted.items())
    return (float(total / size) if counted else 0.0), len(counted)


def equality_chains(values: Mapping[Key, float]) -> list[list[Key]]:
    """The keys by value, descending; each list has keys of equal values."""
    chains: list[list[Key]] = []
    previous = float("inf")
    for key in sorted(values, key=lambda key: -values[key]):
        if previous - values[key] >= EQUALITY_GAP:
            chains.append([])
        chains[-1].append(key)
        previous = values[key]
    return chains


def ranking(values: Mapping[Key, float], preference: Callable[[Key], Any]) -> list[Key]:
    """The keys by value, descending; among equal values by preference, ascending."""
    return [key for chain in equality_chains(values) for key in sorted(chain, key=preference)]


def above_zero(values: Mapping[Key, float]) -> set[Key]:
    """The keys whose values are neither below 0 nor equal to it."""
    chains = equality_chains({**values, None: 0.0})
    chain_of_zero = next(rank for rank, chain in enumerate(chains) if None in chain)
    return {key for chain in chains[:chain_of_zero] for key in chain if key is not None}


def equal_to_zero(values: Mapping[Key, float]) -> set[Key]:
    """The keys whose values are in one equality chain with 0."""
    (chain,) = (chain for chain in equality_chains({**values, None: 0.0}) if None in chain)
    return {key for key in chain if key is not None}


def recommended(
    scores: Mapping[int, float],
    top: int,
    *,
    preference: Callable[[int], Any],
    excluded: Collection[int] = (),
    only_positive: bool = False,
) -> list[int]:
    """The first `top` keys of the ranking of all keys, from which some are left out."""
    chosen: Sequence[int] = ranking(scores, preference)
    if only_positive:
        positive = above_zero(scores)
        chosen = [key for key in chosen if key in positive]
    return [key for key in chosen if key not in set(excluded)][:top]


def expected_list(
    row: Mapping[int, float], columns: int, count: int, excluded: set[int], only_positive: bool
) -> list[tuple[int, float]]:
    scores = {column: row.get(column, 0.0) for column in range(columns)}
    chosen = recommended(
        scores,
        count,
        preference=lambda column: column,
        excluded=excluded,
        only_positive=only_positive,
    )
    zeros = equal_to_zero(scores)
    return [(column, 0.0 if column in zeros else scores[column]) for column in chosen]


def is_near_an_edge(
    centered: NDArray[np.float64], similarity: NDArray[np.float64], scores: NDArray[np.float64]
) -> bool:
    """Whether rounding could decide what is noise or equal; such an example tests nothing."""
    with_zero = np.column_stack([scores, np.zeros(len(scores))])
    return (
        _has_between(np.abs(centered), 1e-20, 1e-6)
        or _has_between(np.abs(similarity), 1e-20, 1e-9)
        or _has_between(np.diff(np.sort(similarity, axis=1), axis=1), 1e-13, 1e-8)
        or _has_between(np.diff(np.sort(with_zero, axis=1), axis=1), 1e-13, 1e-8)
    )


def _has_between(values: NDArray[np.float64], low: float, high: float) -> bool:
    return bool(np.any((values > low) & (values < high)))
