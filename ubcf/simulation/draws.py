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

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]


def _stream(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of their own for each purpose: the catalog does not depend on the users."""
    return np.random.Generator(np.random.PCG64([seed, *purpose.encode()]))


def _shuffled(rng: np.random.Generator, count: int) -> NDArray[np.int32]:
    """0 to count - 1, in random order."""
    return np.argsort(rng.random(count), kind="stable").astype(np.int32)


def _uniform(rng: np.random.Generator, count: int, low: int, high: int) -> Ints:
    """`count` whole numbers, each of low .. high - 1 equally often."""
    return low + (rng.random(count) * (high - low)).astype(np.int64)


def _zipf(uniform: Floats, counts: Ints | int) -> Ints:
    """Ranks 0 .. counts - 1 with frequency about (rank + 1) ** (-2 / 3).

    The cube of a uniform number is the inverse distribution function of that law, taken as
    continuous. https://en.wikipedia.org/wiki/Inverse_transform_sampling
    """
    return (uniform * uniform * uniform * counts).astype(np.int64)


def _starts(groups: NDArray[np.int32], count: int) -> Ints:
    """Where each of `count` groups starts in the sorted `groups`, and where the last one ends."""
    return np.searchsorted(groups, np.arange(count + 1)).astype(np.int64)


def _pick_group(rng: np.random.Generator, starts: Ints, group: NDArray[np.integer[Any]]) -> Ints:
    """(draws,) for each draw a place in its `group`, more often one of the first."""
    begins: Ints = starts[group]
    return begins + _zipf(rng.random(len(group)), np.diff(starts)[group])
