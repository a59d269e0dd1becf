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

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.catalog import Catalog
from ubcf.simulation.draws import Floats, Ints, _pick_group, _uniform, _zipf
from ubcf.simulation.listeners import Listeners, taste_shares

# Of the recommendations that suit, the share that is by a favorite artist; the others are popular
# tracks of a favorite genre.
FAVORITE_ARTIST_SHARE = 0.35

# --- the sessions ---------------------------------------------------------------------------------

# A session begins with some patience, mostly near the least; the part of a track that was not
# heard costs its hundredths of patience, and the session ends when none is left. Gives the real
# logs' lengths: at least 5 events, median 6, mean 7.2, one in a hundred of 15 or more.
LEAST_PATIENCE, MOST_PATIENCE = 330, 1_130

LONGEST_SESSION = 40  # events; the longest real one has 34. Also ends what would never end.

EXPECTED_SESSION = 7.2  # events; the first guess, then the mean so far

FULL = 100  # hundredths: `time` has two decimals, and the first track is heard in full

# Choosing what to hear next; also between a user's sessions, which never overlap.
SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS = 200, 4_000

# How much of a user's activity is spread evenly. With the cube of a uniform number for the rest,
# the most active user has 1 / 0.03 = 33 times the mean and half of the users about half of it.
EVEN_ACTIVITY = 0.03

# --- the period -----------------------------------------------------------------------------------

START_MS = 1_708_300_800_000  # 2024-02-19T00:00:00Z, the week of the service's 2024 logs

LEAST_DAYS = 7

# A longer period keeps the most active users (33 times as active) from having more to hear in a
# day than a day holds: 20 * 33 events of a minute each are 11 hours.
MOST_EVENTS_PER_USER_DAY = 20

HOUR_MS = 3_600_000

DAY_MS = 24 * HOUR_MS

# Relative listening in each hour of the day, from midnight: quiet at night, busiest at 20.
HOUR_WEIGHTS = (5, 3, 2, 1, 1, 1, 2, 4, 6, 6, 6, 6, 7, 7, 7, 8, 9, 11, 13, 15, 16, 15, 12, 8)

# Events drawn at once: enough that numpy's cost of a call vanishes, few enough for some 100 MB.
SLOT_EVENTS = 131_072

NO_RECOMMENDATION = -1  # of a session's last event; `null` in the log

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


# --- the sessions ---------------------------------------------------------------------------------


def event_batches(
    rng: np.random.Generator, catalog: Catalog, listeners: Listeners, events: int
) -> Iterator[Events]:
    """Exactly `events` events, in order of time, a slot of the period at a time."""
    users = len(listeners.by_arrival)
    slots = -(-events // SLOT_EVENTS)
    days = max(LEAST_DAYS, -(-events // (users * MOST_EVENTS_PER_USER_DAY)))
    made = sessions = arrived = 0
    waiting = np.empty(0, dtype=EVENT)
    for slot in range(slots):
        share, share_end = slot / slots, (slot + 1) / slots
        goal = events * (slot + 1) // slots
        while made < goal:
            length = made / sessions if sessions else EXPECTED_SESSION
            count = int((goal - made) / length) + 1
            # New users come first, so that it is not they who are cut off at the last event.
            new = min(count, users * (slot + 1) // slots - arrived)
            newcomers = listeners.by_arrival[arrived : arrived + new]
            regulars = draw_regulars(rng, listeners, count - new)
            session_users = np.concatenate((newcomers, regulars))
            begins = time_of_share(share + (share_end - share) * rng.random(count), days)
            drawn = draw_sessions(rng, catalog, listeners, session_users, begins, events - made)
            waiting = np.concatenate((waiting, drawn))
            made, sessions, arrived = made + len(drawn), sessions + count, arrived + new
        if slot + 1 < slots:
            end = time_of_share(np.array([share_end]), days)[0]
            due = waiting["timestamp"] < end
            batch, waiting = waiting[due], waiting[~due]
        else:
            batch = waiting
        yield batch[np.argsort(batch["timestamp"], kind="stable")]


def draw_regulars(rng: np.random.Generator, listeners: Listeners, count: int) -> NDArray[np.int32]:
    """(count,) users drawn by their activity."""
    uniform = rng.random(count)
    cube = uniform * uniform * uniform
    place = EVEN_ACTIVITY * uniform + (1 - EVEN_ACTIVITY) * cube
    return listeners.by_activity[(place * len(listeners.by_activity)).astype(np.int64)]


def time_of_share(share: Floats, days: int) -> Ints:
    """When this share (0 to 1) of the period's listening has begun, in ms since START_MS."""
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
) -> Events:
    """The events of one session for each of `users` (sessions,), about when it `begins`.

    All sessions advance together, a track at a time. The session that reaches `most_events` is
    cut short there, and those after it are left out.
    """
    shares = taste_shares()[listeners.treatments[users]]
    patience = draw_patience(rng, len(users))
    elapsed = np.zeros(len(users), dtype=np.int64)
    going = np.arange(len(users))
    track = pick_by_taste(rng, catalog, listeners, users)
    hundredths = np.full(len(users), FULL, dtype=np.int64)
    steps: list[tuple[Ints, Events]] = []
    for length in range(1, LONGEST_SESSION + 1):
        patience[going] -= FULL - hundredths
        ends = (patience[going] <= 0) | (length == LONGEST_SESSION)
        recommended = recommend(rng, catalog, listeners, users[going], shares[going])
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
        hundredths = listen(rng, match_level(catalog, listeners, users[going], track))
        heard_ms = catalog.seconds[track].astype(np.int64) * hundredths * 1000 // FULL
        pause_ms = _uniform(rng, len(going), SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS)
        elapsed[going] += heard_ms + pause_ms
    begins = lay_out(users, begins, elapsed + LONGEST_PAUSE_MS, listeners.free_at)
    session = np.concatenate([going for going, _ in steps])
    drawn = np.concatenate([step for _, step in steps])
    place = np.repeat(np.arange(len(steps)), [len(step) for _, step in steps])
    drawn["timestamp"] += begins[session]
    return _cut(drawn, session, place, most_events)


def draw_patience(rng: np.random.Generator, sessions: int) -> Ints:
    """(sessions,) hundredths of tracks that may go unheard before the session ends."""
    uniform = rng.random(sessions)
    cube = uniform * uniform * uniform
    return (LEAST_PATIENCE + cube * cube * (MOST_PATIENCE - LEAST_PATIENCE)).astype(np.int64)


def _cut(drawn: Events, session: Ints, place: Ints, most_events: int) -> Events:
    """The first `most_events` events, session by session; `place` is an event's in its session."""
    if len(drawn) <= most_events:
        return drawn
    before = np.concatenate(([0], np.cumsum(np.bincount(session))))
    number = before[session] + place
    drawn["recommendation"][number == most_events - 1] = NO_RECOMMENDATION
    return drawn[number < most_events]


def lay_out(users: NDArray[np.int32], begins: Ints, lasts: Ints, free_at: Ints) -> Ints:
    """(sessions,) when each session begins, after the user's sessions before it; ms.

    A session begins at the later of its own time and the end of the one before:
    b[k] = max(begins[k], b[k - 1] + lasts[k - 1]). Without the time that all sessions before it
    take, that is a running maximum. Moves `free_at` (users,) on to the end of the last session.
    """
    order = np.lexsort((begins, users))
    user, last = users[order], lasts[order]
    before = np.cumsum(last) - last
    early = np.maximum(begins[order], free_at[user]) - before
    first = np.concatenate(([True], user[1:] != user[:-1]))
    # Lifting each user above the one before keeps the running maximum within the user.
    lift = (np.cumsum(first) - 1) * (early.max() - early.min() + 1)
    laid = np.maximum.accumulate(early + lift) - lift + before
    final = np.concatenate((first[1:], [True]))
    free_at[user[final]] = (laid + last)[final]
    result = np.empty(len(users), dtype=np.int64)
    result[order] = laid
    return result


def recommend(
    rng: np.random.Generator,
    catalog: Catalog,
    listeners: Listeners,
    users: NDArray[np.int32],
    shares: Floats,
) -> NDArray[np.int32]:
    """(users,) a track each: by taste for this share of them, from the chart for the others."""
    count = len(users)
    tasteful = rng.random(count) < shares
    tracks = catalog.chart[_zipf(rng.random(count), len(catalog.chart))]
    tracks[tasteful] = pick_by_taste(rng, catalog, listeners, users[tasteful])
    return tracks


def pick_by_taste(
    rng: np.random.Generator, catalog: Catalog, listeners: Listeners, users: NDArray[np.int32]
) -> NDArray[np.int32]:
    """(users,) for each a popular track by a favorite artist or of a favorite genre."""
    place = (rng.random(len(users)) < 0.5).astype(np.int64)  # either favorite equally often
    genre = listeners.genres[place, users]
    artist = listeners.artists[place, users]
    of_genre = _pick_group(rng, catalog.genre_starts, genre)
    by_artist = _pick_group(rng, catalog.artist_starts, artist)
    likes_artist = rng.random(len(users)) < FAVORITE_ARTIST_SHARE
    return np.where(likes_artist, catalog.by_artist[by_artist], catalog.by_genre[of_genre])


def match_level(
    catalog: Catalog, listeners: Listeners, users: NDArray[np.int32], tracks: NDArray[np.int32]
) -> Ints:
    """(users,) how the track suits: 3 favorite artist, 2 and 1 first and second genre, else 0."""
    genre, artist = catalog.genre[tracks], catalog.artist[tracks]
    level = np.zeros(len(users), dtype=np.int64)
    level[genre == listeners.genres[1, users]] = 1
    level[genre == listeners.genres[0, users]] = 2
    level[(artist == listeners.artists[0, users]) | (artist == listeners.artists[1, users])] = 3
    return level


def listen(rng: np.random.Generator, levels: Ints) -> Ints:
    """(sessions,) hundredths of the track that are heard, 0 to FULL, by how it suits.

    Powers of a uniform number u, with these means: u^8 0.11 (and more than half below 0.01, tracks
    that are skipped at once), u^3 0.25, u^2 0.33, the square root of u 0.67.
    """
    u = rng.random(len(levels))
    square = u * u
    fourth = square * square
    share = np.choose(levels, (fourth * fourth, square * u, square, np.sqrt(u)))
    return (share * (FULL + 1)).astype(np.int64)
