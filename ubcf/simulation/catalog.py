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
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.draws import Ints, _shuffled, _starts, _uniform

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
