"""Random numbers that are the same on every machine: uniform ones, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random numbers of a purpose, independent of those of all others.

    So the catalog, for example, does not depend on the number of users.
    """
    return np.random.Generator(np.random.PCG64([seed, *purpose.encode()]))


def shuffled(rng: np.random.Generator, count: int) -> NDArray[np.int32]:
    """(count,) the numbers 0 to count - 1 in random order."""
    return np.argsort(rng.random(count), kind="stable").astype(np.int32)


def uniform_ints(rng: np.random.Generator, count: int, low: int, high: int) -> Ints:
    """(count,) whole numbers from low to high - 1, all equally likely."""
    return low + (rng.random(count) * (high - low)).astype(np.int64)


def zipf_ranks(uniform: Floats, counts: Ints | int) -> Ints:
    """Ranks from 0 to counts - 1, with frequencies of about (rank + 1) ** (-2 / 3).

    uniform: (draws,) from 0 to 1; counts: the number of ranks, for all draws or for each. The cube
    of a uniform number is the inverse distribution function of that law, taken as continuous.
    https://en.wikipedia.org/wiki/Inverse_transform_sampling
    """
    return (uniform * uniform * uniform * counts).astype(np.int64)


def group_starts(groups: NDArray[np.int32], count: int) -> Ints:
    """(count + 1,) where each of `count` groups starts in the sorted `groups`; then, its length."""
    return np.searchsorted(groups, np.arange(count + 1)).astype(np.int64)


def pick_from_groups(
    rng: np.random.Generator, starts: Ints, groups: NDArray[np.integer[Any]]
) -> Ints:
    """(draws,) for each of `groups` the index of a random member, the first ones more often.

    Group g has the indexes from starts[g] to starts[g + 1] - 1.
    """
    first: Ints = starts[groups]
    return first + zipf_ranks(rng.random(len(groups)), np.diff(starts)[groups])
