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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.errors import SimulationError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

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

# Of the recommendations that suit, the share that is by a favorite artist; the others are popular
# tracks of a favorite genre.
FAVORITE_ARTIST_SHARE = 0.35

# --- the catalog ----------------------------------------------------------------------------------

GENRES = (
    "pop", "rock", "hip-hop", "electronic", "indie", "metal", "jazz", "folk", "soul", "classical",
    "punk", "reggae", "country", "blues", "ambient", "latin", "techno", "disco", "gospel", "ska",
)  # fmt: skip

# A popular artist has dozens of tracks and most have a few; the mean is that of the 2022 catalog.
TRACKS_PER_ARTIST = 12
ALBUMS_PER_ARTIST = 4
TOP_POP = 100  # `pop` of the most popular track; the least popular has 0
SHORTEST_SECONDS, LONGEST_SECONDS = 120, 360

# Invented words, some with letters outside ASCII, which the service writes as \u escapes.
NAME_HEADS = (
    "Bral", "Cavi", "Dro", "Elu", "Fen", "Gri", "Hab", "Ivo", "Jur", "Kel", "Lom", "Mav", "Nu",
    "Orri", "Pel", "Quo", "Rizh", "Sév", "Tam", "Ulm", "Vor", "Wex", "Yar", "Zün",
)  # fmt: skip
NAME_TAILS = (
    "bek", "dara", "fin", "gol", "hassa", "kanto", "lis", "mond", "nar", "oque", "pash", "ristan",
    "solle", "tik", "vane", "wick", "xo", "yuna", "zel",
)  # fmt: skip
NAME_ENDINGS = (
    "", " Assembly", " Brothers", " Collective", " Ensemble", " Five", " Machine", " Orchestra",
    " Parade", " Sisters", " Sound", " Trio", " Workshop", " & Friends", " Radio", " Society",
)  # fmt: skip
TITLE_FIRSTS = (
    "Amber", "Borrowed", "Crooked", "Distant", "Eleven", "Folded", "Gentle", "Hollow", "Idle",
    "Jagged", "Kindly", "Lost", "Moonlit", "Nameless", "Open", "Paper", "Quiet", "Restless",
    "Second", "Tangled", "Upward", "Velvet", "Winter", "Yellow",
)  # fmt: skip
TITLE_LASTS = (
    "Anchors", "Bridges", "Corners", "Doorways", "Engines", "Ferries", "Gardens", "Harbors",
    "Islands", "Junctions", "Kites", "Ladders", "Mirrors", "Neighbors", "Orchards", "Postcards",
    "Questions", "Rivers", "Staircases", "Trains", "Umbrellas", "Voices", "Windows", "Years",
)  # fmt: skip
# Coprime with the number of names, so that stepping by it visits each name once, in no visible
# order.
NAME_STEP = 2_741

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

# --- the service ----------------------------------------------------------------------------------

# The service subtracts two epoch times in seconds, which double precision holds in steps of 2^-22
# seconds; so there are few enough latencies for a table of their texts. The longest is 16 ms.
LATENCY_STEPS_PER_SECOND = 2**22
LATENCY_STEPS = 2**16
# Steps of a latency: floor + spread / sqrt(1 - uniform), a long tail above 0.57 ms for a
# recommendation and 0.12 ms for the end of a session, as in the 2025 logs.
NEXT_FLOOR, NEXT_SPREAD = 1_500, 630
LAST_FLOOR, LAST_SPREAD = 200, 200

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

MOST_IDS = 2**31 - 1  # ids are held in 32 bits


@dataclass(frozen=True)
class SimulationSummary:
    """What was written: users are those in the logs, tracks those in the catalog."""

    users: int
    tracks: int
    events: int
    replicas: int
    files: tuple[Path, ...]
    bytes: int


def simulate(
    out: Path,
    *,
    users: int,
    tracks: int,
    events: int,
    replicas: int,
    seed: int,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SimulationSummary:
    """Write `OUT/tracks.json` and one `OUT/botify-recommender-N/data.json` for each replica.

    Every user appears if there are sessions (of 7 events, on average) enough. `progress` is called
    with the number of events just written. `out` has to be empty or absent; `force` writes over
    an earlier simulation.
    """
    _check_arguments(users, tracks, events, replicas, seed)
    logs = tuple(out / f"botify-recommender-{i}" / "data.json" for i in range(1, replicas + 1))
    files = (*logs, out / "tracks.json")
    try:
        _prepare_folder(out, files, force)
        catalog = make_catalog(_stream(seed, "catalog"), tracks)
        with files[-1].open("wb") as file:
            for line in catalog_lines(catalog):
                file.write(line)
        listeners = make_listeners(_stream(seed, "listeners"), users, catalog)
        seen = np.zeros(users, dtype=np.bool_)
        rng = _stream(seed, "service")
        with ExitStack() as stack:
            replica_files = [stack.enter_context(log.open("wb")) for log in logs]
            for batch in event_batches(_stream(seed, "sessions"), catalog, listeners, events):
                write_events(rng, batch, listeners.treatments, replica_files)
                seen[batch["user"]] = True
                if progress is not None:
                    progress(len(batch))
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        where = error.filename or out
        raise SimulationError(f"cannot write {where}: {error.strerror or error}") from error
    return SimulationSummary(int(seen.sum()), tracks, events, replicas, files, size)


# --- arguments, folders, random streams -----------------------------------------------------------


def _check_arguments(users: int, tracks: int, events: int, replicas: int, seed: int) -> None:
    counts = {"users": users, "tracks": tracks, "events": events, "replicas": replicas}
    for name, count in counts.items():
        if count < 1:
            raise SimulationError(f"cannot simulate {count} {name}: at least 1 is needed")
    for name in ("users", "tracks"):
        if counts[name] > MOST_IDS:
            raise SimulationError(f"cannot simulate {counts[name]} {name}: at most {MOST_IDS}")
    if seed < 0:
        raise SimulationError(f"seed {seed} is negative: give 0 or more")


def _prepare_folder(out: Path, files: Sequence[Path], force: bool) -> None:
    """Make the folders of `files`; refuse to write over, or to mix with, what is not ours."""
    if out.exists() and not out.is_dir():
        raise SimulationError(f"{out} is not a folder: name another one to write to")
    if out.exists() and not force and any(out.iterdir()):
        raise SimulationError(f"{out} is not empty: name another folder, or use force")
    stale = sorted(set(out.glob("botify-recommender-*/data.json*")) - set(files))
    if stale:
        raise SimulationError(
            f"{stale[0]} would mix with the new logs: remove it, or name another folder"
        )
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)


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


# --- the catalog ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Catalog:
    """Tracks by number. Artists are numbered by genre: those of a genre are neighbors.

    Most popular first: `chart` has all tracks; `by_genre` and `by_artist` have them one group
    after another, where group g is `[starts[g] : starts[g + 1]]`.
    """

    artist: NDArray[np.int32]  # (tracks,)
    genre: NDArray[np.int32]  # (tracks,)
    seconds: NDArray[np.int32]  # (tracks,)
    album: NDArray[np.int32]  # (tracks,) 0 .. ALBUMS_PER_ARTIST - 1
    title: NDArray[np.int32]  # (tracks,) a number of a title
    rank: NDArray[np.int32]  # (tracks,) 0 is the most popular
    chart: NDArray[np.int32]  # (tracks,)
    by_genre: NDArray[np.int32]  # (tracks,)
    genre_starts: Ints  # (genres + 1,) into by_genre
    by_artist: NDArray[np.int32]  # (tracks,)
    artist_starts: Ints  # (artists + 1,) into by_artist
    genre_artists: Ints  # (genres + 1,) first artist of each genre


def make_catalog(rng: np.random.Generator, tracks: int) -> Catalog:
    """A catalog in which every genre has an artist and every artist a track."""
    artists = -(-tracks // TRACKS_PER_ARTIST)
    genres = min(len(GENRES), artists)
    artist_genre = np.sort(_spread(rng, artists, genres))
    artist = _spread(rng, tracks, artists)[_shuffled(rng, tracks)]
    genre = artist_genre[artist]
    chart = _shuffled(rng, tracks)
    rank = np.empty(tracks, dtype=np.int32)
    rank[chart] = np.arange(tracks, dtype=np.int32)
    by_genre = np.lexsort((rank, genre)).astype(np.int32)
    by_artist = np.lexsort((rank, artist)).astype(np.int32)
    return Catalog(
        artist=artist,
        genre=genre,
        seconds=_uniform(rng, tracks, SHORTEST_SECONDS, LONGEST_SECONDS + 1).astype(np.int32),
        album=_uniform(rng, tracks, 0, ALBUMS_PER_ARTIST).astype(np.int32),
        title=_uniform(rng, tracks, 0, len(TITLE_FIRSTS) * len(TITLE_LASTS)).astype(np.int32),
        rank=rank,
        chart=chart,
        by_genre=by_genre,
        genre_starts=_starts(genre[by_genre], genres),
        by_artist=by_artist,
        artist_starts=_starts(artist[by_artist], artists),
        genre_artists=_starts(artist_genre, genres),
    )


def _spread(rng: np.random.Generator, items: int, groups: int) -> NDArray[np.int32]:
    """(items,) a group for each item: one item in every group, the others more in the first."""
    uniform = rng.random(items)
    group = (uniform * uniform * groups).astype(np.int32)
    group[:groups] = np.arange(groups, dtype=np.int32)
    return group


def catalog_lines(catalog: Catalog) -> Iterator[bytes]:
    """The lines of tracks.json."""
    tracks = len(catalog.artist)
    columns = zip(
        catalog.artist.tolist(),
        catalog.title.tolist(),
        catalog.genre.tolist(),
        catalog.album.tolist(),
        (TOP_POP - catalog.rank.astype(np.int64) * (TOP_POP + 1) // tracks).tolist(),
        catalog.seconds.tolist(),
        strict=True,
    )
    for track, (artist, title, genre, album, pop, seconds) in enumerate(columns):
        fields = {
            "track": track,
            "artist": artist_name(artist),
            "title": title_text(title),
            "genre": GENRES[genre],
            "album": title_text(artist * ALBUMS_PER_ARTIST + album),
            "pop": pop,
            "duration": seconds,
        }
        yield (json.dumps(fields) + "\n").encode("ascii")


def artist_name(artist: int) -> str:
    """A name of its own for each artist."""
    names = len(NAME_HEADS) * len(NAME_TAILS) * len(NAME_ENDINGS)
    again, artist = divmod(artist, names)
    rest, tail = divmod(artist * NAME_STEP % names, len(NAME_TAILS))
    ending, head = divmod(rest, len(NAME_HEADS))
    name = NAME_HEADS[head] + NAME_TAILS[tail] + NAME_ENDINGS[ending]
    return f"{name} {again + 1}" if again else name


def title_text(title: int) -> str:
    """The words of a title; titles repeat, as they do in real catalogs."""
    titles = len(TITLE_FIRSTS) * len(TITLE_LASTS)
    first, last = divmod(title * NAME_STEP % titles, len(TITLE_LASTS))
    return f"{TITLE_FIRSTS[first]} {TITLE_LASTS[last]}"


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


def _pick_group(rng: np.random.Generator, starts: Ints, group: NDArray[np.integer[Any]]) -> Ints:
    """(draws,) for each draw a place in its `group`, more often one of the first."""
    begins: Ints = starts[group]
    return begins + _zipf(rng.random(len(group)), np.diff(starts)[group])


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
