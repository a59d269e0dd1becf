"""The planner: which of the three ways to compute the scores to take.

It takes the cheapest way that fits in the memory, by the estimates of `ubcf.scoring.costs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ubcf.scoring import kernels
from ubcf.scoring.costs import (
    LEAST_BLOCK_BYTES,
    NARROWEST_TILE,
    Estimate,
    Work,
    estimated_seconds,
    least_bytes,
    nearest_seconds,
    neighbors_seconds,
    ridge_bytes,
    ridge_seconds,
    walk_bytes,
    walk_seconds,
)
from ubcf.scoring.options import ALL_USERS, BY_SIMILARITIES, BY_TILES, WAYS, Neighborhood, Walk
from ubcf.scoring.ways.tiles import CANDIDATE_BYTES, TILE_BYTES, TILE_WIDTH, USERS_PER_BLOCK

# Load numba for pair scores and predictions only above this many interactions x users.
WORTH_COMPILED_WEIGHTS = 10**9

# Other ways than `similarities` also compute neighbors if that takes at most this share of the time
# of the scores, or at most this many seconds.
NEIGHBORS_SHARE_OF_SCORE_TIME = 1 / 3

NEIGHBORS_SECONDS_ALWAYS_SPENT = 1.5

# The choice is made for this many threads, whatever their real number: the ways add in different
# orders, so a choice by the real number would make the last digits of scores depend on it.
TYPICAL_THREADS = 2

# The share for candidates of the memory that tiles leave.
SHARE_FOR_CANDIDATES = 0.75


class TooLittleMemoryError(ValueError):
    """No way fits in the memory; `needed`: the bytes that suffice."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"the matrices need {needed:,} bytes")
        self.needed = needed


@dataclass(frozen=True)
class Plan:
    """How to compute the scores, and why.

    way: one of WAYS. compiled: by kernels. neighbors: also compute the similarities between users.
    tile_width, users_at_once: of tiles, as the memory allows. block_bytes: memory of the blocks in
    work. estimates: by way, and of the similarities alone as 'neighbors'.
    """

    way: str
    compiled: bool
    neighbors: bool
    tile_width: int
    users_at_once: int
    block_bytes: int
    estimates: dict[str, Estimate]
    reason: str


def worth_compiling(interactions: int, users: int) -> bool:
    """Whether numba is installed, and worth loading for the weights of this many users."""
    return interactions * users >= WORTH_COMPILED_WEIGHTS and kernels.has_numba()


def plan_scores(
    work: Work,
    *,
    list_length: int,
    threads: int,
    memory: int,
    way: str | None = None,
    neighbors: bool | None = None,
    numba: bool | None = None,
    neighborhood: Neighborhood = ALL_USERS,
    walk: Walk | None = None,
) -> Plan:
    """The cheapest way that fits in the memory, in bytes.

    list_length: of the longest ranking that a user needs. way: one of WAYS, to take no other.
    neighbors: whether to compute the neighbors (None: if their time is small; see
    NEIGHBORS_SHARE_OF_SCORE_TIME). numba: whether kernels may be used (None: if it is installed).
    neighborhood: only ALL_USERS can do without similarities. walk: decides the weights in the
    scores; None: the neighborhood does.
    Raises TooLittleMemoryError when no way fits.
    """
    seconds = partial(_way_seconds, work, neighborhood=neighborhood, walk=walk)
    by_scipy, by_kernels = (
        {each: seconds(each, compiled=compiled, threads=TYPICAL_THREADS) for each in WAYS}
        for compiled in (False, True)
    )
    may_compile = kernels.has_numba() if numba is None else numba
    compiled = {each: may_compile and by_kernels[each] < by_scipy[each] for each in WAYS}
    cost = {each: (by_kernels if compiled[each] else by_scipy)[each] for each in WAYS}
    estimates = {
        each: Estimate(
            seconds(each, compiled=compiled[each], threads=threads),
            least_bytes(work, list_length, each, compiled=compiled[each])
            + (0 if walk is None else walk_bytes(work, neighborhood.neighbors or work.users)),
        )
        for each in WAYS
    }
    usable = WAYS if neighborhood == ALL_USERS else (BY_SIMILARITIES,)
    possible = [each for each in usable if way in (None, each)]
    fitting = [each for each in possible if estimates[each].bytes <= memory]
    if not fitting:
        raise TooLittleMemoryError(min(estimates[each].bytes for each in possible))
    chosen = min(fitting, key=cost.__getitem__)
    why = "as was asked for" if neighborhood == ALL_USERS else "the similarities are needed"
    reason = _reason(chosen, fitting, possible, estimates, compiled[chosen], why)
    if neighbors is None:
        neighbors = _neighbors_take_little(work, by_scipy)
    sizes = _sizes(
        work, chosen, memory - estimates[chosen].bytes, list_length, compiled=compiled[chosen]
    )
    return Plan(
        way=chosen,
        compiled=compiled[chosen],
        neighbors=chosen == BY_SIMILARITIES or neighbors,
        tile_width=sizes.tile_width,
        users_at_once=sizes.users_at_once,
        block_bytes=sizes.block_bytes,
        estimates={**estimates, "neighbors": Estimate(neighbors_seconds(work, threads), 0)},
        reason=reason,
    )


def plan_ridge(work: Work, *, threads: int, memory: int, neighbors: bool | None = None) -> Plan:
    """The plan of a ridge over users, which there is one way to compute; the rest as plan_scores.

    neighbors: None computes them. Raises TooLittleMemoryError when it does not fit.
    """
    needed = ridge_bytes(work)
    if needed > memory:
        raise TooLittleMemoryError(needed)
    estimate = Estimate(ridge_seconds(work, threads), needed)
    return Plan(
        way=BY_SIMILARITIES,
        compiled=False,
        neighbors=neighbors is not False,
        tile_width=0,
        users_at_once=0,
        block_bytes=LEAST_BLOCK_BYTES + memory - needed,
        estimates={
            BY_SIMILARITIES: estimate,
            "neighbors": Estimate(neighbors_seconds(work, threads), 0),
        },
        reason=f"{BY_SIMILARITIES}: about {_seconds(estimate)}, by a ridge over users",
    )


def _way_seconds(
    work: Work,
    way: str,
    *,
    neighborhood: Neighborhood,
    walk: Walk | None,
    compiled: bool,
    threads: int,
) -> float:
    """Wall seconds of a way; the kernels of `similarities` compute nearest users only."""
    nearest = neighborhood.neighbors
    seconds = 0.0
    if way == BY_SIMILARITIES and nearest is not None:
        if walk is not None:
            seconds = walk_seconds(work, nearest, walk, compiled=compiled, threads=threads)
        if compiled:
            return seconds + nearest_seconds(work, nearest, neighborhood.overlap, threads)
    return seconds + estimated_seconds(work, way, compiled=compiled, threads=threads)


def _neighbors_take_little(work: Work, by_scipy: dict[str, float]) -> bool:
    """Whether neighbors take little time beside the scores; by_scipy: seconds of each way.

    Depends on the logs alone, not on the threads, the memory, or whether numba is installed.
    """
    seconds = neighbors_seconds(work, TYPICAL_THREADS)
    return (
        min(by_scipy, key=by_scipy.__getitem__) == BY_SIMILARITIES
        or seconds <= NEIGHBORS_SHARE_OF_SCORE_TIME * min(by_scipy.values())
        or seconds <= NEIGHBORS_SECONDS_ALWAYS_SPENT
    )


@dataclass(frozen=True)
class _Sizes:
    """The sizes that a memory allows; fields as in Plan."""

    tile_width: int
    users_at_once: int
    block_bytes: int


def _sizes(work: Work, way: str, left_over: int, list_length: int, *, compiled: bool) -> _Sizes:
    """Splits the memory beyond the least of a way between wider tiles, candidates and blocks."""
    per_column = TILE_BYTES[compiled] * work.tracks
    width = int(min(TILE_WIDTH, NARROWEST_TILE + left_over // 2 // per_column, work.tracks))
    width = max(width - width % NARROWEST_TILE, min(NARROWEST_TILE, work.tracks))
    if way == BY_TILES:
        left_over -= max(width - NARROWEST_TILE, 0) * per_column
    per_block = USERS_PER_BLOCK * list_length * CANDIDATE_BYTES
    # Users that do not fit take another pass over all tiles.
    blocks = 1 + int(left_over * SHARE_FOR_CANDIDATES) // per_block
    users_at_once = int(min(blocks * USERS_PER_BLOCK, work.users))
    if way == BY_TILES:
        left_over -= int(left_over * SHARE_FOR_CANDIDATES)
    return _Sizes(width, users_at_once, int(LEAST_BLOCK_BYTES + left_over))


def _reason(
    chosen: str,
    fitting: list[str],
    possible: list[str],
    estimates: dict[str, Estimate],
    compiled: bool,
    why: str,
) -> str:
    """Why a way was chosen, with the estimates of the others; why: if there was no choice."""
    means = " (compiled)" if compiled else ""
    about = f"{chosen}{means}: about {_seconds(estimates[chosen])}"
    if len(possible) == 1:
        return f"{about}, {why}"
    others = [
        f"{way} would take {_seconds(estimates[way])}"
        if way in fitting
        else f"{way} needs {estimates[way].bytes / 2**20:,.0f} MiB"
        for way in possible
        if way != chosen
    ]
    return "; ".join([about, *others])


def _seconds(estimate: Estimate) -> str:
    """The seconds as text, such as 12 s, 1.2 s or 0.12 s."""
    digits = 0 if estimate.seconds >= 10 else 1 if estimate.seconds >= 1 else 2
    return f"{estimate.seconds:,.{digits}f} s"
