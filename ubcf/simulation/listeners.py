"""Made-up logs of the service, in the service's own layout and to the byte in its own format.

Listeners have tastes (two genres, a favorite artist in each) and hear longest what fits them, so
that collaborative filtering has something to find. Nothing in the logs is about a real person,
artist or song.

The period is cut into slots of about `SLOT_EVENTS` events each. A slot draws its sessions, lays
them out in time, and writes every event before the slot's end; the events of sessions that are
still going on wait for the next slot. So timestamps ascend in each file, and memory holds one slot.

The same arguments give the same bytes anywhere: every draw is a uniform number of PCG64, shaped by
operations that IEEE 754 rounds exactly (products, quotients, square roots), never by `pow` or
`log`, which differ between machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.catalog import Catalog
from ubcf.simulation.draws import Floats, Ints, _pick_group, _shuffled

# --- the experiments ------------------------------------------------------------------------------


class Experiment(NamedTuple):
    """An A/B experiment, and what each treatment adds to the share of tasteful recommendations."""

    name: str
    added_taste_share: dict[str, float]


# An effect that is there (listening times and sessions get longer), and one that is not: an A/A
# test, by which an analysis shows that it does not find differences everywhere.
EXPERIMENTS = (
    Experiment("TASTE_SHARE", {"C": 0.0, "T1": 0.25}),
    Experiment("AA_CHECK", {"C": 0.0, "T1": 0.0}),
)

# Without treatment, the share of recommendations that suit the listener; the others come from the
# chart. Gives a mean time of 0.23 after the first track; in the real logs it is 0.2 to 0.23.
TASTE_SHARE = 0.15


# --- the listeners --------------------------------------------------------------------------------


@dataclass
class Listeners:
    """Users by number, 28 bytes each. `free_at` moves on as sessions are laid out."""

    genres: NDArray[np.uint8]  # (2, users) the favorite genres, best first
    artists: NDArray[np.int32]  # (2, users) the favorite artist in each of them
    treatments: NDArray[np.uint8]  # (users,) a number of `treatment_combinations()`
    by_activity: NDArray[np.int32]  # (users,) the most active user first
    by_arrival: NDArray[np.int32]  # (users,) in the order of the first session
    free_at: Ints  # (users,) when the latest session is over, ms since START_MS


def make_listeners(rng: np.random.Generator, users: int, catalog: Catalog) -> Listeners:
    """Tastes, treatments and activity, each independent of the others."""
    by_arrival = _shuffled(rng, users)
    treatments = np.empty(users, dtype=np.uint8)
    # Users arrive in random order, so taking the treatments in turn is an even, random split.
    treatments[by_arrival] = np.arange(users) % len(treatment_combinations())
    genres = np.empty((2, users), dtype=np.uint8)
    artists = np.empty((2, users), dtype=np.int32)
    for place in range(2):
        uniform = rng.random(users)
        genre = (uniform * uniform * (len(catalog.genre_starts) - 1)).astype(np.int64)
        genres[place] = genre
        artists[place] = _pick_group(rng, catalog.genre_artists, genre)
    return Listeners(
        genres=genres,
        artists=artists,
        treatments=treatments,
        by_activity=_shuffled(rng, users),
        by_arrival=by_arrival,
        free_at=np.zeros(users, dtype=np.int64),
    )


@lru_cache(maxsize=1)
def treatment_combinations() -> tuple[dict[str, str], ...]:
    """Every combination of treatments: experiment -> treatment."""
    combinations: list[dict[str, str]] = [{}]
    for experiment in EXPERIMENTS:
        combinations = [
            {**combination, experiment.name: treatment}
            for treatment in experiment.added_taste_share
            for combination in combinations
        ]
    return tuple(combinations)


def taste_shares() -> Floats:
    """(combinations,) the share of tasteful recommendations in each combination of treatments."""
    added = {experiment.name: experiment.added_taste_share for experiment in EXPERIMENTS}
    return np.array(
        [
            TASTE_SHARE + sum(added[name][treatment] for name, treatment in combination.items())
            for combination in treatment_combinations()
        ]
    )
