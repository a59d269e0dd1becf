"""Events as lines of the service's logs, spread over its replicas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.draws import Bools, Ints, uniform_ints
from ubcf.simulation.listeners import FULL, treatment_combinations
from ubcf.simulation.sessions import NO_RECOMMENDATION, START_MS, Events

# A latency is the difference of two epoch times in seconds, which double precision holds in steps
# of 2^-22 seconds. So the latencies, of 16 ms at most, are few enough for a table of their texts.
LATENCY_STEPS_PER_SECOND = 2**22
LATENCY_STEPS = 2**16

# Steps of a latency: floor + spread / sqrt(1 - uniform number). As in the 2025 logs, it has a long
# tail, with medians of 0.57 ms for a recommendation and 0.12 ms for the end of a session.
NEXT_FLOOR, NEXT_SPREAD = 1_500, 630
LAST_FLOOR, LAST_SPREAD = 200, 200


def write_events(
    rng: np.random.Generator,
    events: Events,
    treatments: NDArray[np.uint8],
    replicas: Sequence[BinaryIO],
) -> None:
    """Writes each event to one of the replicas, at random, as a load balancer does.

    treatments: (users,) an index of `treatment_combinations()` for each user.
    """
    latency = latency_steps(rng, events["recommendation"] == NO_RECOMMENDATION)
    replica = uniform_ints(rng, len(events), 0, len(replicas))
    for number, file in enumerate(replicas):
        here = replica == number
        file.write(format_lines(events[here], latency[here], treatments))


def latency_steps(rng: np.random.Generator, last: Bools) -> Ints:
    """(events,) latencies in steps of 2^-22 seconds; last: whether the event ends its session."""
    tail = 1 / np.sqrt(1 - rng.random(len(last)))
    steps = np.where(last, LAST_FLOOR + LAST_SPREAD * tail, NEXT_FLOOR + NEXT_SPREAD * tail)
    return np.minimum(steps, LATENCY_STEPS - 1).astype(np.int64)


def format_lines(events: Events, latency_step: Ints, treatments: NDArray[np.uint8]) -> bytes:
    """The lines of events, as the service's `json.dumps` writes them.

    latency_step: (events,) latencies in steps of 2^-22 seconds; treatments: as in `write_events`.
    """
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
    # This loop takes most of the time of a simulation, and an f-string is its fastest form.
    lines = [
        f'{{"message": "{message}", "timestamp": {timestamp}, "user": {user}, "track": {track}, '
        f'"time": {time}, "latency": {latency}, "recommendation": {recommendation}, '
        f'"experiments": {experiments}}}\n'
        for message, timestamp, user, track, time, latency, recommendation, experiments in rows
    ]
    return "".join(lines).encode("ascii")


class _Texts(NamedTuple):
    """The texts of all values of a field, by value: looked up, not formatted for each line."""

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
