"""The sessions: who listens when, to which tracks, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation import Recommender
from ubcf.simulation.catalog import Catalog
from ubcf.simulation.draws import Floats, Ints, uniform_ints
from ubcf.simulation.listeners import (
    FULL,
    Listeners,
    listen,
    match_levels,
    pick_by_taste,
    recommend,
    taste_shares,
)

# A session begins with some patience, mostly near the least; each hundredth of a track left unheard
# takes one from it, and the session ends when none is left. So sessions have the lengths of the
# real logs: at least 5 events, median 6, mean 7.2, one in a hundred of 15 or more.
LEAST_PATIENCE, MOST_PATIENCE = 330, 1_130
LONGEST_SESSION = 40  # events; the longest real one has 34. Ends sessions that lose no patience.
EXPECTED_SESSION = 7.2  # events; the first estimate, before the mean of the sessions so far

# Between two tracks, and at least between two sessions of a user, which never overlap.
SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 4_000

# The share of the activity that is the same for all users. With the cube of a uniform number for
# the rest, the most active user has 1 / 0.03 = 33 times the mean activity, and half of the users
# have about half of it.
EVEN_ACTIVITY = 0.03

START_MS = 1_708_300_800_000  # 2024-02-19T00:00:00Z, in the week of the service's 2024 logs
LEAST_DAYS = 7

# The period is long enough for the most active users, who have 33 times the mean: 20 * 33 events of
# a minute each are 11 hours a day.
MOST_EVENTS_PER_USER_DAY = 20

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

# Relative listening in each hour of the day, from midnight: quiet at night, busiest at 20.
HOUR_WEIGHTS = (5, 3, 2, 1, 1, 1, 2, 4, 6, 6, 6, 6, 7, 7, 7, 8, 9, 11, 13, 15, 16, 15, 12, 8)

# Events drawn at once: enough to make the cost of a call of numpy negligible, in some 100 MB.
SLOT_EVENTS = 131_072

NO_RECOMMENDATION = -1  # of the last event of a session; null in the log

EVENT = np.dtype(
    [
        ("timestamp", np.int64),  # milliseconds since START_MS
        ("user", np.int32),
        ("track", np.int32),
        ("hundredths", np.int16),  # of the track, heard: 0 to FULL
        ("recommendation", np.int32),
    ]
)

Events = NDArray[np.void]  # of dtype EVENT


def event_batches(
    rng: np.random.Generator,
    catalog: Catalog,
    listeners: Listeners,
    events: int,
    recommender: Recommender,
) -> Iterator[Events]:
    """Exactly `events` events in order of time, in one batch for each slot of the period."""
    users = len(listeners.by_arrival)
    slots = -(-events // SLOT_EVENTS)
    days = max(LEAST_DAYS, -(-events // (users * MOST_EVENTS_PER_USER_DAY)))
    made = sessions = arrived = 0
    waiting = np.empty(0, dtype=EVENT)
    for slot in range(slots):
        start, end = slot / slots, (slot + 1) / slots  # shares of the listening in the period
        goal = events * (slot + 1) // slots
        while made < goal:
            length = made / sessions if sessions else EXPECTED_SESSION
            count = int((goal - made) / length) + 1
            # New users come first: only the last sessions can be cut off at the last event.
            new = min(count, users * (slot + 1) // slots - arrived)
            newcomers = listeners.by_arrival[arrived : arrived + new]
            regulars = draw_regulars(rng, listeners, count - new)
            session_users = np.concatenate((newcomers, regulars))
            begins = time_of_share(start + (end - start) * rng.random(count), days)
            drawn = draw_sessions(
                rng, catalog, listeners, session_users, begins, events - made, recommender
            )
            waiting = np.concatenate((waiting, drawn))
            made, sessions, arrived = made + len(drawn), sessions + count, arrived + new
        if slot + 1 < slots:
            due = waiting["timestamp"] < time_of_share(np.array([end]), days)[0]
            batch, waiting = waiting[due], waiting[~due]
        else:
            batch = waiting
        yield batch[np.argsort(batch["timestamp"], kind="stable")]


def draw_regulars(rng: np.random.Generator, listeners: Listeners, count: int) -> NDArray[np.int32]:
    """(count,) users, each with a probability proportional to the user's activity."""
    uniform = rng.random(count)
    cube = uniform * uniform * uniform
    rank = EVEN_ACTIVITY * uniform + (1 - EVEN_ACTIVITY) * cube  # as a share of the users
    return listeners.by_activity[(rank * len(listeners.by_activity)).astype(np.int64)]


def time_of_share(share: Floats, days: int) -> Ints:
    """When a share (0 to 1) of the listening in the period of `days` is over, ms since START_MS."""
    weights = np.array(HOUR_WEIGHTS, dtype=np.float64)
    before = np.concatenate(([0.0], np.cumsum(weights)))
    day = np.floor(share * days)
    within = (share * days - day) * before[-1]
    hour = np.minimum(np.searchsorted(before, within, side="right") - 1, len(weights) - 1)
    hours = hour + (within - before[hour]) / weights[hour]
    return np.asarray(day * DAY_MS + hours * HOUR_MS, dtype=np.float64).astype(np.int64)


def draw_sessions(
    rng: np.random.Generator,
    catalog: Catalog,
    listeners: Listeners,
    users: NDArray[np.int32],
    begins: Ints,
    most_events: int,
    recommender: Recommender,
) -> Events:
    """The events of one session for each of `users`.

    users: (sessions,), repeated for several sessions of one user. begins: (sessions,) the earliest
    time that each can begin, ms since START_MS. The session that reaches `most_events`, over all
    sessions, is cut short there; those after it are left out.
    """
    # All sessions advance together, a track at a time.
    shares = taste_shares()[listeners.treatments[users]]
    patience = draw_patience(rng, len(users))
    elapsed = np.zeros(len(users), dtype=np.int64)
    going = np.arange(len(users))  # the sessions that have not ended
    track = pick_by_taste(rng, catalog, listeners, users)
    hundredths = np.full(len(users), FULL, dtype=np.int64)  # the first track is heard in full
    steps: list[tuple[Ints, Events]] = []
    for length in range(1, LONGEST_SESSION + 1):
        patience[going] -= FULL - hundredths
        ends = (patience[going] <= 0) | (length == LONGEST_SESSION)
        recommended = recommend(rng, catalog, listeners, users[going], shares[going], recommender)
        step = np.empty(len(going), dtype=EVENT)
        step["timestamp"] = elapsed[going]
        step["user"] = users[going]
        step["track"] = track
        step["hundredths"] = hundredths
        step["recommendation"] = np.where(ends, NO_RECOMMENDATION, recommended)
        steps.append((going, step))
        going, track = going[~ends], recommended[~ends]
        if not len(going):
            break
        hundredths = listen(rng, match_levels(catalog, listeners, users[going], track))
        heard_ms = catalog.seconds[track].astype(np.int64) * hundredths * 1000 // FULL
        pause_ms = uniform_ints(rng, len(going), SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS)
        elapsed[going] += heard_ms + pause_ms
    begins = lay_out(users, begins, elapsed + LONGEST_PAUSE_MS, listeners.free_at)
    session = np.concatenate([going for going, _ in steps])
    drawn = np.concatenate([step for _, step in steps])
    number = np.repeat(np.arange(len(steps)), [len(step) for _, step in steps])
    drawn["timestamp"] += begins[session]
    return _cut(drawn, session, number, most_events)


def draw_patience(rng: np.random.Generator, sessions: int) -> Ints:
    """(sessions,) hundredths of tracks that can be left unheard before the session ends."""
    uniform = rng.random(sessions)
    cube = uniform * uniform * uniform
    return (LEAST_PATIENCE + cube * cube * (MOST_PATIENCE - LEAST_PATIENCE)).astype(np.int64)


def _cut(drawn: Events, session: Ints, number: Ints, most_events: int) -> Events:
    """The first `most_events` of the events `drawn`, counted session by session.

    session: (events,) the session of each; number: (events,) its index within that.
    """
    if len(drawn) <= most_events:
        return drawn
    starts = np.concatenate(([0], np.cumsum(np.bincount(session))))
    index = starts[session] + number
    drawn["recommendation"][index == most_events - 1] = NO_RECOMMENDATION
    return drawn[index < most_events]


def lay_out(users: NDArray[np.int32], begins: Ints, lasts: Ints, free_at: Ints) -> Ints:
    """(sessions,) when each session begins, so that those of one user do not overlap; in ms.

    users, begins, lasts: (sessions,) who listens, from when at the earliest, and for how long.
    free_at: (users,) when each user's earlier sessions are over; updated to the end of the last.

    The sessions of a user, in order of `begins`, begin at
    b[k] = max(begins[k], b[k - 1] + lasts[k - 1]); less the duration of all sessions before k, that
    is a running maximum.
    """
    order = np.lexsort((begins, users))
    user, last = users[order], lasts[order]
    before = np.cumsum(last) - last
    early = np.maximum(begins[order], free_at[user]) - before
    first = np.concatenate(([True], user[1:] != user[:-1]))
    # A lift of each user above the one before keeps the running maximum within the user.
    lift = (np.cumsum(first) - 1) * (early.max() - early.min() + 1)
    laid = np.maximum.accumulate(early + lift) - lift + before
    final = np.concatenate((first[1:], [True]))
    free_at[user[final]] = (laid + last)[final]
    result = np.empty(len(users), dtype=np.int64)
    result[order] = laid
    return result
