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

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.draws import Bools, Ints, _uniform
from ubcf.simulation.listeners import treatment_combinations
from ubcf.simulation.sessions import FULL, NO_RECOMMENDATION, START_MS, Events

# --- the service ----------------------------------------------------------------------------------

# The service subtracts two epoch times in seconds, which double precision holds in steps of 2^-22
# seconds; so there are few enough latencies for a table of their texts. The longest is 16 ms.
LATENCY_STEPS_PER_SECOND = 2**22

LATENCY_STEPS = 2**16

# Steps of a latency: floor + spread / sqrt(1 - uniform), a long tail above 0.57 ms for a
# recommendation and 0.12 ms for the end of a session, as in the 2025 logs.
NEXT_FLOOR, NEXT_SPREAD = 1_500, 630

LAST_FLOOR, LAST_SPREAD = 200, 200


# --- the lines ------------------------------------------------------------------------------------


def write_events(
    rng: np.random.Generator,
    events: Events,
    treatments: NDArray[np.uint8],
    replicas: Sequence[BinaryIO],
) -> None:
    """Write each event to one of the replicas, at random, as a load balancer does."""
    latency = latency_steps(rng, events["recommendation"] == NO_RECOMMENDATION)
    replica = _uniform(rng, len(events), 0, len(replicas))
    for number, file in enumerate(replicas):
        mine = replica == number
        file.write(format_lines(events[mine], latency[mine], treatments))


def latency_steps(rng: np.random.Generator, last: Bools) -> Ints:
    """(events,) latencies, in steps of 2^-22 seconds."""
    tail = 1 / np.sqrt(1 - rng.random(len(last)))
    steps = np.where(last, LAST_FLOOR + LAST_SPREAD * tail, NEXT_FLOOR + NEXT_SPREAD * tail)
    return np.minimum(steps, LATENCY_STEPS - 1).astype(np.int64)


def format_lines(events: Events, latency_step: Ints, treatments: NDArray[np.uint8]) -> bytes:
    """The lines of these events, as the service's `json.dumps` writes them."""
    texts = _texts()
    last = events["recommendation"] == NO_RECOMMENDATION
    recommended = events["recommendation"].astype(object)
    recommended[last] = "null"
    rows = zip(
        texts.message[last.astype(np.int64)].tolist(),
        (events["timestamp"] + START_MS).tolist(),
        events["user"].tolist(),
        events["track"].tolist(),
        texts.time[events["hundredths"]].tolist(),
        texts.latency[latency_step].tolist(),
        recommended.tolist(),
        texts.experiments[treatments[events["user"]]].tolist(),
        strict=True,
    )
    # This loop is most of the time of a simulation; an f-string is the fastest way through it.
    lines = [
        f'{{"message": "{message}", "timestamp": {timestamp}, "user": {user}, "track": {track}, '
        f'"time": {time}, "latency": {latency}, "recommendation": {recommendation}, '
        f'"experiments": {experiments}}}\n'
        for message, timestamp, user, track, time, latency, recommendation, experiments in rows
    ]
    return "".join(lines).encode("ascii")


class _Texts(NamedTuple):
    """Every text that a field can have, to be looked up instead of made again for each line."""

    message: NDArray[np.object_]
    time: NDArray[np.object_]
    latency: NDArray[np.object_]
    experiments: NDArray[np.object_]


@lru_cache(maxsize=1)
def _texts() -> _Texts:
    def table(values: Sequence[object]) -> NDArray[np.object_]:
        return np.array([json.dumps(value) for value in values], dtype=object)

    return _Texts(
        message=np.array(["next", "last"], dtype=object),
        time=table([hundredths / FULL for hundredths in range(FULL + 1)]),
        latency=table([step / LATENCY_STEPS_PER_SECOND for step in range(LATENCY_STEPS)]),
        experiments=table(treatment_combinations()),
    )
