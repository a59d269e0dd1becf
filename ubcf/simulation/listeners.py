"""The listeners: tastes, treatments and activity, and what a taste makes of a track."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation import Recommender
from ubcf.simulation.catalog import Catalog
from ubcf.simulation.draws import (
    Floats,
    Ints,
    pick_from_groups,
    shuffled,
    uniform_ints,
    zipf_ranks,
)


class Experiment(NamedTuple):
    """An A/B experiment: what each treatment adds to the share of recommendations by taste."""

    name: str
    added_taste_share: dict[str, float]


# The first has an effect: recommendations by taste are heard longer, and sessions last longer. The
# second is an A/A test, which shows that an analysis does not find differences everywhere.
EXPERIMENTS = (
    Experiment("TASTE_SHARE", {"C": 0.0, "T1": 0.25}),
    Experiment("AA_CHECK", {"C": 0.0, "T1": 0.0}),
)

# The share of recommendations by taste without treatment; the recommender picks the others. It
# gives a mean time of 0.23 after the first track; that of the real logs is 0.2 to 0.23.
TASTE_SHARE = 0.15

# Of the tracks picked by taste, the share by a favorite artist; the others are of a favorite genre.
FAVORITE_ARTIST_SHARE = 0.35

FULL = 100  # hundredths of a track: the logs give times with two decimals


@dataclass
class Listeners:
    """Users by number, 28 bytes each; sessions move `free_at` on."""

    genres: NDArray[np.uint8]  # (2, users) the favorite genres, the first one first
    artists: NDArray[np.int32]  # (2, users) the favorite artist in each of them
    treatments: NDArray[np.uint8]  # (users,) an index of `treatment_combinations()`
    by_activity: NDArray[np.int32]  # (users,) the most active user first
    by_arrival: NDArray[np.int32]  # (users,) in the order of their first sessions
    free_at: Ints  # (users,) when the latest session is over, ms since START_MS


def make_listeners(rng: np.random.Generator, users: int, catalog: Catalog) -> Listeners:
    """Listeners whose taste, treatments and activity are independent of one another."""
    by_arrival = shuffled(rng, users)
    treatments = np.empty(users, dtype=np.uint8)
    # Users arrive in random order, so treatments in turn are an even, random split.
    treatments[by_arrival] = np.arange(users) % len(treatment_combinations())
    genres = np.empty((2, users), dtype=np.uint8)
    artists = np.empty((2, users), dtype=np.int32)
    for favorite in range(2):
        uniform = rng.random(users)
        genre = (uniform * uniform * (len(catalog.genre_starts) - 1)).astype(np.int64)
        genres[favorite] = genre
        artists[favorite] = pick_from_groups(rng, catalog.genre_artists, genre)
    return Listeners(
        genres=genres,
        artists=artists,
        treatments=treatments,
        by_activity=shuffled(rng, users),
        by_arrival=by_arrival,
        free_at=np.zeros(users, dtype=np.int64),
    )


@lru_cache(maxsize=1)
def treatment_combinations() -> tuple[dict[str, str], ...]:
    """Every combination of treatments, each as a dictionary of experiment to treatment."""
    combinations: list[dict[str, str]] = [{}]
    for experiment in EXPERIMENTS:
        combinations = [
            {**combination, experiment.name: treatment}
            for treatment in experiment.added_taste_share
            for combination in combinations
        ]
    return tuple(combinations)


def taste_shares() -> Floats:
    """(combinations,) the share of recommendations by taste in each combination of treatments."""
    added = {experiment.name: experiment.added_taste_share for experiment in EXPERIMENTS}
    return np.array(
        [
            TASTE_SHARE + sum(added[name][treatment] for name, treatment in combination.items())
            for combination in treatment_combinations()
        ]
    )


def recommend(
    rng: np.random.Generator,
    catalog: Catalog,
    listeners: Listeners,
    users: NDArray[np.int32],
    shares: Floats,
    recommender: Recommender,
) -> NDArray[np.int32]:
    """(users,) a track for each user.

    shares: (users,) the probability that it is picked by taste; the recommender picks the others.
    """
    count, tracks_count = len(users), len(catalog.chart)
    by_taste = rng.random(count) < shares
    if recommender == "random":
        ranks = uniform_ints(rng, count, 0, tracks_count)
    else:
        ranks = zipf_ranks(rng.random(count), tracks_count)
    tracks = catalog.chart[ranks]
    tracks[by_taste] = pick_by_taste(rng, catalog, listeners, users[by_taste])
    return tracks


def pick_by_taste(
    rng: np.random.Generator, catalog: Catalog, listeners: Listeners, users: NDArray[np.int32]
) -> NDArray[np.int32]:
    """(users,) for each a popular track by a favorite artist or of a favorite genre."""
    favorite = (rng.random(len(users)) < 0.5).astype(np.int64)  # both are equally likely
    genre = listeners.genres[favorite, users]
    artist = listeners.artists[favorite, users]
    of_genre = pick_from_groups(rng, catalog.genre_starts, genre)
    by_artist = pick_from_groups(rng, catalog.artist_starts, artist)
    takes_artist = rng.random(len(users)) < FAVORITE_ARTIST_SHARE
    return np.where(takes_artist, catalog.by_artist[by_artist], catalog.by_genre[of_genre])


def match_levels(
    catalog: Catalog, listeners: Listeners, users: NDArray[np.int32], tracks: NDArray[np.int32]
) -> Ints:
    """(users,) how well the track suits: 3 a favorite artist, 2 the first genre, 1 the second.

    tracks: (users,) a track for each user.
    """
    genre, artist = catalog.genre[tracks], catalog.artist[tracks]
    levels = np.zeros(len(users), dtype=np.int64)
    levels[genre == listeners.genres[1, users]] = 1
    levels[genre == listeners.genres[0, users]] = 2
    levels[(artist == listeners.artists[0, users]) | (artist == listeners.artists[1, users])] = 3
    return levels


def listen(rng: np.random.Generator, levels: Ints) -> Ints:
    """(users,) hundredths of the track that are heard, 0 to FULL; levels: (users,) how it suits.

    Powers of a uniform number u: u^8 for level 0, with mean 0.11 and more than half below 0.01, for
    such tracks are skipped at once; u^3, u^2 and the square root of u for levels 1 to 3, with means
    0.25, 0.33 and 0.67.
    """
    u = rng.random(len(levels))
    square = u * u
    fourth = square * square
    share = np.choose(levels, (fourth * fourth, square * u, square, np.sqrt(u)))
    return (share * (FULL + 1)).astype(np.int64)
