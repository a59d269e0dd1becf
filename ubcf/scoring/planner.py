"""The planner: what each way to compute the scores would cost, and which one to take.

Everything is estimated from counts: the tracks of each user and the listeners of each track. The
seconds an operation takes were measured on one core (tests/benchmarks/plans.py measures them
again); what matters is their ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

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
)
from ubcf.scoring.options import BY_SIMILARITIES, BY_TILES, WAYS
from ubcf.scoring.ways.tiles import CANDIDATE_BYTES, TILE_BYTES, TILE_WIDTH, USERS_PER_BLOCK

# Interactions times the users whose weights are asked for, from which on compiled loops are worth
# loading where no way of computing has loaded them.
WORTH_COMPILED_WEIGHTS = 10**9

# Neighbors are computed beside products when that takes at most this share of the scores' time, or
# so many seconds; on the way to the scores (left) they cost next to nothing.
PROPORTION = 1 / 3

SECONDS_ALWAYS_SPENT = 1.5

# The choice is made for this many threads, however many there are: the ways add in another order,
# so another way would give scores that differ in the last digits.
TYPICAL_THREADS = 2

# Of the memory that tiles leave.
SHARE_FOR_CANDIDATES = 0.75


class TooLittleMemoryError(ValueError):
    """The memory is too small for the matrices; `needed` bytes would do."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"the matrices need {needed:,} bytes")
        self.needed = needed


@dataclass(frozen=True)
class Plan:
    """How to compute the scores, and why.

    way: one of WAYS. compiled: by numba. neighbors: the similarities between users are
    computed too. tile_width, users_at_once: sizes within the memory. block_bytes: what is left for
    the blocks in work. estimates: by way, and 'neighbors' for the similarities alone.
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
    """Whether the weights of so many users are worth loading numba, and it is installed."""
    return interactions * users >= WORTH_COMPILED_WEIGHTS and kernels.has_numba()


def plan_scores(
    work: Work,
    *,
    wanted: int,
    threads: int,
    memory: int,
    way: str | None = None,
    neighbors: bool | None = None,
    numba: bool | None = None,
    needs_similarities: bool = False,
    nearest: int | None = None,
    overlap: bool = False,
) -> Plan:
    """The cheapest way within the memory, in bytes.

    way: one of WAYS insists. neighbors: whether to compute the similarities in any case (None: if
    they are in proportion). numba: whether compiled loops may be used (None: if it is installed).
    needs_similarities: not all users count as they are, so similarities are needed. nearest: only
    so many do, so the similarities may be compiled; overlap: of the overlap form.
    Raises TooLittleMemoryError when no way fits.
    """
    by_scipy, by_numba = (
        {
            each: estimated_seconds(work, each, compiled=with_numba, threads=TYPICAL_THREADS)
            for each in WAYS
        }
        for with_numba in (False, True)
    )
    usable = (BY_SIMILARITIES,) if needs_similarities else WAYS
    may_compile = kernels.has_numba() if numba is None else numba
    if nearest is not None:
        by_numba[BY_SIMILARITIES] = nearest_seconds(work, nearest, overlap, TYPICAL_THREADS)
    compiled = {each: may_compile and by_numba[each] < by_scipy[each] for each in WAYS}
    cost = {each: (by_numba if compiled[each] else by_scipy)[each] for each in WAYS}
    # A property of the logs alone: not of the threads, the memory, or what is installed.
    seconds_of_neighbors = neighbors_seconds(work, TYPICAL_THREADS)
    in_proportion = (
        min(by_scipy, key=by_scipy.__getitem__) == BY_SIMILARITIES
        or seconds_of_neighbors <= PROPORTION * min(by_scipy.values())
        or seconds_of_neighbors <= SECONDS_ALWAYS_SPENT
    )
    estimates = {
        each: Estimate(
            nearest_seconds(work, nearest, overlap, threads)
            if each == BY_SIMILARITIES and nearest is not None and compiled[BY_SIMILARITIES]
            else estimated_seconds(work, each, compiled=compiled[each], threads=threads),
            least_bytes(work, wanted, each, compiled=compiled[each]),
        )
        for each in WAYS
    }
    possible = [each for each in WAYS if way in (None, each) and each in usable]
    fitting = [each for each in possible if estimates[each].bytes <= memory]
    if not fitting:
        raise TooLittleMemoryError(min(estimates[each].bytes for each in possible))
    chosen = min(fitting, key=cost.__getitem__)
    why = "the similarities are needed" if needs_similarities else "as was asked for"
    reason = _reason(chosen, fitting, possible, estimates, compiled[chosen], why)
    estimates["neighbors"] = Estimate(neighbors_seconds(work, threads), 0)

    left_over = memory - estimates[chosen].bytes
    per_column = TILE_BYTES[compiled[chosen]] * work.tracks
    width = int(min(TILE_WIDTH, NARROWEST_TILE + left_over // 2 // per_column, work.tracks))
    width = max(width - width % NARROWEST_TILE, min(NARROWEST_TILE, work.tracks))
    if chosen == BY_TILES:
        left_over -= max(width - NARROWEST_TILE, 0) * per_column
    per_block = USERS_PER_BLOCK * wanted * CANDIDATE_BYTES
    # Users that do not fit need all the tiles once more.
    blocks = 1 + int(left_over * SHARE_FOR_CANDIDATES) // per_block
    users_at_once = int(min(blocks * USERS_PER_BLOCK, work.users))
    if chosen == BY_TILES:
        left_over -= int(left_over * SHARE_FOR_CANDIDATES)
    return Plan(
        way=chosen,
        compiled=compiled[chosen],
        neighbors=chosen == BY_SIMILARITIES or (in_proportion if neighbors is None else neighbors),
        tile_width=width,
        users_at_once=users_at_once,
        block_bytes=int(LEAST_BLOCK_BYTES + left_over),
        estimates=estimates,
        reason=reason,
    )


def _reason(
    chosen: str,
    fitting: list[str],
    possible: list[str],
    estimates: dict[str, Estimate],
    compiled: bool,
    why: str,
) -> str:
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
    digits = 0 if estimate.seconds >= 10 else 1 if estimate.seconds >= 1 else 2
    return f"{estimate.seconds:,.{digits}f} s"
