"""What scoring would take on clusters that are not here, by the planner's own estimates.

    python -m tests.benchmarks.cluster_costs

Prints a markdown table: computed, not measured. For logs of some sizes and clusters it has the
seconds of the scores and the memory that an executor needs, by each way that a build may take.

What is assumed: a node is one executor. The events of users are lognormal (SPREAD), the popularity
of tracks falls with their rank by a power law (EXPONENT), and each event is a track drawn at random
by its popularity, so that some are repeated; each user gets 100 tracks. An operation takes the
seconds of `ubcf.scoring.costs`, measured on one core, however many cores a node has. G is computed
anew by each executor, and the rest is divided among them. Not in it: reading the logs, the model,
loading R, writing the results, and whatever waits for the slowest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ubcf.building.memory import limit_for_matrices
from ubcf.scoring.costs import (
    CANDIDATES_PER_LIST_ENTRY,
    Work,
    estimated_seconds,
    expected_entries,
    least_bytes,
    nearest_seconds,
)
from ubcf.scoring.matrices import FloatArray
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES, PRESETS

LIST_LENGTH = 100

# The deviation of the logarithm of a user's number of events.
SPREAD = 1.0

# The exponent of the popularity of tracks by rank.
EXPONENT = 0.8

# Users are represented by as many quantiles, and sums over them or over tracks are computed at as
# many points, and interpolated between.
QUANTILES = 20_000

POINTS = 100


@dataclass(frozen=True)
class Cluster:
    """Logs, and the nodes that score them."""

    events: int
    users: int
    tracks: int
    nodes: int
    cores: int


CLUSTERS = (
    Cluster(10**9, 10_000_000, 500_000, 1, 64),
    Cluster(10**9, 10_000_000, 500_000, 16, 16),
    Cluster(10**10, 100_000_000, 1_000_000, 1, 64),
    Cluster(10**10, 100_000_000, 1_000_000, 32, 16),
    Cluster(10**10, 100_000_000, 1_000_000, 100, 16),
)


def events_of_users(events: int, users: int) -> FloatArray:
    """The events of users at equally spaced quantiles."""
    quantiles = min(users, QUANTILES)
    values = np.exp(SPREAD * special.ndtri((np.arange(quantiles) + 0.5) / quantiles))
    return np.asarray(values * (events / users / values.mean()))


def popularity(tracks: int) -> FloatArray:
    """The probability of each track to be that of an event, the popular ones first."""
    values = np.arange(1, tracks + 1) ** -EXPONENT
    return np.asarray(values / values.sum())


def expected_sums(of: FloatArray, others: FloatArray, values: FloatArray | float) -> FloatArray:
    """The expected sum of values over those of `others` that each of `of` meets.

    A user with n events and a track of popularity p meet with the probability 1 - (1 - p)^n, about
    1 - exp(-n p): of and others are n and p, or p and n. values: of each of `others`.
    """
    grid = np.geomspace(of.min(), of.max(), POINTS)
    sums = [float((-np.expm1(-point * others) * values).sum()) for point in grid]
    return np.asarray(np.interp(of, grid, sums))


def expected_work(events: int, users: int, tracks: int) -> Work:
    """The operations that are expected for such logs: `Work.of` needs R, which fits nowhere."""
    counts, shares = events_of_users(events, users), popularity(tracks)
    weight = users / len(counts)
    user_tracks = expected_sums(counts, shares, 1.0)
    listeners = expected_sums(shares, counts, weight)
    paths_of_track = expected_sums(shares, counts, weight * user_tracks)
    to_users = expected_sums(counts, shares, listeners)
    to_tracks = expected_sums(counts, shares, paths_of_track)
    similarities = np.minimum(to_users, users)
    gram_entries = expected_entries(paths_of_track, np.rint(listeners).astype(np.int64))
    interactions = float(user_tracks.sum() * weight)
    candidates = CANDIDATES_PER_LIST_ENTRY * min(LIST_LENGTH, tracks)
    return Work(
        users=users,
        tracks=tracks,
        interactions=round(interactions),
        similarity_products=float(to_users.sum() * weight),
        similarities=float(similarities.sum() * weight),
        score_products=float((to_tracks * similarities / to_users).sum() * weight),
        scores=float(np.minimum(to_tracks, tracks).sum() * weight),
        gram_products=float((user_tracks**2).sum() * weight),
        gram_entries=float(gram_entries.sum()),
        gram_score_products=float(gram_entries @ listeners),
        tile_products=interactions * tracks,
        candidate_products=interactions * candidates,
        candidates=users * candidates,
        undecided_seconds=0.0,
    )


def of_one_executor(work: Work, executors: int) -> Work:
    """The operations of one of several executors: all of G, and its users' part of the rest."""
    return replace(
        work,
        users=work.users // executors,
        gram_score_products=work.gram_score_products / executors,
        tile_products=work.tile_products / executors,
        candidate_products=work.candidate_products / executors,
        candidates=work.candidates / executors,
    )


def seconds(work: Work, plan: str, nodes: int, cores: int) -> float:
    """Wall seconds of the scores on a cluster; plan: products, tiles or similar."""
    if plan == "similar":
        nearest = PRESETS[plan]["neighbors"]
        return nearest_seconds(work, nearest, overlap=False, threads=nodes * cores)
    own = of_one_executor(work, nodes)
    return estimated_seconds(own, plan, compiled=True, threads=cores)


def limit_mib(work: Work, plan: str) -> float:
    """The least memory limit of an executor, in MiB."""
    way = BY_SIMILARITIES if plan == "similar" else plan
    return limit_for_matrices(least_bytes(work, LIST_LENGTH, way, compiled=True)) / 2**20


def duration(of: float) -> str:
    """Seconds as text: 12 s, 8 min, 4.3 h."""
    if of < 120:
        return f"{of:,.0f} s"
    return f"{of / 60:,.0f} min" if of < 7200 else f"{of / 3600:,.1f} h"


def size(mib: float) -> str:
    """A size as text: 812 MiB, 78 GiB, 4.1 TiB."""
    if mib < 1024:
        return f"{mib:,.0f} MiB"
    gib = mib / 1024
    return f"{gib:,.0f} GiB" if gib < 1024 else f"{gib / 1024:,.1f} TiB"


def main() -> None:
    """Prints the table."""
    plans = (BY_PRODUCTS, BY_TILES, "similar")
    print("| events | users x tracks | nodes x cores | " + " | ".join(plans) + " |")
    print("|--:|---|---|" + "--:|" * len(plans))
    for cluster in CLUSTERS:
        work = expected_work(cluster.events, cluster.users, cluster.tracks)
        cells = [
            f"{duration(seconds(work, plan, cluster.nodes, cluster.cores))}, "
            f"{size(limit_mib(work, plan))}"
            for plan in plans
        ]
        head = f"| {cluster.events:,.0f} | {cluster.users:,} x {cluster.tracks:,} "
        print(head + f"| {cluster.nodes} x {cluster.cores} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
